//! `GET /slack/install`: redirects the owner from the account page to Slack. Shows the sign-in page without a session.

use crate::door::DOOR;
use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use handrail_web::session_cookie::OptionalUser;
use handrail_web::sign_in_page::sign_in_page;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::install::install_url;
use crate::oauth_state::OAuthState;
use crate::pages::{self, HTML_ERROR_RENDERER, InstallError};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-install-visit",
    method: HttpMethod::Get,
    path: "/slack/install",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Slack),
        RequiredSetting::SlackClientId,
    ],
    accesses: &[DataAccess::AuthenticateSession, DataAccess::CheckRateLimit],
    summary: "Go to Slack to install Handrail in a workspace",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).empty(303).page(400).page(401).problem_format(ProblemFormat::Page)
}

async fn handler(Extract(cx): Extract<Cx>, OptionalUser(user): OptionalUser) -> Result<Response, Problem> {
    let Some(user) = user else { return Ok(sign_in_page(StatusCode::UNAUTHORIZED, "../", None).into_response()) };
    if cx.settings.slack.client_id.is_none() {
        return Ok(pages::install_error_page(InstallError::NotConfigured).into_response());
    }
    let state = OAuthState { tenant: user.tenant.tenant, created_at: cx.clock.now() };
    let location = HeaderValue::try_from(install_url(&cx, state)?).map_err(|_| Problem::Internal)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}
