//! Reads several partitions of an index as one sorted list, only as far as needed, or counts their entries.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};

use crate::attributes::{Item, ReadItem, s};
use crate::client::Store;
use crate::item::HeadKey;
use handrail_platform::fault::Fault;

#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    pub name: &'static str,
    pub pk: &'static str,
    pub sk: &'static str,
}

pub(super) const BY_KIND: Index = Index { name: "by_kind", pk: "kind_pk", sk: "kind_sk" };
pub(super) const BY_STATE: Index = Index { name: "by_state", pk: "state_pk", sk: "state_sk" };
pub(super) const BY_FACET: Index = Index { name: "by_facet", pk: "facet_pk", sk: "facet_sk" };

/// Number of entries that one query asks for at most: about as many of the smallest ones as the 1 MB that a query
/// returns can hold. Without a limit the embedded engine would read a whole partition for each page.
const ENTRIES_PER_QUERY_MAX: usize = 4_000;

/// Range of an index partition, with a condition on its entries.
#[derive(Clone, Debug)]
pub(super) struct IndexRange {
    pub(super) index: Index,
    pub partition: String,
    /// First position, included.
    pub from: String,
    /// Last position, included.
    pub to: String,
    pub condition: Condition,
}

/// Filter expression under construction. Every name is aliased, because some are reserved words of DynamoDB.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    parts: Vec<String>,
    names: Vec<&'static str>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// Adds a part. All parts must hold.
    pub(super) fn require(&mut self, part: String, names: &[&'static str]) {
        self.parts.push(part);
        self.names.extend(names);
    }

    /// Adds a value and returns its placeholder.
    pub(super) fn add_value(&mut self, name: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{name}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// Adds texts and returns their placeholders, separated by commas.
    pub(super) fn add_values(&mut self, name: &str, texts: &[&str]) -> String {
        let placeholders: Vec<String> =
            texts.iter().enumerate().map(|(at, text)| self.add_value(&format!("{name}{at}"), s(*text))).collect();
        placeholders.join(", ")
    }
}

/// Entry of an index: its position in the list, and the item that it stands for.
#[derive(Clone, Debug)]
pub(super) struct IndexEntry {
    pub position: String,
    pub key: HeadKey,
    pub sk: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    NewestFirst,
    OldestFirst,
}

/// Options of reading a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReadOptions<'a> {
    pub direction: Direction,
    /// Position after which to start.
    pub after: Option<&'a str>,
    /// Number of entries after which to stop. A few more may be returned.
    pub min_entries: usize,
    pub queries_max: usize,
}

/// Limits of counting the entries of a range.
#[derive(Clone, Copy, Debug)]
pub(super) struct CountLimits {
    pub count_max: u64,
    pub queries_max: usize,
}

/// Number of entries of a range.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct RangeCount {
    pub count: u64,
    /// `false`: the range may have more.
    pub is_complete: bool,
}

/// Entries read from a range, in its order.
#[derive(Debug)]
pub(super) struct RangePage {
    pub entries: Vec<IndexEntry>,
    /// Key to continue from. `None`: the range was read to its end.
    pub next_key: Option<Item>,
    /// Position of the last scanned entry, unless the range was read to its end.
    pub last_scanned: Option<String>,
}

impl Store {
    pub(super) async fn read_range(&self, range: &IndexRange, options: ReadOptions<'_>) -> Result<RangePage, Fault> {
        let index = range.index;
        let mut page = RangePage { entries: Vec::new(), next_key: None, last_scanned: None };
        let Some((from, to)) = range.after(options.after, options.direction) else { return Ok(page) };
        for round in 0..options.queries_max {
            // Without a condition every entry counts, so no more are read than needed. One more, as the first may be
            // `after` itself.
            let needed = options.min_entries - page.entries.len() + 1;
            let limit = match range.condition.parts.is_empty() {
                true => needed,
                // Most entries may meet the condition, or few: each query reads four times as many as the one before.
                false => needed.saturating_mul(4_usize.saturating_pow(u32::try_from(round).unwrap_or(u32::MAX))),
            };
            let limit = limit.min(ENTRIES_PER_QUERY_MAX);
            let query = self
                .query_range(range, &from, &to)
                .scan_index_forward(options.direction == Direction::OldestFirst)
                .projection_expression("#of_pk, #of_sk, #sk")
                .expression_attribute_names("#of_pk", "pk")
                .expression_attribute_names("#of_sk", "sk")
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(page.next_key.take());
            let found = query.send().await.map_err(|error| Fault::from_sdk("find records", error))?;
            for item in found.items() {
                let entry = index_entry_of(item, index)?;
                if Some(entry.position.as_str()) != options.after {
                    page.entries.push(entry);
                }
            }
            page.next_key = found.last_evaluated_key;
            if page.next_key.is_none() || page.entries.len() >= options.min_entries {
                break;
            }
        }
        if let Some(next_key) = &page.next_key {
            page.last_scanned = Some(next_key.text(index.sk)?.to_owned());
        }
        Ok(page)
    }

    /// Counts the entries that meet the condition, from `start` on. Stops when the count exceeds `count_max`, or after
    /// `queries_max` queries.
    pub(super) async fn count_range(
        &self,
        range: &IndexRange,
        direction: Direction,
        start: Option<Item>,
        limits: CountLimits,
    ) -> Result<RangeCount, Fault> {
        let mut count = 0;
        let mut start = start;
        for _ in 0..limits.queries_max {
            if count > limits.count_max {
                break;
            }
            let limit = match range.condition.parts.is_empty() {
                true => usize::try_from(limits.count_max - count + 1).unwrap_or(usize::MAX).min(ENTRIES_PER_QUERY_MAX),
                false => ENTRIES_PER_QUERY_MAX,
            };
            let query = self
                .query_range(range, &range.from, &range.to)
                .scan_index_forward(direction == Direction::OldestFirst)
                .select(Select::Count)
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("count records", error))?;
            count += u64::try_from(found.count).unwrap_or(0);
            start = found.last_evaluated_key;
            if start.is_none() {
                return Ok(RangeCount { count, is_complete: true });
            }
        }
        Ok(RangeCount { count, is_complete: false })
    }

    fn query_range(&self, range: &IndexRange, from: &str, to: &str) -> QueryFluentBuilder {
        let Condition { parts, names, values } = &range.condition;
        let mut query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name(range.index.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", range.index.pk)
            .expression_attribute_names("#sk", range.index.sk)
            .expression_attribute_values(":pk", s(&range.partition))
            .expression_attribute_values(":from", s(from))
            .expression_attribute_values(":to", s(to));
        if !parts.is_empty() {
            query = query.filter_expression(parts.join(" AND "));
        }
        for name in names {
            query = query.expression_attribute_names(format!("#{name}"), *name);
        }
        for (placeholder, value) in values {
            query = query.expression_attribute_values(placeholder, value.clone());
        }
        query
    }
}

impl IndexRange {
    /// Returns the bounds of the range from this position on, including the position, or `None` if nothing is left.
    fn after(&self, after: Option<&str>, direction: Direction) -> Option<(String, String)> {
        let (mut from, mut to) = (self.from.as_str(), self.to.as_str());
        if let Some(after) = after {
            match direction {
                Direction::NewestFirst => to = to.min(after),
                Direction::OldestFirst => from = from.max(after),
            }
        }
        (from <= to).then(|| (from.to_owned(), to.to_owned()))
    }

    /// Returns the part of the range that `after` leaves out, including the position itself.
    pub(super) fn before(&self, after: &str, direction: Direction) -> Option<Self> {
        let mut before = self.clone();
        match direction {
            Direction::NewestFirst if before.from.as_str() < after => after.clone_into(&mut before.from),
            Direction::OldestFirst if before.to.as_str() > after => after.clone_into(&mut before.to),
            _ => {}
        }
        (before.from <= before.to).then_some(before)
    }
}

/// Merges ranges into one sorted list, up to the position to which all of them were read. Returns that position, or
/// `None` if all were read to their ends.
pub(super) fn merge(pages: Vec<RangePage>, direction: Direction) -> (Vec<IndexEntry>, Option<String>) {
    let ends = pages.iter().filter_map(|page| page.last_scanned.clone());
    let (mut entries, read_to): (Vec<IndexEntry>, _) = match direction {
        Direction::NewestFirst => (Vec::new(), ends.max()),
        Direction::OldestFirst => (Vec::new(), ends.min()),
    };
    entries.extend(pages.into_iter().flat_map(|page| page.entries));
    entries.sort_unstable_by(|a, b| match direction {
        Direction::NewestFirst => b.position.cmp(&a.position),
        Direction::OldestFirst => a.position.cmp(&b.position),
    });
    if let Some(read_to) = &read_to {
        entries.retain(|entry| match direction {
            Direction::NewestFirst => entry.position >= *read_to,
            Direction::OldestFirst => entry.position <= *read_to,
        });
    }
    (entries, read_to)
}

fn index_entry_of(item: &Item, index: Index) -> Result<IndexEntry, Fault> {
    Ok(IndexEntry {
        position: item.text(index.sk)?.to_owned(),
        key: HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::internal("an index names no record"))?,
        sk: item.text("sk")?.to_owned(),
    })
}
