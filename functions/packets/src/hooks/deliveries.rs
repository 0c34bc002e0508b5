//! `GET /api/v1/hooks/{id}/deliveries`: what one address was called about, newest first, and what came of it.

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
use serde_json::{Value, json};

use super::{HookPath, Wanted, call_shown, hook_not_found, state_named};
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::page::given;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-deliveries",
    method: Verb::Get,
    path: "/api/v1/hooks/{id}/deliveries",
    auth: Auth::Key(Scope::HooksWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadHook, Touch::ListCalls],
    summary: "See what an address was called about",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::HooksWrite>,
    HookPath(id): HookPath,
    Asked(wanted): Asked<Wanted>,
) -> Result<axum::Json<Value>, Problem> {
    let window = wanted.window()?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    cx.store.hook(tenant, Packet::KIND, id).await?.ok_or_else(|| hook_not_found(id))?;
    let state = match given(wanted.status.as_deref()).map(str::trim) {
        None => None,
        Some(name) => match state_named(name) {
            Some(state) => Some(state),
            // A status that does not exist fits nothing.
            None => return Ok(axum::Json(json!([]))),
        },
    };
    let calls = cx.store.calls_of_hook(tenant, id, state, window.offset, window.limit).await?;
    Ok(axum::Json(calls.iter().map(call_shown).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;

    use super::*;
    use crate::hooks::testing::{called, end, made, tried};
    use crate::testing::{Desk, NOON, WRITER};

    #[tokio::test]
    async fn a_call_shows_how_far_it_is() {
        let desk = Desk::new().await;
        let hook = made(&desk).await;
        let path = format!("/api/v1/hooks/{hook}/deliveries");
        let ask = async || desk.call(ENDPOINT, &path, WRITER, Value::Null).await.json[0].clone();
        let call = called(&desk, hook, 1).await;
        let mut expected = json!({
            "id": call.id,
            "webhook_id": hook,
            "packet_id": call.key.record,
            "event_type": "packet.created",
            "status": "pending",
            "attempts": 0,
            "last_error": null,
            "last_status_code": null,
            "next_retry_at": null,
            "delivered_at": null,
            "created_at": NOON,
            "updated_at": NOON,
        });
        assert_eq!(ask().await, expected);
        tried(&desk, &call, Some(503), Some(NOON.plus_ms(1_000))).await;
        for (name, value) in [
            ("status", json!("failed")),
            ("attempts", json!(1)),
            ("last_error", json!("HTTP 503")),
            ("last_status_code", json!(503)),
            ("next_retry_at", json!(NOON.plus_ms(1_000))),
        ] {
            expected[name] = value;
        }
        assert_eq!(ask().await, expected);
        desk.advance(1);
        tried(&desk, &call, Some(200), None).await;
        for (name, value) in [
            ("status", json!("delivered")),
            ("attempts", json!(2)),
            ("last_error", Value::Null),
            ("last_status_code", json!(200)),
            ("next_retry_at", Value::Null),
            ("delivered_at", json!(NOON.plus_ms(1_000))),
            ("updated_at", json!(NOON.plus_ms(1_000))),
        ] {
            expected[name] = value;
        }
        assert_eq!(ask().await, expected);
    }

    #[tokio::test]
    async fn the_newest_come_first_by_page_and_status() {
        let desk = Desk::new().await;
        let (hook, other) = (made(&desk).await, made(&desk).await);
        let mut packets: Vec<RecordId> = Vec::new();
        for seq in 1..=6 {
            desk.advance(1);
            let call = called(&desk, hook, seq).await;
            packets.insert(0, call.key.record);
            if seq % 2 == 0 {
                end(&desk, &call).await;
            }
        }
        called(&desk, other, 9).await;
        let ask = async |query: &str| {
            let listed =
                desk.call(ENDPOINT, &format!("/api/v1/hooks/{hook}/deliveries{query}"), WRITER, Value::Null).await;
            let listed: Vec<RecordId> = serde_json::from_value(
                listed
                    .json
                    .as_array()
                    .unwrap_or_else(|| panic!("{}", listed.json))
                    .iter()
                    .map(|call| call["packet_id"].clone())
                    .collect(),
            )
            .unwrap();
            listed
        };
        assert_eq!(ask("").await, packets);
        assert_eq!(ask("?limit=2&offset=1").await, packets[1..3]);
        assert_eq!(ask("?offset=6").await, []);
        let dead: Vec<RecordId> = packets.iter().copied().step_by(2).collect();
        assert_eq!(ask("?status=dead_letter").await, dead);
        assert_eq!(ask("?status=dead_letter&limit=1&offset=2").await, dead[2..]);
        assert_eq!(ask("?status=pending").await.len(), 3);
        assert_eq!(ask("?status=delivered").await, []);
        assert_eq!(ask("?status=lost").await, []);
        assert_eq!(ask("?status=").await.len(), 6);
    }

    #[tokio::test]
    async fn a_query_that_means_nothing_is_refused_by_name() {
        let desk = Desk::new().await;
        let hook = made(&desk).await;
        for (query, field) in
            [("?limit=0", "limit"), ("?limit=201", "limit"), ("?offset=-1", "offset"), ("?offset=10001", "offset")]
        {
            let refused =
                desk.call(ENDPOINT, &format!("/api/v1/hooks/{hook}/deliveries{query}"), WRITER, Value::Null).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
        let none =
            desk.call(ENDPOINT, "/api/v1/hooks/018f0000-0000-7000-8000-000000000000/deliveries", WRITER, Value::Null);
        assert_eq!(none.await.status.as_u16(), 404);
    }
}
