//! The samples of the routes door: a conversation is moved to an agent that is there.

use handrail_kernel::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::replay::happen;
use crate::samples::{Body, Sample};
use crate::stage::{AGENT, Stage};

const TARGET: &str = "refunds-01";

/// Is this operation one of this door?
pub(crate) fn is_at(endpoint: &Endpoint) -> bool {
    endpoint.path.starts_with("/api/agents")
}

pub(crate) fn sample(function: &str) -> Option<Sample> {
    let by = |body: Option<Value>| Sample {
        key: Some(AGENT.to_owned()),
        parameter: None,
        query: Vec::new(),
        headers: Vec::new(),
        body: body.map(Body::Json),
    };
    let at = |sample: Sample| Sample { parameter: Some(("id", TARGET.to_owned())), ..sample };
    Some(match function {
        "routes-route-handoff" | "routes-handoff" => Sample {
            headers: vec![("idempotency-key", "move-4711".to_owned())],
            ..by(Some(json!({
                "fromAgent": "support-01",
                "toAgent": TARGET,
                "conversationContext": {"order": 4711, "returned": ["shoes", "hat"]},
                "handoffReason": "The customer wants a refund.",
                "priority": "high",
            })))
        },
        "routes-handoff-list" => Sample { query: vec![("agent", TARGET.to_owned())], ..by(None) },
        "routes-agent-list" => by(None),
        "routes-agent-change" => {
            at(by(Some(json!({"name": "Refunds", "enabled": true, "static": false, "maxOpen": 20}))))
        }
        "routes-agent-get" | "routes-agent-remove" | "routes-agent-heartbeat" => at(by(None)),
        _ => return None,
    })
}

/// What has to have happened before the sample of this operation.
pub(crate) async fn set(stage: &mut Stage, function: &str) {
    if function != "routes-agent-change" {
        happen(stage, "routes-agent-change").await;
    }
    if function == "routes-handoff-list" {
        happen(stage, "routes-route-handoff").await;
    }
}

/// Requests that do what the sample does not.
pub(crate) fn rarer(function: &str) -> Vec<Sample> {
    match function {
        // A repeat reads what is there.
        "routes-route-handoff" | "routes-handoff" => sample(function).into_iter().collect(),
        _ => Vec::new(),
    }
}
