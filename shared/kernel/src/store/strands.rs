//! Reading several partitions of an index as one sorted list: in order and only as far as needed, or counting.

use std::collections::HashMap;

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::{AttributeValue, Select};

use super::item::HeadKey;
use super::{Item, ReadItem, Store, s};
use crate::fault::Fault;

#[derive(Clone, Copy, Debug)]
pub(super) struct Index {
    pub name: &'static str,
    pub pk: &'static str,
    pub sk: &'static str,
}

pub(super) const BY_KIND: Index = Index { name: "by_kind", pk: "kind_pk", sk: "kind_sk" };
pub(super) const BY_STATE: Index = Index { name: "by_state", pk: "state_pk", sk: "state_sk" };
pub(super) const BY_FACET: Index = Index { name: "by_facet", pk: "facet_pk", sk: "facet_sk" };

/// A query answers at most 1 MB of the index, which is about so many of its smallest entries. Asking for no more keeps the
/// embedded engine from reading a whole partition for each page.
const ENTRIES_OF_A_QUERY_MAX: usize = 4_000;

/// A part of one partition, and what its entries must meet.
#[derive(Clone, Debug)]
pub(super) struct Strand {
    pub(super) index: Index,
    pub partition: String,
    /// Positions from here to there, both included.
    pub from: String,
    pub to: String,
    pub condition: Condition,
}

/// A filter expression while it is put together. Every name is aliased: some are reserved words.
#[derive(Clone, Debug, Default)]
pub(super) struct Condition {
    parts: Vec<String>,
    names: Vec<&'static str>,
    values: HashMap<String, AttributeValue>,
}

impl Condition {
    /// All parts must be met.
    pub(super) fn require(&mut self, part: String, names: &[&'static str]) {
        self.parts.push(part);
        self.names.extend(names);
    }

    /// The placeholder for a value.
    pub(super) fn value(&mut self, name: &str, value: AttributeValue) -> String {
        let placeholder = format!(":{name}");
        self.values.insert(placeholder.clone(), value);
        placeholder
    }

    /// The placeholders for some texts, with commas between them.
    pub(super) fn texts(&mut self, name: &str, texts: &[&str]) -> String {
        let placeholders: Vec<String> =
            texts.iter().enumerate().map(|(at, text)| self.value(&format!("{name}{at}"), s(*text))).collect();
        placeholders.join(", ")
    }
}

/// An entry of an index: where it stands in the list, and which item it is.
#[derive(Clone, Debug)]
pub(super) struct Position {
    pub at: String,
    pub key: HeadKey,
    pub sk: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    NewestFirst,
    OldestFirst,
}

/// How far to read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reach<'a> {
    pub direction: Direction,
    /// Not this one, but those that come behind it.
    pub after: Option<&'a str>,
    /// So many entries, or a few more.
    pub need: usize,
    pub queries_max: usize,
}

/// What was read of a strand, in its order.
#[derive(Debug)]
pub(super) struct Read {
    pub positions: Vec<Position>,
    /// Where to go on. `None`: there is no more.
    pub rest: Option<Item>,
    /// The last entry that was looked at, where there is more.
    pub horizon: Option<String>,
}

impl Store {
    pub(super) async fn read_strand(&self, strand: &Strand, reach: Reach<'_>) -> Result<Read, Fault> {
        let index = strand.index;
        let mut read = Read { positions: Vec::new(), rest: None, horizon: None };
        let Some((from, to)) = strand.behind(reach.after, reach.direction) else { return Ok(read) };
        for _ in 0..reach.queries_max {
            // What no condition leaves out is not read in vain. One more, as what comes first may be `after` itself.
            let limit = match strand.condition.parts.is_empty() {
                true => (reach.need - read.positions.len() + 1).min(ENTRIES_OF_A_QUERY_MAX),
                false => ENTRIES_OF_A_QUERY_MAX,
            };
            let query = self
                .query_strand(strand, &from, &to)
                .scan_index_forward(reach.direction == Direction::OldestFirst)
                .projection_expression("#of_pk, #of_sk, #sk")
                .expression_attribute_names("#of_pk", "pk")
                .expression_attribute_names("#of_sk", "sk")
                .limit(i32::try_from(limit).unwrap_or(i32::MAX))
                .set_exclusive_start_key(read.rest.take());
            let found = query.send().await.map_err(|error| Fault::from_sdk("find records", error))?;
            for item in found.items() {
                let position = position_of(item, index)?;
                if Some(position.at.as_str()) != reach.after {
                    read.positions.push(position);
                }
            }
            read.rest = found.last_evaluated_key;
            if read.rest.is_none() || read.positions.len() >= reach.need {
                break;
            }
        }
        if let Some(rest) = &read.rest {
            read.horizon = Some(rest.text(index.sk)?.to_owned());
        }
        Ok(read)
    }

    /// Counts what meets the condition, from `start` on. `None`: more than that many queries would be needed.
    pub(super) async fn count_strand(
        &self,
        strand: &Strand,
        direction: Direction,
        start: Option<Item>,
        queries_max: usize,
    ) -> Result<Option<u64>, Fault> {
        let mut count = 0;
        let mut start = start;
        for _ in 0..queries_max {
            let query = self
                .query_strand(strand, &strand.from, &strand.to)
                .scan_index_forward(direction == Direction::OldestFirst)
                .select(Select::Count)
                .limit(i32::try_from(ENTRIES_OF_A_QUERY_MAX).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("count records", error))?;
            count += u64::try_from(found.count).unwrap_or(0);
            start = found.last_evaluated_key;
            if start.is_none() {
                return Ok(Some(count));
            }
        }
        Ok(None)
    }

    fn query_strand(&self, strand: &Strand, from: &str, to: &str) -> QueryFluentBuilder {
        let Condition { parts, names, values } = &strand.condition;
        let mut query = self
            .db
            .query()
            .table_name(&self.table)
            .index_name(strand.index.name)
            .key_condition_expression("#pk = :pk AND #sk BETWEEN :from AND :to")
            .expression_attribute_names("#pk", strand.index.pk)
            .expression_attribute_names("#sk", strand.index.sk)
            .expression_attribute_values(":pk", s(&strand.partition))
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

impl Strand {
    /// What is left of the range behind a position, which itself is still in it. `None`: nothing.
    fn behind(&self, after: Option<&str>, direction: Direction) -> Option<(String, String)> {
        let (mut from, mut to) = (self.from.as_str(), self.to.as_str());
        if let Some(after) = after {
            match direction {
                Direction::NewestFirst => to = to.min(after),
                Direction::OldestFirst => from = from.max(after),
            }
        }
        (from <= to).then(|| (from.to_owned(), to.to_owned()))
    }

    /// The part that [`Strand::behind`] leaves out, with the position itself.
    pub(super) fn up_to(&self, after: &str, direction: Direction) -> Option<Self> {
        let mut before = self.clone();
        match direction {
            Direction::NewestFirst if before.from.as_str() < after => after.clone_into(&mut before.from),
            Direction::OldestFirst if before.to.as_str() > after => after.clone_into(&mut before.to),
            _ => {}
        }
        (before.from <= before.to).then_some(before)
    }
}

/// All that was read as one list, as far as every strand was read.
pub(super) fn merge(reads: Vec<Read>, direction: Direction) -> (Vec<Position>, Option<String>) {
    let horizons = reads.iter().filter_map(|read| read.horizon.clone());
    let (mut positions, horizon): (Vec<Position>, _) = match direction {
        Direction::NewestFirst => (Vec::new(), horizons.max()),
        Direction::OldestFirst => (Vec::new(), horizons.min()),
    };
    positions.extend(reads.into_iter().flat_map(|read| read.positions));
    positions.sort_unstable_by(|a, b| match direction {
        Direction::NewestFirst => b.at.cmp(&a.at),
        Direction::OldestFirst => a.at.cmp(&b.at),
    });
    if let Some(horizon) = &horizon {
        positions.retain(|position| match direction {
            Direction::NewestFirst => position.at >= *horizon,
            Direction::OldestFirst => position.at <= *horizon,
        });
    }
    (positions, horizon)
}

fn position_of(item: &Item, index: Index) -> Result<Position, Fault> {
    Ok(Position {
        at: item.text(index.sk)?.to_owned(),
        key: HeadKey::parse(item.text("pk")?).ok_or_else(|| Fault::broken("an index names no record"))?,
        sk: item.text("sk")?.to_owned(),
    })
}
