//! `DELETE /auth/api-keys/{id}`: an admin revokes a key. Every process refuses it a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Revoked;
use serde_json::{Value, json};

use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-revoke",
    method: Verb::Delete,
    path: "/auth/api-keys/{id}",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::RevokeKey],
    summary: "Revoke an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

/// A repeat answers the same: the key is revoked.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::KeysWrite>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    const NOT_FOUND: Problem = Problem::NotFound { what: "API key" };
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    match cx.store.revoke_key(caller.key.tenant, id, cx.clock.now()).await? {
        Revoked::Unknown => Err(NOT_FOUND),
        Revoked::Now | Revoked::Before => {
            cx.gate.forget_keys();
            Ok(axum::Json(json!({"id": id, "is_active": false})))
        }
    }
}
