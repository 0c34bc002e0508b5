//! `POST /auth/api-keys`: an admin, or the person who holds the account, makes a key. It is shown once, in this answer.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::{Role, Scope};
use handrail_domain::account::Tier;
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::text::EmailAddress;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Json, Steward, right};
use handrail_kernel::master::new_api_key;
use handrail_kernel::minting::{mint, prefix_of};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Key;
use http::StatusCode;
use serde_json::Value;

use super::wish::Wish;
use super::{holder_of, shown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-create",
    method: Verb::Post,
    path: "/auth/api-keys",
    auth: Auth::KeyOrSession(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::KeysPerHour],
    touches: &[Touch::LookUpKey, Touch::LookUpSession, Touch::Lease, Touch::CreateKey],
    summary: "Make an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    steward: Steward<right::KeysWrite>,
    Json(wish): Json<Wish>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let holder = holder_of(&cx, &steward).await?;
    let wanted = Wanted { tenant: steward.tenant(), tier: steward.tier(), holder: holder.as_ref() };
    let (secret, key) = make(&cx, wanted, wish).await?;
    let mut body = shown(&cx, &key)?;
    if let Value::Object(body) = &mut body {
        body.insert("key".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, axum::Json(body)))
}

/// Whose key it will be.
pub(crate) struct Wanted<'a> {
    pub tenant: TenantId,
    pub tier: Tier,
    pub holder: Option<&'a EmailAddress>,
}

/// Makes the key and gives its only copy.
pub(crate) async fn make(cx: &Cx, wanted: Wanted<'_>, wish: Wish) -> Result<(String, Key), Problem> {
    let Some(name) = wish.name.clone() else {
        return Err(Problem::invalid("name", "is required: approvers see it as the one who asks"));
    };
    let now = cx.clock.now();
    let (secret, role) = (new_api_key(cx.entropy.bytes()), wish.role.unwrap_or(Role::Agent));
    if role == Role::Operator {
        return Err(Problem::invalid("role", "can't be operator: the command line makes those"));
    }
    let plain = Key {
        prefix: prefix_of(&secret),
        role,
        tier: wanted.tier,
        requests_per_minute: wanted.tier.preset().requests_per_minute,
        ..Key::new(KeyId::new(now, cx.entropy.bytes()), wanted.tenant, name, now)
    };
    // A tier that limits whom a key may ask does so for one that names nobody too.
    let wish = Wish { approvers: Some(wish.approvers.flatten()), ..wish };
    let key = wish.onto(plain, wanted.holder)?;
    mint(cx, &secret, &key).await?;
    Ok((secret, key))
}

#[cfg(test)]
mod tests {
    use handrail_kernel::master::hash_of_key;
    use handrail_kernel::minting::PREFIX_CHARS;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, Desk, NOON, ask, tenant};

    #[tokio::test]
    async fn a_key_is_shown_once_and_kept_as_its_hash() {
        let desk = Desk::new().await;
        let body = json!({"name": "Refunds", "approvers": ["ann@example.com"], "backup_approver": "bob@example.com"});
        let made = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        let secret = made.json["key"].as_str().unwrap();
        let kept = desk.cx.store.key_by_hash(&hash_of_key(secret)).await.unwrap().unwrap();
        let expected = Key {
            prefix: secret[..PREFIX_CHARS].to_owned(),
            approvers: vec![EmailAddress::parse("ann@example.com").unwrap()],
            backup_approver: Some(EmailAddress::parse("bob@example.com").unwrap()),
            ..Key::new(kept.id, tenant(), "Refunds", NOON)
        };
        assert_eq!(kept, expected);
        assert!(!serde_json::to_string(&kept).unwrap().contains(secret));
        assert_eq!(made.json["webhook_secret"], json!(desk.cx.master().unwrap().webhook_secret(kept.id)));

        // It works, and asks nobody but whom it may ask.
        let asked = desk.call(crate::create::ENDPOINT, "/decisions", secret, ask()).await;
        assert_eq!(asked.status, StatusCode::CREATED, "{}", asked.text);
        let mut other = ask();
        other["approver"] = "mallory@example.com".into();
        let other = desk.call(crate::create::ENDPOINT, "/decisions", secret, other).await;
        assert_eq!(other.refusal(), (403, "APPROVER_NOT_ALLOWED"));
    }

    #[tokio::test]
    async fn a_key_that_makes_no_sense_is_refused_by_field() {
        let desk = Desk::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": "two\nlines"})),
            ("role", json!({"name": "x", "role": "root"})),
            ("role", json!({"name": "x", "role": "operator"})),
            ("approvers[1]", json!({"name": "x", "approvers": ["ann@example.com", "nobody"]})),
            ("backup_approver", json!({"name": "x", "backup_approver": "nobody"})),
            ("requests_per_minute", json!({"name": "x", "requests_per_minute": 0})),
            ("decisions_per_month", json!({"name": "x", "decisions_per_month": 0})),
            ("escalation_stays_pending", json!({"name": "x", "escalation_stays_pending": "yes"})),
        ] {
            let answer = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
            assert_eq!(answer.refusal(), (400, "VALIDATION_ERROR"), "{}", answer.text);
            assert_eq!(answer.json["field"], field, "{}", answer.text);
        }
        assert_eq!(desk.cx.store.keys(tenant()).await.unwrap().len(), 3);
    }

    #[tokio::test]
    async fn a_tier_limits_whom_its_keys_may_ask_and_how_often() {
        let desk = Desk::new().await;
        desk.has_account(Tier::Free).await;
        let free = desk.with_key_of(Tier::Free, Role::Admin, "ho_test_free_admin").await;
        let made = desk.call(ENDPOINT, "/auth/api-keys", free, json!({"name": "mine"})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
        assert_eq!(
            (&made.json["approvers"], &made.json["requests_per_minute"]),
            (&json!(["you@example.com"]), &json!(30))
        );
        for (field, more) in [
            ("approvers", json!({"name": "x", "approvers": ["ann@example.com"]})),
            ("backup_approver", json!({"name": "x", "backup_approver": "ann@example.com"})),
            ("requests_per_minute", json!({"name": "x", "requests_per_minute": 31})),
        ] {
            let answer = desk.call(ENDPOINT, "/auth/api-keys", free, more).await;
            assert_eq!((answer.refusal(), &answer.json["field"]), ((400, "VALIDATION_ERROR"), &json!(field)));
        }
    }

    #[tokio::test]
    async fn an_account_has_so_many_keys_at_a_time() {
        let desk = Desk::new().await;
        desk.has_account(Tier::Free).await;
        // Entropy repeats here: only the time tells new ids from old ones.
        desk.advance(1);
        let make = || desk.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one of few"}));
        // Three are there: those count that were made before anybody counted.
        let first = make().await;
        assert_eq!((first.status, make().await.status), (StatusCode::CREATED, StatusCode::CREATED));
        assert_eq!(make().await.refusal(), (409, "TOO_MANY_KEYS"));
        let path = format!("/auth/api-keys/{}", first.json["id"].as_str().unwrap());
        desk.call(crate::auth::keys_revoke::ENDPOINT, &path, ADMIN, Value::Null).await;
        assert_eq!(make().await.status, StatusCode::CREATED);
        assert_eq!(make().await.refusal(), (409, "TOO_MANY_KEYS"));
    }

    #[tokio::test]
    async fn an_account_makes_so_many_keys_in_an_hour() {
        let desk = Desk::new().await;
        for _ in 0..10 {
            let made = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one of many"})).await;
            assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
            // What is refused for what it says is not counted.
            assert_eq!(
                desk.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({})).await.refusal(),
                (400, "VALIDATION_ERROR")
            );
        }
        let refused = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "too many"})).await;
        assert_eq!(refused.refusal(), (429, "RATE_LIMIT"));
        let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=3600).contains(&wait), "{wait}");
        desk.advance(60);
        let made = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, json!({"name": "one more"})).await;
        assert_eq!(made.status, StatusCode::CREATED, "{}", made.text);
    }
}
