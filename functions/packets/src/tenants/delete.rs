//! `DELETE /api/v1/tenants/{id}`: an operator deletes a tenant. None of its keys works any more a few seconds later, and nobody
//! signs in to it. What is in it stays where it is.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_domain::access::Scope;
use handrail_domain::account::Account;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;

use super::{TenantsWrite, change_account};
use crate::caller::Caller;
use crate::dialect::{DIALECT, refuse};
use crate::keys::tenant_seen_by;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-delete",
    method: Verb::Delete,
    path: "/api/v1/tenants/{id}",
    auth: Auth::Key(Scope::TenantsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAccount, Touch::ChangeAccount],
    summary: "Delete a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<TenantsWrite>,
    Segment(id): Segment,
) -> Result<StatusCode, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = tenant_seen_by(&caller.key, &id)?;
    if tenant == caller.key.tenant {
        return Err(refuse(
            StatusCode::CONFLICT,
            "This key belongs to that tenant: nobody would be left to look after it",
        ));
    }
    let deleted = |account| std::future::ready(Ok(Account { deleted_at: Some(cx.clock.now()), ..account }));
    change_account(&cx, tenant, &id, deleted).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::ids::KeyId;
    use handrail_domain::text::EmailAddress;
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, NOON, OPERATOR, key, tenant};

    fn path() -> String {
        format!("/api/v1/tenants/{}", tenant())
    }

    #[tokio::test]
    async fn it_is_gone_and_its_keys_are_refused() {
        let desk = Desk::new().await;
        let email = EmailAddress::parse("you@example.com").unwrap();
        desk.has_own_account(|account| account.email = Some(email.clone())).await;
        let ask = async |key: &str| desk.call(crate::list::ENDPOINT, "/api/v1/packets", key, Value::Null).await;
        assert_eq!(ask(AGENT).await.status.as_u16(), 200);
        assert_eq!(desk.call(ENDPOINT, &path(), ADMIN, Value::Null).await.status.as_u16(), 403);
        let gone = desk.call(ENDPOINT, &path(), OPERATOR, Value::Null).await;
        assert_eq!((gone.status.as_u16(), gone.body.len()), (204, 0));
        assert_eq!(ask(AGENT).await.refusal(), (403, "API key has been revoked"));
        assert!(desk.cx.store.account_by_email(&email).await.unwrap().is_none(), "nobody signs in");
        for endpoint in [ENDPOINT, crate::tenants::get::ENDPOINT, crate::tenants::keys::ENDPOINT] {
            let at = endpoint.path.replace("{id}", &tenant().to_string());
            assert_eq!(desk.call(endpoint, &at, OPERATOR, Value::Null).await.status.as_u16(), 404);
        }
        let change = desk.call(crate::tenants::change::ENDPOINT, &path(), OPERATOR, json!({"tier": "pro"})).await;
        assert_eq!(change.status.as_u16(), 404);
    }

    /// Whoever was about to make it did not see yet that its account is gone.
    #[tokio::test]
    async fn a_key_that_was_made_meanwhile_never_works() {
        let desk = Desk::new().await;
        let other = desk.has_tenant("Other", Tier::Pro).await;
        let at = format!("/api/v1/tenants/{other}");
        assert_eq!(desk.call(ENDPOINT, &at, OPERATOR, Value::Null).await.status.as_u16(), 204);
        let late = handrail_kernel::store::Key::new(KeyId::new(NOON, [70; 10]), other, "late", NOON);
        desk.with_key(late, "ho_test_late").await;
        let refused = desk.call(crate::list::ENDPOINT, "/api/v1/packets", "ho_test_late", Value::Null).await;
        assert_eq!(refused.refusal(), (403, "API key has been revoked"));
        let wish = json!({"name": "later still", "tenant_id": other});
        assert_eq!(desk.call(crate::keys::create::ENDPOINT, "/api/v1/keys", OPERATOR, wish).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn an_operator_does_not_saw_off_its_own_branch() {
        let desk = Desk::new().await;
        let own = format!("/api/v1/tenants/{}", key(handrail_domain::access::Role::Operator).tenant);
        assert_eq!(desk.call(ENDPOINT, &own, OPERATOR, Value::Null).await.status.as_u16(), 409);
    }
}
