//! `POST /auth/login/{token}`: signs in with a link that works once. Browsers get a cookie, programs a token.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::session::NewSession;
use handrail_access::{RateLimit, check_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::login::{Act, Login, Refusal};
use handrail_records::transition::{TransitionError, transition_from};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{ClientAddress, PathParam, wants_json};
use handrail_web::problem::Problem;
use handrail_web::session_cookie::{cross_site_problem, is_cross_origin, set_cookie_header};
use http::header::SET_COOKIE;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::{LINK_NOT_FOUND, find_login, pages, redirect_to};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-use",
    method: HttpMethod::Post,
    path: "/auth/login/{token}",
    auth: Auth::Link,
    error_renderer: pages::HTML_ERROR_RENDERER,
    required_settings: &[RequiredSetting::Table, RequiredSetting::MasterKey, RequiredSetting::SignInsPerMinute],
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

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    PathParam(token): PathParam,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let by_program = wants_json(&headers);
    match sign_in(&cx, &address, &token, &headers).await {
        Ok(SignInOutcome::SignedIn(new)) if by_program => {
            let body = json!({"session_token": new.token, "expires_at": new.session.expires_at});
            Ok((StatusCode::OK, axum::Json(body)).into_response())
        }
        Ok(SignInOutcome::SignedIn(new)) => {
            let mut response = redirect_to("../../account");
            response.headers_mut().insert(SET_COOKIE, set_cookie_header(&cx, Some(&new.token)));
            Ok(response)
        }
        Ok(SignInOutcome::LinkUnusable { is_used }) if by_program => {
            let (code, message) = if is_used {
                ("LINK_USED", "This link was already used. Request another one.")
            } else {
                ("EXPIRED", "This link has expired. Request another one.")
            };
            Ok(json_error_response(&Problem::refused(StatusCode::GONE, code, message)))
        }
        Ok(SignInOutcome::LinkUnusable { is_used }) => Ok(pages::unusable_link_page(is_used).into_response()),
        Err(problem) if by_program => Ok(json_error_response(&problem)),
        Err(problem) => Err(problem),
    }
}

/// Renders a problem as JSON for a program, although the operation renders problems as pages.
fn json_error_response(problem: &Problem) -> Response {
    let mut response = (handrail_approvals::errors::ERROR_RENDERER.0)(problem, None);
    if let Some(seconds) = problem.retry_after_s() {
        response.headers_mut().insert(http::header::RETRY_AFTER, seconds.into());
    }
    response
}

enum SignInOutcome {
    SignedIn(NewSession),
    LinkUnusable { is_used: bool },
}

/// Signs in. Stores the session before the link is used and returns its token only afterwards. If using the link fails,
/// no client has the token, and the session expires.
async fn sign_in(cx: &Cx, address: &str, token: &str, headers: &HeaderMap) -> Result<SignInOutcome, Problem> {
    if is_cross_origin(headers) {
        return Err(cross_site_problem());
    }
    check_limit(cx, RateLimit::per_client("login-from", address, cx.settings.public_rate_limits.sign_ins_per_minute))
        .await?;
    let login = find_login(cx, token).await?;
    let tenant = cx.store.tenant_by_email(&login.spec.email).await?.ok_or(LINK_NOT_FOUND)?;
    let email = tenant.email.ok_or(LINK_NOT_FOUND)?;
    let new = NewSession::new(cx, tenant.tenant, email.clone());
    cx.store.put_session(&new.token_hash, &new.session).await?;
    let command = Command::<Login> {
        // The id is unique to this attempt, so a repeated request counts as another use of the link.
        id: CommandId::new(&format!("sign in {}", new.token_hash), &[]),
        actor: Actor::Person { email, by: AuthMethod::MailedLink },
        act: Act::Use,
    };
    match transition_from(cx, login, &command).await {
        Ok(_) => Ok(SignInOutcome::SignedIn(new)),
        Err(TransitionError::Refused(Refusal::Used { .. })) => Ok(SignInOutcome::LinkUnusable { is_used: true }),
        Err(TransitionError::Refused(Refusal::Expired { .. })) => Ok(SignInOutcome::LinkUnusable { is_used: false }),
        Err(error) => Err(Problem::from_transition(error, "Link", |_| Problem::Internal)),
    }
}
