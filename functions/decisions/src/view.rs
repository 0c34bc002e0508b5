//! A decision as clients see it.

use handrail_domain::decision::{Decision, State};
use handrail_domain::record::Record;
use serde_json::{Map, Value, json};

/// The answer to a create: only what the server decided. A client lays this object over its own request, so a field too
/// many would overwrite what the caller sent.
pub(crate) fn created(record: &Record<Decision>) -> Value {
    json!({
        "id": record.id,
        "status": record.state().name(),
        "expires_at": record.ask.expires_at,
        "created_at": record.created_at,
    })
}

/// Everything, for GET and for resolve.
pub(crate) fn whole(record: &Record<Decision>) -> Value {
    let ask = &record.ask;
    let outcome = record.standing.outcome();
    let mut body = json!({
        "id": record.id,
        "status": record.state().name(),
        "action": ask.action,
        "context": ask.context,
        "approver": ask.approver,
        "urgency": ask.urgency,
        "channel": ask.channel,
        "options": ask.options,
        "timeout_minutes": ask.timeout_minutes,
        "amount": ask.amount,
        "callback_url": ask.callback_url,
        "enforce": ask.enforce,
        "created_at": record.created_at,
        "expires_at": ask.expires_at,
        "resolved_at": outcome.map(|outcome| outcome.at),
        "resolved_by": outcome.map(|outcome| outcome.answer.resolved_by.as_str()),
        "response_notes": outcome.and_then(|outcome| outcome.answer.notes.as_deref()),
        "response_data": outcome.and_then(|outcome| outcome.answer.response_data.as_ref()),
        "execute_at": null,
        "response_type": null,
        "context_images": null,
        "attachments": [],
    });
    if let (true, Value::Object(body)) = (ask.enforce, &mut body) {
        put(body, "action_permitted", permitted(record).into());
    }
    if let (Some(backup), Value::Object(body)) = (&ask.backup, &mut body) {
        put(body, "backup_approver", json!(backup.approver));
        put(body, "backup_expires_at", json!(backup.until));
    }
    body
}

/// May the action be done? A modified one may: its notes say how.
fn permitted(record: &Record<Decision>) -> bool {
    match record.state() {
        State::Approved | State::Modified => true,
        State::Pending | State::Escalated | State::Denied | State::Expired => false,
    }
}

fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    body.insert(name.to_owned(), value);
}
