//! Samples of the packets door: one packet is created, claimed and completed.

use handrail_domain::access::Role;
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_effects::{Change, dispatch};
use handrail_web::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::hooks;
use crate::replay::{run_example, run_example_with};
use crate::replay_app::{ADMIN, AGENT, APP, NOW, ReplayApp, SCRAPER_ADDRESS, TABLE, WRITER, approver, key_id, tenant};
use crate::samples::{Body, Sample};

const IDEMPOTENCY_KEY: &str = "handover-4711";

/// Returns `true` if the endpoint belongs to the packets door.
pub(crate) fn is_at(endpoint: &Endpoint) -> bool {
    endpoint.door.name == "packets"
}

/// Id of the packet that the `packets-create` sample makes.
pub(crate) fn packet_id() -> RecordId {
    RecordId::from_idempotency_key(tenant(), key_id(Role::Writer), Packet::KIND, IDEMPOTENCY_KEY)
}

/// Id of the schema that the `packets-schema-create` sample makes.
pub(crate) fn schema_id() -> RecordId {
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
    let sample_by = |key: &str, body: Option<Value>| Sample {
        key: Some(key.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let at_packet = |sample: Sample| Sample { parameter: Some(("id", packet_id().to_string())), ..sample };
    Some(match function {
        "packets-create" => Sample {
            headers: vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())],
            ..sample_by(WRITER, Some(packet()))
        },
        "packets-list" => Sample {
            query: vec![("status", "created".to_owned()), ("target_agent", "refunds-01".to_owned())],
            ..sample_by(AGENT, None)
        },
        "packets-awaiting" | "packets-schema-list" => {
            Sample { query: vec![("limit", "20".to_owned())], ..sample_by(APP, None) }
        }
        "packets-search" => Sample { query: vec![("q", "returned".to_owned())], ..sample_by(AGENT, None) },
        "packets-get" | "packets-history" => at_packet(sample_by(AGENT, None)),
        "packets-delete" => at_packet(sample_by(WRITER, None)),
        "packets-patch" => {
            let decision = json!({"id": "d1", "decision": "Refund in full", "rationale": "Both items are back"});
            at_packet(sample_by(AGENT, Some(json!({"decisions": [decision]}))))
        }
        "packets-claim" => at_packet(sample_by(AGENT, Some(claim()))),
        "packets-respond" => {
            at_packet(sample_by(APP, Some(json!({"response": "Refund it.", "responded_by": "ada@example.com"}))))
        }
        "packets-chain" => at_packet(sample_by(WRITER, Some(packet()))),
        "packets-batch-create" => sample_by(WRITER, Some(json!({"packets": [packet(), packet()]}))),
        "packets-batch-claim" => {
            let mut batch = claim();
            batch["packet_ids"] = json!([packet_id()]);
            sample_by(AGENT, Some(batch))
        }
        "packets-batch-complete" => sample_by(WRITER, Some(json!({"packet_ids": [packet_id()]}))),
        // A stream from the beginning sends its first event at once.
        "packets-events" => Sample { query: vec![("last_event_id", "0".to_owned())], ..sample_by(AGENT, None) },
        "packets-audit" => Sample { query: vec![("action", "created".to_owned())], ..sample_by(AGENT, None) },
        "packets-stats" | "packets-system-health" | "packets-metrics" => sample_by(ADMIN, None),
        "packets-health" | "packets-ready" => Sample { key: None, ..sample_by("", None) },
        "packets-schema-create" => {
            let summary = json!({"type": "string", "minLength": 1});
            let schema = json!({"type": "object", "properties": {"summary": summary}, "required": ["summary"]});
            Sample {
                headers: vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())],
                ..sample_by(APP, Some(json!({"name": "refund", "json_schema": schema})))
            }
        }
        "packets-schema-get" => Sample { parameter: Some(("id", schema_id().to_string())), ..sample_by(APP, None) },
        _ => return hooks::sample(function),
    })
}

/// Creates the sample packet with a checkpoint for the examples' approver.
pub(crate) async fn create_packet_with_checkpoint(app: &mut ReplayApp) {
    let checkpoint = json!({"reason": "More than 100", "question": "Refund 129.50?", "approver": approver()});
    run_example_with(app, "packets-create", |body| body["hitl"] = checkpoint).await;
}

/// Sets up what the sample of this operation needs.
pub(crate) async fn set_up(app: &mut ReplayApp, function: &str) {
    match function {
        "packets-events" | "packets-audit" | "packets-stats" | "packets-system-health" | "packets-metrics" => {
            run_example(app, "packets-create").await;
            if matches!(function, "packets-system-health" | "packets-metrics") {
                run_example(app, "packets-hooks-create").await;
            }
            dispatch_changes(app).await;
        }
        // Once its packets are counted, a list reads the count and the partitions of its filter.
        "packets-list" => {
            run_example(app, "packets-create").await;
            dispatch_changes(app).await;
        }
        "packets-schema-create" => {}
        "packets-create" | "packets-schema-list" | "packets-schema-get" => {
            run_example(app, "packets-schema-create").await;
        }
        "packets-chain" | "packets-batch-create" => {
            run_example(app, "packets-schema-create").await;
            run_example(app, "packets-create").await;
        }
        "packets-respond" | "packets-awaiting" => {
            let checkpoint = json!({"reason": "More than 100", "question": "Refund 129.50?"});
            run_example_with(app, "packets-create", |body| body["hitl"] = checkpoint).await;
            if function == "packets-awaiting" {
                dispatch_changes(app).await;
            }
        }
        "packets-batch-complete" => {
            run_example(app, "packets-create").await;
            run_example(app, "packets-claim").await;
            // Otherwise the requests would get the same random id, and the second would be taken for a repeat.
            app.clock.move_to(NOW.plus_ms(1));
        }
        function if function.starts_with("packets-hooks-") => hooks::set_up(app).await,
        _ => run_example(app, "packets-create").await,
    }
}

/// Adds the events so far to the journal and counts their packets, as the worker of the stream does.
async fn dispatch_changes(app: &mut ReplayApp) {
    for change in app.engine.changes_after(TABLE, None, 1_000).expect("the engine lists its changes") {
        let change = Change { old: change.old, new: change.new };
        dispatch(&app.worker_context(), &change).await.expect("dispatch handles a change");
    }
    app.cold_start();
}

/// Returns requests that cover calls which the sample does not make.
pub(crate) fn extra_requests(function: &str) -> Vec<Sample> {
    match function {
        // A repeat reads the existing packet.
        "packets-create" => sample(function).into_iter().chain(with_schema_id(function)).collect(),
        "packets-chain" => with_schema_id(function).into_iter().collect(),
        "packets-batch-create" => {
            let headers = || vec![("idempotency-key", IDEMPOTENCY_KEY.to_owned())];
            let with_headers = || sample(function).map(|sample| Sample { headers: headers(), ..sample });
            with_headers().into_iter().chain(with_headers()).chain(with_schema_id(function)).collect()
        }
        // A scrape without a key, from the network that the setting opens the metrics to.
        "packets-metrics" => {
            let headers = vec![("x-forwarded-for", SCRAPER_ADDRESS.to_owned())];
            sample(function).map(|sample| Sample { key: None, headers, ..sample }).into_iter().collect()
        }
        // Filters by packet and by time.
        "packets-audit" => [("packet_id", packet_id().to_string()), ("created_after", "2026-01-01".to_owned())]
            .into_iter()
            .filter_map(|query| sample(function).map(|sample| Sample { query: vec![query], ..sample }))
            .collect(),
        // Without a filter, and with a single one.
        "packets-list" => [vec![], vec![("status", "created")], vec![("source_agent", "support-01")]]
            .into_iter()
            .filter_map(|query| {
                let query = query.into_iter().map(|(name, value)| (name, value.to_owned())).collect();
                sample(function).map(|sample| Sample { query, ..sample })
            })
            .collect(),
        // Without the filter for dead letters.
        "packets-hooks-deliveries" => {
            sample(function).map(|sample| Sample { query: Vec::new(), ..sample }).into_iter().collect()
        }
        _ => Vec::new(),
    }
}

/// Returns the sample with a `schema_id` and without headers.
fn with_schema_id(function: &str) -> Option<Sample> {
    let mut sample = Sample { headers: Vec::new(), ..sample(function)? };
    if let Some(Body::Json(body)) = &mut sample.body {
        let packet = if function == "packets-batch-create" { &mut body["packets"][0] } else { body };
        packet["schema_id"] = json!(schema_id());
    }
    Some(sample)
}
