//! `GET /api/v1/tenants`: an operator sees all of them, newest first; an admin its own.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Role;
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::ACCOUNTS_SKIPPED_MAX;
use serde::Deserialize;
use serde_json::Value;

use super::{TenantsRead, shown};
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at};
use crate::page::Window;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "tenants-list",
    method: Verb::Get,
    path: "/api/v1/tenants",
    auth: Auth::Key(Scope::TenantsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadAccount, Touch::ListAccounts],
    summary: "List tenants, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Deserialize)]
struct Wanted {
    limit: Option<String>,
    offset: Option<String>,
}

/// The published client names no limit and takes what comes for all there is.
const LIMIT_DEFAULT: &str = "200";

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<TenantsRead>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<Value>, Problem> {
    let limit = wanted.limit.as_deref().unwrap_or(LIMIT_DEFAULT);
    let window = Window::read(Some(limit), wanted.offset.as_deref())?;
    if window.offset > ACCOUNTS_SKIPPED_MAX {
        let message = format!("Input should be at most {ACCOUNTS_SKIPPED_MAX}");
        return Err(flawed_at(Part::Query, "offset", message, "less_than_equal"));
    }
    spend(&cx, &caller.key, Budget::Calls).await?;
    let accounts = if caller.key.role == Role::Operator {
        cx.store.accounts(window.offset, window.limit).await?
    } else {
        let own = cx.store.account(caller.key.tenant).await?;
        own.into_iter().skip(window.offset).collect()
    };
    Ok(axum::Json(accounts.iter().map(shown).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;

    use super::*;
    use crate::testing::{ADMIN, Desk, OPERATOR, READER, tenant};

    async fn listed(desk: &Desk, key: &str, query: &str) -> Vec<String> {
        let answer = desk.call(ENDPOINT, &format!("/api/v1/tenants{query}"), key, Value::Null).await;
        let tenants = answer.json.as_array().unwrap_or_else(|| panic!("{}", answer.json)).clone();
        tenants.iter().map(|tenant| tenant["name"].as_str().unwrap().to_owned()).collect()
    }

    #[tokio::test]
    async fn an_operator_sees_all_and_an_admin_its_own() {
        let desk = Desk::new().await;
        assert_eq!(listed(&desk, ADMIN, "").await, Vec::<String>::new());
        desk.has_own_account(|_| {}).await;
        for name in ["Other", "Third"] {
            desk.has_tenant(name, Tier::Pro).await;
        }
        assert_eq!(listed(&desk, OPERATOR, "").await, ["Third", "Other", "Own"]);
        assert_eq!(listed(&desk, OPERATOR, "?limit=1&offset=1").await, ["Other"]);
        assert_eq!(listed(&desk, OPERATOR, "?offset=3").await, Vec::<String>::new());
        assert_eq!(listed(&desk, ADMIN, "").await, ["Own"]);
        assert_eq!(desk.call(ENDPOINT, "/api/v1/tenants", READER, Value::Null).await.status.as_u16(), 403);
        let path = format!("/api/v1/tenants/{}", tenant());
        desk.call(crate::tenants::delete::ENDPOINT, &path, OPERATOR, Value::Null).await;
        assert_eq!(listed(&desk, OPERATOR, "").await, ["Third", "Other"]);
        for query in ["?limit=0", "?limit=201", "?offset=-1", "?offset=10001"] {
            let refused = desk.call(ENDPOINT, &format!("/api/v1/tenants{query}"), OPERATOR, Value::Null).await;
            assert_eq!(refused.status.as_u16(), 400, "{query}");
        }
    }
}
