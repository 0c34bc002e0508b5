//! `DELETE /api/v1/tenants/{id}`: deletes a tenant, for operators. Within seconds all its keys are refused, and its
//! owner cannot sign in. Its records stay stored.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::tenants;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::json_response::NoContent;
use handrail_web::problem::Problem;

use super::{parse_tenant_id, tenant_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-delete",
    method: HttpMethod::Delete,
    path: "/api/v1/tenants/{id}",
    auth: Auth::ApiKey(Scope::TenantsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadTenant,
        DataAccess::UpdateTenant,
    ],
    summary: "Delete a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::TenantsWrite>,
    PathParam(id): PathParam,
) -> Result<NoContent, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let deleted = tenants::delete(&cx, &caller.rights(), parse_tenant_id(&id)?).await;
    deleted.map(|()| NoContent).map_err(|error| tenant_problem(error, &id))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::ids::KeyId;
    use handrail_domain::text::EmailAddress;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, AGENT, NOON, OPERATOR, TestApp, api_key, tenant};

    fn own_tenant_path() -> String {
        format!("/api/v1/tenants/{}", tenant())
    }

    #[tokio::test]
    async fn keys_of_deleted_tenant_are_refused() {
        let app = TestApp::new().await;
        let email = EmailAddress::parse("you@example.com").unwrap();
        app.create_own_tenant(|tenant| tenant.email = Some(email.clone())).await;
        let list_packets = async |key: &str| app.call(crate::list::ENDPOINT, "/api/v1/packets", key, Value::Null).await;
        assert_eq!(list_packets(AGENT).await.status.as_u16(), 200);
        assert_eq!(app.call(ENDPOINT, &own_tenant_path(), ADMIN, Value::Null).await.status.as_u16(), 403);
        let deleted = app.call(ENDPOINT, &own_tenant_path(), OPERATOR, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
        assert_eq!(list_packets(AGENT).await.error(), (403, "API key has been revoked"));
        assert!(app.cx.store.tenant_by_email(&email).await.unwrap().is_none(), "the owner cannot sign in");
        for endpoint in [ENDPOINT, crate::tenants::get::ENDPOINT, crate::tenants::keys::ENDPOINT] {
            let path = endpoint.path.replace("{id}", &tenant().to_string());
            assert_eq!(app.call(endpoint, &path, OPERATOR, Value::Null).await.status.as_u16(), 404);
        }
        let change =
            app.call(crate::tenants::change::ENDPOINT, &own_tenant_path(), OPERATOR, json!({"tier": "pro"})).await;
        assert_eq!(change.status.as_u16(), 404);
    }

    /// A concurrent request that creates a key may not see that the tenant has been deleted.
    #[tokio::test]
    async fn key_created_during_tenant_deletion_never_works() {
        let app = TestApp::new().await;
        let other = app.create_tenant("Other", Tier::Pro).await;
        let path = format!("/api/v1/tenants/{other}");
        assert_eq!(app.call(ENDPOINT, &path, OPERATOR, Value::Null).await.status.as_u16(), 204);
        let late = handrail_store::ApiKey::new(KeyId::new(NOON, [70; 10]), other, "late", NOON);
        app.add_key(late, "ho_test_late").await;
        let refused = app.call(crate::list::ENDPOINT, "/api/v1/packets", "ho_test_late", Value::Null).await;
        assert_eq!(refused.error(), (403, "API key has been revoked"));
        let body = json!({"name": "later still", "tenant_id": other});
        assert_eq!(app.call(crate::keys::create::ENDPOINT, "/api/v1/keys", OPERATOR, body).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn operator_cannot_delete_its_own_account() {
        let app = TestApp::new().await;
        let own = format!("/api/v1/tenants/{}", api_key(handrail_domain::access::Role::Operator).tenant);
        assert_eq!(app.call(ENDPOINT, &own, OPERATOR, Value::Null).await.status.as_u16(), 409);
    }
}
