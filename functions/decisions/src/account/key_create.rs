//! `POST /account/keys`: the account's holder makes a key from the page. It is shown once, on the page that answers.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Role;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Form;
use handrail_kernel::problem::Problem;
use handrail_kernel::session::Visitor;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde::Deserialize;

use super::pages;
use crate::auth::keys_create::{Wanted, make};
use crate::auth::wish::Wish;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-key-create",
    method: Verb::Post,
    path: "/account/keys",
    auth: Auth::Session,
    dialect: pages::DIALECT,
    needs: &[Need::Table, Need::KeysPerHour],
    touches: &[Touch::LookUpSession, Touch::Lease, Touch::CreateKey],
    summary: "Make an API key from the account's page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

const ROOT: &str = "../";

#[derive(Deserialize)]
struct Filled {
    name: Option<String>,
    role: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    Visitor(person): Visitor,
    Form(filled): Form<Filled>,
) -> Result<Response, Problem> {
    let Some(person) = person else {
        return Ok(pages::sign_in(StatusCode::UNAUTHORIZED, ROOT, None).into_response());
    };
    let account = &person.account;
    let role = filled
        .role
        .as_deref()
        .map(|name| Role::from_name(name).ok_or_else(|| Problem::invalid("role", "is none of agent, app, admin")));
    let wish = Wish { name: filled.name, role: role.transpose()?, ..Wish::default() };
    let wanted = Wanted { tenant: account.tenant, tier: account.tier, holder: account.email.as_ref() };
    let (secret, key) = make(&cx, wanted, wish).await?;
    Ok(pages::made(ROOT, &key, &secret).into_response())
}
