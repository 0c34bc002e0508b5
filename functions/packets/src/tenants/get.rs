//! `GET /api/v1/tenants/{id}`: one tenant. To an admin only its own is there.

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

use super::{TenantsRead, shown};
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::keys::{no_such_tenant, tenant_seen_by};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-get",
    method: Verb::Get,
    path: "/api/v1/tenants/{id}",
    auth: Auth::Key(Scope::TenantsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAccount],
    summary: "See a tenant",
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
    let account = cx.store.account(tenant_seen_by(&caller.key, &id)?).await?;
    Ok(axum::Json(shown(&account.ok_or_else(|| no_such_tenant(&id))?)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, Desk, OPERATOR, tenant};

    #[tokio::test]
    async fn another_tenant_is_not_there() {
        let desk = Desk::new().await;
        let other = desk.has_tenant("Other", Tier::Scale).await;
        let see =
            async |key: &str, id: String| desk.call(ENDPOINT, &format!("/api/v1/tenants/{id}"), key, Value::Null).await;
        let seen = see(OPERATOR, other.to_string()).await;
        assert_eq!((seen.status.as_u16(), &seen.json["tier"]), (200, &json!("business")));
        for foreign in [other.to_string(), "default".to_owned()] {
            let refused = see(ADMIN, foreign.clone()).await;
            assert_eq!(refused.refusal(), (404, format!("Tenant {foreign} not found").as_str()));
        }
        assert_eq!(see(ADMIN, tenant().to_string()).await.status.as_u16(), 404, "its keys are older than accounts");
        desk.has_own_account(|_| {}).await;
        assert_eq!(see(ADMIN, tenant().to_string()).await.json["name"], "Own");
    }
}
