//! `POST /auth/logout`: deletes the session. All processes refuse it immediately.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::wants_json;
use handrail_web::problem::Problem;
use handrail_web::session_cookie::{OptionalUser, set_cookie_header};
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::json;

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
        axum::Json(json!({"signed_in": false})).into_response()
    } else {
        redirect_to("../account")
    };
    response.headers_mut().insert(SET_COOKIE, set_cookie_header(&cx, None));
    Ok(response)
}
