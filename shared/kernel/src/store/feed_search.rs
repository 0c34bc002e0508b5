//! Looking for entries of a feed: the newest that fit, how many there are, and where a time begins. What is only counted
//! is not loaded.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use handrail_domain::time::Timestamp;

use super::feed::{FeedEntry, FeedKey, read_entry};
use super::{Item, Store, n, s};
use crate::fault::Fault;

/// A query reads 1 MB at most, some thousand entries: so many take as long as anybody waits.
const QUERIES_MAX: usize = 200;
/// Asked for at once. The rest of a page that is not needed is not read.
const ENTRIES_OF_A_QUERY: std::ops::RangeInclusive<usize> = 100..=4_000;

/// Which of the entries that the history tells.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ToldFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FoundEntries {
    /// Newest first.
    pub entries: Vec<FeedEntry>,
    pub total: u64,
}

/// So many queries are left.
struct Patience(usize);

impl Store {
    /// One page of what the history tells, newest first, and how many there are in all. `None`: too many to look through.
    pub async fn find_told(
        &self,
        feed: FeedKey,
        filter: &ToldFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Option<FoundEntries>, Fault> {
        let nothing = |total| Ok(Some(FoundEntries { entries: Vec::new(), total }));
        let Some(newest) = self.newest_feed_entry(feed).await? else { return nothing(0) };
        // Where only the name counts, or nothing, the newest entry knows how many.
        let known = match filter {
            ToldFilter { actor: None, action: None, from: None, to: None } => Some(newest.totals.told.values().sum()),
            ToldFilter { actor: None, action: Some(action), from: None, to: None } => {
                Some(newest.totals.told_as(action))
            }
            _ => None,
        };
        if let Some(total) = known.filter(|total| offset as u64 >= *total) {
            return nothing(total);
        }
        let first = match filter.from {
            Some(from) => self.last_before(feed, &newest, from).await?.map_or(1, |before| before.number + 1),
            None => 1,
        };
        if first > newest.number {
            return nothing(0);
        }
        let query = || fitting(self.feed_query(feed, first, newest.number).scan_index_forward(false), filter);
        let mut patience = Patience(QUERIES_MAX);
        let Some((skipped, mut start)) = pass(&query, offset, None, &mut patience).await? else { return Ok(None) };
        let mut entries = Vec::new();
        let mut at_end = offset > 0 && start.is_none();
        while !at_end && entries.len() < limit {
            if !patience.is_left() {
                return Ok(None);
            }
            let wanted = limit - entries.len();
            let some = (2 * wanted).clamp(*ENTRIES_OF_A_QUERY.start(), *ENTRIES_OF_A_QUERY.end());
            let page = query().limit(small(some)).set_exclusive_start_key(start);
            let found = page.send().await.map_err(|error| Fault::from_sdk("look through a feed", error))?;
            let (page, beyond) = found.items().split_at(wanted.min(found.items().len()));
            for item in page {
                entries.push(read_entry(item)?);
            }
            // What was read beyond the page is counted with the rest.
            start = match page.last().filter(|_| !beyond.is_empty()) {
                Some(last) => Some(position(last)?),
                None => found.last_evaluated_key.clone(),
            };
            at_end = start.is_none();
        }
        let total = match known {
            Some(total) => total,
            None if at_end => (skipped + entries.len()) as u64,
            None => match pass(&query, usize::MAX, start, &mut patience).await? {
                Some((rest, _)) => (skipped + entries.len() + rest) as u64,
                None => return Ok(None),
            },
        };
        Ok(Some(FoundEntries { entries, total }))
    }

    /// The last entry of which it is certain that it, and every one before it, is older than this. `None`: there is none.
    pub async fn last_before(
        &self,
        feed: FeedKey,
        newest: &FeedEntry,
        from: Timestamp,
    ) -> Result<Option<FeedEntry>, Fault> {
        if newest.latest_at < from {
            return Ok(Some(newest.clone()));
        }
        // Of the numbers up to `before` all are older; `reached` is not.
        let (mut before, mut reached, mut found) = (0, newest.number, None);
        while reached - before > 1 {
            let middle = before + (reached - before) / 2;
            let entry = self.feed_entry(feed, middle).await?;
            let entry = entry.ok_or_else(|| Fault::broken("a feed has a gap"))?;
            if entry.latest_at < from {
                (before, found) = (middle, Some(entry));
            } else {
                reached = middle;
            }
        }
        Ok(found)
    }
}

impl Patience {
    fn is_left(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

/// Passes by so many entries that fit, without loading them. How many there were, and where it goes on; `None`: too many.
async fn pass(
    query: &(impl Fn() -> QueryFluentBuilder + Sync),
    count: usize,
    mut start: Option<Item>,
    patience: &mut Patience,
) -> Result<Option<(usize, Option<Item>)>, Fault> {
    let mut passed = 0;
    while passed < count {
        if !patience.is_left() {
            return Ok(None);
        }
        // Not one more than is to be passed by, and at least one.
        let some = (count - passed).min(*ENTRIES_OF_A_QUERY.end());
        let page = query().select(Select::Count).limit(small(some)).set_exclusive_start_key(start);
        let found = page.send().await.map_err(|error| Fault::from_sdk("count a feed's entries", error))?;
        passed += usize::try_from(found.count).unwrap_or(0);
        start = found.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    Ok(Some((passed, start)))
}

fn fitting(mut query: QueryFluentBuilder, filter: &ToldFilter) -> QueryFluentBuilder {
    let mut conditions = vec!["attribute_exists(told_action)"];
    if let Some(action) = &filter.action {
        conditions.push("told_action = :action");
        query = query.expression_attribute_values(":action", s(action));
    }
    if let Some(actor) = &filter.actor {
        conditions.push("told_actor = :actor");
        query = query.expression_attribute_values(":actor", s(actor));
    }
    if let Some(from) = filter.from {
        conditions.push("at_ms >= :from");
        query = query.expression_attribute_values(":from", n(from.as_unix_ms()));
    }
    if let Some(to) = filter.to {
        conditions.push("at_ms <= :to");
        query = query.expression_attribute_values(":to", n(to.as_unix_ms()));
    }
    query.filter_expression(conditions.join(" AND "))
}

fn position(item: &Item) -> Result<Item, Fault> {
    let part = |name: &str| item.get(name).cloned().map(|value| (name.to_owned(), value));
    let key: Option<Item> = ["pk", "sk"].into_iter().map(part).collect();
    key.ok_or_else(|| Fault::broken("an item has no key"))
}

fn small(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
