//! The samples of the packets door, and what its answers look like: one packet is handed over and worked on.

use handrail_domain::access::Role;
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_effects::{Change, dispatch};
use handrail_kernel::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::hooks;
use crate::replay::{happen, happen_with};
use crate::samples::{Body, Sample};
use crate::stage::{ADMIN, AGENT, APP, Stage, TABLE, approver, key_id, tenant};

const IDEMPOTENCY_KEY: &str = "handover-4711";

/// Is this operation one of this door?
pub(crate) fn is_at(endpoint: &Endpoint) -> bool {
    endpoint.path.starts_with("/api/v1/") || ["/events", "/health", "/ready", "/metrics"].contains(&endpoint.path)
}

/// The packet that the example create makes.
pub(crate) fn packet_id() -> RecordId {
    RecordId::from_idempotency_key(tenant(), key_id(Role::Agent), Packet::KIND, IDEMPOTENCY_KEY)
}

/// The schema that the example registers.
fn schema_id() -> RecordId {
    RecordId::from_idempotency_key(tenant(), key_id(Role::App), "schema", IDEMPOTENCY_KEY)
}

fn packet() -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "support-01", "name": "Support", "framework": "langchain"},
            "target_agent": {"id": "refunds-01", "name": "Refunds"},
            "priority": "high",
            "tags": ["refund"],
        },
        "context": {
            "summary": "The customer returned both items of order 4711.",
            "conversation_state": [{"role": "user", "content": "Where is my money?"}],
        },
        "actions": {"pending": [{"id": "a1", "description": "Refund 129.50", "assignee": "refunds-01"}]},
    })
}

fn claim() -> Value {
    json!({"agent_id": "refunds-01", "agent_name": "Refunds", "framework": "crewai"})
}

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let by = |key: &str, body: Option<Value>| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let at = |sample: Sample| Sample { parameter: Some(("id", packet_id().to_string())), ..sample };
    Some(match function {
        "packets-create" => {
            Sample { headers: vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())], ..by(AGENT, Some(packet())) }
        }
        "packets-list" => Sample {
            query: vec![("status", "created".to_owned()), ("target_agent", "refunds-01".to_owned())],
            ..by(AGENT, None)
        },
        "packets-awaiting" | "packets-schema-list" => {
            Sample { query: vec![("limit", "20".to_owned())], ..by(APP, None) }
        }
        "packets-search" => Sample { query: vec![("q", "returned".to_owned())], ..by(AGENT, None) },
        "packets-get" | "packets-history" | "packets-delete" => at(by(AGENT, None)),
        "packets-patch" => {
            let decision = json!({"id": "d1", "decision": "Refund in full", "rationale": "Both items are back"});
            at(by(AGENT, Some(json!({"decisions": [decision]}))))
        }
        "packets-claim" => at(by(AGENT, Some(claim()))),
        "packets-respond" => at(by(APP, Some(json!({"response": "Refund it.", "responded_by": "ada@example.com"})))),
        "packets-chain" => at(by(AGENT, Some(packet()))),
        "packets-batch-create" => by(AGENT, Some(json!({"packets": [packet(), packet()]}))),
        "packets-batch-claim" => {
            let mut batch = claim();
            batch["packet_ids"] = json!([packet_id()]);
            by(AGENT, Some(batch))
        }
        "packets-batch-complete" => by(AGENT, Some(json!({"packet_ids": [packet_id()]}))),
        // From the beginning: so there is something to tell at once.
        "packets-events" => Sample { query: vec![("last_event_id", "0".to_owned())], ..by(AGENT, None) },
        "packets-audit" => Sample { query: vec![("action", "created".to_owned())], ..by(AGENT, None) },
        "packets-stats" | "packets-system-health" | "packets-metrics" => by(ADMIN, None),
        "packets-health" | "packets-ready" => Sample { key: None, ..by("", None) },
        "packets-schema-create" => {
            let summary = json!({"type": "string", "minLength": 1});
            let schema = json!({"type": "object", "properties": {"summary": summary}, "required": ["summary"]});
            Sample {
                headers: vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())],
                ..by(APP, Some(json!({"name": "refund", "json_schema": schema})))
            }
        }
        "packets-schema-get" => Sample { parameter: Some(("id", schema_id().to_string())), ..by(APP, None) },
        _ => return hooks::sample(function),
    })
}

/// The example packet, with a question to the approver of the examples.
pub(crate) async fn somebody_is_asked(stage: &mut Stage) {
    let checkpoint = json!({"reason": "More than 100", "question": "Refund 129.50?", "approver": approver()});
    happen_with(stage, "packets-create", |body| body["hitl"] = checkpoint).await;
}

/// What has to have happened before the sample of this operation.
pub(crate) async fn set(stage: &mut Stage, function: &str) {
    match function {
        "packets-events" | "packets-audit" | "packets-stats" | "packets-system-health" | "packets-metrics" => {
            happen(stage, "packets-create").await;
            for change in stage.engine.changes_after(TABLE, None, 1_000).expect("the engine tells its changes") {
                let change = Change { old: change.old, new: change.new };
                dispatch(&stage.works(), &change).await.expect("it is added to the feed");
            }
            stage.forget();
        }
        "packets-schema-create" => {}
        "packets-create" | "packets-schema-list" | "packets-schema-get" => happen(stage, "packets-schema-create").await,
        "packets-chain" | "packets-batch-create" => {
            happen(stage, "packets-schema-create").await;
            happen(stage, "packets-create").await;
        }
        "packets-respond" | "packets-awaiting" => {
            let checkpoint = json!({"reason": "More than 100", "question": "Refund 129.50?"});
            happen_with(stage, "packets-create", |body| body["hitl"] = checkpoint).await;
        }
        "packets-batch-complete" => {
            happen(stage, "packets-create").await;
            happen(stage, "packets-claim").await;
        }
        function if function.starts_with("packets-hooks-") => hooks::set(stage).await,
        _ => happen(stage, "packets-create").await,
    }
}

/// Requests that do what the sample does not.
pub(crate) fn rarer(function: &str) -> Vec<Sample> {
    match function {
        // A repeat reads what is there.
        "packets-create" => sample(function).into_iter().chain(held_to_a_schema(function)).collect(),
        "packets-chain" => held_to_a_schema(function).into_iter().collect(),
        "packets-batch-create" => {
            let headers = || vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())];
            let named = || sample(function).map(|sample| Sample { headers: headers(), ..sample });
            named().into_iter().chain(named()).chain(held_to_a_schema(function)).collect()
        }
        // One packet's, and some time's.
        "packets-audit" => [("packet_id", packet_id().to_string()), ("created_after", "2026-01-01".to_owned())]
            .into_iter()
            .filter_map(|query| sample(function).map(|sample| Sample { query: vec![query], ..sample }))
            .collect(),
        "packets-list" => sample(function).map(|sample| Sample { query: Vec::new(), ..sample }).into_iter().collect(),
        // All that there was, and not what is dead alone.
        "packets-hooks-deliveries" => {
            sample(function).map(|sample| Sample { query: Vec::new(), ..sample }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// The sample with the name of a schema, and no other name.
fn held_to_a_schema(function: &str) -> Option<Sample> {
    let mut held = Sample { headers: Vec::new(), ..sample(function)? };
    if let Some(Body::Json(body)) = &mut held.body {
        let packet = if function == "packets-batch-create" { &mut body["packets"][0] } else { body };
        packet["schema_id"] = json!(schema_id());
    }
    Some(held)
}
