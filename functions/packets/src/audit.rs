//! `GET /api/v1/audit`: lists the history entries of all packets of a tenant, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::record::EncodedLogEntry;
use handrail_platform::fault::Fault;
use handrail_store::{AuditFilter, JournalEntry};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::body::{QueryString, parse_uuid};
use crate::door::DOOR;
use crate::errors::field_error;
use crate::history::history_of_packet;
use crate::history_entry::{AuditView, HistoryEntry};
use crate::list::parse_time;
use crate::page::{PageParams, non_blank};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-audit",
    method: HttpMethod::Get,
    path: "/api/v1/audit",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadJournal, DataAccess::Read],
    summary: "List the history of all packets, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Query parameters. A blank one counts as absent.
#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    actor: Option<String>,
    action: Option<String>,
    packet_id: Option<String>,
    /// Time or date.
    created_after: Option<String>,
    /// Time or date.
    created_before: Option<String>,
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
}

/// Page of events of all packets.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "AuditList")]
struct ResponseBody {
    entries: Vec<AuditView>,
    total: u64,
    limit: usize,
    offset: usize,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    QueryString(params): QueryString<QueryParams>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    let PageParams { limit, offset } = PageParams::parse(params.limit.as_deref(), params.offset.as_deref())?;
    let owned = |text: &Option<String>| non_blank(text.as_deref()).map(str::to_owned);
    let filter = AuditFilter {
        actor: owned(&params.actor),
        action: owned(&params.action),
        from: parse_time("created_after", params.created_after.as_deref())?,
        to: parse_time("created_before", params.created_before.as_deref())?,
    };
    let packet = non_blank(params.packet_id.as_deref()).map(parse_packet_id).transpose()?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (entries, total) = match packet {
        Some(id) => filter_packet_history(&cx, caller.key.tenant, id, &filter, offset, limit).await?,
        None => {
            let found = cx.store.find_audit_entries(caller.key.tenant, Packet::KIND, &filter, offset, limit).await?;
            let found = found.ok_or_else(|| {
                let message = "Too many entries to search. Narrow created_after and created_before, or set packet_id";
                field_error(RequestPart::Query, "created_after", message, "too_long")
            })?;
            (found.entries.iter().map(read_history_entry).collect::<Result<Vec<_>, Fault>>()?, found.total)
        }
    };
    let entries = entries.into_iter().map(HistoryEntry::into_audit_view).collect();
    Ok(axum::Json(ResponseBody { entries, total, limit, offset }))
}

fn parse_packet_id(text: &str) -> Result<RecordId, Problem> {
    parse_uuid(RequestPart::Query, "packet_id", text).map(RecordId::from_bytes)
}

/// Filters the history of one packet, which is complete and current; the tenant's journal is filled with a delay.
async fn filter_packet_history(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    filter: &AuditFilter,
    offset: usize,
    limit: usize,
) -> Result<(Vec<HistoryEntry>, u64), Fault> {
    let mut entries = history_of_packet(cx, tenant, id).await?.unwrap_or_default();
    entries.retain(|entry| {
        filter.actor.as_ref().is_none_or(|actor| *actor == entry.actor)
            && filter.action.as_ref().is_none_or(|action| action == entry.action)
            && filter.from.is_none_or(|from| entry.at >= from)
            && filter.to.is_none_or(|to| entry.at <= to)
    });
    let total = entries.len() as u64;
    Ok((entries.into_iter().rev().skip(offset).take(limit).collect(), total))
}

fn read_history_entry(entry: &JournalEntry) -> Result<HistoryEntry, Fault> {
    let decoded = EncodedLogEntry::<Packet>::read(entry.event.clone());
    let decoded = decoded.map_err(|error| Fault::internal_with_source("journal entry cannot be decoded", error))?;
    HistoryEntry::from_log_entry(entry.record, &decoded.entry)
        .ok_or_else(|| Fault::internal("journal entry has no history entry"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{AGENT, READER, TestApp, TestResponse, WRITER, checkpoint_body};
    use serde_json::{Value, json};

    async fn get_audit(app: &TestApp, query: &str) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/audit{query}"), READER, Value::Null).await
    }

    async fn audit_entries(app: &TestApp, query: &str) -> (Vec<Value>, Value) {
        let page = get_audit(app, query).await;
        assert_eq!(page.status.as_u16(), 200, "{query}: {}", page.json);
        (page.json["entries"].as_array().unwrap().clone(), page.json["total"].clone())
    }

    /// Creates a packet that an agent completed and a packet whose checkpoint was answered.
    async fn create_sample_events(app: &TestApp) -> [RecordId; 2] {
        let worked_on = app.create_claimed_packet().await;
        let path = format!("/api/v1/packets/{worked_on}");
        for body in
            [json!({"context": {"summary": "new"}}), json!({"status": "in_progress"}), json!({"status": "completed"})]
        {
            app.call(crate::patch::ENDPOINT, &path, AGENT, body).await;
        }
        let answered = app.create_packet_with(checkpoint_body()).await;
        let answer = json!({"response": "yes", "responded_by": "ann"});
        app.call(crate::respond::ENDPOINT, &format!("/api/v1/packets/{answered}/respond"), WRITER, answer).await;
        app.run_dispatcher().await;
        [worked_on, answered]
    }

    #[tokio::test]
    async fn audit_and_history_entries_agree() {
        let app = TestApp::new().await;
        let ids = create_sample_events(&app).await;
        let (all, total) = audit_entries(&app, "").await;
        assert_eq!((all.len(), &total), (6, &json!(6)));
        for id in ids {
            let path = format!("/api/v1/packets/{id}/history");
            let history = app.call(crate::history::ENDPOINT, &path, READER, Value::Null).await;
            let history: Vec<Value> = history.json["events"].as_array().unwrap().clone();
            let of_packet: Vec<&Value> = all.iter().rev().filter(|entry| entry["packet_id"] == json!(id)).collect();
            assert_eq!(of_packet.len(), history.len());
            for (entry, event) in of_packet.into_iter().zip(&history) {
                for member in ["id", "packet_id", "actor", "details", "timestamp"] {
                    assert_eq!(entry[member], event[member], "{entry}");
                }
                assert_eq!((&entry["action"], &entry["resource"]), (&event["event_type"], &json!("packet")));
            }
            let (alone, total) = audit_entries(&app, &format!("?packet_id={id}")).await;
            assert_eq!((alone.len(), total), (history.len(), json!(history.len())));
            assert!(alone.iter().all(|entry| all.contains(entry)), "filtered entries are part of the full list");
        }
    }

    #[tokio::test]
    async fn audit_is_filtered_and_paged() {
        let app = TestApp::new().await;
        let [worked_on, _] = create_sample_events(&app).await;
        for (query, total) in [
            ("?action=created", 2),
            ("?action=hitl_responded&actor=human:ann", 1),
            ("?actor=agent:b-1", 3),
            ("?actor=&action=&packet_id=&created_after=", 6),
            ("?created_after=2001-01-01", 6),
            ("?created_before=2001-01-01", 0),
            ("?action=nothing", 0),
            (&format!("?packet_id={worked_on}&action=completed"), 1),
            (&format!("?packet_id={worked_on}&created_before=2001-01-01"), 0),
            ("?packet_id=018f0000-0000-7000-8000-000000000000", 0),
        ] {
            let (found, counted) = audit_entries(&app, query).await;
            assert_eq!((found.len(), &counted), (total, &json!(total)), "{query}");
        }
        let (page, total) = audit_entries(&app, "?limit=2&offset=1").await;
        assert_eq!((page.len(), total), (2, json!(6)));
        assert_eq!(page[0]["action"], "created");
    }

    #[tokio::test]
    async fn invalid_audit_filter_is_refused_by_name() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("?packet_id=x", "packet_id"),
            ("?created_after=yesterday", "created_after"),
            ("?limit=201", "limit"),
            ("?offset=-1", "offset"),
        ] {
            let refused = get_audit(&app, query).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
    }
}
