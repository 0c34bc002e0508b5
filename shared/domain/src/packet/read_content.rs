//! The parts of a packet's content, member by member.

use serde_json::Value;

use super::ask::Priority;
use super::content::{
    Actions, Artifact, Completed, Context, Decided, Dependency, DependencyKind, DependencyStatus, Failed, Hitl,
    Pending, Speaker, Turn,
};
use super::reading::Reading;

pub(super) fn read_context(reading: &mut Reading, value: &Value) -> Option<Context> {
    let members = reading.object(value)?;
    let summary = reading.needed(members, "summary", Reading::text);
    let conversation_state = reading.or_default(members, "conversation_state", |r, value| r.list(value, read_turn));
    let artifacts = reading.or_default(members, "artifacts", |r, value| r.list(value, read_artifact));
    let custom = reading.or_default(members, "custom", Reading::members);
    Some(Context { summary: summary?, conversation_state: conversation_state?, artifacts: artifacts?, custom: custom? })
}

fn read_turn(reading: &mut Reading, value: &Value) -> Option<Turn> {
    let members = reading.object(value)?;
    let role = reading.needed(members, "role", |r, value| r.word(value, Speaker::ALL, Speaker::name));
    let content = reading.needed(members, "content", Reading::text);
    let timestamp = reading.optional(members, "timestamp", Reading::time);
    let metadata = reading.optional(members, "metadata", Reading::members);
    Some(Turn { role: role?, content: content?, timestamp: timestamp?, metadata: metadata? })
}

fn read_artifact(reading: &mut Reading, value: &Value) -> Option<Artifact> {
    let members = reading.object(value)?;
    let key = reading.needed(members, "key", Reading::text);
    let value = reading.needed(members, "value", |r, value| match value {
        Value::String(_) | Value::Object(_) | Value::Array(_) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            r.flaw("Input should be a valid string, dictionary or list", "union_error")
        }
    });
    let content_type = reading.optional(members, "content_type", Reading::text);
    Some(Artifact { key: key?, value: value?, content_type: content_type? })
}

pub(super) fn read_decided(reading: &mut Reading, value: &Value) -> Option<Decided> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", Reading::text);
    let decision = reading.needed(members, "decision", Reading::text);
    let rationale = reading.needed(members, "rationale", Reading::text);
    let alternatives = reading.or_default(members, "alternatives", Reading::texts);
    let decided_by = reading.optional(members, "decided_by", Reading::text);
    let timestamp = reading.optional(members, "timestamp", Reading::time);
    Some(Decided {
        id: id?,
        decision: decision?,
        rationale: rationale?,
        alternatives: alternatives?,
        decided_by: decided_by?,
        timestamp: timestamp?,
    })
}

pub(super) fn read_actions(reading: &mut Reading, value: &Value) -> Option<Actions> {
    let members = reading.object(value)?;
    let pending = reading.or_default(members, "pending", |r, value| r.list(value, read_pending));
    let completed = reading.or_default(members, "completed", |r, value| r.list(value, read_completed));
    let failed = reading.or_default(members, "failed", |r, value| r.list(value, read_failed));
    Some(Actions { pending: pending?, completed: completed?, failed: failed? })
}

pub(super) fn read_pending(reading: &mut Reading, value: &Value) -> Option<Pending> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", Reading::text);
    let description = reading.needed(members, "description", Reading::text);
    let assignee = reading.needed(members, "assignee", Reading::text);
    let priority = reading.optional(members, "priority", |r, value| r.word(value, Priority::ALL, Priority::name));
    let depends_on = reading.or_default(members, "depends_on", Reading::texts);
    let deadline = reading.optional(members, "deadline", Reading::time);
    Some(Pending {
        id: id?,
        description: description?,
        assignee: assignee?,
        priority: priority?,
        depends_on: depends_on?,
        deadline: deadline?,
    })
}

pub(super) fn read_completed(reading: &mut Reading, value: &Value) -> Option<Completed> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", Reading::text);
    let description = reading.needed(members, "description", Reading::text);
    let result = reading.needed(members, "result", Reading::text);
    let completed_by = reading.optional(members, "completed_by", Reading::text);
    let completed_at = reading.optional(members, "completed_at", Reading::time);
    Some(Completed {
        id: id?,
        description: description?,
        result: result?,
        completed_by: completed_by?,
        completed_at: completed_at?,
    })
}

pub(super) fn read_failed(reading: &mut Reading, value: &Value) -> Option<Failed> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", Reading::text);
    let description = reading.needed(members, "description", Reading::text);
    let error = reading.needed(members, "error", Reading::text);
    let retries_remaining = reading.optional(members, "retries_remaining", Reading::integer);
    Some(Failed { id: id?, description: description?, error: error?, retries_remaining: retries_remaining? })
}

pub(super) fn read_dependency(reading: &mut Reading, value: &Value) -> Option<Dependency> {
    let members = reading.object(value)?;
    let id = reading.needed(members, "id", Reading::text);
    let kind = reading.needed(members, "type", |r, value| r.word(value, DependencyKind::ALL, DependencyKind::name));
    let description = reading.needed(members, "description", Reading::text);
    let status =
        reading.or_default(members, "status", |r, value| r.word(value, DependencyStatus::ALL, DependencyStatus::name));
    let source = reading.optional(members, "source", Reading::text);
    Some(Dependency { id: id?, kind: kind?, description: description?, status: status?, source: source? })
}

pub(super) fn read_hitl(reading: &mut Reading, value: &Value) -> Option<Hitl> {
    let members = reading.object(value)?;
    let required = reading.optional(members, "required", Reading::flag).map(|required| required.unwrap_or(true));
    let reason = reading.needed(members, "reason", |r, value| {
        let reason = r.text(value)?;
        if required == Some(true) && reason.trim().is_empty() {
            return r.flaw("A required checkpoint must say its reason", "value_error");
        }
        Some(reason)
    });
    let question = reading.optional(members, "question", Reading::text);
    let options = reading.optional(members, "options", Reading::texts);
    let response = reading.optional(members, "response", Reading::text);
    let responded_at = reading.optional(members, "responded_at", Reading::time);
    let responded_by = reading.optional(members, "responded_by", Reading::text);
    let notes = reading.optional(members, "notes", Reading::text);
    let timeout_seconds = reading.optional(members, "timeout_seconds", Reading::integer);
    let approver = reading.optional(members, "approver", Reading::address);
    let hitl = Hitl {
        required: required?,
        reason: reason?,
        question: question?,
        options: options?,
        response: response?,
        responded_at: responded_at?,
        responded_by: responded_by?,
        notes: notes?,
        timeout_seconds: timeout_seconds?,
        approver: approver?,
    };
    // What only programs read may look as it likes.
    match hitl.not_shown().filter(|_| hitl.approver.is_some()) {
        Some((member, why)) => reading.flaw_at(member, why, "value_error"),
        None => Some(hitl),
    }
}
