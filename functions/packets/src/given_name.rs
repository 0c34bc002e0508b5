//! The name that a caller gives to what it asks to be made, so that its repeat finds what the first one made.

use handrail_domain::ids::{CommandId, RecordId, RequestFormat};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use handrail_kernel::transition;
use serde_json::Value;

use crate::shelf::{Held, Stopped};

#[derive(Debug)]
pub struct GivenName<'n> {
    name: &'n str,
    format: RequestFormat,
    content: Value,
}

impl<'n> GivenName<'n> {
    /// `content` holds all that the caller asked for, and nothing that may differ when the caller repeats the request.
    pub fn new(name: &'n str, format: RequestFormat, content: Value) -> Self {
        Self { name, format, content }
    }

    /// The packet's, whoever asks first.
    pub(crate) fn id(&self, key: &Key) -> RecordId {
        RecordId::from_idempotency_key(key.tenant, key.id, Packet::KIND, self.name)
    }

    pub(crate) fn command(&self) -> CommandId {
        CommandId::from_request(self.name, self.format, &self.content)
    }
}

/// The packet that was made under this name before. For what is made from something that may have changed since.
pub async fn made_before(cx: &Cx, key: &Key, named: Option<&GivenName<'_>>) -> Result<Option<Held>, Problem> {
    let Some(named) = named else { return Ok(None) };
    let id = named.id(key);
    let made = transition::made_before::<Packet>(cx, key.tenant, id, &named.command()).await;
    let made = made.map_err(|stop| Stopped::from(stop).into_problem(id))?;
    Ok(made.map(Held::of).transpose()?)
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::{CLAIM_FORMAT, CREATE_FORMAT, Claim, Proposal};
    use serde_json::json;

    use super::*;

    /// Lies in every log. When it changes, repeats of earlier requests are refused: count the format's version up instead.
    #[test]
    fn request_digests_stay_the_same() {
        let body = json!({
            "parent_packet_id": "018f0000-0000-7000-8000-000000000000",
            "metadata": {
                "source_agent": {"id": "a", "name": "A", "framework": "f", "version": "1"},
                "target_agent": {"id": "b", "name": "B"},
                "created_at": "2026-01-01T00:00:00Z",
                "priority": "high",
                "tags": ["t"],
            },
            "context": {
                "summary": "s",
                "conversation_state": [{"role": "user", "content": "c", "timestamp": "2026-01-01T00:00:00Z", "metadata": {"k": 1}}],
                "artifacts": [{"key": "k", "value": [1], "content_type": "text/plain"}],
                "custom": {"z": 1, "a": {"y": null, "b": 1.5}},
            },
            "decisions": [{"id": "d", "decision": "x", "rationale": "r", "alternatives": ["y"], "decided_by": "me"}],
            "actions": {
                "pending": [{"id": "p", "description": "d", "assignee": "a", "priority": "low", "depends_on": ["q"]}],
                "completed": [{"id": "c", "description": "d", "result": "r"}],
                "failed": [{"id": "f", "description": "d", "error": "e", "retries_remaining": 2}],
            },
            "dependencies": [{"id": "d", "type": "api", "description": "d", "status": "blocked"}],
            "hitl": {"required": true, "reason": "r", "options": ["yes", "no"], "timeout_seconds": 60},
            "schema_id": "orders",
        });
        let proposal = Proposal::read(&body).unwrap();
        let command = CommandId::from_request("n", CREATE_FORMAT, &proposal.to_json());
        assert_eq!(json!(command), json!("1b16b1df538ba12dc3f97edb.v1-f6b7e7bd-dd41cd2c69bfeb388f3c7311"));
        let claim = Claim::read(&json!({"agent_id": "a", "agent_name": "A", "lease_seconds": 60})).unwrap();
        let command = CommandId::from_request("n", CLAIM_FORMAT, &claim.to_json());
        assert_eq!(json!(command), json!("1b16b1df538ba12dc3f97edb.v1-8c6e94a8-024d02f5d1af6dd92e466e57"));
    }
}
