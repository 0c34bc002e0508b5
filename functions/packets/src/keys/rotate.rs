//! `POST /api/v1/keys/{id}/rotate`: puts a new key in the place of one, with everything that it may do.
//!
//! Both work for a moment, and never none. What died in between is finished by a repeat, with the same new key.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Segment, right};
use handrail_kernel::minting;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::Value;

use super::{Whose, find, revoked_already, shown};
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-rotate",
    method: Verb::Post,
    path: "/api/v1/keys/{id}/rotate",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::KeysPerHour],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::CreateKey, Touch::RevokeKey],
    summary: "Put a new API key in the place of one",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::KeysWrite>,
    Segment(id): Segment,
    Asked(whose): Asked<Whose>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let old = find(&cx, &caller.key, &whose, &id).await?;
    match minting::rotate(&cx, &old).await? {
        Some((secret, key)) => Ok((StatusCode::CREATED, axum::Json(shown(&key, Some(&secret))))),
        None => Err(revoked_already()),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::ids::KeyId;
    use handrail_kernel::master::hash_of_key;
    use handrail_kernel::store::Key;
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, NOON, key, tenant};

    fn path(of: Role) -> String {
        format!("/api/v1/keys/{}/rotate", key(of).id)
    }

    #[tokio::test]
    async fn the_new_key_may_what_the_old_one_might_and_the_old_one_nothing() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, &path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!((made.status.as_u16(), &made.json["name"]), (201, &json!("the agent (rotated)")), "{}", made.json);
        let secret = made.json["key"].as_str().unwrap();
        assert!(secret.starts_with("hr_") && secret.len() == 46, "{secret}");
        let kept = desk.cx.store.key_by_hash(&hash_of_key(secret)).await.unwrap().unwrap();
        assert_eq!((kept.role, kept.requests_per_minute), (Role::Agent, key(Role::Agent).requests_per_minute));
        let seen = desk.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null).await;
        assert_eq!(seen.status.as_u16(), 200);
        let refused = desk.call(crate::list::ENDPOINT, "/api/v1/packets", AGENT, Value::Null).await;
        assert_eq!(refused.refusal(), (403, "API key has been revoked"));
        let again = desk.call(ENDPOINT, &path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!(again.refusal(), (409, "API key is already revoked"));
    }

    #[tokio::test]
    async fn what_died_in_between_is_finished_with_the_same_key() {
        let desk = Desk::new().await;
        let old = desk.cx.store.find_key(tenant(), key(Role::Agent).id).await.unwrap().unwrap();
        let secret = desk.cx.master().unwrap().key_after(old.hash());
        let half = Key { name: "half".to_owned(), id: KeyId::new(NOON, [77; 10]), ..key(Role::Agent) };
        desk.with_key(half, &secret).await;
        let finished = desk.call(ENDPOINT, &path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!((finished.status.as_u16(), &finished.json["key"]), (201, &json!(secret)), "{}", finished.json);
        let count = desk.cx.store.keys(tenant()).await.unwrap().iter().filter(|key| key.name == "half").count();
        assert_eq!((count, &finished.json["name"]), (1, &json!("half")), "there is no third");
    }

    #[tokio::test]
    async fn a_key_is_rotated_where_there_is_no_room_for_another() {
        let desk = Desk::new().await;
        desk.has_own_account(|account| account.max_api_keys = Some(1)).await;
        let made = desk.call(ENDPOINT, &path(Role::Agent), ADMIN, Value::Null).await;
        assert_eq!(made.status.as_u16(), 201, "{}", made.json);
        let more = desk.call(super::super::create::ENDPOINT, "/api/v1/keys", ADMIN, json!({"name": "x"})).await;
        assert_eq!(more.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn an_admin_does_not_turn_an_operators_key_into_its_own() {
        let desk = Desk::new().await;
        let here = Key { tenant: tenant(), id: KeyId::new(NOON, [88; 10]), ..key(Role::Operator) };
        let path = format!("/api/v1/keys/{}/rotate", here.id);
        desk.with_key(here, "ho_test_operator_here").await;
        assert_eq!(desk.call(ENDPOINT, &path, ADMIN, Value::Null).await.status.as_u16(), 404);
    }
}
