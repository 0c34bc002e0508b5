//! `POST /api/v1/hooks/dlq/retry-all`: calls that were given up are made again, as many as one request can put back.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use futures_util::StreamExt;
use handrail_domain::access::Scope;
use handrail_domain::hook::HookId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Call, REPLAYS_MAX};
use serde_json::{Value, json};

use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::shelf::AT_ONCE;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-retry-all",
    method: Verb::Post,
    path: "/api/v1/hooks/dlq/retry-all",
    auth: Auth::Key(Scope::HooksRetryAll),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListHooks, Touch::ListDeadCalls, Touch::ReplayCall],
    summary: "Make calls again that were given up",
    route,
};

/// Of one request: each is a write of 10 ms, eight at once, so a request takes a quarter of a second. What is more waits for
/// the next request.
const RETRIED_MAX: usize = 200;

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// A call is made later, so what a request can say is how many are put back: `succeeded` are, `failed` were replayed too often
/// or are put back by another request. What was for an inactive hook is not looked at.
async fn handler(State(cx): State<Cx>, caller: Caller<right::HooksRetryAll>) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    let hooks = cx.store.hooks(tenant, Packet::KIND).await?;
    let active: Vec<HookId> = hooks.iter().filter(|hook| hook.is_active()).map(|hook| hook.id).collect();
    let dead = cx.store.dead_calls_of(tenant, Packet::KIND, &active, RETRIED_MAX).await?;
    let puts: Vec<_> = dead.iter().map(|call| put_back(&cx, call)).collect();
    let put_back: Vec<Result<bool, Fault>> = futures_util::stream::iter(puts).buffer_unordered(AT_ONCE).collect().await;
    let (mut succeeded, mut failed) = (0, 0);
    for one in put_back {
        if one? { succeeded += 1 } else { failed += 1 }
    }
    Ok(axum::Json(json!({"retried": dead.len(), "succeeded": succeeded, "failed": failed})))
}

async fn put_back(cx: &Cx, call: &Call) -> Result<bool, Fault> {
    if call.delivery.replays >= REPLAYS_MAX {
        return Ok(false);
    }
    Ok(cx.store.replay_call(call, cx.clock.now()).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::{called, end, made, seen};
    use crate::testing::{ADMIN, Desk, WRITER};

    async fn retry(desk: &Desk) -> Value {
        desk.call(ENDPOINT, "/api/v1/hooks/dlq/retry-all", ADMIN, Value::Null).await.json
    }

    #[tokio::test]
    async fn all_that_can_be_are_put_back() {
        let desk = Desk::new().await;
        let (hook, gone) = (made(&desk).await, made(&desk).await);
        assert_eq!(retry(&desk).await, json!({"retried": 0, "succeeded": 0, "failed": 0}));
        let (mut calls, mut worn) = (Vec::new(), Vec::new());
        for seq in 1..=5 {
            calls.push(called(&desk, hook, seq).await);
            end(&desk, &calls[calls.len() - 1]).await;
            end(&desk, &called(&desk, gone, seq).await).await;
        }
        worn.push(called(&desk, hook, 6).await);
        for _ in 0..REPLAYS_MAX {
            end(&desk, &worn[0]).await;
            let call = desk.cx.store.call(worn[0].key.tenant, worn[0].id).await.unwrap().unwrap();
            desk.cx.store.replay_call(&call, desk.cx.clock.now()).await.unwrap().unwrap();
        }
        end(&desk, &worn[0]).await;
        desk.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{gone}"), WRITER, Value::Null).await;
        assert_eq!(retry(&desk).await, json!({"retried": 6, "succeeded": 5, "failed": 1}));
        for call in &calls {
            assert_eq!(seen(&desk, call.id).await["status"], "pending");
        }
        assert_eq!(retry(&desk).await, json!({"retried": 1, "succeeded": 0, "failed": 1}));
    }

    #[tokio::test]
    async fn one_request_takes_so_many() {
        let desk = Desk::new().await;
        let hook = made(&desk).await;
        for seq in 0..=RETRIED_MAX as u64 {
            end(&desk, &called(&desk, hook, seq).await).await;
        }
        assert_eq!(retry(&desk).await["succeeded"], RETRIED_MAX);
        assert_eq!(retry(&desk).await, json!({"retried": 1, "succeeded": 1, "failed": 0}));
    }

    #[tokio::test]
    async fn only_an_admin_retries_all() {
        let desk = Desk::new().await;
        let refused = desk.call(ENDPOINT, "/api/v1/hooks/dlq/retry-all", WRITER, Value::Null).await;
        assert!(refused.refusal().0 == 403 && refused.refusal().1.contains("admin"), "{}", refused.json);
    }
}
