//! `GET /api/v1/hooks/dlq`: calls that were given up, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde_json::Value;

use super::{Wanted, call_shown};
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-dead",
    method: Verb::Get,
    path: "/api/v1/hooks/dlq",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListDeadCalls],
    summary: "List calls that were given up",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::HooksWrite>,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<Value>, Problem> {
    let window = wanted.window()?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let calls = cx.store.dead_calls(caller.key.tenant, Packet::KIND, window.offset, window.limit).await?;
    Ok(axum::Json(calls.iter().map(call_shown).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::hooks::testing::{called, end, made};
    use crate::testing::{Desk, WRITER};

    #[tokio::test]
    async fn of_all_hooks_what_was_given_up_is_there() {
        let desk = Desk::new().await;
        let (one, other) = (made(&desk).await, made(&desk).await);
        let mut dead = Vec::new();
        for (seq, hook) in [(1, one), (2, other), (3, one), (4, other)] {
            desk.advance(1);
            let call = called(&desk, hook, seq).await;
            if seq != 3 {
                end(&desk, &call).await;
                dead.insert(0, json!(call.id));
            }
        }
        let ask = async |query: &str| {
            let listed = desk.call(ENDPOINT, &format!("/api/v1/hooks/dlq{query}"), WRITER, Value::Null).await.json;
            listed.as_array().unwrap().iter().map(|call| call["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(ask("").await, dead);
        assert_eq!(ask("?limit=1&offset=1").await, dead[1..2]);
        let refused = desk.call(ENDPOINT, "/api/v1/hooks/dlq?limit=x", WRITER, Value::Null).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("limit")));
    }
}
