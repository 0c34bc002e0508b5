//! `POST /account/keys/{id}/revoke`: the account's holder revokes a key from the page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::session::Visitor;
use handrail_kernel::settings::Need;
use http::StatusCode;

use super::{pages, see};
use crate::auth::{NO_SUCH_KEY, keys_revoke};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-key-revoke",
    method: Verb::Post,
    path: "/account/keys/{id}/revoke",
    auth: Auth::Session,
    dialect: pages::DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpSession, Touch::Lease, Touch::RevokeKey],
    summary: "Revoke an API key from the account's page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(State(cx): State<Cx>, Visitor(person): Visitor, Segment(id): Segment) -> Result<Response, Problem> {
    let Some(person) = person else {
        return Ok(pages::sign_in(StatusCode::UNAUTHORIZED, "../../../", None).into_response());
    };
    let id = id.parse().map_err(|_| NO_SUCH_KEY)?;
    keys_revoke::revoke(&cx, person.account.tenant, id).await?;
    Ok(see("../../../account"))
}
