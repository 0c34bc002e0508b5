//! `POST /auth/api-keys`: an admin makes a key. It is shown once, in this answer.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::{Role, Scope};
use handrail_domain::ids::KeyId;
use handrail_domain::text::EmailAddress;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Json, right};
use handrail_kernel::master::{hash_of_key, new_api_key};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Key;
use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use super::shown;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-keys-create",
    method: Verb::Post,
    path: "/auth/api-keys",
    auth: Auth::Key(Scope::KeysWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::CreateKey],
    summary: "Make an API key",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub const NAME_CHARS_MAX: usize = 100;
const APPROVERS_MAX: usize = 50;
/// What a key may do in a minute unless it is made with another number.
pub const REQUESTS_PER_MINUTE_DEFAULT: u32 = 600;
const REQUESTS_PER_MINUTE_MAX: u32 = 1_000_000;
/// Enough to recognise a key by, too little to guess it from.
pub const PREFIX_CHARS: usize = 14;

#[derive(Deserialize)]
struct Wire {
    name: Option<String>,
    role: Option<Role>,
    approvers: Option<Vec<String>>,
    backup_approver: Option<String>,
    requests_per_minute: Option<u32>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::KeysWrite>,
    Json(wire): Json<Wire>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let name = checked_name(wire.name)?;
    let approvers = checked_approvers(&wire.approvers.unwrap_or_default())?;
    let backup_approver = wire.backup_approver.map(|address| address_in("backup_approver", &address)).transpose()?;
    let requests_per_minute = wire.requests_per_minute.unwrap_or(REQUESTS_PER_MINUTE_DEFAULT);
    if !(1..=REQUESTS_PER_MINUTE_MAX).contains(&requests_per_minute) {
        return Err(Problem::invalid("requests_per_minute", format!("must be from 1 to {REQUESTS_PER_MINUTE_MAX}")));
    }
    spend(&cx, &caller.key, Budget::Calls).await?;
    let secret = new_api_key(cx.entropy.bytes());
    let now = cx.clock.now();
    let key = Key {
        id: KeyId::new(now, cx.entropy.bytes()),
        tenant: caller.key.tenant,
        name,
        prefix: secret.chars().take(PREFIX_CHARS).collect(),
        role: wire.role.unwrap_or(Role::Agent),
        approvers,
        backup_approver,
        escalation_stays_pending: false,
        rules: Vec::new(),
        requests_per_minute,
        created_at: now,
        revoked_at: None,
    };
    cx.store.put_key(&hash_of_key(&secret), &key).await?;
    let mut body = shown(&cx, &key)?;
    if let Value::Object(body) = &mut body {
        body.insert("key".to_owned(), secret.into());
    }
    Ok((StatusCode::CREATED, axum::Json(body)))
}

fn checked_name(name: Option<String>) -> Result<String, Problem> {
    let name = name.ok_or_else(|| Problem::invalid("name", "is required: approvers see it as the one who asks"))?;
    if name.trim().is_empty() || name.chars().count() > NAME_CHARS_MAX || name.chars().any(char::is_control) {
        return Err(Problem::invalid("name", format!("must be one line of 1 to {NAME_CHARS_MAX} characters")));
    }
    Ok(name)
}

fn checked_approvers(approvers: &[String]) -> Result<Vec<EmailAddress>, Problem> {
    if approvers.len() > APPROVERS_MAX {
        return Err(Problem::invalid("approvers", format!("must be at most {APPROVERS_MAX} addresses")));
    }
    approvers.iter().enumerate().map(|(at, address)| address_in(&format!("approvers[{at}]"), address)).collect()
}

fn address_in(field: &str, address: &str) -> Result<EmailAddress, Problem> {
    EmailAddress::parse(address).map_err(|fault| Problem::invalid(field, fault.to_string()))
}

#[cfg(test)]
mod tests {
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
            id: kept.id,
            tenant: tenant(),
            name: "Refunds".to_owned(),
            prefix: secret[..PREFIX_CHARS].to_owned(),
            role: Role::Agent,
            approvers: vec![EmailAddress::parse("ann@example.com").unwrap()],
            backup_approver: Some(EmailAddress::parse("bob@example.com").unwrap()),
            escalation_stays_pending: false,
            rules: Vec::new(),
            requests_per_minute: REQUESTS_PER_MINUTE_DEFAULT,
            created_at: NOON,
            revoked_at: None,
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
            ("approvers[1]", json!({"name": "x", "approvers": ["ann@example.com", "nobody"]})),
            ("backup_approver", json!({"name": "x", "backup_approver": "nobody"})),
            ("requests_per_minute", json!({"name": "x", "requests_per_minute": 0})),
        ] {
            let answer = desk.call(ENDPOINT, "/auth/api-keys", ADMIN, body).await;
            assert_eq!(answer.refusal(), (400, "VALIDATION_ERROR"), "{}", answer.text);
            assert_eq!(answer.json["field"], field, "{}", answer.text);
        }
        assert_eq!(desk.cx.store.keys(tenant()).await.unwrap().len(), 3);
    }
}
