//! `POST /slack/install`: an admin gets the address at which a Slack workspace lets Handrail in.

use axum::extract::State as Extract;
use axum::routing::{MethodRouter, post};
use handrail_decisions::DIALECT;
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_slack_api::SLACK_API;
use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use crate::scopes::SCOPES;
use crate::state::State;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-install",
    method: Verb::Post,
    path: "/slack/install",
    auth: Auth::Key(Scope::SlackWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::SlackClientId],
    touches: &[Touch::LookUpKey, Touch::Lease],
    summary: "Get the address at which a Slack workspace lets Handrail in",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(Extract(cx): Extract<Cx>, caller: Caller<right::SlackWrite>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let state = State { tenant: caller.key.tenant, made_at: cx.clock.now() };
    let install_url = install_url(&cx, state)?;
    Ok(axum::Json(json!({"install_url": install_url, "expires_at": state.expires_at()})))
}

/// Without a `redirect_uri`: Slack then takes the one that the app was registered with, and a function behind the API can't
/// be told its own address.
pub(crate) fn install_url(cx: &Cx, state: State) -> Result<String, Problem> {
    let client_id = cx.settings.slack.client_id.as_deref().ok_or_else(not_set_up)?;
    let api = cx.settings.slack.api.as_deref().unwrap_or(SLACK_API);
    let site = api.strip_suffix("/api").unwrap_or(api);
    let scopes = SCOPES.join(",");
    let signed = state.signed(cx.master()?);
    let query = [("client_id", client_id), ("scope", &scopes), ("state", &signed)];
    let address = Url::parse_with_params(&format!("{site}/oauth/v2/authorize"), query);
    address.map(String::from).map_err(|_| Problem::Broken)
}

fn not_set_up() -> Problem {
    Problem::refused(
        StatusCode::BAD_REQUEST,
        "UNSUPPORTED_CHANNEL",
        "Slack is not set up on this installation: register an app at Slack and give its client id, client secret and \
         signing secret to the stack, as docs/slack.md says",
    )
}
