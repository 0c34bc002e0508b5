//! A decision as clients see it.

use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::decision::{Decision, Outcome, State};
use handrail_domain::ids::KeyId;
use handrail_domain::policy::RuleEffect;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Map, Value, json};

use crate::file_links::FileLinks;

/// The answer to a create: only what the server decided. A client lays this object over its own request, so a field too
/// many would overwrite what the caller sent.
pub(crate) fn created(record: &Record<Decision>) -> Value {
    let mut body = json!({
        "id": record.id,
        "status": status(record),
        "expires_at": record.ask.expires_at,
        "created_at": record.created_at,
    });
    if let (Some(policy), Value::Object(body)) = (&record.ask.policy, &mut body) {
        match policy.effect {
            RuleEffect::Approve => {
                put(body, "auto_resolved", true.into());
                put(body, "resolved_by", handrail_domain::policy::RESOLVED_BY.into());
            }
            // Published clients print any settled answer to a create as "approved": they learn of a no by the first GET.
            RuleEffect::Deny | RuleEffect::Ask => put(body, "status", State::Pending.name().into()),
        }
    }
    body
}

/// As clients read it.
pub(crate) fn status(record: &Record<Decision>) -> &'static str {
    match (record.state(), &record.ask.backup) {
        (State::Escalated, Some(backup)) if backup.shown_as_pending => State::Pending.name(),
        (state, _) => state.name(),
    }
}

/// Everything, for GET and for resolve.
pub(crate) fn whole(record: &Record<Decision>, now: Timestamp, links: &FileLinks<'_>) -> Value {
    let ask = &record.ask;
    let outcome = record.standing.outcome();
    let mut body = json!({
        "id": record.id,
        "status": status(record),
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
        "response_data": outcome.and_then(|outcome| response_data(record, outcome, links)),
        "execute_at": outcome.and_then(|outcome| outcome.answer.execute_at),
        "response_type": ask.response_type,
        "context_images": Some(&ask.context_images).filter(|images| !images.is_empty()),
        "attachments": links.list(record, &record.standing.attachments),
    });
    let Value::Object(members) = &mut body else { return body };
    if ask.enforce {
        put(members, "action_permitted", permitted(record, now).into());
    }
    if let Some(backup) = &ask.backup {
        put(members, "backup_approver", json!(backup.approver));
        put(members, "backup_expires_at", json!(backup.until));
    }
    if let Some(policy) = &ask.policy {
        put(members, "auto_resolved", true.into());
        put(members, "policy_rule", json!(policy.rule));
    }
    if let Some((way, key)) = resolved_via(record) {
        put(members, "resolved_via", way.into());
        if let Some(key) = key {
            put(members, "resolved_with_key", json!(key));
        }
    }
    if let Some(cancelled) = record.standing.cancelled() {
        put(members, "cancelled_at", json!(cancelled.at));
        put(members, "cancel_reason", json!(cancelled.reason));
    }
    body
}

/// Which way the answer came. A name that a program gave stands beside the key that gave it.
fn resolved_via(record: &Record<Decision>) -> Option<(&'static str, Option<KeyId>)> {
    record.standing.outcome()?;
    Some(match &record.newest()?.by {
        Actor::Key { key, .. } => ("api", Some(*key)),
        Actor::Person { by: ProofOfPerson::MailedLink, .. } => ("page", None),
        Actor::Person { by: ProofOfPerson::Slack, .. } => ("slack", None),
        Actor::Policy { .. } => ("policy", None),
        Actor::Visitor | Actor::Timer => return None,
    })
}

/// Files that came with the answer are the answer.
pub(crate) fn response_data(record: &Record<Decision>, outcome: &Outcome, links: &FileLinks<'_>) -> Option<Value> {
    let answer = &outcome.answer;
    if answer.files.is_empty() {
        return answer.response_data.clone();
    }
    Some(json!({"uploaded_files": links.list(record, &answer.files)}))
}

/// May the action be done now? A modified one may: its notes say how. One for a later time may when the time has come.
fn permitted(record: &Record<Decision>, now: Timestamp) -> bool {
    match record.state() {
        State::Approved | State::Modified => true,
        State::Scheduled => {
            let execute_at = record.standing.outcome().and_then(|outcome| outcome.answer.execute_at);
            execute_at.is_some_and(|at| now >= at)
        }
        State::Pending | State::Escalated | State::Denied | State::Expired => false,
    }
}

fn put(body: &mut Map<String, Value>, name: &str, value: Value) {
    body.insert(name.to_owned(), value);
}
