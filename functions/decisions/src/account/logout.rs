//! `POST /auth/logout`: deletes the session. All processes refuse it immediately.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::wants_json;
use handrail_web::problem::Problem;
use handrail_web::session_cookie::{OptionalUser, set_cookie_header};
use http::HeaderMap;
use http::header::SET_COOKIE;
use schemars::JsonSchema;
use serde::Serialize;

use super::{pages, redirect_to};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-logout",
    method: HttpMethod::Post,
    path: "/auth/logout",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateSession, DataAccess::CheckRateLimit, DataAccess::DeleteSession],
    summary: "Sign out",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200).empty(303).problem_format(ProblemFormat::Page)
}

/// The session has ended.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignedOut")]
struct ResponseBody {
    signed_in: bool,
}

/// Signs out. Succeeds without a session too.
async fn handler(
    State(cx): State<Cx>,
    OptionalUser(user): OptionalUser,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    if let Some(user) = user {
        user.sign_out(&cx).await?;
    }
    let mut response = if wants_json(&headers) {
        axum::Json(ResponseBody { signed_in: false }).into_response()
    } else {
        redirect_to("../account")
    };
    response.headers_mut().insert(SET_COOKIE, set_cookie_header(&cx, None));
    Ok(response)
}
