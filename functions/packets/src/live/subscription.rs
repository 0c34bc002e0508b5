//! Subscription of one connection to a tenant's feed: new events, pings and the end of the connection.

use handrail_access::{AccessError, authenticate};
use handrail_context::cx::Cx;
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_platform::notifier::ChangeListener;
use handrail_records::feed::{ConnectionPermit, FeedCache, Transport};
use handrail_store::{ApiKey, FeedKey};
use handrail_web::caller::{RequiredScope, scopes};
use handrail_web::problem::Problem;
use http::StatusCode;

use super::event::Event;
use crate::errors::error;

/// Published interval between two pings.
pub const PING_INTERVAL_MS: i64 = 30_000;
/// Feed entries per read; DynamoDB returns at most 1 MB of them.
const ENTRY_BATCH_SIZE: i32 = 100;

/// Key of the feed with the packets of a tenant.
pub(crate) fn feed_key(tenant: TenantId) -> FeedKey {
    FeedKey { tenant, kind: Packet::KIND }
}

/// Polling and lifetime of a subscription.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionOptions {
    pub transport: Transport,
    /// Interval between checks of the API key and of entries that other processes added.
    pub poll_interval_ms: i64,
    /// Lifetime of the subscription; without one it has no end.
    pub lifetime_ms: Option<i64>,
}

impl SubscriptionOptions {
    /// Options without an end, for the process that writes the feed: its notifier reports every new entry.
    pub const fn unlimited(transport: Transport) -> Self {
        Self { transport, poll_interval_ms: 5_000, lifetime_ms: None }
    }

    /// Options for a single response, in a process without notifications. API Gateway allows 29 seconds.
    pub const SINGLE_RESPONSE: Self =
        Self { transport: Transport::EventStream, poll_interval_ms: 1_000, lifetime_ms: Some(20_000) };
}

pub struct Subscription {
    cx: Cx,
    feed: FeedKey,
    api_key: String,
    change_listener: ChangeListener<TenantId>,
    options: SubscriptionOptions,
    /// Number of the last feed entry that was read.
    position: u64,
    /// `true` if the feed may contain entries after `position`.
    has_unread: bool,
    next_poll_at: Timestamp,
    next_ping_at: Timestamp,
    ends_at: Option<Timestamp>,
    _permit: ConnectionPermit,
}

pub enum SubscriptionItem {
    /// Events in feed order. Empty if live streams omit all entries read; the position has advanced.
    Events(Vec<Event>),
    /// A ping is due.
    Ping(Timestamp),
    /// The lifetime is over, or the API key is no longer valid.
    Closed,
}

impl Subscription {
    /// Subscribes to the events after number `after`, or to future events.
    pub async fn open(
        cx: &Cx,
        key: &ApiKey,
        secret: &str,
        after: Option<u64>,
        options: SubscriptionOptions,
    ) -> Result<Self, Problem> {
        let permit = FeedCache::acquire(cx, key.tenant, key.tier, options.transport).ok_or_else(|| {
            let max = FeedCache::max_connections(key.tier);
            error(StatusCode::FORBIDDEN, format!("Too many connections: at most {max} in the tier {}", key.tier.name()))
        })?;
        // Subscribed before the first read, so that entries added after the read are reported.
        let (feed, change_listener, now) =
            (feed_key(key.tenant), cx.process_state::<FeedCache>().notifier.subscribe(), cx.clock.now());
        let newest = cx.store.newest_feed_entry(feed).await?.map_or(0, |entry| entry.number);
        Ok(Self {
            cx: cx.clone(),
            feed,
            api_key: secret.to_owned(),
            change_listener,
            options,
            // A number beyond the newest entry comes from another installation.
            position: after.map_or(newest, |after| after.min(newest)),
            has_unread: true,
            next_poll_at: now.plus_ms(options.poll_interval_ms),
            next_ping_at: now.plus_ms(PING_INTERVAL_MS),
            ends_at: options.lifetime_ms.map(|ms| now.plus_ms(ms)),
            _permit: permit,
        })
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// Waits for the next item. Dropping the future before it is ready loses no event.
    pub async fn next(&mut self) -> Result<SubscriptionItem, Fault> {
        loop {
            let now = self.cx.clock.now();
            if self.ends_at.is_some_and(|end| now >= end) {
                return Ok(SubscriptionItem::Closed);
            }
            if now >= self.next_poll_at {
                if !is_key_valid(&self.cx, &self.api_key).await? {
                    return Ok(SubscriptionItem::Closed);
                }
                self.next_poll_at = now.plus_ms(self.options.poll_interval_ms);
                self.has_unread = true;
            }
            if now >= self.next_ping_at {
                self.next_ping_at = now.plus_ms(PING_INTERVAL_MS);
                return Ok(SubscriptionItem::Ping(now));
            }
            if self.has_unread {
                let found = self.cx.store.feed_entries_after(self.feed, self.position, ENTRY_BATCH_SIZE).await?;
                let Some(last) = found.last().map(|entry| entry.number) else {
                    self.has_unread = false;
                    continue;
                };
                let events = found.into_iter().filter_map(|entry| Event::from_feed_entry(entry).transpose());
                let events = events.collect::<Result<Vec<_>, Fault>>()?;
                self.position = last;
                return Ok(SubscriptionItem::Events(events));
            }
            let next_due = self.next_poll_at.min(self.next_ping_at);
            let until = self.ends_at.map_or(next_due, |end| next_due.min(end));
            tokio::select! {
                () = self.change_listener.changed(self.feed.tenant) => self.has_unread = true,
                () = self.cx.clock.sleep_until(until) => {}
            }
        }
    }
}

/// Returns `false` if the key was revoked, has expired or may no longer read, which ends the subscription.
async fn is_key_valid(cx: &Cx, secret: &str) -> Result<bool, Fault> {
    match authenticate(cx, secret).await {
        Ok(key) => Ok(key.allows(scopes::PacketsRead::SCOPE)),
        Err(AccessError::Fault(fault)) => Err(fault),
        Err(_) => Ok(false),
    }
}
