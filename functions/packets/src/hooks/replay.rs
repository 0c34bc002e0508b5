//! `POST /api/v1/hooks/dlq/{id}/replay`: one call that was given up is made again, with the bytes it had.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::hook::CallId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{DeliveryStatus, Hook, REPLAYS_MAX};
use http::StatusCode;
use serde_json::{Value, json};

use super::CallPath;
use crate::caller::Caller;
use crate::dialect::{DIALECT, refuse};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-replay",
    method: Verb::Post,
    path: "/api/v1/hooks/dlq/{id}/replay",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadCall, Touch::ReadHook, Touch::ReplayCall],
    summary: "Make a call again that was given up",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::HooksWrite>,
    CallPath(id): CallPath,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    let call = cx.store.call(tenant, id).await?.filter(|call| call.kind == Packet::KIND);
    let call = call.filter(|call| call.delivery.status == DeliveryStatus::Dead).ok_or_else(|| not_found(id))?;
    if !cx.store.hook(tenant, Packet::KIND, call.hook).await?.as_ref().is_some_and(Hook::is_active) {
        let message = format!("Webhook {} is inactive: nobody is called there any more", call.hook);
        return Err(refuse(StatusCode::CONFLICT, message));
    }
    if call.delivery.replays >= REPLAYS_MAX {
        return Err(refuse(StatusCode::CONFLICT, format!("This delivery was replayed {REPLAYS_MAX} times already")));
    }
    // Lost: another request replays it, so it is no dead letter any more.
    cx.store.replay_call(&call, cx.clock.now()).await?.ok_or_else(|| not_found(id))?;
    Ok(axum::Json(json!({"delivery_id": id, "replayed": true})))
}

fn not_found(id: CallId) -> Problem {
    refuse(StatusCode::NOT_FOUND, format!("Dead letter {id} not found"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::{called, end, made, seen};
    use crate::testing::{AGENT, Answer, Desk, NOON, WRITER, tenant};

    async fn replay(desk: &Desk, id: CallId, key: &str) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/hooks/dlq/{id}/replay"), key, Value::Null).await
    }

    #[tokio::test]
    async fn it_is_put_back_once_at_a_time() {
        let desk = Desk::new().await;
        let call = called(&desk, made(&desk).await, 1).await;
        let not_found = format!("Dead letter {} not found", call.id);
        assert_eq!(replay(&desk, call.id, WRITER).await.refusal(), (404, not_found.as_str()), "it is still tried");
        end(&desk, &call).await;
        assert_eq!(replay(&desk, call.id, AGENT).await.status.as_u16(), 403);
        desk.advance(60);
        let at_once = (0..5).map(|_| replay(&desk, call.id, WRITER));
        let answers = futures_util::future::join_all(at_once).await;
        let (done, refused): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status.as_u16() == 200);
        assert_eq!((done.len(), refused.len()), (1, 4));
        assert_eq!(done[0].json, json!({"delivery_id": call.id, "replayed": true}));
        assert!(refused.iter().all(|answer| answer.refusal() == (404, not_found.as_str())));
        let shown = seen(&desk, call.id).await;
        assert_eq!((&shown["status"], &shown["next_retry_at"]), (&json!("pending"), &json!(NOON.plus_ms(60_000))));
        assert_eq!(shown["updated_at"], json!(NOON.plus_ms(60_000)));
        let dead = desk.call(crate::hooks::dead::ENDPOINT, "/api/v1/hooks/dlq", WRITER, Value::Null).await;
        assert_eq!(dead.json, json!([]));
    }

    #[tokio::test]
    async fn it_is_put_back_so_often_and_not_more() {
        let desk = Desk::new().await;
        let call = called(&desk, made(&desk).await, 1).await;
        for _ in 0..REPLAYS_MAX {
            end(&desk, &call).await;
            assert_eq!(replay(&desk, call.id, WRITER).await.status.as_u16(), 200);
        }
        end(&desk, &call).await;
        assert_eq!(
            replay(&desk, call.id, WRITER).await.refusal(),
            (409, "This delivery was replayed 20 times already")
        );
    }

    #[tokio::test]
    async fn where_nobody_is_called_nothing_is_put_back() {
        let desk = Desk::new().await;
        let hook = made(&desk).await;
        let call = called(&desk, hook, 1).await;
        end(&desk, &call).await;
        desk.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{hook}"), WRITER, Value::Null).await;
        let (status, detail) = {
            let refused = replay(&desk, call.id, WRITER).await;
            (refused.status.as_u16(), refused.refusal().1.to_owned())
        };
        assert!(status == 409 && detail.contains("inactive"), "{status} {detail}");
        assert_eq!(desk.cx.store.call(tenant(), call.id).await.unwrap().unwrap().delivery.replays, 0);
    }
}
