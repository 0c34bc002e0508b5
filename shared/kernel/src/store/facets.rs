//! What lists filter by: how it lies in the index `by_facet`, and what a filter asks of the index.
//!
//! A partition of the index is one state of one tenant's records, so that who asks for open ones reads no others. The index
//! also holds bodies by their words, in partitions of their own; see `search.rs`.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{RecordId, TenantId, hex};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use sha2::{Digest, Sha256};

use super::item::{Attributes, LIST_SHARDS, list_partition, list_position};
use super::s;
use super::strands::{BY_FACET, BY_KIND, Condition, Strand};

/// A longer value lies in the index as its digest, which is longer than this: one is never taken for the other.
const FACET_BYTES_MAX: usize = 64;
/// Where the records of a millisecond begin, and behind the last of them: positions end with an id.
const FIRST_ID: char = '#';
const LAST_ID: &str = "#~";
/// Positions are sorted as text of thirteen digits.
const POSITION_MS_MAX: i64 = 9_999_999_999_999;

/// Which records of a tenant. What is not set does not matter.
#[derive(Clone, Debug)]
pub struct Filter<L: Lifecycle> {
    /// Any of these. None of them: nothing fits.
    pub states: Option<Vec<L::State>>,
    pub source: Option<String>,
    pub holder: Option<String>,
    pub priority: Option<String>,
    /// All of these.
    pub tags: Vec<String>,
    /// Made then or later.
    pub created_from: Option<Timestamp>,
    /// Made then or earlier.
    pub created_to: Option<Timestamp>,
}

impl<L: Lifecycle> Default for Filter<L> {
    fn default() -> Self {
        Self {
            states: None,
            source: None,
            holder: None,
            priority: None,
            tags: Vec::new(),
            created_from: None,
            created_to: None,
        }
    }
}

/// The attributes by which a record is found. Empty: this kind has no facets.
pub(super) fn facet_attributes<L: Lifecycle>(record: &Record<L>) -> Attributes {
    let Some(facets) = L::facets(record) else { return Attributes::new() };
    let shard = record.id.shard(LIST_SHARDS);
    // No set holds an empty text, and nobody can ask for one.
    let mut tags: Vec<String> = facets.tags.iter().filter(|tag| !tag.is_empty()).map(|tag| facet(tag)).collect();
    tags.sort_unstable();
    tags.dedup();
    let state = L::state_name(record.state());
    vec![
        ("facet_pk", Some(s(list_partition(record.tenant, L::KIND, Some(state), shard)))),
        ("facet_sk", Some(s(list_position(record.created_at, record.id)))),
        ("facet_source", Some(s(facet(&facets.source)))),
        ("facet_holder", Some(s(facet(&facets.holder)))),
        ("facet_priority", Some(s(facets.priority))),
        ("facet_tags", (!tags.is_empty()).then_some(AttributeValue::Ss(tags))),
    ]
}

/// Where the index holds bodies by their words: no state is named like that.
pub(super) fn words_partition<L: Lifecycle>(tenant: TenantId, id: RecordId) -> String {
    words_partition_of::<L>(tenant, id.shard(LIST_SHARDS))
}

pub(super) fn words_partition_of<L: Lifecycle>(tenant: TenantId, shard: u8) -> String {
    list_partition(tenant, L::KIND, Some("~words"), shard)
}

impl<L: Lifecycle> Filter<L> {
    /// Does this record fit, as it is at this moment?
    pub fn fits(&self, seen: &Record<L>) -> bool {
        let state = self.states.as_ref().is_none_or(|states| states.contains(&seen.state()));
        let from = self.created_from.is_none_or(|from| seen.created_at >= from);
        let to = self.created_to.is_none_or(|to| seen.created_at <= to);
        state && from && to && (!self.asks_for_facets() || self.facets_fit(seen))
    }

    fn facets_fit(&self, seen: &Record<L>) -> bool {
        L::facets(seen).is_some_and(|facets| {
            let is = |wanted: &Option<String>, value: &str| wanted.as_deref().is_none_or(|wanted| wanted == value);
            is(&self.source, &facets.source)
                && is(&self.holder, &facets.holder)
                && is(&self.priority, facets.priority)
                && self.tags.iter().all(|tag| facets.tags.contains(tag))
        })
    }

    fn asks_for_facets(&self) -> bool {
        self.source.is_some() || self.holder.is_some() || self.priority.is_some() || !self.tags.is_empty()
    }

    /// The parts of the indexes that hold what fits, and the condition on each.
    pub(super) fn strands(&self, tenant: TenantId, now: Timestamp) -> Vec<Strand> {
        let Some((from, to)) = self.range() else { return Vec::new() };
        let of =
            |index, partition, condition| Strand { index, partition, from: from.clone(), to: to.clone(), condition };
        if self.states.is_none() && !self.asks_for_facets() {
            let all = (0..LIST_SHARDS).map(|shard| list_partition(tenant, L::KIND, None, shard));
            return all.map(|partition| of(BY_KIND, partition, Condition::default())).collect();
        }
        let mut strands = Vec::new();
        for state in states_of::<L>() {
            let Some(mut condition) = self.in_state(state, now) else { continue };
            self.ask_for_facets(&mut condition);
            for shard in 0..LIST_SHARDS {
                let partition = list_partition(tenant, L::KIND, Some(L::state_name(state)), shard);
                strands.push(of(BY_FACET, partition, condition.clone()));
            }
        }
        strands
    }

    /// The first and the last position that fit. `None`: there are none in between.
    pub(super) fn range(&self) -> Option<(String, String)> {
        let ms = |at: Timestamp| at.as_unix_ms().clamp(0, POSITION_MS_MAX);
        let from = self.created_from.map_or(0, ms);
        let to = self.created_to.map_or(POSITION_MS_MAX, ms);
        // Nothing was made before 1970.
        let possible = from <= to && self.created_to.is_none_or(|to| to.as_unix_ms() >= 0);
        possible.then(|| (format!("{from:013}{FIRST_ID}"), format!("{to:013}{LAST_ID}")))
    }

    /// What to ask of the records that were last written in this state. `None`: none of them fits.
    ///
    /// A deadline that passed is true before its timer has written it, so it is part of the question: such a record has the
    /// state to which the timer leads.
    fn in_state(&self, state: L::State, now: Timestamp) -> Option<Condition> {
        let Some(wanted) = &self.states else { return Some(Condition::default()) };
        let timers = L::TABLE.timers.iter().filter(|timer| timer.armed_in.contains(&state));
        let (mut leading_in, mut leading_out) = (Vec::new(), Vec::new());
        for timer in timers {
            match L::TABLE.find(state, timer.raises) {
                Some(row) if wanted.contains(&row.to) => leading_in.push(timer.name),
                _ => leading_out.push(timer.name),
            }
        }
        let mut condition = Condition::default();
        match (wanted.contains(&state), leading_in.is_empty(), leading_out.is_empty()) {
            (false, true, _) => return None,
            (true, _, true) => {}
            (true, true, false) => {
                let now = condition.value("now", super::n(now.as_unix_ms()));
                condition.require(format!("(attribute_not_exists(#due_at) OR #due_at > {now})"), &["due_at"]);
            }
            (true, false, false) => {
                let now = condition.value("now", super::n(now.as_unix_ms()));
                let names = condition.texts("timer", &leading_in);
                let open = format!("attribute_not_exists(#due_at) OR #due_at > {now} OR #due_for IN ({names})");
                condition.require(format!("({open})"), &["due_at", "due_for"]);
            }
            (false, false, _) => {
                let now = condition.value("now", super::n(now.as_unix_ms()));
                let names = condition.texts("timer", &leading_in);
                condition.require(format!("#due_at <= {now} AND #due_for IN ({names})"), &["due_at", "due_for"]);
            }
        }
        Some(condition)
    }

    fn ask_for_facets(&self, condition: &mut Condition) {
        let facets =
            [("facet_source", &self.source), ("facet_holder", &self.holder), ("facet_priority", &self.priority)];
        for (name, wanted) in facets {
            if let Some(wanted) = wanted {
                let value = condition.value(name, s(facet(wanted)));
                condition.require(format!("#{name} = {value}"), &[name]);
            }
        }
        let mut tags: Vec<String> = self.tags.iter().map(|tag| facet(tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        for (at, tag) in tags.into_iter().enumerate() {
            let value = condition.value(&format!("tag{at}"), s(tag));
            condition.require(format!("contains(#facet_tags, {value})"), &["facet_tags"]);
        }
    }
}

/// Every state that the table knows, once.
fn states_of<L: Lifecycle>() -> Vec<L::State> {
    let mut states = Vec::new();
    for state in L::TABLE.rows.iter().flat_map(|row| [row.from, row.to]) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    states
}

fn facet(value: &str) -> String {
    if value.len() <= FACET_BYTES_MAX {
        return value.to_owned();
    }
    format!("sha256:{}", hex(&Sha256::digest(value)))
}
