//! `POST /api/v1/keys`: makes a key. It is shown once, in this answer.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::{Role, Scope};
use handrail_domain::ids::KeyId;
use handrail_domain::packet::Flaw;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::master::packets_key;
use handrail_kernel::minting::{NAME_CHARS_MAX, approvers_of, is_name, mint, prefix_of};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Key;
use http::StatusCode;
use serde_json::Value;

use super::{no_such_tenant, shown, tenant_seen_by};
use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at};
use crate::members::Members;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "keys-create",
    method: Verb::Post,
    path: "/api/v1/keys",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::KeysPerHour],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::CreateKey],
    summary: "Make an API key of the packets door",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// What can be asked for. Of a body that names none it is an agent: it hands over and takes, answers no checkpoint and makes
/// no keys.
const ROLES: [Role; 5] = [Role::Admin, Role::Writer, Role::Agent, Role::Reader, Role::Operator];

struct Wish {
    name: String,
    tenant: Option<String>,
    role: Role,
}

impl Wish {
    fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        let Some(mut members) = Members::of(body) else { return Err(Vec::new()) };
        let name = members.needed_text("name");
        if name.is_some_and(|name| !is_name(name, NAME_CHARS_MAX)) {
            let message = format!("String should be one line of 1 to {NAME_CHARS_MAX} characters");
            members.flaw("name", message, "value_error");
        }
        let tenant = members.text("tenant_id").map(str::to_owned);
        let role = match members.text("role") {
            None => Some(Role::Agent),
            Some(named) => ROLES.into_iter().find(|role| role.name() == named),
        };
        if role.is_none() {
            members.flaw("role", NOT_A_ROLE, "enum");
        }
        let read = name.zip(role).map(|(name, role)| Self { name: name.to_owned(), tenant, role });
        members.done(read)
    }
}

const NOT_A_ROLE: &str = "Input should be 'admin', 'writer', 'agent' or 'reader'";

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::KeysWrite>,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let wish = body.read(&caller.key, Wish::read)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = match &wish.tenant {
        Some(named) => tenant_seen_by(&caller.key, named)?,
        None => caller.key.tenant,
    };
    let is_own = tenant == caller.key.tenant;
    if wish.role == Role::Operator && !(caller.key.role == Role::Operator && is_own) {
        return Err(flawed_at(Part::Body, "role", NOT_A_ROLE, "enum"));
    }
    let account = cx.store.account(tenant).await?;
    if account.is_none() && !is_own {
        return Err(no_such_tenant(&tenant.to_string()));
    }
    let (now, secret) = (cx.clock.now(), packets_key(cx.entropy.bytes()));
    let tier = account.as_ref().map_or(caller.key.tier, |account| account.tier);
    let key = Key {
        prefix: prefix_of(&secret),
        role: wish.role,
        tier,
        approvers: approvers_of(account.as_ref()),
        requests_per_minute: tier.preset().requests_per_minute,
        ..Key::new(KeyId::new(now, cx.entropy.bytes()), tenant, wish.name, now)
    };
    mint(&cx, &secret, &key).await?;
    Ok((StatusCode::CREATED, axum::Json(shown(&key, Some(&secret)))))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{ADMIN, Desk, NOON, OPERATOR, WRITER, packet, tenant};

    #[tokio::test]
    async fn a_key_is_shown_once_as_published_and_works() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/api/v1/keys", ADMIN, json!({"name": "Sales", "role": "writer"})).await;
        let secret = made.json["key"].as_str().unwrap().to_owned();
        let expected = json!({
            "id": made.json["id"], "name": "Sales", "key_prefix": secret[..14], "tenant_id": tenant(),
            "role": "writer", "revoked": false, "created_at": NOON, "key": secret,
        });
        assert_eq!((made.status.as_u16(), &made.json), (201, &expected));
        assert!(secret.starts_with("hr_") && secret.len() == 46, "{secret}");
        let packet = desk.call(crate::create::ENDPOINT, "/api/v1/packets", &secret, packet()).await;
        assert_eq!(packet.status.as_u16(), 201, "{}", packet.json);
        let listed = desk.call(super::super::list::ENDPOINT, "/api/v1/keys", ADMIN, Value::Null).await;
        let first = &listed.json[0];
        assert_eq!((&first["id"], &first["key"]), (&made.json["id"], &Value::Null));
        assert!(!String::from_utf8_lossy(&listed.body).contains(&secret));
    }

    #[tokio::test]
    async fn a_key_without_a_role_is_an_agents() {
        let desk = Desk::new().await;
        for body in [json!({"name": "x"}), json!({"name": "x", "role": null, "tenant_id": null, "unknown": 1})] {
            let made = desk.call(ENDPOINT, "/api/v1/keys", ADMIN, body).await;
            assert_eq!((made.status.as_u16(), &made.json["role"]), (201, &json!("agent")), "{}", made.json);
        }
    }

    #[tokio::test]
    async fn what_makes_no_sense_is_named() {
        let desk = Desk::new().await;
        for (field, body) in [
            ("name", json!({})),
            ("name", json!({"name": " "})),
            ("name", json!({"name": "two\nlines"})),
            ("name", json!({"name": "x".repeat(101)})),
            ("name", json!({"name": 5})),
            ("role", json!({"name": "x", "role": "root"})),
            ("role", json!({"name": "x", "role": "app"})),
            ("role", json!({"name": "x", "role": "operator"})),
            ("role", json!({"name": "x", "role": ["admin"]})),
            ("tenant_id", json!({"name": "x", "tenant_id": 5})),
        ] {
            let refused = desk.call(ENDPOINT, "/api/v1/keys", ADMIN, body).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{}", refused.json);
        }
        let refused = desk.call(ENDPOINT, "/api/v1/keys", WRITER, json!({"name": "x"})).await;
        assert_eq!(refused.status.as_u16(), 403);
    }

    #[tokio::test]
    async fn an_admin_makes_keys_of_its_own_account_alone() {
        let desk = Desk::new().await;
        let other = desk.has_tenant("Other", handrail_domain::account::Tier::Pro).await;
        let make = |key, tenant: String| {
            desk.call(ENDPOINT, "/api/v1/keys", key, json!({"name": "x", "role": "admin", "tenant_id": tenant}))
        };
        assert_eq!(make(ADMIN, tenant().to_string()).await.status.as_u16(), 201);
        for foreign in [other.to_string(), "default".to_owned(), String::new()] {
            let refused = make(ADMIN, foreign.clone()).await;
            assert_eq!(refused.refusal(), (404, format!("Tenant {foreign} not found").as_str()));
        }
        let made = make(OPERATOR, other.to_string()).await;
        assert_eq!((made.status.as_u16(), &made.json["tenant_id"]), (201, &json!(other)));
        let absent = handrail_domain::ids::TenantId::new(NOON, [99; 10]).to_string();
        assert_eq!(make(OPERATOR, absent).await.status.as_u16(), 404);
    }

    #[tokio::test]
    async fn only_an_operator_makes_an_operator_and_of_its_own_account() {
        let desk = Desk::new().await;
        let other = desk.has_tenant("Other", handrail_domain::account::Tier::Pro).await;
        let wish = json!({"name": "x", "role": "operator"});
        assert_eq!(desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, wish.clone()).await.status.as_u16(), 201);
        let mut there = wish;
        there["tenant_id"] = json!(other);
        assert_eq!(desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, there).await.json["field"], "role");
    }

    #[tokio::test]
    async fn an_account_has_as_many_keys_as_it_may_have() {
        let desk = Desk::new().await;
        let other = desk.has_tenant("Other", handrail_domain::account::Tier::Free).await;
        let wish = json!({"name": "x", "tenant_id": other});
        let mut ids = Vec::new();
        for _ in 0..5 {
            let made = desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, wish.clone()).await;
            assert_eq!(made.status.as_u16(), 201, "{}", made.json);
            ids.push(made.json["id"].as_str().unwrap().to_owned());
        }
        let refused = desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, wish.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (409, &json!("max_api_keys")));
        let path = format!("/api/v1/keys/{}?tenant_id={other}", ids[0]);
        let revoked = desk.call(super::super::revoke::ENDPOINT, &path, OPERATOR, Value::Null).await;
        assert_eq!(revoked.status.as_u16(), 204);
        assert_eq!(desk.call(ENDPOINT, "/api/v1/keys", OPERATOR, wish).await.status.as_u16(), 201);
    }
}
