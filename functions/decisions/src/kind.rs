//! Decisions as a record kind, for the workers: their callbacks, mails, Slack messages and files.

use handrail_approvals::{ApprovalRequest, approval_purpose, request_mail, slack_message, slack_recipient};
use handrail_context::cx::Cx;
use handrail_domain::decision::{CallbackPurpose, Decision, DecisionEvent, answer_origin_of_entry, files_of};
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::{Command, Lifecycle};
use handrail_domain::record::{LogEntry, Record};
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::BlobKey;
use handrail_platform::fault::Fault;
use handrail_records::kind::{
    Approvals, Callback, Callbacks, EventMappers, Files, Kind, Mail, Mails, SlackMessage, SlackMessages,
    fire_due_timers_of, follow_ups_of,
};
use handrail_records::log::record_with_event;
use handrail_records::transition::{TransitionError, transition_from};
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::Link;
use handrail_store::HeadKey;
use serde_json::{Value, json};

use crate::file_links::{FileLinks, blob_key};
use crate::receipt_issuer::{self, Receipt};
use crate::view::{self, DecisionView};

/// Waits before the second and each later attempt of a callback, as published.
const CALLBACK_BACKOFF_MS: [i64; 3] = [0, 5_000, 30_000];

pub const KIND: Kind = Kind {
    name: Decision::KIND,
    follow_ups: |cx, old, new| Box::pin(follow_ups_of::<Decision>(cx, old, new, EventMappers::AUDIT_ONLY)),
    fire_due_timers: |cx, key| Box::pin(fire_due_timers_of::<Decision>(cx, key.tenant, key.id)),
    callbacks: Some(Callbacks {
        build: |cx, key, seq, purpose| Box::pin(callback(cx, key, seq, purpose)),
        backoff_ms: &CALLBACK_BACKOFF_MS,
    }),
    webhooks: None,
    mails: Some(Mails { build: |cx, key, seq, purpose| Box::pin(mail(cx, key, seq, purpose)) }),
    slack: Some(SlackMessages {
        recipient: |cx, key, seq, purpose| Box::pin(recipient_in_slack(cx, key, seq, purpose)),
        message: |cx, key, seq, purpose, to| Box::pin(message_in_slack(cx, key, seq, purpose, to)),
    }),
    files: Some(Files { of_event: |cx, key, seq| Box::pin(files_of_event(cx, key, seq)) }),
    approvals: Some(Approvals {
        find: |cx, link| Box::pin(find_request(cx, link)),
        answer: |cx, request, command| Box::pin(answer(cx, request, command)),
    }),
    after_sent: None,
};

async fn find_request(cx: &Cx, link: &Link) -> Result<Option<ApprovalRequest>, Fault> {
    if link.checkpoint_seq.is_some() {
        return Ok(None);
    }
    let decision = cx.store.record::<Decision>(link.tenant, link.record).await?;
    Ok(decision.map(ApprovalRequest::from_decision))
}

async fn answer(
    cx: &Cx,
    request: &ApprovalRequest,
    command: &Command<Decision>,
) -> Result<(), TransitionError<Decision>> {
    transition_from(cx, request.record.clone(), command).await.map(drop)
}

async fn callback(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<Callback>, Fault> {
    let purpose = CallbackPurpose::from_purpose(purpose)
        .ok_or_else(|| Fault::internal(format!("no callback has the purpose {purpose:?}")))?;
    let record = record_with_event::<Decision>(cx, key, seq).await?;
    let entry =
        record.event(seq).ok_or_else(|| Fault::internal("a callback belongs to an event that is not in the log"))?;
    // Links are issued at the time of the event, so that every attempt has the same body.
    let links = FileLinks::new(cx.key(KeyPurpose::Files)?, cx.origin()?, entry.at);
    let receipt = match purpose {
        CallbackPurpose::Resolved | CallbackPurpose::Expired | CallbackPurpose::Cancelled => {
            receipt_issuer::issue(cx, &record).await?
        }
        CallbackPurpose::Created | CallbackPurpose::Escalated | CallbackPurpose::Due => None,
    };
    Ok(build_callback(&record, entry, purpose, &links, receipt))
}

async fn files_of_event(cx: &Cx, key: HeadKey, seq: u64) -> Result<Vec<BlobKey>, Fault> {
    let record = record_with_event::<Decision>(cx, key, seq).await?;
    let files = record.event(seq).map(|entry| files_of(&entry.event)).unwrap_or_default();
    Ok(files.iter().filter_map(|file| blob_key(&record, file)).collect())
}

async fn recipient_in_slack(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<EmailAddress>, Fault> {
    let approval_request = ApprovalRequest::from_decision(record_with_event(cx, key, seq).await?);
    Ok(slack_recipient(cx, &approval_request, seq, approval_purpose(purpose)?))
}

async fn message_in_slack(
    cx: &Cx,
    key: HeadKey,
    seq: u64,
    purpose: Purpose,
    to: &SlackUser,
) -> Result<SlackMessage, Fault> {
    let approval_request = ApprovalRequest::from_decision(record_with_event(cx, key, seq).await?);
    slack_message(cx, &approval_request, seq, approval_purpose(purpose)?, to)
}

async fn mail(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    let approval_request = ApprovalRequest::from_decision(record_with_event(cx, key, seq).await?);
    request_mail(cx, &approval_request, seq, approval_purpose(purpose)?)
}

/// Builds the callback of an event. Event and spec never change, so the body is equal in every attempt.
fn build_callback(
    record: &Record<Decision>,
    entry: &LogEntry<Decision>,
    purpose: CallbackPurpose,
    links: &FileLinks<'_>,
    receipt: Option<Receipt>,
) -> Option<Callback> {
    let event = match purpose {
        CallbackPurpose::Created => "decision.created",
        CallbackPurpose::Resolved => "decision.resolved",
        CallbackPurpose::Escalated => "decision.escalated",
        CallbackPurpose::Expired => "decision.expired",
        CallbackPurpose::Cancelled => "decision.cancelled",
        CallbackPurpose::Due => "decision.due",
    };
    let decision = match &entry.event {
        DecisionEvent::Created { .. }
        | DecisionEvent::Attached { .. }
        | DecisionEvent::Consumed { .. }
        | DecisionEvent::Executed { .. } => {
            let decided = Record { state_data: Decision::apply(None, entry), ..record.clone() };
            json!(DecisionView::new(&decided, entry.at, links))
        }
        DecisionEvent::Approved(_)
        | DecisionEvent::Denied(_)
        | DecisionEvent::Modified(_)
        | DecisionEvent::Scheduled(_)
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => decision_update_json(record, entry, links),
    };
    let mut body = json!({"event": event, "decision": decision, "timestamp": event_time(entry, purpose)});
    if let Some(receipt) = receipt {
        body["receipt"] = receipt.signed.into();
    }
    let url = record.spec.callback_url.clone()?;
    Some(Callback { url, event, body: body.to_string(), signing_key_id: record.spec.asked_by })
}

/// Time of the event: for a due scheduled decision, its execution time.
fn event_time(entry: &LogEntry<Decision>, purpose: CallbackPurpose) -> Timestamp {
    match (&entry.event, purpose) {
        (DecisionEvent::Scheduled(answer), CallbackPurpose::Due) => answer.execute_at.unwrap_or(entry.at),
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
        "action_hash": record.spec.action_hash(),
    });
    let Value::Object(members) = &mut body else { return body };
    if let Some(origin) = answer_origin_of_entry(&record.spec, entry) {
        origin.insert_into(members);
    }
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

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::actor::Actor;
    use handrail_domain::approval_purpose::ApprovalPurpose;
    use handrail_domain::attachment::Attachment;
    use handrail_domain::decision::Act;
    use handrail_domain::ids::CommandId;
    use handrail_platform::blob_store::BlobId;
    use handrail_records::transition::transition;

    use super::*;
    use crate::testing::{AGENT, TestApp, api_key, tenant};

    /// A callback, a mail and a Slack message show the same after the head has lost their event.
    #[tokio::test]
    async fn late_worker_finds_trimmed_event() {
        let app = TestApp::new().await;
        let key = HeadKey { tenant: tenant(), id: app.create_decision().await };
        app.advance(20);
        let to = SlackUser { team: "T1".to_owned(), user: "U1".to_owned() };
        let sent = async || {
            let (cx, seq, remind) = (&app.cx, 1, ApprovalPurpose::RemindHalf.purpose());
            (
                (KIND.callbacks().unwrap().build)(cx, key, seq, CallbackPurpose::Created.purpose()).await.unwrap(),
                (KIND.mails().unwrap().build)(cx, key, seq, remind).await.unwrap(),
                (KIND.slack().unwrap().message)(cx, key, seq, remind, &to).await.unwrap(),
            )
        };
        let before = sent().await;
        assert!(before.0.is_some() && before.1.is_some(), "{before:?}");
        app.trim_log(key.id).await;
        assert!(app.record(key.id).await.log.is_empty());
        assert_eq!(sent().await, before);
        let missing = (KIND.callbacks().unwrap().build)(&app.cx, key, 2, CallbackPurpose::Resolved.purpose()).await;
        assert!(missing.is_err(), "{missing:?}");
    }

    #[tokio::test]
    async fn purposes_of_other_kinds_are_faults() {
        let app = TestApp::new().await;
        let key = HeadKey { tenant: tenant(), id: app.create_decision().await };
        let other = Purpose::new("notify-team");
        let (callbacks, mails, slack) = (KIND.callbacks().unwrap(), KIND.mails().unwrap(), KIND.slack().unwrap());
        for fault in [
            (callbacks.build)(&app.cx, key, 1, ApprovalPurpose::AskApprover.purpose()).await.unwrap_err(),
            (callbacks.build)(&app.cx, key, 1, other).await.unwrap_err(),
            (mails.build)(&app.cx, key, 1, CallbackPurpose::Created.purpose()).await.unwrap_err(),
            (mails.build)(&app.cx, key, 1, other).await.unwrap_err(),
            (slack.recipient)(&app.cx, key, 1, other).await.unwrap_err(),
        ] {
            assert!(fault.to_string().contains("has the purpose"), "{fault}");
        }
    }

    #[tokio::test]
    async fn late_worker_retains_files_of_trimmed_event() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let key = HeadKey { tenant: tenant(), id };
        let mut stored = Vec::new();
        for number in 0..2 {
            let file = Attachment {
                id: BlobId::new(&*app.cx.entropy).to_string(),
                name: format!("{number}.txt"),
                content_type: "text/plain".to_owned(),
                size: 1,
                sha256: String::new(),
            };
            let actor = Actor::Key { key: api_key(Role::Agent, AGENT).id, role: Role::Agent };
            let attach = Command { id: CommandId::new(&file.id, &[]), actor, act: Act::Attach(vec![file.clone()]) };
            transition::<Decision>(&app.cx, tenant(), id, &attach).await.unwrap();
            stored.push(blob_key(&app.record(id).await, &file).unwrap());
        }
        app.trim_log(id).await;
        let files = async |seq| (KIND.files().unwrap().of_event)(&app.cx, key, seq).await;
        assert_eq!(files(1).await.unwrap(), []);
        // Each event retains the files that it added, and no others.
        assert_eq!((files(2).await.unwrap(), files(3).await.unwrap()), (vec![stored[0]], vec![stored[1]]));
        assert!(files(4).await.is_err());
    }
}
