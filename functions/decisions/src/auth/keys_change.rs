//! `PUT /auth/api-keys/{id}`: changes what a key may do and whom it asks. Every process sees it a few seconds later.

use axum::extract::State;
use axum::routing::{MethodRouter, put};
use handrail_domain::access::Scope;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Json, Segment, Steward, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Key, Replaced};
use http::StatusCode;
use serde_json::Value;

use super::wish::Wish;
use super::{NO_SUCH_KEY, account_of, shown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-change",
    method: Verb::Put,
    path: "/auth/api-keys/{id}",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::ReadKey, Touch::ChangeKey],
    summary: "Change what an API key may do and whom it asks",
    route,
};

fn route() -> MethodRouter<Cx> {
    put(handler)
}

/// A change lost to another one is laid over what that one left. Keys are changed by people: they are never this many.
const ATTEMPTS_MAX: usize = 5;

async fn handler(
    State(cx): State<Cx>,
    steward: Steward<right::KeysWrite>,
    Segment(id): Segment,
    Json(wish): Json<Wish>,
) -> Result<axum::Json<Value>, Problem> {
    let id = id.parse().map_err(|_| NO_SUCH_KEY)?;
    steward.spend(&cx).await?;
    let account = account_of(&cx, &steward).await?;
    let holder = account.as_ref().and_then(|account| account.email.as_ref());
    for _ in 0..ATTEMPTS_MAX {
        let found = cx.store.find_key(steward.tenant(), id).await?.ok_or(NO_SUCH_KEY)?;
        if found.key.revoked_at.is_some() {
            return Err(Problem::refused(
                StatusCode::CONFLICT,
                "KEY_REVOKED",
                "This API key was revoked, and no change brings it back: make another one",
            ));
        }
        if wish.role.is_some_and(|role| role != found.key.role) {
            return Err(Problem::invalid("role", "can't be changed: make another key"));
        }
        // Under the account's tier as it is now, whatever it was when the key was made.
        let tier = account.as_ref().map_or(found.key.tier, |account| account.tier);
        let key = wish.clone().onto(Key { tier, ..found.key.clone() }, holder)?;
        if cx.store.replace_key(&found, &key).await? == Replaced::Done {
            cx.gate.forget_keys();
            return Ok(axum::Json(shown(&cx, &key)?));
        }
    }
    Err(Problem::Busy { retry_after_s: 1 })
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::account::Tier;
    use handrail_kernel::master::hash_of_key;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, ask, key};

    fn path() -> String {
        format!("/auth/api-keys/{}", key(Role::Agent, AGENT).id)
    }

    #[tokio::test]
    async fn what_is_given_changes_and_the_rest_stays() {
        let desk = Desk::new().await;
        let wanted = json!({
            "name": "Refunds", "approvers": ["ann@example.com"], "backup_approver": "bob@example.com",
            "requests_per_minute": 7, "decisions_per_month": 3, "escalation_stays_pending": true, "unknown": 1,
            "rules": [{"name": "small", "match": {"amount_lt": 50}, "effect": "approve"}],
        });
        let changed = desk.call(ENDPOINT, &path(), ADMIN, wanted.clone()).await;
        assert_eq!(changed.status.as_u16(), 200, "{}", changed.text);
        for (field, value) in wanted.as_object().unwrap().iter().filter(|(field, _)| *field != "unknown") {
            assert_eq!(&changed.json[field], value, "{field}");
        }
        let kept = desk.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert_eq!((kept.role, kept.prefix.as_str()), (Role::Agent, AGENT));
        // The change counts at once where it was made.
        let mut other = ask();
        other["approver"] = "mallory@example.com".into();
        let refused = desk.call(crate::create::ENDPOINT, "/decisions", AGENT, other).await;
        assert_eq!(refused.refusal(), (403, "APPROVER_NOT_ALLOWED"));

        let back = json!({"approvers": null, "backup_approver": null, "requests_per_minute": null, "decisions_per_month": null});
        let changed = desk.call(ENDPOINT, &path(), ADMIN, back).await.json;
        assert_eq!((&changed["approvers"], &changed["backup_approver"]), (&json!([]), &Value::Null));
        assert_eq!((&changed["requests_per_minute"], &changed["decisions_per_month"]), (&json!(600), &Value::Null));
        assert_eq!((&changed["name"], &changed["escalation_stays_pending"]), (&json!("Refunds"), &json!(true)));
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_refused_by_field_and_changes_nothing() {
        let desk = Desk::new().await;
        let before = desk.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap();
        for (field, body) in [
            ("name", json!({"name": " "})),
            ("approvers[0]", json!({"approvers": ["nobody"]})),
            ("backup_approver", json!({"name": "fine", "backup_approver": "nobody"})),
            ("requests_per_minute", json!({"requests_per_minute": 1_000_001})),
            ("decisions_per_month", json!({"decisions_per_month": -1})),
            ("rules[0]", json!({"rules": [{"name": "all", "match": {}, "effect": "approve"}]})),
            ("rules[0].effect", json!({"rules": [{"name": "all", "match": {"amount_lt": 1}, "effect": "allow"}]})),
            ("role", json!({"role": "admin"})),
        ] {
            let answer = desk.call(ENDPOINT, &path(), ADMIN, body).await;
            assert_eq!((answer.refusal(), &answer.json["field"]), ((400, "VALIDATION_ERROR"), &json!(field)));
        }
        assert_eq!(desk.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap(), before);
    }

    #[tokio::test]
    async fn a_revoked_key_is_not_brought_back() {
        let desk = Desk::new().await;
        desk.call(crate::auth::keys_revoke::ENDPOINT, &path(), ADMIN, Value::Null).await;
        let refused = desk.call(ENDPOINT, &path(), ADMIN, json!({"name": "again"})).await;
        assert_eq!(refused.refusal(), (409, "KEY_REVOKED"));
        let kept = desk.cx.store.key_by_hash(&hash_of_key(AGENT)).await.unwrap().unwrap();
        assert!(kept.revoked_at.is_some() && kept.name == "the agent");
    }

    /// The condition of the write and not only a look before it.
    #[tokio::test]
    async fn a_key_that_is_revoked_meanwhile_stays_revoked() {
        let desk = Desk::new().await;
        let (tenant, id) = (crate::testing::tenant(), key(Role::Agent, AGENT).id);
        let found = desk.cx.store.find_key(tenant, id).await.unwrap().unwrap();
        desk.cx.store.revoke_key(tenant, id, desk.cx.clock.now()).await.unwrap();
        let replaced = desk.cx.store.replace_key(&found, &found.key).await.unwrap();
        assert_eq!(replaced, Replaced::Lost);
        assert!(desk.cx.store.find_key(tenant, id).await.unwrap().unwrap().key.revoked_at.is_some());
    }

    #[tokio::test]
    async fn a_tier_limits_a_change_too() {
        let desk = Desk::new().await;
        desk.has_account(Tier::Pro).await;
        let admin = desk.with_key_of(Tier::Pro, Role::Admin, "ho_test_pro_admin").await;
        let agent = desk.with_key_of(Tier::Pro, Role::Agent, "ho_test_pro_agent").await;
        let id = desk.cx.store.key_by_hash(&hash_of_key(agent)).await.unwrap().unwrap().id;
        let path = format!("/auth/api-keys/{id}");
        let many = json!({"approvers": ["a@example.com", "b@example.com", "c@example.com"]});
        let refused = desk.call(ENDPOINT, &path, admin, many).await;
        assert_eq!((refused.refusal(), &refused.json["field"]), ((400, "VALIDATION_ERROR"), &json!("approvers")));
        let two = json!({"approvers": ["a@example.com", "b@example.com"]});
        assert_eq!(desk.call(ENDPOINT, &path, admin, two).await.status.as_u16(), 200);
    }
}
