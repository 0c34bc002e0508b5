//! `GET /slack/oauth/callback`: exchanges the code with which a browser returns from Slack, and stores the workspace.
//!
//! The only GET that writes, because OAuth prescribes it. Following a link is not enough: the request needs a state
//! signed by Handrail and a code that Slack issues once.

use crate::door::DOOR;
use axum::extract::{Query, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::seal::seal;
use handrail_slack_api::{Install, SlackFault, WORKER_TIMEOUT};
use handrail_store::Workspace;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::client::slack_client;
use crate::oauth_state::OAuthState;
use crate::pages::{self, HTML_ERROR_RENDERER, InstallError};
use crate::scopes::missing_scopes;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-oauth-callback",
    method: HttpMethod::Get,
    path: "/slack/oauth/callback",
    auth: Auth::OAuthState,
    door: DOOR.with_error_renderer(HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Slack),
        RequiredSetting::SlackClientId,
        RequiredSetting::SlackClientSecret,
    ],
    accesses: &[DataAccess::ReadWorkspace, DataAccess::PutWorkspace, DataAccess::CallSlack],
    summary: "Connect the workspace in which Slack installed Handrail",
    route,
};

/// Longest code. Slack's codes have some dozens of characters.
const CODE_BYTES_MAX: usize = 512;

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(200).page(400).page(502).page(503).problem_format(ProblemFormat::Page)
}

#[derive(Deserialize, JsonSchema)]
struct CallbackParams {
    code: Option<String>,
    state: Option<String>,
    /// Error that Slack sends instead of a code if the installation was declined.
    error: Option<String>,
}

async fn handler(
    Extract(cx): Extract<Cx>,
    params: Result<Query<CallbackParams>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(params)) = params else {
        return Ok(pages::install_error_page(InstallError::InvalidState).into_response());
    };
    let state = params.state.as_deref().unwrap_or_default();
    let Some(state) = OAuthState::verify(state, cx.key(KeyPurpose::Slack)?, cx.clock.now()) else {
        return Ok(pages::install_error_page(InstallError::InvalidState).into_response());
    };
    if params.error.is_some() {
        return Ok(pages::install_error_page(InstallError::Declined).into_response());
    }
    let code = params.code.filter(|code| (1..=CODE_BYTES_MAX).contains(&code.len()));
    let Some(code) = code else { return Ok(pages::install_error_page(InstallError::InvalidState).into_response()) };
    let slack_settings = &cx.settings.slack;
    let (Some(client_id), Some(client_secret)) = (&slack_settings.client_id, &slack_settings.client_secret) else {
        return Ok(pages::install_error_page(InstallError::NotConfigured).into_response());
    };
    let exchanged = slack_client(&cx, WORKER_TIMEOUT).oauth_access(client_id, client_secret.expose(), &code).await;
    match exchanged {
        Ok(install) => connect_workspace(&cx, state, install).await,
        Err(fault) => handle_failure(&cx, state, &fault).await,
    }
}

async fn connect_workspace(cx: &Cx, state: OAuthState, install: Install) -> Result<Response, Problem> {
    let missing = missing_scopes(&install.scopes);
    if !missing.is_empty() {
        return Ok(pages::install_error_page(InstallError::MissingScopes(&missing)).into_response());
    }
    let owner = state.tenant.to_string();
    let sealed_token = seal(cx.key(KeyPurpose::Slack)?, &*cx.entropy, "slack", &owner, install.token.expose())?;
    let workspace = Workspace {
        team: install.team,
        team_name: install.team_name,
        bot_user: install.bot_user,
        installed_by: install.installed_by,
        scopes: install.scopes,
        sealed_token,
        installed_at: cx.clock.now(),
    };
    cx.store.put_workspace(state.tenant, &workspace).await?;
    tracing::info!(tenant = owner, team = workspace.team, "a Slack workspace was connected");
    Ok(pages::installed_page(&workspace.team_name).into_response())
}

async fn handle_failure(cx: &Cx, state: OAuthState, fault: &SlackFault) -> Result<Response, Problem> {
    // A reload of the page sends a code that was already exchanged.
    if matches!(fault.refusal_code(), Some("code_already_used" | "invalid_code"))
        && let Some(workspace) = cx.store.workspace(state.tenant).await?
        && workspace.installed_at >= state.created_at
    {
        return Ok(pages::installed_page(&workspace.team_name).into_response());
    }
    tracing::warn!(%fault, "Slack did not install Handrail");
    let install_error = match fault {
        SlackFault::Refused { error, .. } => InstallError::CodeRejected(error),
        SlackFault::RateLimited { .. } | SlackFault::Unavailable { .. } => InstallError::SlackUnavailable,
    };
    Ok(pages::install_error_page(install_error).into_response())
}
