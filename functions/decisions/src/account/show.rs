//! `GET /account`: the account's page, for the person who holds it. Anybody else is asked to sign in.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_domain::text::EmailAddress;
use handrail_kernel::access::{created_this_month_by_each, month_of};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::problem::Problem;
use handrail_kernel::quota;
use handrail_kernel::session::Visitor;
use handrail_kernel::settings::Need;
use http::StatusCode;

use super::pages::{self, AccountView};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-show",
    method: Verb::Get,
    path: "/account",
    auth: Auth::Session,
    dialect: pages::DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpSession, Touch::Lease, Touch::ListKeys, Touch::ReadUsages],
    summary: "The account's page: its keys and what they used",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, Visitor(person): Visitor) -> Result<Response, Problem> {
    let Some(person) = person else {
        return Ok(pages::sign_in(StatusCode::UNAUTHORIZED, "", None).into_response());
    };
    let account = &person.account;
    let keys = cx.store.keys(account.tenant).await?;
    let used = created_this_month_by_each(&cx, &keys).await?;
    let counted = quota::usage_of_account(&cx, account.tenant, account.tier).await?;
    let keys: Vec<_> = keys.into_iter().zip(used.iter().copied()).collect();
    let page = pages::account(&AccountView {
        name: &account.name,
        email: account.email.as_ref().map_or("", EmailAddress::as_str),
        tier: account.tier.name(),
        month: &month_of(cx.clock.now()),
        used: counted.map_or_else(|| used.iter().sum(), |usage| usage.used),
        limit: counted.map(|usage| usage.limit),
        keys: &keys,
    });
    Ok(page.into_response())
}
