//! Subscription of one connection to a tenant's journal: new entries, pings and the end of the connection.
//!
//! A door chooses which entries it shows and in which form. A client resumes with the number of the last entry that it
//! received, so it misses none and gets none twice.

use handrail_access::{AccessError, authenticate};
use handrail_context::cx::Cx;
use handrail_domain::access::Scope;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_platform::notifier::ChangeListener;
use handrail_records::journal::JournalCache;
use handrail_store::{ApiKey, JournalEntry};

use crate::live_connections::{ConnectionPermit, LiveConnections, Transport};

/// Journal entries per read; DynamoDB returns at most 1 MB of them.
const ENTRY_BATCH_SIZE: i32 = 100;

/// Caller of a subscription. The key is checked again while the subscription lasts.
#[derive(Clone, Debug)]
pub struct Subscriber {
    pub key: ApiKey,
    /// The key as the caller sent it.
    pub secret: String,
    /// Scope that the key must keep.
    pub scope: Scope,
}

/// Polling and lifetime of a subscription.
#[derive(Clone, Copy, Debug)]
pub struct SubscriptionOptions {
    pub transport: Transport,
    /// Interval between checks of the API key and of entries that other processes added.
    pub poll_interval_ms: i64,
    /// Interval between two pings, as the door publishes it.
    pub ping_interval_ms: i64,
    /// Lifetime of the subscription; without one it has no end.
    pub lifetime_ms: Option<i64>,
}

impl SubscriptionOptions {
    /// Options without an end, for the process that writes the journal: its notifier reports every new entry.
    pub const fn unlimited(transport: Transport, ping_interval_ms: i64) -> Self {
        Self { transport, poll_interval_ms: 5_000, ping_interval_ms, lifetime_ms: None }
    }

    /// Options for a single response, in a process without notifications. API Gateway allows 29 seconds.
    pub const fn single_response(ping_interval_ms: i64) -> Self {
        Self { transport: Transport::EventStream, poll_interval_ms: 1_000, ping_interval_ms, lifetime_ms: Some(20_000) }
    }
}

pub struct Subscription {
    cx: Cx,
    subscriber: Subscriber,
    change_listener: ChangeListener<TenantId>,
    options: SubscriptionOptions,
    /// Number of the last journal entry that was read.
    position: u64,
    /// `true` if the journal may contain entries after `position`.
    has_unread: bool,
    next_poll_at: Timestamp,
    next_ping_at: Timestamp,
    ends_at: Option<Timestamp>,
    _permit: ConnectionPermit,
}

pub enum SubscriptionItem {
    /// Entries of every kind, in journal order; never empty.
    Entries(Vec<JournalEntry>),
    /// A ping is due.
    Ping(Timestamp),
    /// The lifetime is over, or the API key is no longer valid.
    Closed,
}

impl Subscription {
    /// Subscribes to the entries after number `after`, or to future entries. Returns `None` if the tenant has as many
    /// connections as its tier allows.
    pub async fn open(
        cx: &Cx,
        subscriber: Subscriber,
        after: Option<u64>,
        options: SubscriptionOptions,
    ) -> Result<Option<Self>, Fault> {
        let (tenant, tier) = (subscriber.key.tenant, subscriber.key.tier);
        let Some(permit) = LiveConnections::acquire(cx, tenant, tier, options.transport) else { return Ok(None) };
        // Subscribed before the first read, so that entries added after the read are reported.
        let (change_listener, now) = (cx.process_state::<JournalCache>().notifier.subscribe(), cx.clock.now());
        let newest = cx.store.newest_journal_entry(tenant).await?.map_or(0, |entry| entry.number);
        Ok(Some(Self {
            cx: cx.clone(),
            subscriber,
            change_listener,
            options,
            // A number beyond the newest entry comes from another installation.
            position: after.map_or(newest, |after| after.min(newest)),
            has_unread: true,
            next_poll_at: now.plus_ms(options.poll_interval_ms),
            next_ping_at: now.plus_ms(options.ping_interval_ms),
            ends_at: options.lifetime_ms.map(|ms| now.plus_ms(ms)),
            _permit: permit,
        }))
    }

    pub fn position(&self) -> u64 {
        self.position
    }

    /// Waits for the next item. Dropping the future before it is ready loses no entry.
    pub async fn next(&mut self) -> Result<SubscriptionItem, Fault> {
        let tenant = self.subscriber.key.tenant;
        loop {
            let now = self.cx.clock.now();
            if self.ends_at.is_some_and(|end| now >= end) {
                return Ok(SubscriptionItem::Closed);
            }
            if now >= self.next_poll_at {
                if !self.subscriber.is_key_valid(&self.cx).await? {
                    return Ok(SubscriptionItem::Closed);
                }
                self.next_poll_at = now.plus_ms(self.options.poll_interval_ms);
                self.has_unread = true;
            }
            if now >= self.next_ping_at {
                self.next_ping_at = now.plus_ms(self.options.ping_interval_ms);
                return Ok(SubscriptionItem::Ping(now));
            }
            if self.has_unread {
                let found = self.cx.store.journal_entries_after(tenant, self.position, ENTRY_BATCH_SIZE).await?;
                let Some(last) = found.last().map(|entry| entry.number) else {
                    self.has_unread = false;
                    continue;
                };
                self.position = last;
                return Ok(SubscriptionItem::Entries(found));
            }
            let next_due = self.next_poll_at.min(self.next_ping_at);
            let until = self.ends_at.map_or(next_due, |end| next_due.min(end));
            tokio::select! {
                () = self.change_listener.changed(tenant) => self.has_unread = true,
                () = self.cx.clock.sleep_until(until) => {}
            }
        }
    }
}

impl Subscriber {
    /// Returns `false` if the key was revoked, has expired or lost the scope, which ends the subscription.
    async fn is_key_valid(&self, cx: &Cx) -> Result<bool, Fault> {
        match authenticate(cx, &self.secret).await {
            Ok(key) => Ok(key.allows(self.scope)),
            Err(AccessError::Fault(fault)) => Err(fault),
            Err(_) => Ok(false),
        }
    }
}
