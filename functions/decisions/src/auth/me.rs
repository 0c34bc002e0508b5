//! `GET /auth/me`: who am I, what may I use, and with which secret are my callbacks signed.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::{Role, Scope};
use handrail_kernel::access::{Budget, created_this_month, month_of, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use super::shown;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-me",
    method: Verb::Get,
    path: "/auth/me",
    auth: Auth::Key(Scope::AccountRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadUsage, Touch::ListKeys],
    summary: "See the account, its usage and the secret that signs its callbacks",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// An admin sees every key of the account; another key sees itself.
async fn handler(State(cx): State<Cx>, caller: Caller<right::AccountRead>) -> Result<axum::Json<Value>, Problem> {
    let key = caller.key;
    spend(&cx, &key, Budget::Calls).await?;
    let used = created_this_month(&cx, &key).await?;
    let keys = if key.role == Role::Admin { cx.store.keys(key.tenant).await? } else { vec![key.clone()] };
    let api_keys = keys.iter().map(|key| shown(&cx, key)).collect::<Result<Vec<_>, _>>()?;
    Ok(axum::Json(json!({
        "user": {"id": key.tenant, "email": null, "name": null},
        "usage": {"month": month_of(cx.clock.now()), "used": used, "limit": null},
        "api_keys": api_keys,
    })))
}
