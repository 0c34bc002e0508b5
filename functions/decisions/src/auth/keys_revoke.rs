//! `DELETE /auth/api-keys/{id}`: an admin, or the person who holds the account, revokes a key. Every process refuses it a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Segment, Steward, right};
use handrail_kernel::minting;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Revoked;
use serde_json::{Value, json};

use super::NO_SUCH_KEY;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-revoke",
    method: Verb::Delete,
    path: "/auth/api-keys/{id}",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::RevokeKey],
    summary: "Revoke an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

/// A repeat answers the same: the key is revoked.
async fn handler(
    State(cx): State<Cx>,
    steward: Steward<right::KeysWrite>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NO_SUCH_KEY)?;
    steward.spend(&cx).await?;
    revoke(&cx, steward.tenant(), id).await?;
    Ok(axum::Json(json!({"id": id, "is_active": false})))
}

pub(crate) async fn revoke(cx: &Cx, tenant: TenantId, id: KeyId) -> Result<(), Problem> {
    let found = cx.store.find_key(tenant, id).await?.ok_or(NO_SUCH_KEY)?;
    match minting::revoke(cx, &found, cx.clock.now()).await? {
        Revoked::Unknown => Err(NO_SUCH_KEY),
        Revoked::Now | Revoked::Before => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_kernel::master::hash_of_key;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, MINUTE_MS, NOON, key};

    #[tokio::test]
    async fn a_revoked_key_is_refused_at_once_where_it_was_revoked() {
        let desk = Desk::new().await;
        let id = key(Role::Agent, AGENT).id;
        let path = format!("/auth/api-keys/{id}");
        desk.advance(1);
        // From now on this process remembers the key.
        desk.asked().await;
        for _ in 0..2 {
            let answer = desk.call(ENDPOINT, &path, ADMIN, Value::Null).await;
            assert_eq!((answer.status.as_u16(), answer.json), (200, json!({"id": id, "is_active": false})));
            let refused = desk.call(crate::auth::me::ENDPOINT, "/auth/me", AGENT, Value::Null).await;
            assert_eq!(refused.refusal(), (401, "INVALID_KEY"));
            desk.advance(1);
        }
        // The first time counts.
        let kept = desk.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert_eq!(kept.revoked_at, Some(NOON.plus_ms(MINUTE_MS)));
    }
}
