//! What the workers need of this door: its callbacks and its mails, in its own words.

use handrail_asking::{Question, ask_by_mail, asks_in_slack, in_slack};
use handrail_domain::decision::{Decision, DecisionEvent, files_of};
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{Entry, Record};
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::BlobKey;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Awaited, Callback, Door, Mail, News, SlackText, news_of, raise_due_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::slack::SlackUser;
use handrail_kernel::store::{HeadKey, Item};
use serde_json::{Value, json};

use crate::file_links::{FileLinks, blob_key};
use crate::view;

pub struct DecisionsDoor;

impl Door for DecisionsDoor {
    fn kind(&self) -> &'static str {
        Decision::KIND
    }

    fn news<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> Awaited<'a, News> {
        Box::pin(news_of::<Decision>(cx, old, new))
    }

    fn raise_due<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> Awaited<'a, bool> {
        Box::pin(raise_due_of::<Decision>(cx, key.tenant, key.id))
    }

    fn callback<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Callback>> {
        Box::pin(async move {
            let record = read(cx, key).await?;
            let entry = record
                .event(seq)
                .ok_or_else(|| Fault::broken("a callback tells of an event that is not in the log"))?;
            // From the time of the event, so that a repeat says the same.
            let links = FileLinks::new(cx.master()?, cx.origin()?, entry.at);
            Ok(callback(&record, entry, purpose, &links))
        })
    }

    fn files<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64) -> Awaited<'a, Vec<BlobKey>> {
        Box::pin(async move {
            let record = read(cx, key).await?;
            let files = match record.event(seq) {
                Some(entry) => files_of(&entry.event).to_vec(),
                // So much happened since that the event lies apart. To keep all is as good.
                None => record.standing.files().cloned().collect(),
            };
            Ok(files.iter().filter_map(|file| blob_key(&record, file)).collect())
        })
    }

    /// As published: at once, after 5 s, after 30 s.
    fn retry_gaps_ms(&self) -> &'static [i64] {
        &[0, 5_000, 30_000]
    }

    fn asks_in_slack<'a>(
        &'a self,
        cx: &'a Cx,
        key: HeadKey,
        seq: u64,
        purpose: Purpose,
    ) -> Awaited<'a, Option<EmailAddress>> {
        Box::pin(async move {
            let question = Question::of_decision(read(cx, key).await?);
            Ok(asks_in_slack(cx, &question, seq, purpose))
        })
    }

    fn in_slack<'a>(
        &'a self,
        cx: &'a Cx,
        key: HeadKey,
        seq: u64,
        purpose: Purpose,
        to: &'a SlackUser,
    ) -> Awaited<'a, SlackText> {
        Box::pin(async move {
            let question = Question::of_decision(read(cx, key).await?);
            in_slack(cx, &question, seq, purpose, to)
        })
    }

    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Mail>> {
        Box::pin(async move {
            let question = Question::of_decision(read(cx, key).await?);
            ask_by_mail(cx, &question, seq, purpose)
        })
    }
}

async fn read(cx: &Cx, key: HeadKey) -> Result<Record<Decision>, Fault> {
    let record = cx.store.record::<Decision>(key.tenant, key.id).await?;
    record.ok_or_else(|| Fault::broken("an effect belongs to a record that is not there"))
}

/// The body is computed from the event and from what was asked, neither of which ever changes: whenever it is composed, it
/// is the same.
fn callback(
    record: &Record<Decision>,
    entry: &Entry<Decision>,
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
            view::whole(&Record { standing: Decision::after(None, entry), ..record.clone() }, entry.at, links)
        }
        DecisionEvent::Approved(_)
        | DecisionEvent::Denied(_)
        | DecisionEvent::Modified(_)
        | DecisionEvent::Scheduled(_)
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => settled(record, entry, links),
    };
    let body = json!({"event": event, "decision": decision, "timestamp": happened_at(entry, purpose)}).to_string();
    Some(Callback { url: record.ask.callback_url.clone()?, event, body, key: record.ask.asked_by })
}

/// What waited for its time happens then.
fn happened_at(entry: &Entry<Decision>, purpose: Purpose) -> Timestamp {
    match (&entry.event, purpose) {
        (DecisionEvent::Scheduled(answer), Purpose::AnnounceDue) => answer.execute_at.unwrap_or(entry.at),
        _ => entry.at,
    }
}

fn settled(record: &Record<Decision>, entry: &Entry<Decision>, links: &FileLinks<'_>) -> Value {
    let standing = Decision::after(None, entry);
    let answer = standing.outcome().map(|outcome| &outcome.answer);
    let mut body = json!({
        "id": record.id,
        "status": Decision::state(&standing).name(),
        "resolved_by": answer.map(|answer| answer.resolved_by.as_str()),
        "response_notes": answer.and_then(|answer| answer.notes.as_deref()),
        "response_data": standing.outcome().and_then(|outcome| view::response_data(record, outcome, links)),
    });
    let Value::Object(members) = &mut body else { return body };
    if let Some(at) = answer.and_then(|answer| answer.execute_at) {
        members.insert("execute_at".to_owned(), json!(at));
    }
    if let Some(cancelled) = standing.cancelled() {
        members.insert("cancelled_at".to_owned(), json!(cancelled.at));
        members.insert("cancel_reason".to_owned(), json!(cancelled.reason));
    }
    if record.ask.policy.is_some() {
        members.insert("auto_resolved".to_owned(), true.into());
    }
    body
}
