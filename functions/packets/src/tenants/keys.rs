//! `GET /api/v1/tenants/{id}/keys`: the keys of a tenant, newest first. To an admin only its own is there.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::TenantsRead;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::keys::{is_seen_by, no_such_tenant, shown, tenant_seen_by};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-keys",
    method: Verb::Get,
    path: "/api/v1/tenants/{id}/keys",
    auth: Auth::Key(Scope::TenantsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAccount, Touch::ListKeys],
    summary: "List a tenant's API keys",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<TenantsRead>,
    Segment(id): Segment,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = tenant_seen_by(&caller.key, &id)?;
    if cx.store.account(tenant).await?.is_none() {
        return Err(no_such_tenant(&id));
    }
    let keys = cx.store.keys(tenant).await?;
    Ok(axum::Json(keys.iter().filter(|key| is_seen_by(&caller.key, key)).map(|key| shown(key, None)).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;

    use super::*;
    use crate::testing::{ADMIN, Desk, OPERATOR, tenant};

    #[tokio::test]
    async fn an_operator_sees_every_tenants_keys_and_an_admin_its_own() {
        let desk = Desk::new().await;
        desk.has_own_account(|_| {}).await;
        let other = desk.has_tenant("Other", Tier::Pro).await;
        let see = async |key: &str, tenant: String| {
            desk.call(ENDPOINT, &format!("/api/v1/tenants/{tenant}/keys"), key, Value::Null).await
        };
        assert_eq!(see(OPERATOR, other.to_string()).await.json, serde_json::json!([]));
        assert_eq!(see(ADMIN, other.to_string()).await.status.as_u16(), 404);
        let seen = see(OPERATOR, tenant().to_string()).await;
        assert_eq!(seen.json, see(ADMIN, tenant().to_string()).await.json);
        assert_eq!(seen.json.as_array().unwrap().len(), 4, "{}", seen.json);
    }
}
