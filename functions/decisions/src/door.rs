//! What the workers need of this door: its callbacks and its mails, in its own words.

use handrail_domain::decision::{Decision, DecisionEvent, Place, ResponseType, asked_now, files_of};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{Entry, Record};
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::BlobKey;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Awaited, Callback, Door, Mail, News, SlackText, news_of, raise_due_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::slack::SlackUser;
use handrail_kernel::store::{HeadKey, Item};
use serde_json::{Value, json};

use crate::file_links::{FileLinks, blob_key};
use crate::mail::{MailView, Turn, compose};
use crate::slack;
use crate::view;
use crate::visit::{Spoken, deadline_of, minutes_until};

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
            let now = cx.clock.now();
            let seen = read(cx, key).await?.seen_at(now);
            let asks = reason(&seen, seq, purpose, now).and_then(|_| slack::asks(&seen, seq, purpose));
            Ok(asks.cloned())
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
            let seen = read(cx, key).await?.seen_at(cx.clock.now());
            let page = Some(cx.origin()?);
            slack::message(cx.master()?, &seen, slack::seat_of(&seen, seq, purpose), purpose, to, page)
        })
    }

    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Mail>> {
        Box::pin(async move {
            let record = read(cx, key).await?;
            mail(cx, &record, seq, purpose)
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

/// `None`: it was answered, or went on to somebody else, before the mail left. Then there is nothing to ask this person.
fn mail(cx: &Cx, record: &Record<Decision>, seq: u64, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    let now = cx.clock.now();
    let Some(reason) = reason(record, seq, purpose, now) else { return Ok(None) };
    let seen = &record.seen_at(now);
    let (seat, turn) = match (reason.asks, &seen.standing.place) {
        (Seat::Approver, Place::Pending) => (Seat::Approver, Turn::First),
        (Seat::Backup, Place::Escalated) => (Seat::Backup, Turn::Backup { instead_of: seen.ask.approver.as_str() }),
        _ => return Ok(None),
    };
    let Some(person) = asked_now(seen) else { return Ok(None) };
    let token = Link::to(cx.master()?, seen.tenant, seen.id, seat, person).token();
    let link = format!("{}/d/{token}", cx.origin()?);
    let (deadline, at_deadline) = deadline_of(seen);
    let until = Spoken::of(deadline);
    let amount = seen.ask.amount.as_ref().map(ToString::to_string);
    let composed = compose(&MailView {
        turn,
        reminder: reason.reminder,
        action: &seen.ask.action,
        context: seen.ask.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        on_page: seen.ask.context_images.len() + seen.standing.attachments.len(),
        urgency: seen.ask.urgency,
        asked_by: &seen.ask.asked_by_name,
        link: &link,
        asked: seen.ask.response_type.as_ref().unwrap_or(&ResponseType::ApproveDeny),
        options: &seen.ask.options,
        deadline: until.moment(),
        minutes_left: minutes_until(deadline, now),
        at_deadline,
    });
    Ok(Some(Mail { to: person.clone(), subject: composed.subject, text: composed.text, html: composed.html }))
}

struct Reason {
    /// Whom the mail is for.
    asks: Seat,
    reminder: bool,
}

/// A reminder belongs to the event that asked: that of the first request is none for the backup.
fn reason(record: &Record<Decision>, seq: u64, purpose: Purpose, now: Timestamp) -> Option<Reason> {
    match purpose {
        Purpose::AskApprover => return Some(Reason { asks: Seat::Approver, reminder: false }),
        Purpose::AskBackup => return Some(Reason { asks: Seat::Backup, reminder: false }),
        Purpose::RemindHalf | Purpose::RemindLast => {}
        _ => return None,
    }
    let entry = record.event(seq)?;
    let asks = match entry.event {
        DecisionEvent::Created { .. } => Seat::Approver,
        DecisionEvent::Escalated => Seat::Backup,
        _ => return None,
    };
    // Late for both, only the one with less time left is true.
    let is_last = |effect: &Effect| effect.purpose() == Purpose::RemindLast;
    let last = Decision::effects(&record.ask, entry).into_iter().find(is_last).and_then(Effect::not_before);
    if purpose == Purpose::RemindHalf && last.is_some_and(|last| last <= now) {
        return None;
    }
    Some(Reason { asks, reminder: true })
}
