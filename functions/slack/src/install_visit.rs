//! `GET /slack/install`: the account's holder goes to Slack from the account's page. Anybody else is asked to sign in.

use axum::extract::State as Extract;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_decisions::account;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::problem::Problem;
use handrail_kernel::session::Visitor;
use handrail_kernel::settings::Need;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};

use crate::install::install_url;
use crate::pages::{self, Missed, PAGE_DIALECT};
use crate::state::State;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-install-visit",
    method: Verb::Get,
    path: "/slack/install",
    auth: Auth::Session,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::SlackClientId],
    touches: &[Touch::LookUpSession, Touch::Lease],
    summary: "Go to Slack, to let Handrail into a workspace",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(Extract(cx): Extract<Cx>, Visitor(person): Visitor) -> Result<Response, Problem> {
    let Some(person) = person else { return Ok(account::sign_in("../").into_response()) };
    if cx.settings.slack.client_id.is_none() {
        return Ok(pages::missed(Missed::NotSetUp).into_response());
    }
    let state = State { tenant: person.account.tenant, made_at: cx.clock.now() };
    let place = HeaderValue::try_from(install_url(&cx, state)?).map_err(|_| Problem::Broken)?;
    let mut response = StatusCode::SEE_OTHER.into_response();
    response.headers_mut().insert(LOCATION, place);
    Ok(response)
}
