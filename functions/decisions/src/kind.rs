//! Decisions as a record kind, for the workers: their callbacks, mails, Slack messages and files.

use handrail_approvals::{ApprovalRequest, request_mail, slack_message, slack_recipient};
use handrail_context::cx::Cx;
use handrail_domain::decision::{Decision, DecisionEvent, files_of};
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{LogEntry, Record};
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::BlobKey;
use handrail_platform::fault::Fault;
use handrail_records::kind::{
    Callback, Callbacks, Files, Kind, Mail, Mails, SlackMessage, SlackMessages, fire_due_timers_of, follow_ups_of,
};
use handrail_store::HeadKey;
use serde_json::{Value, json};

use crate::file_links::{FileLinks, blob_key};
use crate::view;

pub const KIND: Kind = Kind {
    name: Decision::KIND,
    follow_ups: |cx, old, new| Box::pin(follow_ups_of::<Decision>(cx, old, new)),
    fire_due_timers: |cx, key| Box::pin(fire_due_timers_of::<Decision>(cx, key.tenant, key.id)),
    callbacks: Some(Callbacks {
        build: |cx, key, seq, purpose| Box::pin(callback(cx, key, seq, purpose)),
        // As published: at once, after 5 s, after 30 s.
        backoff_ms: &[0, 5_000, 30_000],
    }),
    webhooks: None,
    mails: Some(Mails { build: |cx, key, seq, purpose| Box::pin(mail(cx, key, seq, purpose)) }),
    slack: Some(SlackMessages {
        recipient: |cx, key, seq, purpose| Box::pin(recipient_in_slack(cx, key, seq, purpose)),
        message: |cx, key, seq, purpose, to| Box::pin(message_in_slack(cx, key, seq, purpose, to)),
    }),
    files: Some(Files { of_event: |cx, key, seq| Box::pin(files_of_event(cx, key, seq)) }),
};

async fn callback(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<Callback>, Fault> {
    let record = get_record(cx, key).await?;
    let entry =
        record.event(seq).ok_or_else(|| Fault::internal("a callback belongs to an event that is not in the log"))?;
    // Links are issued at the time of the event, so that every attempt has the same body.
    let links = FileLinks::new(cx.master_key()?, cx.origin()?, entry.at);
    Ok(build_callback(&record, entry, purpose, &links))
}

async fn files_of_event(cx: &Cx, key: HeadKey, seq: u64) -> Result<Vec<BlobKey>, Fault> {
    let record = get_record(cx, key).await?;
    let files = match record.event(seq) {
        Some(entry) => files_of(&entry.event).to_vec(),
        // The event has moved out of the record item. Retaining all files of the record includes its files.
        None => record.state_data.files().cloned().collect(),
    };
    Ok(files.iter().filter_map(|file| blob_key(&record, file)).collect())
}

async fn recipient_in_slack(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<EmailAddress>, Fault> {
    let approval_request = ApprovalRequest::from_decision(get_record(cx, key).await?);
    Ok(slack_recipient(cx, &approval_request, seq, purpose))
}

async fn message_in_slack(
    cx: &Cx,
    key: HeadKey,
    seq: u64,
    purpose: Purpose,
    to: &SlackUser,
) -> Result<SlackMessage, Fault> {
    let approval_request = ApprovalRequest::from_decision(get_record(cx, key).await?);
    slack_message(cx, &approval_request, seq, purpose, to)
}

async fn mail(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    let approval_request = ApprovalRequest::from_decision(get_record(cx, key).await?);
    request_mail(cx, &approval_request, seq, purpose)
}

async fn get_record(cx: &Cx, key: HeadKey) -> Result<Record<Decision>, Fault> {
    let record = cx.store.record::<Decision>(key.tenant, key.id).await?;
    record.ok_or_else(|| Fault::internal("an effect belongs to a record that does not exist"))
}

/// Builds the callback of an event. Event and spec never change, so the body is equal in every attempt.
fn build_callback(
    record: &Record<Decision>,
    entry: &LogEntry<Decision>,
    purpose: Purpose,
    links: &FileLinks<'_>,
) -> Option<Callback> {
    let event = match purpose {
        Purpose::AnnounceCreated => "decision.created",
        Purpose::AnnounceResolved => "decision.resolved",
        Purpose::AnnounceEscalated => "decision.escalated",
        Purpose::AnnounceExpired => "decision.expired",
        Purpose::AnnounceCancelled => "decision.cancelled",
        Purpose::AnnounceDue => "decision.due",
        Purpose::AskApprover
        | Purpose::AskBackup
        | Purpose::RemindHalf
        | Purpose::RemindLast
        | Purpose::SignIn
        | Purpose::UpdateSlack
        | Purpose::KeepFiles
        | Purpose::Announce => return None,
    };
    let decision = match &entry.event {
        DecisionEvent::Created { .. } | DecisionEvent::Attached { .. } => {
            view::decision_json(&Record { state_data: Decision::apply(None, entry), ..record.clone() }, entry.at, links)
        }
        DecisionEvent::Approved(_)
        | DecisionEvent::Denied(_)
        | DecisionEvent::Modified(_)
        | DecisionEvent::Scheduled(_)
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => decision_update_json(record, entry, links),
    };
    let body = json!({"event": event, "decision": decision, "timestamp": event_time(entry, purpose)}).to_string();
    Some(Callback { url: record.spec.callback_url.clone()?, event, body, signing_key_id: record.spec.asked_by })
}

/// Time of the event: for a due scheduled decision, its execution time.
fn event_time(entry: &LogEntry<Decision>, purpose: Purpose) -> Timestamp {
    match (&entry.event, purpose) {
        (DecisionEvent::Scheduled(answer), Purpose::AnnounceDue) => answer.execute_at.unwrap_or(entry.at),
        _ => entry.at,
    }
}

fn decision_update_json(record: &Record<Decision>, entry: &LogEntry<Decision>, links: &FileLinks<'_>) -> Value {
    let state_data = Decision::apply(None, entry);
    let answer = state_data.outcome().map(|outcome| &outcome.answer);
    let mut body = json!({
        "id": record.id,
        "status": Decision::state(&state_data).name(),
        "resolved_by": answer.map(|answer| answer.resolved_by.as_str()),
        "response_notes": answer.and_then(|answer| answer.notes.as_deref()),
        "response_data": state_data.outcome().and_then(|outcome| view::response_data(record, outcome, links)),
    });
    let Value::Object(members) = &mut body else { return body };
    if let Some(at) = answer.and_then(|answer| answer.execute_at) {
        members.insert("execute_at".to_owned(), json!(at));
    }
    if let Some(cancelled) = state_data.cancelled() {
        members.insert("cancelled_at".to_owned(), json!(cancelled.at));
        members.insert("cancel_reason".to_owned(), json!(cancelled.reason));
    }
    if record.spec.policy.is_some() {
        members.insert("auto_resolved".to_owned(), true.into());
    }
    body
}
