//! Idempotency key of a request and the digest of its content, by which a repeat finds the packet created first.

use handrail_context::cx::Cx;
use handrail_domain::ids::{CommandId, RecordId, RequestFormat};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_records::transition;
use handrail_store::ApiKey;
use serde_json::Value;

use crate::creation_error::PacketCreationError;
use crate::packet_with_content::PacketWithContent;

/// Request with an idempotency key. The digest of its content tells a repeat from another request under the key.
#[derive(Debug)]
pub struct IdempotentRequest<'n> {
    idempotency_key: &'n str,
    format: RequestFormat,
    content: Value,
}

impl<'n> IdempotentRequest<'n> {
    /// `content` contains every field of the request, and nothing that may differ when the caller repeats the request.
    pub fn new(idempotency_key: &'n str, format: RequestFormat, content: Value) -> Self {
        Self { idempotency_key, format, content }
    }

    /// Returns the id of the packet that the request creates, derived from the caller's key and the idempotency key.
    pub fn packet_id(&self, key: &ApiKey) -> RecordId {
        RecordId::from_idempotency_key(key.tenant, key.id, Packet::KIND, self.idempotency_key)
    }

    pub fn command_id(&self) -> CommandId {
        CommandId::from_request(self.idempotency_key, self.format, &self.content)
    }
}

/// Returns the packet that an earlier request with the idempotency key created. Needed where the packet also depends on
/// a record that may have changed since.
pub async fn find_created(
    cx: &Cx,
    key: &ApiKey,
    request: Option<&IdempotentRequest<'_>>,
) -> Result<Option<PacketWithContent>, PacketCreationError> {
    let Some(request) = request else { return Ok(None) };
    let id = request.packet_id(key);
    let created = transition::find_created::<Packet>(cx, key.tenant, id, &request.command_id()).await?;
    Ok(created.map(PacketWithContent::from_record).transpose()?)
}

#[cfg(test)]
mod tests {
    use handrail_domain::packet::{CLAIM_FORMAT, CREATE_FORMAT, Claim, NewPacket};
    use serde_json::json;

    use super::*;

    /// Logs store these digests. A changed digest refuses repeats of earlier requests: increase the format's version.
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
        let proposal = NewPacket::read(&body).unwrap();
        let command = CommandId::from_request("n", CREATE_FORMAT, &proposal.to_json());
        assert_eq!(json!(command), json!("1b16b1df538ba12dc3f97edb.v1-f6b7e7bd-dd41cd2c69bfeb388f3c7311"));
        let claim = Claim::read(&json!({"agent_id": "a", "agent_name": "A", "lease_seconds": 60})).unwrap();
        let command = CommandId::from_request("n", CLAIM_FORMAT, &claim.to_json());
        assert_eq!(json!(command), json!("1b16b1df538ba12dc3f97edb.v1-8c6e94a8-024d02f5d1af6dd92e466e57"));
    }
}
