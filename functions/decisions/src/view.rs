//! JSON views of a decision.

use handrail_domain::answer_origin::ResolvedVia;
use handrail_domain::decision::{
    Consumption, Decision, Outcome, State, answer_origin, is_action_permitted, valid_until,
};
use handrail_domain::policy::RuleEffect;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::file_links::FileLinks;

/// Response to a create: only the fields that the server sets. Clients merge this object over their own request, so
/// another field would overwrite what the caller sent.
pub(crate) fn created_json(record: &Record<Decision>) -> Value {
    let mut body = json!({
        "id": record.id,
        "status": status(record),
        "expires_at": record.spec.expires_at,
        "created_at": record.created_at,
        "action_hash": record.spec.action_hash(),
    });
    if let (Some(policy), Value::Object(body)) = (&record.spec.policy, &mut body) {
        match policy.effect {
            RuleEffect::Approve => {
                insert_field(body, "auto_resolved", true.into());
                insert_field(body, "resolved_by", handrail_domain::policy::RESOLVED_BY.into());
                insert_field(body, "resolved_via", ResolvedVia::Policy.name().into());
            }
            // Published clients print every answered create as "approved", so a denial shows only in the first GET.
            RuleEffect::Deny | RuleEffect::Ask => insert_field(body, "status", State::Pending.name().into()),
        }
    }
    body
}

/// Published status name. An escalated decision reads as pending if `escalation_stays_pending` was set on its API key.
pub(crate) fn status(record: &Record<Decision>) -> &'static str {
    match (record.state(), &record.spec.backup) {
        (State::Escalated, Some(backup)) if backup.shown_as_pending => State::Pending.name(),
        (state, _) => state.name(),
    }
}

/// Full view of a decision.
pub(crate) fn decision_json(record: &Record<Decision>, now: Timestamp, links: &FileLinks<'_>) -> Value {
    let spec = &record.spec;
    let outcome = record.state_data.outcome();
    let mut body = json!({
        "id": record.id,
        "status": status(record),
        "action": spec.action,
        "context": spec.context,
        "approver": spec.approver,
        "urgency": spec.urgency,
        "channel": spec.channel,
        "options": spec.options,
        "timeout_minutes": spec.timeout_minutes,
        "amount": spec.amount,
        "callback_url": spec.callback_url,
        "enforce": spec.enforce,
        "created_at": record.created_at,
        "expires_at": spec.expires_at,
        "resolved_at": outcome.map(|outcome| outcome.at),
        "resolved_by": outcome.map(|outcome| outcome.answer.resolved_by.as_str()),
        "response_notes": outcome.and_then(|outcome| outcome.answer.notes.as_deref()),
        "response_data": outcome.and_then(|outcome| response_data(record, outcome, links)),
        "execute_at": outcome.and_then(|outcome| outcome.answer.execute_at),
        "response_type": spec.response_type,
        "context_images": Some(&spec.context_images).filter(|images| !images.is_empty()),
        "attachments": links.files_json(record, &record.state_data.attachments),
        "action_hash": spec.action_hash(),
    });
    let Value::Object(members) = &mut body else { return body };
    insert_typed_action(members, record);
    if spec.enforce {
        insert_field(members, "action_permitted", is_action_permitted(record, now).into());
    }
    if let Some(backup) = &spec.backup {
        insert_field(members, "backup_approver", json!(backup.approver));
        insert_field(members, "backup_expires_at", json!(backup.until));
    }
    if let Some(policy) = &spec.policy {
        insert_field(members, "auto_resolved", true.into());
        insert_field(members, "policy_rule", json!(policy.rule));
    }
    if let Some(origin) = answer_origin(record) {
        origin.insert_into(members);
    }
    if let Some(consumption) = &record.state_data.consumption {
        insert_field(members, "consumption", consumption_json(consumption));
    }
    if let Some(cancelled) = record.state_data.cancelled() {
        insert_field(members, "cancelled_at", json!(cancelled.at));
        insert_field(members, "cancel_reason", json!(cancelled.reason));
    }
    body
}

fn consumption_json(consumption: &Consumption) -> Value {
    let end = consumption.end.as_ref();
    json!({
        "execution_id": consumption.execution_id,
        "consumed_at": consumption.consumed_at,
        "outcome": end.map(|end| end.outcome),
        "detail": end.and_then(|end| end.detail.as_deref()),
        "finished_at": end.map(|end| end.finished_at),
    })
}

/// Inserts the fields of the typed action that the request gave. Published clients expect no others.
fn insert_typed_action(members: &mut Map<String, Value>, record: &Record<Decision>) {
    let spec = &record.spec;
    for (name, value) in [
        ("tool", spec.tool.as_ref().map(|tool| json!(tool))),
        ("arguments", spec.arguments.as_ref().map(|arguments| json!(arguments))),
        ("single_use", spec.single_use.map(Value::Bool)),
        ("valid_for_seconds", spec.valid_for_seconds.map(Value::from)),
        ("valid_until", valid_until(record).map(|at| json!(at))),
    ] {
        if let Some(value) = value {
            insert_field(members, name, value);
        }
    }
}

/// Data of the answer: the uploaded files if there are any, else the response data.
pub(crate) fn response_data(record: &Record<Decision>, outcome: &Outcome, links: &FileLinks<'_>) -> Option<Value> {
    let answer = &outcome.answer;
    if answer.files.is_empty() {
        return answer.response_data.clone();
    }
    Some(json!({"uploaded_files": links.files_json(record, &answer.files)}))
}

fn insert_field(body: &mut Map<String, Value>, name: &str, value: Value) {
    body.insert(name.to_owned(), value);
}
