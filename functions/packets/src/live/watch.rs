//! Follows an account's feed for one connection: what is new, when to say that it is still there, when it has to end.

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_kernel::access::look_up;
use handrail_kernel::cx::Cx;
use handrail_kernel::doorbell::Listener;
use handrail_kernel::extract::{Right, right};
use handrail_kernel::fault::Fault;
use handrail_kernel::feed::{By, Feeds, Seat};
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{FeedKey, Key};
use http::StatusCode;

use super::{Event, feed_of};
use crate::dialect::refuse;

/// As published.
pub const PING_EVERY_MS: i64 = 30_000;
/// Read at once; the table gives no more than 1 MB of them.
const ENTRIES_AT_ONCE: i32 = 100;

/// How a connection is kept.
#[derive(Clone, Copy, Debug)]
pub struct Ways {
    pub by: By,
    /// How often it looks whether its key still works, and whether another process added something.
    pub look_every_ms: i64,
    /// How long it lasts.
    pub lasts_ms: Option<i64>,
}

impl Ways {
    /// As long as the client wants, in the process that adds to the feed: the bell tells of everything.
    pub const fn lasting(by: By) -> Self {
        Self { by, look_every_ms: 5_000, lasts_ms: None }
    }

    /// One answer, in a process that hears of nothing. A function has 29 seconds.
    pub const ANSWER: Self = Self { by: By::Stream, look_every_ms: 1_000, lasts_ms: Some(20_000) };
}

pub struct Watch {
    cx: Cx,
    feed: FeedKey,
    credential: String,
    bell: Listener<TenantId>,
    ways: Ways,
    /// Everything up to here was told, or was none to tell.
    position: u64,
    /// There may be more.
    stale: bool,
    next_look: Timestamp,
    next_ping: Timestamp,
    ends_at: Option<Timestamp>,
    _seat: Seat,
}

pub enum News {
    /// In their order. Empty: nothing that is shown, and the position has moved.
    Events(Vec<Event>),
    /// Time to say that it is still there.
    Ping(Timestamp),
    /// Its time is over, or its key does not work any more.
    Over,
}

impl Watch {
    /// From behind a number on, or from now on.
    pub async fn open(cx: &Cx, key: &Key, credential: &str, after: Option<u64>, ways: Ways) -> Result<Self, Problem> {
        let seat = Feeds::sit_down(cx, key.tenant, key.tier, ways.by).ok_or_else(|| {
            let max = Feeds::seats_max(key.tier);
            refuse(
                StatusCode::FORBIDDEN,
                format!("Too many connections: at most {max} in the tier {}", key.tier.name()),
            )
        })?;
        // Before the first look: what is added after it is heard.
        let (feed, bell, now) = (feed_of(key), cx.feeds.bell.listen(), cx.clock.now());
        let newest = cx.store.newest_feed_entry(feed).await?.map_or(0, |entry| entry.number);
        Ok(Self {
            cx: cx.clone(),
            feed,
            credential: credential.to_owned(),
            bell,
            ways,
            // A number that nobody was given: the client mistakes us for another one.
            position: after.map_or(newest, |after| after.min(newest)),
            stale: true,
            next_look: now.plus_ms(ways.look_every_ms),
            next_ping: now.plus_ms(PING_EVERY_MS),
            ends_at: ways.lasts_ms.map(|ms| now.plus_ms(ms)),
            _seat: seat,
        })
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// The next thing to say. Whoever drops the future before it is ready misses nothing.
    pub async fn next(&mut self) -> Result<News, Fault> {
        loop {
            let now = self.cx.clock.now();
            if self.ends_at.is_some_and(|end| now >= end) {
                return Ok(News::Over);
            }
            if now >= self.next_look {
                if !still_works(&self.cx, &self.credential).await? {
                    return Ok(News::Over);
                }
                self.next_look = now.plus_ms(self.ways.look_every_ms);
                self.stale = true;
            }
            if now >= self.next_ping {
                self.next_ping = now.plus_ms(PING_EVERY_MS);
                return Ok(News::Ping(now));
            }
            if self.stale {
                let found = self.cx.store.feed_after(self.feed, self.position, ENTRIES_AT_ONCE).await?;
                let Some(last) = found.last().map(|entry| entry.number) else {
                    self.stale = false;
                    continue;
                };
                let events = found.into_iter().filter_map(|entry| Event::of(entry).transpose());
                let events = events.collect::<Result<Vec<_>, Fault>>()?;
                self.position = last;
                return Ok(News::Events(events));
            }
            let soonest = self.next_look.min(self.next_ping);
            let until = self.ends_at.map_or(soonest, |end| soonest.min(end));
            tokio::select! {
                () = self.bell.heard(self.feed.tenant) => self.stale = true,
                () = self.cx.clock.until(until) => {}
            }
        }
    }
}

/// A key that was revoked, or given another role, ends what it opened.
async fn still_works(cx: &Cx, credential: &str) -> Result<bool, Fault> {
    let key = look_up(cx, credential).await?;
    Ok(key.is_some_and(|key| key.revoked_at.is_none() && key.role.allows(right::PacketsRead::SCOPE)))
}
