//! `GET /auth/me`: who am I, what may I use, and with which secret are my callbacks signed.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::{Role, Scope};
use handrail_domain::account::Account;
use handrail_kernel::access::{created_this_month, created_this_month_by_each, month_of};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Steward, Who, right};
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::quota;
use handrail_kernel::settings::Need;
use handrail_kernel::store::Key;
use serde_json::{Value, json};

use super::{account_of, shown};
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-me",
    method: Verb::Get,
    path: "/auth/me",
    auth: Auth::KeyOrSession(Scope::AccountRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[
        Touch::LookUpKey,
        Touch::LookUpSession,
        Touch::Lease,
        Touch::ReadUsage,
        Touch::ReadUsages,
        Touch::ListKeys,
    ],
    summary: "See the account, its usage and the secret that signs its callbacks",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// The account's holder and an admin see every key of the account; another key sees itself.
async fn handler(State(cx): State<Cx>, steward: Steward<right::AccountRead>) -> Result<axum::Json<Value>, Problem> {
    steward.spend(&cx).await?;
    let account = account_of(&cx, &steward).await?;
    let keys = match &steward.who {
        Who::Key(key) if key.role != Role::Admin => vec![key.clone()],
        _ => cx.store.keys(steward.tenant()).await?,
    };
    let (used, limit) = usage(&cx, &steward, &keys).await?;
    let api_keys = keys.iter().map(|key| shown(&cx, key)).collect::<Result<Vec<_>, _>>()?;
    Ok(axum::Json(json!({
        "user": {
            "id": steward.tenant(),
            "email": account.as_ref().and_then(|account| account.email.as_ref()),
            "name": account.as_ref().map(|account| &account.name),
        },
        "tier": steward.tier().name(),
        "usage": {"month": month_of(cx.clock.now()), "used": used, "limit": limit},
        "api_keys": api_keys,
    })))
}

/// Of a key: what it used of its own limit, or of its account's where it has none. Of a person: of the account's.
async fn usage<R>(cx: &Cx, steward: &Steward<R>, keys: &[Key]) -> Result<(u64, Option<u32>), Fault> {
    match &steward.who {
        Who::Key(key) => match quota::usage(cx, key).await? {
            Some(usage) => Ok((usage.used, Some(usage.limit))),
            None => Ok((created_this_month(cx, key).await?, None)),
        },
        Who::Person(person) => account_usage(cx, &person.account, keys).await,
    }
}

pub(crate) async fn account_usage(cx: &Cx, account: &Account, keys: &[Key]) -> Result<(u64, Option<u32>), Fault> {
    match quota::usage_of_account(cx, account.tenant, account.tier).await? {
        Some(usage) => Ok((usage.used, Some(usage.limit))),
        None => Ok((created_this_month_by_each(cx, keys).await?.iter().sum(), None)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::account::Tier;

    use crate::testing::{ADMIN, AGENT, Desk, NOON, ask, key, tenant};

    #[tokio::test]
    async fn a_key_sees_itself_and_what_it_used() {
        let desk = Desk::new().await;
        desk.asked().await;
        desk.asked().await;
        let seen = desk.call(ENDPOINT, "/auth/me", AGENT, Value::Null).await;
        let agent = key(Role::Agent, AGENT);
        let expected = json!({
            "user": {"id": tenant(), "email": null, "name": null},
            "tier": "enterprise",
            "usage": {"month": "2026-09", "used": 2, "limit": null},
            "api_keys": [{
                "id": agent.id,
                "name": "the agent",
                "prefix": AGENT,
                "role": "agent",
                "webhook_secret": desk.cx.master().unwrap().webhook_secret(agent.id),
                "approvers": [],
                "backup_approver": null,
                "requests_per_minute": 100,
                "decisions_per_month": null,
                "escalation_stays_pending": false,
                "rules": [],
                "is_active": true,
                "created_at": NOON,
            }],
        });
        assert_eq!((seen.status.as_u16(), seen.json), (200, expected));
    }

    #[tokio::test]
    async fn an_admin_sees_every_key_of_the_account() {
        let desk = Desk::new().await;
        let seen = desk.call(ENDPOINT, "/auth/me", ADMIN, Value::Null).await;
        let roles: Vec<_> = seen.json["api_keys"].as_array().unwrap().iter().map(|key| key["role"].clone()).collect();
        assert_eq!(roles, ["admin", "app", "agent"]);
    }

    #[tokio::test]
    async fn the_account_its_tier_and_its_limit_are_told() {
        let desk = Desk::new().await;
        desk.has_account(Tier::Pro).await;
        let agent = desk.with_key_of(Tier::Pro, Role::Agent, "ho_test_pro_agent").await;
        let asked = desk.call(crate::create::ENDPOINT, "/decisions", agent, ask()).await;
        assert_eq!(asked.status.as_u16(), 201, "{}", asked.text);
        let seen = desk.call(ENDPOINT, "/auth/me", agent, Value::Null).await.json;
        assert_eq!(seen["user"], json!({"id": tenant(), "email": "you@example.com", "name": "You"}));
        assert_eq!(
            (&seen["tier"], &seen["usage"]["used"], &seen["usage"]["limit"]),
            (&json!("pro"), &json!(1), &json!(100))
        );
    }
}
