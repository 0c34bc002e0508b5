//! Readers for the parts of a packet's content in a request body.

use serde_json::Value;

use super::content::{
    Actions, Artifact, CompletedAction, Context, Dependency, DependencyKind, DependencyStatus, FailedAction, Hitl,
    PendingAction, PriorDecision, Speaker, Turn,
};
use super::priority::Priority;
use crate::body_reader::BodyReader;

pub(super) const ONLY_APPROVER_ANSWERS: &str =
    "Only the approver can answer a checkpoint: leave response, responded_by and responded_at out";

pub(super) fn read_context(reader: &mut BodyReader, value: &Value) -> Option<Context> {
    let members = reader.object(value)?;
    let summary = reader.required(members, "summary", BodyReader::text);
    let conversation_state = reader.or_default(members, "conversation_state", |r, value| r.list(value, read_turn));
    let artifacts = reader.or_default(members, "artifacts", |r, value| r.list(value, read_artifact));
    let custom = reader.or_default(members, "custom", BodyReader::json_object);
    Some(Context { summary: summary?, conversation_state: conversation_state?, artifacts: artifacts?, custom: custom? })
}

fn read_turn(reader: &mut BodyReader, value: &Value) -> Option<Turn> {
    let members = reader.object(value)?;
    let role = reader.required(members, "role", |r, value| r.one_of(value, Speaker::ALL, Speaker::name));
    let content = reader.required(members, "content", BodyReader::text);
    let timestamp = reader.optional(members, "timestamp", BodyReader::time);
    let metadata = reader.optional(members, "metadata", BodyReader::json_object);
    Some(Turn { role: role?, content: content?, timestamp: timestamp?, metadata: metadata? })
}

fn read_artifact(reader: &mut BodyReader, value: &Value) -> Option<Artifact> {
    let members = reader.object(value)?;
    let key = reader.required(members, "key", BodyReader::text);
    let value = reader.required(members, "value", |r, value| match value {
        Value::String(_) | Value::Object(_) | Value::Array(_) => Some(value.clone()),
        Value::Null | Value::Bool(_) | Value::Number(_) => {
            r.error("Input should be a valid string, dictionary or list", "union_error")
        }
    });
    let content_type = reader.optional(members, "content_type", BodyReader::text);
    Some(Artifact { key: key?, value: value?, content_type: content_type? })
}

pub(super) fn read_prior_decision(reader: &mut BodyReader, value: &Value) -> Option<PriorDecision> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", BodyReader::text);
    let decision = reader.required(members, "decision", BodyReader::text);
    let rationale = reader.required(members, "rationale", BodyReader::text);
    let alternatives = reader.or_default(members, "alternatives", BodyReader::strings);
    let decided_by = reader.optional(members, "decided_by", BodyReader::text);
    let timestamp = reader.optional(members, "timestamp", BodyReader::time);
    Some(PriorDecision {
        id: id?,
        decision: decision?,
        rationale: rationale?,
        alternatives: alternatives?,
        decided_by: decided_by?,
        timestamp: timestamp?,
    })
}

pub(super) fn read_actions(reader: &mut BodyReader, value: &Value) -> Option<Actions> {
    let members = reader.object(value)?;
    let pending = reader.or_default(members, "pending", |r, value| r.list(value, read_pending));
    let completed = reader.or_default(members, "completed", |r, value| r.list(value, read_completed));
    let failed = reader.or_default(members, "failed", |r, value| r.list(value, read_failed));
    Some(Actions { pending: pending?, completed: completed?, failed: failed? })
}

pub(super) fn read_pending(reader: &mut BodyReader, value: &Value) -> Option<PendingAction> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", BodyReader::text);
    let description = reader.required(members, "description", BodyReader::text);
    let assignee = reader.required(members, "assignee", BodyReader::text);
    let priority = reader.optional(members, "priority", |r, value| r.one_of(value, Priority::ALL, Priority::name));
    let depends_on = reader.or_default(members, "depends_on", BodyReader::strings);
    let deadline = reader.optional(members, "deadline", BodyReader::time);
    Some(PendingAction {
        id: id?,
        description: description?,
        assignee: assignee?,
        priority: priority?,
        depends_on: depends_on?,
        deadline: deadline?,
    })
}

pub(super) fn read_completed(reader: &mut BodyReader, value: &Value) -> Option<CompletedAction> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", BodyReader::text);
    let description = reader.required(members, "description", BodyReader::text);
    let result = reader.required(members, "result", BodyReader::text);
    let completed_by = reader.optional(members, "completed_by", BodyReader::text);
    let completed_at = reader.optional(members, "completed_at", BodyReader::time);
    Some(CompletedAction {
        id: id?,
        description: description?,
        result: result?,
        completed_by: completed_by?,
        completed_at: completed_at?,
    })
}

pub(super) fn read_failed(reader: &mut BodyReader, value: &Value) -> Option<FailedAction> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", BodyReader::text);
    let description = reader.required(members, "description", BodyReader::text);
    let error = reader.required(members, "error", BodyReader::text);
    let retries_remaining = reader.optional(members, "retries_remaining", BodyReader::integer);
    Some(FailedAction { id: id?, description: description?, error: error?, retries_remaining: retries_remaining? })
}

pub(super) fn read_dependency(reader: &mut BodyReader, value: &Value) -> Option<Dependency> {
    let members = reader.object(value)?;
    let id = reader.required(members, "id", BodyReader::text);
    let kind = reader.required(members, "type", |r, value| r.one_of(value, DependencyKind::ALL, DependencyKind::name));
    let description = reader.required(members, "description", BodyReader::text);
    let status =
        reader.or_default(members, "status", |r, value| r.one_of(value, DependencyStatus::ALL, DependencyStatus::name));
    let source = reader.optional(members, "source", BodyReader::text);
    Some(Dependency { id: id?, kind: kind?, description: description?, status: status?, source: source? })
}

pub(super) fn read_hitl(reader: &mut BodyReader, value: &Value) -> Option<Hitl> {
    let members = reader.object(value)?;
    let required = reader.optional(members, "required", BodyReader::boolean).map(|required| required.unwrap_or(true));
    let reason = reader.required(members, "reason", |r, value| {
        let reason = r.text(value)?;
        if required == Some(true) && reason.trim().is_empty() {
            return r.error("Input should not be blank when required is true", "value_error");
        }
        Some(reason)
    });
    let question = reader.optional(members, "question", BodyReader::text);
    let options = reader.optional(members, "options", BodyReader::strings);
    let response = reader.optional(members, "response", BodyReader::text);
    let responded_at = reader.optional(members, "responded_at", BodyReader::time);
    let responded_by = reader.optional(members, "responded_by", BodyReader::text);
    let notes = reader.optional(members, "notes", BodyReader::text);
    let timeout_seconds = reader.optional(members, "timeout_seconds", BodyReader::integer);
    let approver = reader.optional(members, "approver", BodyReader::email_address);
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
        origin: None,
    };
    // Only an approver needs text that can be shown. A checkpoint without an approver is read by programs.
    match hitl.unshowable_field().filter(|_| hitl.approver.is_some()) {
        Some((member, reason)) => reader.error_at(member, reason, "value_error"),
        None => Some(hitl),
    }
}
