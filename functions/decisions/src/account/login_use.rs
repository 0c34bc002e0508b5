//! `POST /auth/login/{token}`: signs in with a link that works once. Browsers get a cookie, programs a token.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::sign_in::{SignInError, use_link};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::time::Timestamp;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{ClientAddress, PathParam, wants_json};
use handrail_web::problem::Problem;
use handrail_web::session_cookie::{cross_site_problem, is_cross_origin, set_cookie_header};
use http::HeaderMap;
use http::header::SET_COOKIE;
use schemars::JsonSchema;
use serde::Serialize;

use super::{pages, redirect_to, sign_in_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-use",
    method: HttpMethod::Post,
    path: "/auth/login/{token}",
    auth: Auth::Link,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::SignIn),
        RequiredSetting::SignInsPerMinute,
    ],
    accesses: &[
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::ReadTenant,
        DataAccess::CreateSession,
        DataAccess::Transition,
    ],
    summary: "Sign in with the link from the mail",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
        .json::<ResponseBody>(200)
        .empty(303)
        .page(410)
        .problems(&[403, 410, 429])
        .problem_format(ProblemFormat::PageOrJson)
}

/// Session of a program.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Session")]
struct ResponseBody {
    /// Token that works as a `Bearer` token for twelve hours.
    session_token: String,
    expires_at: Timestamp,
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    PathParam(token): PathParam,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let by_program = wants_json(&headers);
    if is_cross_origin(&headers) {
        return refuse(cross_site_problem(), by_program);
    }
    match use_link(&cx, &address, &token).await {
        Ok(new) if by_program => {
            let body = ResponseBody { session_token: new.token, expires_at: new.session.expires_at };
            Ok(axum::Json(body).into_response())
        }
        Ok(new) => {
            let mut response = redirect_to("../../account");
            response.headers_mut().insert(SET_COOKIE, set_cookie_header(&cx, Some(&new.token)));
            Ok(response)
        }
        Err(SignInError::LinkUsed) if !by_program => Ok(pages::unusable_link_page(true).into_response()),
        Err(SignInError::LinkExpired) if !by_program => Ok(pages::unusable_link_page(false).into_response()),
        Err(error) => refuse(sign_in_problem(error), by_program),
    }
}

/// Renders a problem as JSON for a program, although the operation renders problems as pages.
fn refuse(problem: Problem, by_program: bool) -> Result<Response, Problem> {
    if !by_program {
        return Err(problem);
    }
    let mut response = (DOOR.error_renderer.0)(&problem, None);
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    Ok(response)
}
