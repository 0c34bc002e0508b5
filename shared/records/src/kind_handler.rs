//! Interface between a record kind and the workers: follow-ups of a change, and the content of callbacks, mail and
//! Slack messages.
//!
//! The workers know record kinds only through [`KindHandler`]; `functions/workers` lists the handlers.

use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::Value;

use crate::feed::{self, EventContext, FeedMapper, FeedUpdate, RecordReplay};
use crate::transition::{TransitionError, fire_due_timers};
use handrail_context::cx::Cx;
use handrail_domain::slack_user::SlackUser;
use handrail_platform::blob_store::BlobKey;
use handrail_platform::boxed::BoxFuture;
use handrail_platform::fault::Fault;
use handrail_secrets::secret::Secret;
use handrail_store::{HeadKey, Item, SpecSource, WebhookDelivery, read_head};

pub trait KindHandler: Send + Sync {
    /// Record kind that this handler serves.
    fn kind(&self) -> &'static str;
    /// Computes the follow-ups of a change between two images of a record head.
    fn follow_ups<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> BoxFuture<'a, FollowUps>;
    /// Fires the due timers of a record. Returns `true` if a timer fired.
    fn fire_due_timers<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> BoxFuture<'a, bool>;
    /// Builds the callback for an event. Returns `None` if nothing is to be called any more.
    fn callback<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> BoxFuture<'a, Option<Callback>>;
    /// Lists the files that an event of a record added. Empty for record kinds without files.
    fn files<'a>(&'a self, _cx: &'a Cx, _key: HeadKey, _seq: u64) -> BoxFuture<'a, Vec<BlobKey>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Builds the door's own headers of a webhook delivery, in addition to those of every signed delivery.
    fn webhook_headers(&self, _delivery: &WebhookDelivery, _secret: &Secret) -> Vec<(String, String)> {
        Vec::new()
    }
    /// Backoff after each failed attempt. The delivery becomes a dead letter when an attempt fails after the last
    /// backoff.
    fn retry_backoff_ms(&self) -> &'static [i64];
    /// Finds the approver to ask in Slack. Returns `None` if no answer is needed any more or mail is to be used.
    fn slack_recipient<'a>(
        &'a self,
        _cx: &'a Cx,
        _key: HeadKey,
        _seq: u64,
        _purpose: Purpose,
    ) -> BoxFuture<'a, Option<EmailAddress>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// Renders the current Slack message for this event, purpose and user.
    fn slack_message<'a>(
        &'a self,
        _cx: &'a Cx,
        _key: HeadKey,
        _seq: u64,
        _purpose: Purpose,
        _recipient: &'a SlackUser,
    ) -> BoxFuture<'a, SlackMessage> {
        Box::pin(std::future::ready(Err(Fault::internal("this record kind has no Slack messages"))))
    }
    /// Builds the mail for an event and purpose. Returns `None` if no mail is needed any more.
    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> BoxFuture<'a, Option<Mail>>;
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

/// Implements [`KindHandler::follow_ups`] for a kind without feed and webhooks: stores each new event as an item of its
/// own and computes its effects.
pub async fn follow_ups_of<L: Lifecycle>(cx: &Cx, old: Option<&Item>, new: &Item) -> Result<FollowUps, Fault> {
    follow_ups(cx, old, new, None::<EventMappers<L>>).await
}

/// Functions that map an event to the feed and to webhooks. They see only the spec, the event and the state data around
/// the event, so a repeated call returns the same result.
pub struct EventMappers<L: Lifecycle> {
    /// Maps an event to its details in the tenant's feed.
    pub feed_details: FeedMapper<L>,
    /// Maps an event to its payload for webhooks.
    pub webhook_event: fn(&EventContext<'_, L>) -> Option<WebhookEvent>,
}

/// Implements [`KindHandler::follow_ups`] for a kind with a feed and webhooks.
pub async fn follow_ups_with_feed<L: Lifecycle>(
    cx: &Cx,
    old: Option<&Item>,
    new: &Item,
    mappers: EventMappers<L>,
) -> Result<FollowUps, Fault> {
    follow_ups(cx, old, new, Some(mappers)).await
}

async fn follow_ups<L: Lifecycle>(
    cx: &Cx,
    old: Option<&Item>,
    new: &Item,
    mappers: Option<EventMappers<L>>,
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
    let mut replay = mappers.as_ref().map(|_| RecordReplay::new(&record, old)).transpose()?;
    let (mut effects, mut webhook_events) = (Vec::new(), Vec::new());
    for log_entry in record.log.iter().filter(|logged| logged.entry.seq > last_seq) {
        let mut feed_update = None;
        if let (Some(mappers), Some(replay)) = (&mappers, &mut replay) {
            let event = replay.apply(log_entry);
            feed_update = (mappers.feed_details)(&event).map(|details| FeedUpdate::new(details, &event));
            webhook_events.extend((mappers.webhook_event)(&event));
        }
        match feed_update {
            Some(update) => feed::append(cx, key, log_entry, update).await?,
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

/// Implements [`KindHandler::fire_due_timers`] for any lifecycle.
pub async fn fire_due_timers_of<L: Lifecycle>(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<bool, Fault> {
    match fire_due_timers::<L>(cx, tenant, id).await {
        Ok(fired) => Ok(fired),
        // The record was deleted or changed in between: no timer is due on it.
        Err(
            TransitionError::NotFound
            | TransitionError::Refused(_)
            | TransitionError::IdempotencyConflict
            | TransitionError::TooLarge,
        ) => Ok(false),
        Err(TransitionError::Busy) => Err(Fault::Busy("a record is changed by other writers all the time".into())),
        Err(TransitionError::Fault(fault)) => Err(fault),
    }
}
