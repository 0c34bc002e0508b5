//! Record kinds as data: the follow-ups of a change, due timers, and what only some kinds have, such as callbacks and
//! mails.
//!
//! The workers know record kinds only as values of [`Kind`]. Each door exports its kinds, and `functions/kinds` lists
//! them. A message that asks for something that its kind does not have is a fault.

use std::pin::Pin;

use handrail_domain::actor::Actor;
use handrail_domain::decision::Decision;
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Lifecycle};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::Value;

use crate::approval_request::ApprovalRequest;
use crate::journal::{self, EventContext, JournalMapper, JournalUpdate, RecordReplay, audit_details};
use crate::log::events_after;
use crate::transition::{TransitionError, fire_due_timers, transition};
use handrail_context::cx::Cx;
use handrail_domain::slack_user::SlackUser;
use handrail_platform::blob_store::BlobKey;
use handrail_platform::boxed::BoxFuture;
use handrail_platform::fault::Fault;
use handrail_secrets::link::Link;
use handrail_secrets::secret::Secret;
use handrail_store::{HeadKey, Item, SpecSource, WebhookDelivery, read_head};

/// Record kind as the workers know it: plain functions, and a capability for each thing that only some kinds do.
pub struct Kind {
    /// Name of the kind in the database.
    pub name: &'static str,
    /// Computes the follow-ups of a change between two images of a record head.
    pub follow_ups: for<'a> fn(&'a Cx, Option<&'a Item>, &'a Item) -> BoxFuture<'a, FollowUps>,
    /// Fires the due timers of a record. Returns `true` if a timer fired.
    pub fire_due_timers: fn(&Cx, HeadKey) -> BoxFuture<'_, bool>,
    pub callbacks: Option<Callbacks>,
    pub webhooks: Option<Webhooks>,
    pub mails: Option<Mails>,
    pub slack: Option<SlackMessages>,
    pub files: Option<Files>,
    pub approvals: Option<Approvals>,
    pub after_sent: Option<AfterSent>,
}

/// Record kinds of a process whose operations serve records of every kind, such as the page of a link.
#[derive(Clone, Copy, Default)]
pub struct KindList(pub &'static [Kind]);

impl KindList {
    /// Returns the kinds that [`Cx::with_process_state`] has set.
    pub fn of_process(cx: &Cx) -> Result<&'static [Kind], Fault> {
        let list = cx.process_state::<Self>().0;
        if list.is_empty() { Err(Fault::internal("this function has no list of kinds")) } else { Ok(list) }
    }
}

/// Calls of a URL that the record names.
pub struct Callbacks {
    /// Builds the callback for an event. Returns `None` if nothing is to be called any more.
    pub build: fn(&Cx, HeadKey, u64, Purpose) -> BoxFuture<'_, Option<Callback>>,
    /// Backoff after each failed attempt. The delivery becomes a dead letter when an attempt fails after the last
    /// backoff.
    pub backoff_ms: &'static [i64],
}

/// Deliveries of events to the tenant's webhooks.
pub struct Webhooks {
    /// Builds the kind's own headers of a webhook delivery, in addition to those of every signed delivery.
    pub headers: fn(&WebhookDelivery, &Secret) -> Vec<(String, String)>,
    /// Backoff after each failed attempt, as in [`Callbacks::backoff_ms`].
    pub backoff_ms: &'static [i64],
}

/// Mails to people.
pub struct Mails {
    /// Builds the mail for an event and purpose. Returns `None` if no mail is needed any more.
    pub build: fn(&Cx, HeadKey, u64, Purpose) -> BoxFuture<'_, Option<Mail>>,
}

/// Messages to people in Slack. A kind with Slack messages also has mails, for people who can't be reached in Slack.
pub struct SlackMessages {
    /// Finds the approver to ask in Slack. Returns `None` if no answer is needed any more or mail is to be used.
    pub recipient: fn(&Cx, HeadKey, u64, Purpose) -> BoxFuture<'_, Option<EmailAddress>>,
    /// Renders the current Slack message for this event, purpose and user.
    pub message: for<'a> fn(&'a Cx, HeadKey, u64, Purpose, &'a SlackUser) -> BoxFuture<'a, SlackMessage>,
}

/// Files that belong to records.
pub struct Files {
    /// Lists the files that an event of a record added.
    pub of_event: fn(&Cx, HeadKey, u64) -> BoxFuture<'_, Vec<BlobKey>>,
}

/// Requests to approvers, who answer by a link or in Slack.
pub struct Approvals {
    /// Finds the request that a link opens. Returns `None` if the link is not for a record of this kind.
    pub find: for<'a> fn(&'a Cx, &'a Link) -> BoxFuture<'a, Option<ApprovalRequest>>,
    /// Records an answer to the request, if it is the first. A repeated answer succeeds.
    pub answer: for<'a> fn(&'a Cx, &'a ApprovalRequest, &'a Command<Decision>) -> AnswerFuture<'a>,
}

/// Commands that follow when a message to a person was sent, or could not be sent.
pub struct AfterSent {
    /// Applies the outcome of the message for an event and purpose to the record. Called at least once for each
    /// message that was built; see [`apply_sent_outcome`].
    pub apply: fn(&Cx, HeadKey, u64, Purpose, SentOutcome) -> BoxFuture<'_, ()>,
}

/// End of the attempts to send a message to a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SentOutcome {
    /// A channel accepted the message.
    Accepted,
    /// Every channel refused the message for good.
    Failed,
}

impl SentOutcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Failed => "failed",
        }
    }
}

pub type AnswerFuture<'a> = Pin<Box<dyn Future<Output = Result<(), TransitionError<Decision>>> + Send + 'a>>;

impl Kind {
    pub fn callbacks(&self) -> Result<&Callbacks, Fault> {
        self.callbacks.as_ref().ok_or_else(|| self.lacks("callbacks"))
    }

    pub fn webhooks(&self) -> Result<&Webhooks, Fault> {
        self.webhooks.as_ref().ok_or_else(|| self.lacks("webhooks"))
    }

    pub fn mails(&self) -> Result<&Mails, Fault> {
        self.mails.as_ref().ok_or_else(|| self.lacks("mails"))
    }

    pub fn slack(&self) -> Result<&SlackMessages, Fault> {
        self.slack.as_ref().ok_or_else(|| self.lacks("Slack messages"))
    }

    pub fn files(&self) -> Result<&Files, Fault> {
        self.files.as_ref().ok_or_else(|| self.lacks("files"))
    }

    /// Fault of a message that asks for something that the kind does not do.
    fn lacks(&self, capability: &str) -> Fault {
        Fault::internal(format!("records of kind {} have no {capability}", self.name))
    }
}

/// Effects, deadline and webhook events that follow from a change of a record.
#[derive(Debug, Default)]
pub struct FollowUps {
    /// Sequence number of the causing event, and the effect.
    pub effects: Vec<(u64, Effect)>,
    /// Next deadline of the record, if the change set a new one.
    pub new_deadline: Option<Timestamp>,
    /// Events for the tenant's webhooks.
    pub webhook_events: Vec<WebhookEvent>,
}

/// Event for every webhook that subscribes to its type, in the format of the door.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookEvent {
    pub seq: u64,
    pub event: &'static str,
    /// Sent unchanged to every webhook, on every attempt.
    pub body: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    pub url: String,
    pub event: &'static str,
    /// Sent unchanged on every attempt.
    pub body: String,
    /// API key whose webhook secret signs the callback.
    pub signing_key_id: KeyId,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// Message in Slack's format.
#[derive(Clone, Debug, PartialEq)]
pub struct SlackMessage {
    /// Plain text for notifications and screen readers.
    pub text: String,
    pub blocks: Vec<Value>,
}

/// Functions that map an event to the journal and to webhooks. They see only the spec, the event and the state data
/// around the event, so a repeated call returns the same result.
pub struct EventMappers<L: Lifecycle> {
    /// Maps an event to its details in the tenant's journal.
    pub journal_details: JournalMapper<L>,
    /// Maps an event to its payload for webhooks.
    pub webhook_event: fn(&EventContext<'_, L>) -> Option<WebhookEvent>,
}

impl<L: Lifecycle> EventMappers<L> {
    /// Every event is in the journal and its audit list; no webhook is called.
    pub const AUDIT_ONLY: Self = Self { journal_details: audit_details, webhook_event: |_| None };
    /// No event is in the journal. For records that expire and belong to no tenant's history.
    pub const NONE: Self = Self { journal_details: |_| None, webhook_event: |_| None };
}

/// Implements [`Kind::follow_ups`]: stores each new event as an item of its own and in the tenant's journal, and
/// computes its effects.
pub async fn follow_ups_of<L: Lifecycle>(
    cx: &Cx,
    old: Option<&Item>,
    new: &Item,
    mappers: EventMappers<L>,
) -> Result<FollowUps, Fault> {
    let key =
        handrail_store::head_key_of(new).ok_or_else(|| Fault::internal("follow-ups need the head of a record"))?;
    let record = match new.get("ask") {
        Some(_) => read_head::<L>(new, SpecSource::Head)?,
        // The spec is a separate item, absent from the stream's image, so the record is read. The record may be newer,
        // but its spec and the events up to this image are the same.
        None => {
            if old.is_none() {
                cx.store.retain_spec(new).await?;
            }
            let stored = cx.store.record::<L>(key.tenant, key.id).await?;
            let stored: Record<L> =
                stored.ok_or_else(|| Fault::internal("the record of a stream event is not in the table"))?;
            read_head::<L>(new, SpecSource::Known(&stored.spec))?
        }
    };
    cx.store.finalize_bodies(old, new, cx.clock.now()).await?;
    count(cx, old, new, &record).await?;
    let last_seq = match old {
        Some(old) => handrail_store::seq_of(old)?,
        None => 0,
    };
    let mut replay = RecordReplay::new(&record, old)?;
    let (mut effects, mut webhook_events) = (Vec::new(), Vec::new());
    for log_entry in &events_after(cx, &record, last_seq).await? {
        let event = replay.apply(log_entry);
        let details = (mappers.journal_details)(&event);
        webhook_events.extend((mappers.webhook_event)(&event));
        match details {
            Some(details) => {
                journal::append(cx, key, log_entry, JournalUpdate::new(details, &event)).await?;
            }
            None => cx.store.put_event(key, log_entry).await?,
        }
        effects
            .extend(L::effects(&record.spec, &log_entry.entry).into_iter().map(|effect| (log_entry.entry.seq, effect)));
    }
    let deadline = record.due().map(|due| due.at);
    let old_deadline = old.and_then(handrail_store::due_time_of);
    Ok(FollowUps { effects, new_deadline: deadline.filter(|at| Some(*at) != old_deadline), webhook_events })
}

/// Counts the record for the lists that it belongs to now. A repeat counts nothing twice.
async fn count<L: Lifecycle>(cx: &Cx, old: Option<&Item>, new: &Item, record: &Record<L>) -> Result<(), Fault> {
    if L::filter_fields(record).is_none() {
        return Ok(());
    }
    let before = old.map(|old| read_head::<L>(old, SpecSource::Known(&record.spec))).transpose()?;
    cx.store.label_if_unlabeled(new, record).await?;
    cx.store.count_change(before.as_ref(), record).await?;
    cx.store.continue_counts::<L>(record.tenant).await
}

/// Implements [`Kind::fire_due_timers`] for any lifecycle.
pub async fn fire_due_timers_of<L: Lifecycle>(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<bool, Fault> {
    // If the record was deleted or changed in between, no timer is due on it.
    Ok(unless_moved_on(fire_due_timers::<L>(cx, tenant, id).await)?.unwrap_or(false))
}

/// Implements [`AfterSent::apply`]: applies the act to the record, once for each message and outcome. A record that has
/// moved on stays as it is.
pub async fn apply_sent_outcome<L: Lifecycle>(
    cx: &Cx,
    key: HeadKey,
    seq: u64,
    purpose: Purpose,
    outcome: SentOutcome,
    act: L::Act,
) -> Result<(), Fault> {
    let id = CommandId::new(&format!("sent {seq} {} {}", purpose.name(), outcome.name()), &[]);
    let command = Command { id, actor: Actor::System, act };
    unless_moved_on(transition::<L>(cx, key.tenant, key.id, &command).await).map(drop)
}

/// Returns `None` if the record no longer allows what a worker was to do.
pub fn unless_moved_on<T, L: Lifecycle>(result: Result<T, TransitionError<L>>) -> Result<Option<T>, Fault> {
    match result {
        Ok(done) => Ok(Some(done)),
        Err(
            TransitionError::NotFound
            | TransitionError::Refused(_)
            | TransitionError::IdempotencyConflict
            | TransitionError::TooLarge,
        ) => Ok(None),
        Err(TransitionError::Busy) => Err(Fault::Busy("a record is changed by other writers all the time".into())),
        Err(TransitionError::Fault(fault)) => Err(fault),
    }
}
