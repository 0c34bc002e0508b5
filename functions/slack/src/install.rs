//! `POST /slack/install`: returns the URL that installs Handrail in a Slack workspace.

use crate::door::DOOR;
use axum::extract::State as Extract;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::time::Timestamp;
use handrail_secrets::keys::KeyPurpose;
use handrail_slack_api::SLACK_API_URL;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use url::Url;

use crate::oauth_state::OAuthState;
use crate::scopes::SCOPES;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-install",
    method: HttpMethod::Post,
    path: "/slack/install",
    auth: Auth::ApiKey(Scope::SlackWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Slack),
        RequiredSetting::SlackClientId,
    ],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit],
    summary: "Get the URL that installs Handrail in a Slack workspace",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[400])
}

/// URL that installs Handrail in a workspace.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SlackInstallation")]
struct ResponseBody {
    install_url: String,
    expires_at: Timestamp,
}

async fn handler(
    Extract(cx): Extract<Cx>,
    caller: Caller<scopes::SlackWrite>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let state = OAuthState { tenant: caller.key.tenant, created_at: cx.clock.now() };
    let install_url = install_url(&cx, state)?;
    Ok(axum::Json(ResponseBody { install_url, expires_at: state.expires_at() }))
}

/// Builds the install URL. Leaves out `redirect_uri`, because a function behind API Gateway doesn't know its own URL;
/// Slack then uses the registered one.
pub(crate) fn install_url(cx: &Cx, state: OAuthState) -> Result<String, Problem> {
    let client_id = cx.settings.slack.client_id.as_deref().ok_or_else(slack_not_configured)?;
    let api = cx.settings.slack.api_url.as_deref().unwrap_or(SLACK_API_URL);
    let site = api.strip_suffix("/api").unwrap_or(api);
    let scopes = SCOPES.join(",");
    let signed = state.sign(cx.key(KeyPurpose::Slack)?);
    let query = [("client_id", client_id), ("scope", &scopes), ("state", &signed)];
    let install_url = Url::parse_with_params(&format!("{site}/oauth/v2/authorize"), query);
    install_url.map(String::from).map_err(|_| Problem::Internal)
}

fn slack_not_configured() -> Problem {
    Problem::refused(
        StatusCode::BAD_REQUEST,
        "UNSUPPORTED_CHANNEL",
        "Slack is not set up on this installation: register an app at Slack and give its client id, client secret and \
         signing secret to the stack, as docs/slack.md says",
    )
}
