//! `GET /api/v1/packets/{id}/history`: lists the history entries of a packet, oldest first, derived from its events.
//!
//! The published API returns the whole history at once. If it exceeds a response, the newest entries are returned, and
//! `before` requests the earlier ones.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::packet::Packet;
use handrail_domain::record::EncodedLogEntry;
use handrail_platform::fault::Fault;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::{PacketId, QueryString};
use crate::door::DOOR;
use crate::errors::{field_error, packet_not_found};
use crate::history_entry::{HistoryEntry, HistoryView};
use crate::page::non_blank;
use crate::response_encoding::{ENVELOPE_BYTES_MAX, ResponseEncoding};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-history",
    method: HttpMethod::Get,
    path: "/api/v1/packets/{id}/history",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read],
    summary: "List the history of a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200)
}

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Number of the first event to leave out.
    before: Option<String>,
}

/// History of a packet, oldest entry first.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketHistory")]
struct ResponseBody {
    packet_id: RecordId,
    events: Vec<HistoryView>,
    /// Number of the first entry of the response, if there are earlier ones.
    before: Option<u64>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    PacketId(id): PacketId,
    QueryString(params): QueryString<QueryParams>,
    encoding: ResponseEncoding,
) -> Result<Response, Problem> {
    let before = parse_before(params.before.as_deref())?;
    let read =
        async { log_entries_before(&cx, caller.key.tenant, id, before).await?.ok_or_else(|| packet_not_found(id)) };
    let entries = limited_read(&cx, &caller.key, id, read).await?;
    let (mut events, mut budget, mut oldest) = (Vec::new(), encoding.budget_after(ENVELOPE_BYTES_MAX), 1);
    for entry in entries.iter().rev() {
        if let Some(history) = HistoryEntry::from_log_entry(id, &entry.entry) {
            let event = history.into_history_view();
            if !budget.reserve_entry(&event)? {
                break;
            }
            events.push(event);
        }
        oldest = entry.entry.seq;
    }
    events.reverse();
    let before = (oldest > 1).then_some(oldest);
    Ok(encoding.encode(&ResponseBody { packet_id: id, events, before })?)
}

/// Returns the packet's history, oldest first, as of now, or `None` if there is no such packet.
pub(crate) async fn history_of_packet(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
) -> Result<Option<Vec<HistoryEntry>>, Fault> {
    let entries = log_entries_before(cx, tenant, id, u64::MAX).await?;
    Ok(entries
        .map(|entries| entries.iter().filter_map(|entry| HistoryEntry::from_log_entry(id, &entry.entry)).collect()))
}

async fn log_entries_before(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    before: u64,
) -> Result<Option<Vec<EncodedLogEntry<Packet>>>, Fault> {
    let Some(record) = cx.store.record::<Packet>(tenant, id).await? else { return Ok(None) };
    let mut log = record.as_of(cx.clock.now()).log;
    // The record holds only its newest log entries; older events are stored separately.
    let first = log.first().map_or(1, |entry| entry.entry.seq).min(before);
    let mut entries = if first > 1 { cx.store.events_before::<Packet>(tenant, id, first).await? } else { Vec::new() };
    log.retain(|entry| entry.entry.seq < before);
    entries.append(&mut log);
    Ok(Some(entries))
}

/// Parses `before`, the number of the first event to leave out. Without `before` all events are returned.
fn parse_before(text: Option<&str>) -> Result<u64, Problem> {
    let Some(text) = non_blank(text) else { return Ok(u64::MAX) };
    let refuse = || field_error(RequestPart::Query, "before", "Input should be a whole number from 1", "int_parsing");
    text.parse().ok().filter(|number| *number > 0).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, READER, TestApp, WRITER, checkpoint_body};

    async fn get_history(app: &TestApp, id: RecordId) -> Vec<Value> {
        let history = app.call(ENDPOINT, &format!("/api/v1/packets/{id}/history"), READER, Value::Null).await;
        assert_eq!(history.json["packet_id"], json!(id), "{}", history.json);
        history.json["events"].as_array().unwrap().clone()
    }

    #[tokio::test]
    async fn history_lists_transitions_without_edits() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        let path = format!("/api/v1/packets/{id}");
        for body in [json!({"context": {"summary": "new"}}), json!({"status": "in_progress"}), json!({})] {
            app.call(crate::patch::ENDPOINT, &path, AGENT, body).await;
        }
        app.call(crate::delete::ENDPOINT, &path, WRITER, Value::Null).await;
        let events = get_history(&app, id).await;
        let short: Vec<_> = events.iter().map(|event| (event["event_type"].clone(), event["actor"].clone())).collect();
        let expected = [
            ("created", "agent:a-1"),
            ("claimed", "agent:b-1"),
            ("in_progress", "agent:b-1"),
            ("expired", "system:soft_delete"),
        ];
        assert_eq!(short, expected.map(|(kind, actor)| (json!(kind), json!(actor))));
        assert_eq!(events[1]["details"], json!({"agent_name": "The b-1", "framework": null}));
        assert_eq!(events[3]["details"], json!({"previous_status": "in_progress", "reason": "soft_delete"}));
    }

    #[tokio::test]
    async fn expiry_events_name_the_system_as_actor() {
        let app = TestApp::new().await;
        let awaiting = app.create_packet_with(checkpoint_body()).await;
        let old = app.create_packet().await;
        app.advance(24 * 60 * 60);
        let last = get_history(&app, awaiting).await.pop().unwrap();
        assert_eq!(
            (&last["actor"], &last["details"]["reason"]),
            (&json!("system:expiry_task"), &json!("hitl_timeout"))
        );
        let last = get_history(&app, old).await.pop().unwrap();
        let details = json!({"previous_status": "created", "reason": "ttl_exceeded"});
        assert_eq!((&last["actor"], &last["details"]), (&json!("system:expiry_task"), &details));
    }

    #[tokio::test]
    async fn answer_event_names_the_approver_as_actor() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        let body = json!({"response": "yes", "responded_by": "ann"});
        app.call(crate::respond::ENDPOINT, &format!("/api/v1/packets/{id}/respond"), WRITER, body).await;
        let last = get_history(&app, id).await.pop().unwrap();
        assert_eq!((&last["event_type"], &last["actor"]), (&json!("hitl_responded"), &json!("human:ann")));
        let id = crate::testing::api_key(Role::Writer).id;
        let expected = json!({
            "response": "yes",
            "notes": null,
            "transition_to": "claimed",
            "resolved_via": "api",
            "resolved_with_key": id,
            "resolved_with_key_name": "the writer",
            "answered_by_asker": true,
        });
        assert_eq!(last["details"], expected);
    }

    #[tokio::test]
    async fn long_history_is_returned_in_pages() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let path = format!("/api/v1/packets/{id}");
        let text = "\"".repeat(10_000);
        for _ in 0..85 {
            let checkpoint = json!({"status": "awaiting_human", "hitl": {"reason": "Again"}});
            let opened = app.call(crate::patch::ENDPOINT, &path, AGENT, checkpoint).await;
            assert_eq!(opened.status.as_u16(), 200, "{}", opened.json);
            let body = json!({"response": text, "responded_by": "ann", "notes": text});
            app.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, body).await;
            // The stream worker stores each event.
            let record = app.get_record(id).await;
            for entry in &record.log {
                let key = handrail_store::HeadKey { tenant: record.tenant, id };
                app.cx.store.put_event(key, entry).await.unwrap();
            }
        }
        let get_page = async |before: &str| {
            let response = app.call(ENDPOINT, &format!("{path}/history?before={before}"), READER, Value::Null).await;
            assert!(response.body.len() < 6_000_000);
            response.json
        };
        let newest = get_page("").await;
        let before = newest["before"].as_u64().unwrap();
        let rest = get_page(&before.to_string()).await;
        assert_eq!(rest["before"], Value::Null);
        let all = rest["events"].as_array().unwrap().iter().chain(newest["events"].as_array().unwrap());
        let numbers =
            all.map(|event| event["id"].as_str().unwrap().rsplit_once('.').unwrap().1.parse::<u64>().unwrap());
        assert!(numbers.eq(1..=171), "one creation, 85 checkpoints and 85 answers");
        let refused = app.call(ENDPOINT, &format!("{path}/history?before=x"), READER, Value::Null).await;
        assert_eq!(refused.json["field"], "before");
    }
}
