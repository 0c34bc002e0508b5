//! `GET /d/{token}`: what an approver sees behind the link in the mail. Looking never decides: scanners open links too.

use axum::extract::{Query, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde::Deserialize;

use handrail_domain::decision::Choice;

use crate::visit::{PAGE_DIALECT, Typed, Visit};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-show",
    method: Verb::Get,
    path: "/d/{token}",
    auth: Auth::Link,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::Read],
    summary: "The page behind the link in an approver's mail",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Default, Deserialize)]
struct Preselected {
    a: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    Segment(token): Segment,
    preselected: Result<Query<Preselected>, axum::extract::rejection::QueryRejection>,
) -> Result<Response, Problem> {
    let visit = Visit::by(&cx, &token).await?;
    let choice = preselected.ok().and_then(|Query(query)| query.a).and_then(|name| Choice::from_name(&name));
    let typed = Typed { choice, ..Typed::default() };
    Ok(visit.page(cx.clock.now(), &typed).into_response())
}
