//! The feed: everything that happens to an account's records of one kind, in one row, numbered without gaps. Live events,
//! the audit list and the statistics are read from it.
//!
//! Who calls this: the stream's worker adds, through [`crate::door::public_news_of`]; operations follow and search by the
//! store's own calls. It guarantees that every event is there once, however often and by however many it is added, that
//! who has read number n has read everything before it, and that the events of one record stand in their order, because
//! the stream is worked on in its order. It does not sort the events of different records by their times.
//! See docs/decisions/0016-the-feed-is-numbered-by-its-writers.md.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use handrail_domain::account::Tier;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{Entry, LogLine, Record};
use handrail_domain::totals::{Step, Totals};
use serde_json::Value;

use crate::cx::Cx;
use crate::doorbell::Doorbell;
use crate::fault::Fault;
use crate::store::{FeedEntry, FeedKey, HeadKey, Item, Numbered, Told, standing_of};

/// Each lost race means that another process added something. Whoever loses this often comes again with the stream.
const ATTEMPTS_MAX: usize = 16;
/// Forgotten all at once when full: what is remembered saves a read and nothing else.
const LANES_MAX: usize = 1_000;

/// What a door says of an event.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Headline {
    pub told: Option<Told>,
    pub live: Option<Value>,
    pub claimed_after_ms: Option<i64>,
    pub completed_after_ms: Option<i64>,
    pub raises_checkpoint: bool,
}

/// The same with the states between which the event led.
pub(crate) struct Placed {
    headline: Headline,
    from: Option<&'static str>,
    to: &'static str,
}

/// An event, and the record as it was just after it, without its log.
pub struct Happened<'a, L: Lifecycle> {
    pub record: &'a Record<L>,
    /// `None`: the record was made by it.
    pub before: Option<&'a L::Standing>,
    pub entry: &'a Entry<L>,
}

/// `None`: it is none for the feed.
pub type Headlines<L> = fn(&Happened<'_, L>) -> Option<Headline>;

impl Placed {
    pub(crate) fn of<L: Lifecycle>(headline: Headline, happened: &Happened<'_, L>) -> Self {
        let name = |standing: &L::Standing| L::state_name(L::state(standing));
        Self { headline, from: happened.before.map(name), to: name(&happened.record.standing) }
    }
}

/// A record as it was before the events that are looked at, and then after each of them.
pub(crate) struct Past<L: Lifecycle> {
    record: Record<L>,
    before: Option<L::Standing>,
    now: Option<L::Standing>,
}

impl<L: Lifecycle> Past<L> {
    pub(crate) fn of(record: &Record<L>, old: Option<&Item>) -> Result<Self, Fault> {
        let now = old.map(standing_of::<L>).transpose()?;
        Ok(Self { record: Record { log: Vec::new(), ..record.clone() }, before: None, now })
    }

    pub(crate) fn after<'a>(&'a mut self, line: &'a LogLine<L>) -> Happened<'a, L> {
        let entry = &line.entry;
        self.before = self.now.take();
        self.record.standing = L::after(self.before.as_ref(), entry);
        (self.record.seq, self.record.updated_at) = (entry.seq, entry.at);
        self.now = Some(self.record.standing.clone());
        Happened { record: &self.record, before: self.before.as_ref(), entry }
    }
}

/// Keeps an event beside its record and adds it to the feed. Does nothing when that was done before.
///
/// The event item notes the number first, then the entry is put there if nothing is. So whoever repeats this finds the
/// number that counts, and only when another event lies there does it note the next one: an event can never get two.
pub(crate) async fn append<L: Lifecycle>(
    cx: &Cx,
    key: HeadKey,
    line: &LogLine<L>,
    placed: Placed,
) -> Result<(), Fault> {
    let feed = FeedKey { tenant: key.tenant, kind: L::KIND };
    let lane = cx.feeds.lane(feed);
    // One at a time in this process: they would only take each other's numbers.
    let mut tip = lane.lock().await;
    let next = match &*tip {
        Some(known) => known.number + 1,
        None => tip.insert(Tip::read(cx, feed).await?).number + 1,
    };
    let seq = line.entry.seq;
    let mut number = match cx.store.keep_numbered_event(key, line, next).await? {
        Numbered::Now => next,
        Numbered::Before(Some(number)) => number,
        Numbered::Before(None) => cx.store.renumber_event(key, seq, None, next).await?,
    };
    for _ in 0..ATTEMPTS_MAX {
        let before = match tip.take().filter(|known| known.number + 1 == number) {
            Some(known) => known,
            None => Tip::read(cx, feed).await?,
        };
        if number <= before.number {
            let there = cx.store.feed_entry(feed, number).await?.ok_or_else(|| Fault::broken("a feed has a gap"))?;
            let next = before.number + 1;
            *tip = Some(before);
            if (there.record, there.seq) == (key.id, seq) {
                return Ok(());
            }
            number = cx.store.renumber_event(key, seq, Some(number), next).await?;
            continue;
        }
        if number > before.number + 1 {
            // A number is noted only when the one before it lies there.
            return Err(Fault::broken("a feed lost entries"));
        }
        let entry = FeedEntry {
            number,
            record: key.id,
            seq,
            at: line.entry.at,
            latest_at: before.latest_ms.map_or(line.entry.at, |latest| line.entry.at.max(latest)),
            event: line.text.clone(),
            live: placed.headline.live.clone(),
            totals: before.totals.after(&placed.step()),
        };
        if cx.store.put_feed_entry(feed, &entry, placed.headline.told.as_ref()).await? {
            *tip = Some(Tip::at(&entry));
            cx.feeds.bell.ring(key.tenant);
            return Ok(());
        }
        // Taken: by another one, or by this one when nobody knew.
    }
    Err(Fault::Busy("an account's feed is written to all the time".into()))
}

impl Placed {
    fn step(&self) -> Step<'_> {
        let Headline { told, claimed_after_ms, completed_after_ms, raises_checkpoint, .. } = &self.headline;
        Step {
            from: self.from,
            to: self.to,
            told: told.as_ref().map(|told| told.action),
            claimed_after_ms: *claimed_after_ms,
            completed_after_ms: *completed_after_ms,
            raises_checkpoint: *raises_checkpoint,
        }
    }
}

/// What the next entry builds on.
#[derive(Clone, Debug, Default)]
struct Tip {
    number: u64,
    latest_ms: Option<handrail_domain::time::Timestamp>,
    totals: Totals,
}

impl Tip {
    fn at(entry: &FeedEntry) -> Self {
        Self { number: entry.number, latest_ms: Some(entry.latest_at), totals: entry.totals.clone() }
    }

    async fn read(cx: &Cx, feed: FeedKey) -> Result<Self, Fault> {
        Ok(cx.store.newest_feed_entry(feed).await?.as_ref().map(Self::at).unwrap_or_default())
    }
}

type Lane = Arc<tokio::sync::Mutex<Option<Tip>>>;

/// What this process knows of feeds: their newest entries, as far as it wrote them, and who follows them here.
#[derive(Default)]
pub struct Feeds {
    pub bell: Doorbell<TenantId>,
    lanes: Mutex<HashMap<FeedKey, Lane>>,
    seats: Mutex<HashMap<TenantId, Seats>>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Seats {
    streams: usize,
    sockets: usize,
}

/// How somebody follows a feed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    Stream,
    Socket,
}

impl Feeds {
    fn lane(&self, feed: FeedKey) -> Lane {
        let mut lanes = self.lanes.lock().unwrap_or_else(PoisonError::into_inner);
        if lanes.len() >= LANES_MAX && !lanes.contains_key(&feed) {
            lanes.clear();
        }
        Arc::clone(lanes.entry(feed).or_default())
    }

    /// How many an account may have open at this process.
    pub const fn seats_max(tier: Tier) -> usize {
        match tier {
            Tier::Free => 1,
            Tier::Pro => 5,
            Tier::Scale => 25,
            // Published as more: more than one program follows with, and few enough for one process.
            Tier::Enterprise => 100,
        }
    }

    /// A place among those who follow. `None`: all are taken.
    pub fn sit_down(cx: &Cx, tenant: TenantId, tier: Tier, by: By) -> Option<Seat> {
        let mut seats = cx.feeds.seats.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = seats.entry(tenant).or_default();
        if taken.streams + taken.sockets >= Self::seats_max(tier) {
            return None;
        }
        *taken.of(by) += 1;
        Some(Seat { cx: cx.clone(), tenant, by })
    }

    pub fn sockets_of(&self, tenant: TenantId) -> usize {
        let seats = self.seats.lock().unwrap_or_else(PoisonError::into_inner);
        seats.get(&tenant).map_or(0, |taken| taken.sockets)
    }
}

impl Seats {
    fn of(&mut self, by: By) -> &mut usize {
        match by {
            By::Stream => &mut self.streams,
            By::Socket => &mut self.sockets,
        }
    }
}

/// Free again when it is dropped.
pub struct Seat {
    cx: Cx,
    tenant: TenantId,
    by: By,
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut seats = self.cx.feeds.seats.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(taken) = seats.get_mut(&self.tenant) {
            *taken.of(self.by) = taken.of(self.by).saturating_sub(1);
            if taken.streams + taken.sockets == 0 {
                seats.remove(&self.tenant);
            }
        }
    }
}
