//! `POST /api/v1/tenants`: an operator makes a tenant. Its keys are made at `/api/v1/keys`.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::account::{Account, Tier};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::Value;

use super::wish::Wish;
use super::{TenantsWrite, shown, taken};
use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-create",
    method: Verb::Post,
    path: "/api/v1/tenants",
    auth: Auth::Key(Scope::TenantsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::NameAccount],
    summary: "Make a tenant",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<TenantsWrite>,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let wish = body.read(&caller.key, Wish::read_new)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let now = cx.clock.now();
    // As published: who names no tier begins small.
    let account = wish.onto(Account::new(cx.new_tenant_id(), "", Tier::Free, now));
    taken(&account.name, cx.store.take_name(&account.name, account.tenant, now).await?)?;
    // `false`: it is there already, because the answer to the first try was lost.
    cx.store.put_account(&account).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(&account))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, Desk, NOON, OPERATOR};

    #[tokio::test]
    async fn a_tenant_has_what_its_tier_gives_unless_it_is_said() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let expected = json!({
            "id": made.json["id"], "name": "Acme", "tier": "free", "handoffs_per_day": 5, "max_api_keys": 5,
            "created_at": NOON, "updated_at": NOON, "deleted_at": null,
        });
        assert_eq!((made.status.as_u16(), &made.json), (201, &expected));
        for (said, shown) in [("business", "business"), ("scale", "business"), ("enterprise", "enterprise")] {
            let wish = json!({"name": format!("Acme {said}"), "tier": said, "handoffs_per_day": null});
            let made = desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, wish).await;
            let seen = (&made.json["tier"], &made.json["handoffs_per_day"], &made.json["max_api_keys"]);
            assert_eq!(seen, (&json!(shown), &Value::Null, &json!(100)));
        }
        let wish = json!({"name": "Own", "tier": "pro", "handoffs_per_day": 7, "max_api_keys": 2});
        let made = desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, wish).await;
        assert_eq!((&made.json["handoffs_per_day"], &made.json["max_api_keys"]), (&json!(7), &json!(2)));
    }

    #[tokio::test]
    async fn what_makes_no_tenant_is_named() {
        let desk = Desk::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": ""})),
            ("name", json!({"name": "x".repeat(129)})),
            ("name", json!({"name": "a\u{0}b"})),
            ("tier", json!({"name": "x", "tier": "gold"})),
            ("tier", json!({"name": "x", "tier": 1})),
            ("handoffs_per_day", json!({"name": "x", "handoffs_per_day": -1})),
            ("handoffs_per_day", json!({"name": "x", "handoffs_per_day": "5"})),
            ("max_api_keys", json!({"name": "x", "max_api_keys": 101})),
            ("max_api_keys", json!({"name": "x", "max_api_keys": 1.5})),
        ] {
            let refused = desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
        }
        assert_eq!(desk.cx.store.accounts(0, 10).await.unwrap(), []);
        let refused = desk.call(ENDPOINT, "/api/v1/tenants", ADMIN, json!({"name": "x"})).await;
        assert!(refused.status.as_u16() == 403 && refused.json["detail"].as_str().unwrap().contains("operator"));
    }

    #[tokio::test]
    async fn a_name_is_given_once_and_again_when_it_is_free() {
        let desk = Desk::new().await;
        let make = async || desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let first = make().await;
        assert_eq!(make().await.refusal(), (409, "Tenant with name 'Acme' already exists"));
        let path = format!("/api/v1/tenants/{}", first.json["id"].as_str().unwrap());
        desk.call(crate::tenants::delete::ENDPOINT, &path, OPERATOR, Value::Null).await;
        let second = make().await;
        assert_eq!(second.status.as_u16(), 201);
        assert_ne!(second.json["id"], first.json["id"]);
    }

    /// Whoever took it may be about to make the tenant, or has died.
    #[tokio::test]
    async fn a_name_that_leads_nowhere_is_taken_over_when_nobody_can_be_at_it() {
        let desk = Desk::new().await;
        let gone = desk.cx.new_tenant_id();
        desk.cx.store.take_name("Acme", gone, NOON).await.unwrap();
        let make = async || desk.call(ENDPOINT, "/api/v1/tenants", OPERATOR, json!({"name": "Acme"})).await;
        let refused = make().await;
        assert_eq!(refused.status.as_u16(), 503, "{}", refused.json);
        assert!(refused.headers.contains_key("retry-after"));
        desk.advance(60);
        assert_eq!(make().await.status.as_u16(), 201);
        assert_eq!(make().await.status.as_u16(), 409);
    }
}
