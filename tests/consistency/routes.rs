//! Samples of the routes door: a conversation is handed over to a registered agent.

use handrail_web::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::replay::run_example;
use crate::replay_app::{AGENT, ReplayApp};
use crate::samples::{Body, Sample};

/// Id of the registered agent.
pub(crate) const TARGET: &str = "refunds-01";

/// Returns `true` if the endpoint belongs to the routes door.
pub(crate) fn is_at(endpoint: &Endpoint) -> bool {
    endpoint.door.name == "routes"
}

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let sample_by = |body: Option<Value>| Sample {
        key: Some(AGENT.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let at_target = |sample: Sample| Sample { parameter: Some(("id", TARGET.to_owned())), ..sample };
    Some(match function {
        "routes-route-handoff" | "routes-handoff" => Sample {
            headers: vec![("idempotency-key", "move-4711".to_owned())],
            ..sample_by(Some(json!({
                "fromAgent": "support-01",
                "toAgent": TARGET,
                "conversationContext": {"order": 4711, "returned": ["shoes", "hat"]},
                "handoffReason": "The customer wants a refund.",
                "priority": "high",
            })))
        },
        "routes-handoff-list" => Sample { query: vec![("agent", TARGET.to_owned())], ..sample_by(None) },
        "routes-agent-list" => sample_by(None),
        "routes-agent-change" => {
            at_target(sample_by(Some(json!({"name": "Refunds", "enabled": true, "static": false, "maxOpen": 20}))))
        }
        "routes-agent-get" | "routes-agent-remove" | "routes-agent-heartbeat" => at_target(sample_by(None)),
        _ => return None,
    })
}

/// Sets up what the sample of this operation needs.
pub(crate) async fn set_up(app: &mut ReplayApp, function: &str) {
    if function != "routes-agent-change" {
        run_example(app, "routes-agent-change").await;
    }
    if function == "routes-handoff-list" {
        run_example(app, "routes-route-handoff").await;
    }
}

/// Returns requests that cover calls which the sample does not make.
pub(crate) fn extra_requests(function: &str) -> Vec<Sample> {
    match function {
        // A repeat reads the existing packet.
        "routes-route-handoff" | "routes-handoff" => sample(function).into_iter().collect(),
        _ => Vec::new(),
    }
}
