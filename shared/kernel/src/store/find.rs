//! Records by facets, with their bodies: a page of them and how many there are, from queries on the index alone.
//!
//! The index follows the table within moments. What it names is read from the table and left out when it no longer fits; what
//! was written just now may be missing, from the page as from the total.

use std::collections::{HashMap, HashSet};

use futures_util::future::{try_join, try_join_all};
use handrail_domain::ids::TenantId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::bodies::{Whole, read_body};
use super::facets::Filter;
use super::item::{AskFrom, HEAD, HeadKey, body_of, lies_apart, list_position, read_head};
use super::lists::ListingCursor;
use super::parts::rest_of;
use super::single::item_key;
use super::strands::{Direction, Position, Reach, Read, Strand, merge};
use super::{Item, ReadItem, Store, json};
use crate::fault::Fault;

/// A strand of four million records takes a minute to count. Nobody waits for that.
const QUERIES_OF_A_STRAND_MAX: usize = 1_000;
/// Up to here a page is read in the same pass as the total is counted. Further in, the total may tell that there is none.
const OFFSET_BEFORE_COUNTING_MAX: usize = 10_000;
/// In a batch of 100 keys, where each may lie in four parts.
const BODIES_AT_ONCE: usize = 25;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    NewestFirst,
    OldestFirst,
}

#[derive(Clone, Debug)]
pub struct Page {
    pub limit: usize,
    /// Counts only when there is no cursor.
    pub offset: usize,
    /// What the page before gave.
    pub after: Option<ListingCursor>,
    pub order: Order,
    /// The page ends early when it holds so much: what was asked and the bodies, as JSON. One record always has room.
    pub bytes_max: usize,
}

/// One page of what was found.
#[derive(Debug)]
pub struct Found<L: Lifecycle> {
    /// As they are at the moment that was asked about, whether or not a timer wrote it.
    pub records: Vec<Whole<L>>,
    /// How many fit, on all pages together.
    pub total: u64,
    pub next: Option<ListingCursor>,
}

impl Store {
    /// The tenant's records that fit, by the time they were made.
    pub async fn find<L: Lifecycle>(
        &self,
        tenant: TenantId,
        filter: &Filter<L>,
        page: &Page,
        now: Timestamp,
    ) -> Result<Found<L>, Fault> {
        let strands = filter.strands(tenant, now);
        let direction = page.order.direction();
        let after = page.after.as_ref().map(ListingCursor::position);
        let offset = if after.is_some() { 0 } else { page.offset };
        if offset > OFFSET_BEFORE_COUNTING_MAX {
            let counts = strands.iter().map(|strand| self.count(strand, direction, None));
            let total = try_join_all(counts).await?.into_iter().sum();
            if offset as u64 >= total {
                return Ok(Found { records: Vec::new(), total, next: None });
            }
        }
        let need = offset.saturating_add(page.limit).saturating_add(1);
        let reach = Reach { direction, after: after.as_deref(), need, queries_max: QUERIES_OF_A_STRAND_MAX };
        let reads = strands.iter().map(|strand| self.read_and_count(strand, reach));
        let (reads, counts): (Vec<Read>, Vec<u64>) = try_join_all(reads).await?.into_iter().unzip();
        let total = counts.into_iter().sum();
        let (positions, horizon) = merge(reads, direction);
        let more = horizon.is_some() || positions.len() > offset.saturating_add(page.limit);
        let window: Vec<Position> = positions.into_iter().skip(offset).take(page.limit).collect();

        let mut fitting = self.heads_at::<L>(&window, now).await?;
        fitting.retain(|head| filter.fits(&head.record));
        let (records, stopped_before) = self.with_bodies(fitting, page.bytes_max).await?;
        let next = match stopped_before {
            // Behind the last one that had room: it comes before the one that had none.
            Some(_) => records.last().map(|whole| ListingCursor::behind(&whole.record)),
            None => window.last().filter(|_| more).and_then(|last| ListingCursor::at_position(&last.at)),
        };
        Ok(Found { records, total, next })
    }

    /// The beginning of a strand, and how many entries it has in all.
    async fn read_and_count(&self, strand: &Strand, reach: Reach<'_>) -> Result<(Read, u64), Fault> {
        let before = async {
            match reach.after.and_then(|after| strand.up_to(after, reach.direction)) {
                Some(before) => self.count(&before, reach.direction, None).await,
                None => Ok(0),
            }
        };
        let from_here = async {
            let read = self.read_strand(strand, reach).await?;
            let rest = match &read.rest {
                Some(rest) => self.count(strand, reach.direction, Some(rest.clone())).await?,
                None => 0,
            };
            let count = read.positions.len() as u64 + rest;
            Ok((read, count))
        };
        let (before, (read, count)) = try_join(before, from_here).await?;
        Ok((read, before + count))
    }

    async fn count(&self, strand: &Strand, direction: Direction, start: Option<Item>) -> Result<u64, Fault> {
        let count = self.count_strand(strand, direction, start, QUERIES_OF_A_STRAND_MAX).await?;
        count.ok_or_else(|| Fault::Busy("there are too many records to count".into()))
    }

    /// The records at these positions, in their order; one that is gone is left out.
    ///
    /// A position may be a body's: then its record must still name that body.
    pub(super) async fn heads_at<L: Lifecycle>(
        &self,
        positions: &[Position],
        now: Timestamp,
    ) -> Result<Vec<HeadAt<L>>, Fault> {
        // Two versions of a body may stand side by side, and a batch takes no key twice.
        let named: HashSet<HeadKey> = positions.iter().map(|position| position.key).collect();
        let heads = self.batch_get(named.iter().map(|key| item_key(key.pk(), HEAD)).collect()).await?;
        let mut heads = by_record(heads)?;
        let apart = heads.iter().filter_map(|(key, items)| Some(item_key(key.pk(), lies_apart(items.first()?)?)));
        for (key, asks) in by_record(self.batch_get(apart.collect()).await?)? {
            heads.entry(key).or_default().extend(asks);
        }
        let mut records = Vec::with_capacity(positions.len());
        for position in positions {
            let Some(items) = heads.get(&position.key) else { continue };
            let Some(head) = items.first() else { continue };
            let body_sk = body_of(head).map(str::to_owned);
            if position.sk != HEAD && body_sk.as_deref() != Some(position.sk.as_str()) {
                continue;
            }
            let record = read_head::<L>(head, AskFrom::Items(items))?;
            records.push(HeadAt { at: position.at.clone(), record: record.seen_at(now), body_sk });
        }
        Ok(records)
    }

    /// These records with their bodies, as many as have room, and the first that has none.
    pub(super) async fn with_bodies<L: Lifecycle>(
        &self,
        heads: Vec<HeadAt<L>>,
        bytes_max: usize,
    ) -> Result<(Vec<Whole<L>>, Option<String>), Fault> {
        let (mut bytes, mut with_room, mut stopped_before) = (0, Vec::with_capacity(heads.len()), None);
        for head in heads {
            // How large a body is, its record says: what has no room is not read.
            let body =
                L::body(&head.record.standing).map_or(0, |body| usize::try_from(body.bytes).unwrap_or(usize::MAX));
            bytes += json(&head.record.ask)?.len().saturating_add(body);
            if bytes > bytes_max && !with_room.is_empty() {
                stopped_before = Some(head.at);
                break;
            }
            with_room.push(head);
        }
        let mut wholes = Vec::with_capacity(with_room.len());
        let mut heads = with_room.into_iter().peekable();
        while heads.peek().is_some() {
            let some: Vec<HeadAt<L>> = heads.by_ref().take(BODIES_AT_ONCE).collect();
            let keys = some.iter().filter_map(|head| Some((head.key(), head.body_sk.as_deref()?)));
            let keys = keys.flat_map(|(key, sk)| {
                let rest = rest_of(sk).into_iter().map(move |part| item_key(key.pk(), part));
                std::iter::once(item_key(key.pk(), sk)).chain(rest)
            });
            let mut bodies = by_record(self.batch_get(keys.collect()).await?)?;
            for head in some {
                let own = bodies.remove(&head.key()).unwrap_or_default();
                let body = read_body(&head.record, head.body_sk.as_deref(), &own)?;
                wholes.push(Whole { record: head.record, body });
            }
        }
        Ok((wholes, stopped_before))
    }
}

/// A record that an index named.
pub(super) struct HeadAt<L: Lifecycle> {
    pub at: String,
    pub record: Record<L>,
    body_sk: Option<String>,
}

impl<L: Lifecycle> HeadAt<L> {
    fn key(&self) -> HeadKey {
        HeadKey { tenant: self.record.tenant, id: self.record.id }
    }
}

impl Order {
    pub(super) fn direction(self) -> Direction {
        match self {
            Self::NewestFirst => Direction::NewestFirst,
            Self::OldestFirst => Direction::OldestFirst,
        }
    }
}

impl ListingCursor {
    pub(super) fn behind<L: Lifecycle>(record: &Record<L>) -> Self {
        Self { created_at: record.created_at, id: record.id }
    }

    pub(super) fn position(&self) -> String {
        list_position(self.created_at, self.id)
    }

    pub(super) fn at_position(position: &str) -> Option<Self> {
        let (ms, id) = position.split_once('#')?;
        Some(Self { created_at: Timestamp::from_unix_ms(ms.parse().ok()?), id: id.parse().ok()? })
    }
}

fn by_record(items: Vec<Item>) -> Result<HashMap<HeadKey, Vec<Item>>, Fault> {
    let mut found: HashMap<HeadKey, Vec<Item>> = HashMap::new();
    for item in items {
        let key = HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::broken("an item is of no record"))?;
        found.entry(key).or_default().push(item);
    }
    Ok(found)
}
