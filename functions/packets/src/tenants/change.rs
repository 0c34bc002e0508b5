//! `PATCH /api/v1/tenants/{id}`: an operator changes a tenant. Every key of it is under the new terms a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, patch};
use handrail_domain::access::Scope;
use handrail_domain::account::Account;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::wish::Wish;
use super::{TenantsWrite, change_account, shown, taken};
use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::keys::tenant_seen_by;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-change",
    method: Verb::Patch,
    path: "/api/v1/tenants/{id}",
    auth: Auth::Key(Scope::TenantsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::NameAccount, Touch::ChangeAccount],
    summary: "Change a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    patch(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<TenantsWrite>,
    Segment(id): Segment,
    body: Body,
) -> Result<axum::Json<Value>, Problem> {
    let wish = body.read(&caller.key, Wish::read_change)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = tenant_seen_by(&caller.key, &id)?;
    let changed = change_account(&cx, tenant, &id, |account| {
        let (cx, wish) = (&cx, &wish);
        async move {
            let (now, name) = (cx.clock.now(), account.name.clone());
            let wanted = wish.onto(account);
            if wanted.name != name {
                taken(&wanted.name, cx.store.take_name(&wanted.name, tenant, now).await?)?;
            }
            Ok(Account { updated_at: Some(now), ..wanted })
        }
    });
    Ok(axum::Json(shown(&changed.await?)))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_kernel::store::Replaced;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, NOON, OPERATOR, packet, tenant};

    fn path() -> String {
        format!("/api/v1/tenants/{}", tenant())
    }

    #[tokio::test]
    async fn what_is_said_changes_and_the_rest_stays() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.max_api_keys = Some(9)).await;
        desk.advance(1);
        let wish = json!({"name": "Renamed", "tier": "business", "max_api_keys": null, "unknown": 1});
        let changed = desk.call(ENDPOINT, &path(), OPERATOR, wish).await;
        let expected = json!({
            "id": tenant(), "name": "Renamed", "tier": "business", "handoffs_per_day": null, "max_api_keys": 9,
            "created_at": NOON, "updated_at": NOON.plus_ms(1_000), "deleted_at": null,
        });
        assert_eq!((changed.status.as_u16(), &changed.json), (200, &expected));
        let seen = desk.call(crate::tenants::get::ENDPOINT, &path(), ADMIN, Value::Null).await;
        assert_eq!(seen.json, expected);
        assert_eq!(desk.call(ENDPOINT, &path(), ADMIN, json!({})).await.status.as_u16(), 403);
        let refused = desk.call(ENDPOINT, &path(), OPERATOR, json!({"tier": "gold"})).await;
        assert_eq!(refused.json["field"], "tier");
    }

    #[tokio::test]
    async fn two_tenants_never_have_one_name() {
        let desk = Desk::new().await;
        desk.has_own_account(|_| {}).await;
        let made = |name: &str| {
            desk.call(crate::tenants::create::ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": name}))
        };
        made("Acme").await;
        let rename = async |name: &str| desk.call(ENDPOINT, &path(), OPERATOR, json!({"name": name})).await;
        assert_eq!(rename("Acme").await.status.as_u16(), 409);
        assert_eq!(rename("Apex").await.status.as_u16(), 200);
        assert_eq!(made("Apex").await.status.as_u16(), 409);
        // What it left can be had when nobody can be about to give it back.
        assert_eq!(rename("Zenith").await.status.as_u16(), 200);
        desk.advance(60);
        assert_eq!(made("Apex").await.status.as_u16(), 201);
        assert_eq!(rename("Zenith").await.status.as_u16(), 200, "the name that it has already");
    }

    #[tokio::test]
    async fn a_changed_tier_reaches_every_key() {
        let desk = Desk::new().await;
        desk.has_own_account(|_| {}).await;
        let make = async || desk.call(crate::create::ENDPOINT, "/api/v1/packets", AGENT, packet()).await;
        assert_eq!(make().await.headers["x-ratelimit-tier"], "enterprise");
        desk.call(ENDPOINT, &path(), OPERATOR, json!({"tier": "free"})).await;
        for _ in 0..5 {
            let made = make().await;
            assert_eq!((made.status.as_u16(), &made.headers["x-ratelimit-tier"]), (201, &"free".parse().unwrap()));
        }
        assert_eq!(make().await.status.as_u16(), 429);
        desk.call(ENDPOINT, &path(), OPERATOR, json!({"tier": "pro"})).await;
        assert_eq!(make().await.status.as_u16(), 201);
    }

    /// By another process, which does not tell this one.
    #[tokio::test]
    async fn a_change_elsewhere_is_seen_within_five_seconds() {
        let desk = Desk::new().await;
        desk.has_own_account(|_| {}).await;
        let tier = async || {
            let seen = desk.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null).await;
            seen.headers["x-ratelimit-tier"].to_str().unwrap().to_owned()
        };
        assert_eq!(tier().await, "enterprise");
        let found = desk.cx.store.find_account(tenant()).await.unwrap().unwrap();
        let pro = Account { tier: Tier::Pro, ..found.account.clone() };
        assert_eq!(desk.cx.store.replace_account(&found, &pro).await.unwrap(), Replaced::Done);
        assert_eq!(desk.cx.store.replace_account(&found, &pro).await.unwrap(), Replaced::Lost);
        assert_eq!(tier().await, "enterprise");
        desk.advance(5);
        assert_eq!(tier().await, "pro");
    }
}
