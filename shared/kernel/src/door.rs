//! What a kind of record brings for the workers: how its effects read, in its door's own words.
//!
//! The workers know kinds only through this; `functions/workers` lists the doors there are.

use std::future::Future;
use std::pin::Pin;

use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::Value;

use crate::blobs::BlobKey;
use crate::cx::Cx;
use crate::fault::Fault;
use crate::feed::{self, Happened, Headlines, Past, Placed};
use crate::slack::{Secret, SlackUser};
use crate::store::{AskFrom, Call, HeadKey, Item, read_head};
use crate::transition::{Stop, raise_due};

pub type Awaited<'a, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 'a>>;

pub trait Door: Send + Sync {
    /// The kind of record that is this door's.
    fn kind(&self) -> &'static str;
    /// What changed between two images of a head, and what follows.
    fn news<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> Awaited<'a, News>;
    /// Raises what is due on a record.
    fn raise_due<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> Awaited<'a, bool>;
    /// The call that tells about an event. `None`: there is nobody to call any more.
    fn callback<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Callback>>;
    /// The files that an event of a record brought. None, where records have no files.
    fn files<'a>(&'a self, _cx: &'a Cx, _key: HeadKey, _seq: u64) -> Awaited<'a, Vec<BlobKey>> {
        Box::pin(std::future::ready(Ok(Vec::new())))
    }
    /// Headers of the door's own on the call of a hook, beside those that every signed call has.
    fn hook_headers(&self, _call: &Call, _secret: &Secret) -> Vec<(String, String)> {
        Vec::new()
    }
    /// How long to wait after each failed call. One more failure than there are waits, and the call is given up.
    fn retry_gaps_ms(&self) -> &'static [i64];
    /// Who is to be asked in Slack now. `None`: nobody any more, or by mail, as at a door that posts nothing.
    fn asks_in_slack<'a>(
        &'a self,
        _cx: &'a Cx,
        _key: HeadKey,
        _seq: u64,
        _purpose: Purpose,
    ) -> Awaited<'a, Option<EmailAddress>> {
        Box::pin(std::future::ready(Ok(None)))
    }
    /// How what was posted for this event and purpose reads now, to this user.
    fn in_slack<'a>(
        &'a self,
        _cx: &'a Cx,
        _key: HeadKey,
        _seq: u64,
        _purpose: Purpose,
        _to: &'a SlackUser,
    ) -> Awaited<'a, SlackText> {
        Box::pin(std::future::ready(Err(Fault::broken("this door posts nothing in Slack"))))
    }
    /// The mail that asks a person. `None`: there is nothing left to ask.
    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Mail>>;
}

/// What a change of a record brings.
#[derive(Debug, Default)]
pub struct News {
    /// Sequence number of the event and what it causes.
    pub effects: Vec<(u64, Effect)>,
    /// The record's deadline, where it is new.
    pub due: Option<Timestamp>,
    /// What the account's hooks are told.
    pub announced: Vec<Announcement>,
}

/// One event in the words of its door, for every hook that wants to hear of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Announcement {
    pub seq: u64,
    pub event: &'static str,
    /// Sent byte for byte to all, on every attempt.
    pub body: String,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Callback {
    pub url: String,
    pub event: &'static str,
    /// Sent byte for byte on every attempt.
    pub body: String,
    /// Whose secret signs it.
    pub key: KeyId,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Mail {
    pub to: EmailAddress,
    pub subject: String,
    pub text: String,
    pub html: String,
}

/// A message as Slack takes it.
#[derive(Clone, Debug, PartialEq)]
pub struct SlackText {
    /// For notifications and screen readers.
    pub text: String,
    pub blocks: Vec<Value>,
}

/// [`Door::news`] for any lifecycle: keeps the new events as items of their own and computes their effects.
pub async fn news_of<L: Lifecycle>(cx: &Cx, old: Option<&Item>, new: &Item) -> Result<News, Fault> {
    news(cx, old, new, None::<Publicity<L>>).await
}

/// Who hears of the events of a kind beside those whom a record names. Each is asked about each new event, with what was
/// asked and where the event left the record: from these alone its words are the same whenever they are made.
pub struct Publicity<L: Lifecycle> {
    /// What goes into the account's feed.
    pub headlines: Headlines<L>,
    /// What the account's hooks are told.
    pub announcements: fn(&Happened<'_, L>) -> Option<Announcement>,
}

/// The same for a kind that has a feed and hooks.
pub async fn public_news_of<L: Lifecycle>(
    cx: &Cx,
    old: Option<&Item>,
    new: &Item,
    publicity: Publicity<L>,
) -> Result<News, Fault> {
    news(cx, old, new, Some(publicity)).await
}

async fn news<L: Lifecycle>(
    cx: &Cx,
    old: Option<&Item>,
    new: &Item,
    publicity: Option<Publicity<L>>,
) -> Result<News, Fault> {
    let key = crate::store::head_key_of(new).ok_or_else(|| Fault::broken("news of something that is no head"))?;
    let record = match new.get("ask") {
        Some(_) => read_head::<L>(new, AskFrom::Head)?,
        // The ask lies apart. The stream's image has none, so the record is read; it may have moved on, but its ask and
        // the events up to this image have not.
        None => {
            if old.is_none() {
                cx.store.keep_ask(new).await?;
            }
            let read = cx.store.record::<L>(key.tenant, key.id).await?;
            let read: Record<L> = read.ok_or_else(|| Fault::broken("a record of the stream is not in the table"))?;
            read_head::<L>(new, AskFrom::Known(&read.ask))?
        }
    };
    cx.store.settle_bodies(old, new, cx.clock.now()).await?;
    let seen = match old {
        Some(old) => crate::store::seq_of(old)?,
        None => 0,
    };
    let mut past = publicity.as_ref().map(|_| Past::of(&record, old)).transpose()?;
    let (mut effects, mut announced) = (Vec::new(), Vec::new());
    for line in record.log.iter().filter(|line| line.entry.seq > seen) {
        let mut placed = None;
        if let (Some(publicity), Some(past)) = (&publicity, &mut past) {
            let happened = past.after(line);
            placed = (publicity.headlines)(&happened).map(|headline| Placed::of(headline, &happened));
            announced.extend((publicity.announcements)(&happened));
        }
        match placed {
            Some(placed) => feed::append(cx, key, line, placed).await?,
            None => cx.store.keep_event(key, line).await?,
        }
        effects.extend(L::effects(&record.ask, &line.entry).into_iter().map(|effect| (line.entry.seq, effect)));
    }
    let due = record.due().map(|due| due.at);
    let due_before = old.and_then(crate::store::due_of);
    Ok(News { effects, due: due.filter(|due| Some(*due) != due_before), announced })
}

/// [`Door::raise_due`] for any lifecycle.
pub async fn raise_due_of<L: Lifecycle>(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<bool, Fault> {
    match raise_due::<L>(cx, tenant, id).await {
        Ok(raised) => Ok(raised),
        // Gone between two reads: nothing is due on it.
        Err(Stop::NotFound | Stop::Refused(_) | Stop::OtherContent | Stop::TooLarge) => Ok(false),
        Err(Stop::Busy) => Err(Fault::Busy("a record is moved all the time".into())),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}
