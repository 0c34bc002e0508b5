//! `GET /auth/me`: who am I, what may I use, and with which secret are my callbacks signed.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::{Role, Scope};
use handrail_kernel::access::{Budget, created_this_month, month_of, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::{Value, json};

use super::shown;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-me",
    method: Verb::Get,
    path: "/auth/me",
    auth: Auth::Key(Scope::AccountRead),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadUsage, Touch::ListKeys],
    summary: "See the account, its usage and the secret that signs its callbacks",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// An admin sees every key of the account; another key sees itself.
async fn handler(State(cx): State<Cx>, caller: Caller<right::AccountRead>) -> Result<axum::Json<Value>, Problem> {
    let key = caller.key;
    spend(&cx, &key, Budget::Calls).await?;
    let used = created_this_month(&cx, &key).await?;
    let keys = if key.role == Role::Admin { cx.store.keys(key.tenant).await? } else { vec![key.clone()] };
    let api_keys = keys.iter().map(|key| shown(&cx, key)).collect::<Result<Vec<_>, _>>()?;
    Ok(axum::Json(json!({
        "user": {"id": key.tenant, "email": null, "name": null},
        "usage": {"month": month_of(cx.clock.now()), "used": used, "limit": null},
        "api_keys": api_keys,
    })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{ADMIN, AGENT, Desk, NOON, key, tenant};

    #[tokio::test]
    async fn a_key_sees_itself_and_what_it_used() {
        let desk = Desk::new().await;
        desk.asked().await;
        desk.asked().await;
        let seen = desk.call(ENDPOINT, "/auth/me", AGENT, Value::Null).await;
        let agent = key(Role::Agent, AGENT);
        let expected = json!({
            "user": {"id": tenant(), "email": null, "name": null},
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
}
