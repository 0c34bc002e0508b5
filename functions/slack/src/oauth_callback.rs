//! `GET /slack/oauth/callback`: an admin's browser comes back from Slack with a code, and the workspace is kept.
//!
//! The one GET that writes. Slack's standard leaves no choice, and nothing that only follows links can do it: it takes a
//! state that we signed and a code that Slack gave out once.

use axum::extract::{Query, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::problem::Problem;
use handrail_kernel::seal::seal;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Workspace;
use handrail_slack_api::{Install, SlackFault, WORKER_PATIENCE};
use serde::Deserialize;

use crate::pages::{self, Missed, PAGE_DIALECT};
use crate::scopes::missing;
use crate::slack;
use crate::state::State;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-oauth-callback",
    method: Verb::Get,
    path: "/slack/oauth/callback",
    auth: Auth::State,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::SlackClientId, Need::SlackClientSecret],
    touches: &[Touch::ReadWorkspace, Touch::KeepWorkspace, Touch::CallSlack],
    summary: "Come back from Slack, which lets Handrail into a workspace",
    route,
};

/// Slack's codes are some dozens of characters.
const CODE_BYTES_MAX: usize = 512;

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Deserialize)]
struct Back {
    code: Option<String>,
    state: Option<String>,
    /// Instead of a code, when somebody at Slack said no.
    error: Option<String>,
}

async fn handler(
    Extract(cx): Extract<Cx>,
    back: Result<Query<Back>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let Ok(Query(back)) = back else { return Ok(pages::missed(Missed::NotOurs).into_response()) };
    let state = back.state.as_deref().unwrap_or_default();
    let Some(state) = State::read(state, cx.master()?, cx.clock.now()) else {
        return Ok(pages::missed(Missed::NotOurs).into_response());
    };
    if back.error.is_some() {
        return Ok(pages::missed(Missed::Declined).into_response());
    }
    let code = back.code.filter(|code| (1..=CODE_BYTES_MAX).contains(&code.len()));
    let Some(code) = code else { return Ok(pages::missed(Missed::NotOurs).into_response()) };
    let app = &cx.settings.slack;
    let (Some(client_id), Some(client_secret)) = (&app.client_id, &app.client_secret) else {
        return Ok(pages::missed(Missed::NotSetUp).into_response());
    };
    let exchanged = slack(&cx, WORKER_PATIENCE).oauth_access(client_id, client_secret.expose(), &code).await;
    match exchanged {
        Ok(install) => keep(&cx, state, install).await,
        Err(fault) => failed(&cx, state, &fault).await,
    }
}

async fn keep(cx: &Cx, state: State, install: Install) -> Result<Response, Problem> {
    let missing = missing(&install.scopes);
    if !missing.is_empty() {
        return Ok(pages::missed(Missed::Scopes(&missing)).into_response());
    }
    let owner = state.tenant.to_string();
    let sealed_token = seal(cx.master()?, &*cx.entropy, "slack", &owner, install.token.expose())?;
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
    Ok(pages::installed(&workspace.team_name).into_response())
}

async fn failed(cx: &Cx, state: State, fault: &SlackFault) -> Result<Response, Problem> {
    // Somebody reloads the page of a code that was exchanged a moment ago.
    if matches!(fault.refusal(), Some("code_already_used" | "invalid_code"))
        && let Some(workspace) = cx.store.workspace(state.tenant).await?
        && workspace.installed_at >= state.made_at
    {
        return Ok(pages::installed(&workspace.team_name).into_response());
    }
    tracing::warn!(%fault, "Slack did not let us in");
    let missed = match fault {
        SlackFault::Refused { error, .. } => Missed::Refused(error),
        SlackFault::Limited { .. } | SlackFault::Later { .. } => Missed::Later,
    };
    Ok(pages::missed(missed).into_response())
}
