//! Filters of lists: the attributes of a record in the index `by_facet`, and the conditions that a filter puts on the
//! index.
//!
//! A partition of the index holds the records of a tenant in one state, so that a list of open records reads no
//! others. Bodies are indexed by search terms in partitions of their own; see `search.rs`.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::attributes::{json, s};
use crate::index_ranges::{BY_FACET, BY_KIND, BY_STATE, Condition, IndexRange};
use crate::item::{Attributes, LIST_SHARDS, list_partition, list_position};
use crate::single_filters::{
    ALL, filter_partition, filter_value, holder_filter, priority_filter, source_filter, state_filter, tag_filter,
};

use handrail_platform::fault::Fault;

/// Suffixes that sort before and after all records of one millisecond: a position ends with `#` and the record's id.
const RANGE_START_SUFFIX: char = '#';
const RANGE_END_SUFFIX: &str = "#~";
/// Latest time that a position of thirteen digits can express.
const POSITION_MS_MAX: i64 = 9_999_999_999_999;

/// Filter of a tenant's records. A field that is not set does not filter.
#[derive(Clone, Debug)]
pub struct Filter<L: Lifecycle> {
    /// Any of these states. An empty list matches nothing.
    pub states: Option<Vec<L::State>>,
    pub source: Option<String>,
    pub holder: Option<String>,
    pub priority: Option<String>,
    /// All of these tags.
    pub tags: Vec<String>,
    /// Created at this time or later.
    pub created_from: Option<Timestamp>,
    /// Created at this time or earlier.
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

/// Filter by nothing or by one thing. Its matches are counted, and listed in partitions that hold no others.
#[derive(Clone, Debug)]
pub(super) enum SingleFilter<L: Lifecycle> {
    All,
    States(Vec<L::State>),
    /// A filter by a field, as text.
    Field(String),
}

impl<L: Lifecycle> SingleFilter<L> {
    /// Returns the filters whose counts make up the number of matches.
    pub(super) fn counted_filters(&self) -> Vec<String> {
        match self {
            Self::All => vec![ALL.to_owned()],
            Self::States(states) => states.iter().map(|state| state_filter(L::state_name(*state))).collect(),
            Self::Field(filter) => vec![filter.clone()],
        }
    }

    /// Returns the index ranges that hold the matching records. A list by state omits the records whose deadline has
    /// passed: in which state those are depends on the time.
    pub(super) fn index_ranges(&self, tenant: TenantId, now: Timestamp) -> Vec<IndexRange> {
        let Some((from, to)) = Filter::<L>::default().position_range() else { return Vec::new() };
        let (index, condition) = match self {
            Self::All => (BY_KIND, Condition::default()),
            Self::Field(_) => (BY_STATE, Condition::default()),
            Self::States(_) => {
                let mut condition = Condition::default();
                require_no_passed_deadline(&mut condition, now);
                (BY_FACET, condition)
            }
        };
        let partition_of_shard = |shard| -> Vec<String> {
            match self {
                Self::All => vec![list_partition(tenant, L::KIND, None, shard)],
                Self::Field(filter) => vec![filter_partition(tenant, L::KIND, filter, shard)],
                Self::States(states) => {
                    let names = states.iter().map(|state| L::state_name(*state));
                    names.map(|name| list_partition(tenant, L::KIND, Some(name), shard)).collect()
                }
            }
        };
        let range = |partition| IndexRange {
            index,
            partition,
            from: from.clone(),
            to: to.clone(),
            condition: condition.clone(),
        };
        (0..LIST_SHARDS).flat_map(partition_of_shard).map(range).collect()
    }
}

/// Returns the attributes by which the record is found. Empty for a kind without filter fields.
pub(super) fn filter_attributes<L: Lifecycle>(record: &Record<L>) -> Attributes {
    let Some(fields) = L::filter_fields(record) else { return Attributes::new() };
    let shard = record.id.shard(LIST_SHARDS);
    // A set can't hold an empty text, and no filter can ask for one.
    let mut tags: Vec<String> = fields.tags.iter().filter(|tag| !tag.is_empty()).map(|tag| filter_value(tag)).collect();
    tags.sort_unstable();
    tags.dedup();
    let state = L::state_name(record.state());
    vec![
        ("facet_pk", Some(s(list_partition(record.tenant, L::KIND, Some(state), shard)))),
        ("facet_sk", Some(s(list_position(record.created_at, record.id)))),
        ("facet_source", Some(s(filter_value(&fields.source)))),
        ("facet_holder", Some(s(filter_value(&fields.holder)))),
        ("facet_priority", Some(s(fields.priority))),
        ("facet_tags", (!tags.is_empty()).then_some(AttributeValue::Ss(tags))),
    ]
}

/// Returns the index partition of bodies by search terms. No state has this name.
pub(super) fn search_terms_partition<L: Lifecycle>(tenant: TenantId, id: RecordId) -> String {
    search_terms_partition_of_shard::<L>(tenant, id.shard(LIST_SHARDS))
}

pub(super) fn search_terms_partition_of_shard<L: Lifecycle>(tenant: TenantId, shard: u8) -> String {
    list_partition(tenant, L::KIND, Some("~words"), shard)
}

impl<L: Lifecycle> Filter<L> {
    /// Returns `true` if the record matches. Pass the record as of now.
    pub fn matches(&self, record: &Record<L>) -> bool {
        let state = self.states.as_ref().is_none_or(|states| states.contains(&record.state()));
        let from = self.created_from.is_none_or(|from| record.created_at >= from);
        let to = self.created_to.is_none_or(|to| record.created_at <= to);
        state && from && to && (!self.has_field_filters() || self.filter_fields_match(record))
    }

    fn filter_fields_match(&self, record: &Record<L>) -> bool {
        L::filter_fields(record).is_some_and(|fields| {
            let matches =
                |expected: &Option<String>, value: &str| expected.as_deref().is_none_or(|expected| expected == value);
            matches(&self.source, &fields.source)
                && matches(&self.holder, &fields.holder)
                && matches(&self.priority, fields.priority)
                && self.tags.iter().all(|tag| fields.tags.contains(tag))
        })
    }

    fn has_field_filters(&self) -> bool {
        self.source.is_some() || self.holder.is_some() || self.priority.is_some() || !self.tags.is_empty()
    }

    /// Returns the filter as a single one, or `None` if it filters by a time or by several things.
    pub(super) fn single(&self) -> Option<SingleFilter<L>> {
        if self.created_from.is_some() || self.created_to.is_some() {
            return None;
        }
        let mut filters = Vec::new();
        filters.extend(self.source.as_deref().map(source_filter));
        filters.extend(self.holder.as_deref().map(holder_filter));
        filters.extend(self.priority.as_deref().map(priority_filter));
        let mut tags: Vec<String> = self.tags.iter().map(|tag| tag_filter(tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        filters.extend(tags);
        match (&self.states, filters.pop()) {
            (None, None) => Some(SingleFilter::All),
            (None, Some(filter)) if filters.is_empty() => Some(SingleFilter::Field(filter)),
            (Some(states), None) => {
                let is_wanted = |state: &L::State| states.contains(state);
                Some(SingleFilter::States(all_states::<L>().into_iter().filter(is_wanted).collect()))
            }
            _ => None,
        }
    }

    /// Returns a number that differs, but for rare chance, from that of every other list.
    pub(super) fn fingerprint(&self, tenant: TenantId, words: &[&str]) -> Result<u32, Fault> {
        let states: Option<Vec<&str>> =
            self.states.as_ref().map(|states| states.iter().map(|state| L::state_name(*state)).collect());
        let times = [self.created_from, self.created_to].map(|at| at.map(Timestamp::as_unix_ms));
        let fields = (&self.source, &self.holder, &self.priority, &self.tags);
        let text = json(&(tenant.to_string(), states, fields, times, words))?;
        let digest = Sha256::digest(text);
        Ok(digest.iter().take(4).fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// Returns the index ranges that hold the matching records, with the condition on each.
    pub(super) fn index_ranges(&self, tenant: TenantId, now: Timestamp) -> Vec<IndexRange> {
        let Some((from, to)) = self.position_range() else { return Vec::new() };
        let range = |index, partition, condition| IndexRange {
            index,
            partition,
            from: from.clone(),
            to: to.clone(),
            condition,
        };
        if self.states.is_none() && !self.has_field_filters() {
            let all = (0..LIST_SHARDS).map(|shard| list_partition(tenant, L::KIND, None, shard));
            return all.map(|partition| range(BY_KIND, partition, Condition::default())).collect();
        }
        let mut ranges = Vec::new();
        for state in all_states::<L>() {
            let Some(mut condition) = self.condition_for_state(state, now) else { continue };
            self.add_field_conditions(&mut condition);
            for shard in 0..LIST_SHARDS {
                let partition = list_partition(tenant, L::KIND, Some(L::state_name(state)), shard);
                ranges.push(range(BY_FACET, partition, condition.clone()));
            }
        }
        ranges
    }

    /// Returns the first and the last position that can match, or `None` if no position can.
    pub(super) fn position_range(&self) -> Option<(String, String)> {
        let ms = |at: Timestamp| at.as_unix_ms().clamp(0, POSITION_MS_MAX);
        let from = self.created_from.map_or(0, ms);
        let to = self.created_to.map_or(POSITION_MS_MAX, ms);
        // No record was created before 1970.
        let possible = from <= to && self.created_to.is_none_or(|to| to.as_unix_ms() >= 0);
        possible.then(|| (format!("{from:013}{RANGE_START_SUFFIX}"), format!("{to:013}{RANGE_END_SUFFIX}")))
    }

    /// Returns the condition on records that were last written in this state, or `None` if none of them can match.
    ///
    /// A passed deadline counts even before its timer has fired: the record then has the state to which the timer
    /// leads.
    fn condition_for_state(&self, state: L::State, now: Timestamp) -> Option<Condition> {
        let Some(states) = &self.states else { return Some(Condition::default()) };
        let timers = L::TABLE.timers.iter().filter(|timer| timer.armed_in.contains(&state));
        let (mut timers_into, mut timers_out) = (Vec::new(), Vec::new());
        for timer in timers {
            match L::TABLE.find(state, timer.raises) {
                Some(row) if states.contains(&row.to) => timers_into.push(timer.name),
                _ => timers_out.push(timer.name),
            }
        }
        let mut condition = Condition::default();
        match (states.contains(&state), timers_into.is_empty(), timers_out.is_empty()) {
            (false, true, _) => return None,
            (true, _, true) => {}
            (true, true, false) => require_no_passed_deadline(&mut condition, now),
            (true, false, false) => {
                let now = condition.add_value("now", crate::attributes::n(now.as_unix_ms()));
                let names = condition.add_values("timer", &timers_into);
                let alternatives = format!("attribute_not_exists(#due_at) OR #due_at > {now} OR #due_for IN ({names})");
                condition.require(format!("({alternatives})"), &["due_at", "due_for"]);
            }
            (false, false, _) => {
                let now = condition.add_value("now", crate::attributes::n(now.as_unix_ms()));
                let names = condition.add_values("timer", &timers_into);
                condition.require(format!("#due_at <= {now} AND #due_for IN ({names})"), &["due_at", "due_for"]);
            }
        }
        Some(condition)
    }

    fn add_field_conditions(&self, condition: &mut Condition) {
        let fields =
            [("facet_source", &self.source), ("facet_holder", &self.holder), ("facet_priority", &self.priority)];
        for (name, expected) in fields {
            if let Some(expected) = expected {
                let value = condition.add_value(name, s(filter_value(expected)));
                condition.require(format!("#{name} = {value}"), &[name]);
            }
        }
        let mut tags: Vec<String> = self.tags.iter().map(|tag| filter_value(tag)).collect();
        tags.sort_unstable();
        tags.dedup();
        for (index, tag) in tags.into_iter().enumerate() {
            let value = condition.add_value(&format!("tag{index}"), s(tag));
            condition.require(format!("contains(#facet_tags, {value})"), &["facet_tags"]);
        }
    }
}

fn require_no_passed_deadline(condition: &mut Condition, now: Timestamp) {
    let now = condition.add_value("now", crate::attributes::n(now.as_unix_ms()));
    condition.require(format!("(attribute_not_exists(#due_at) OR #due_at > {now})"), &["due_at"]);
}

/// Returns every state of the lifecycle's table once.
fn all_states<L: Lifecycle>() -> Vec<L::State> {
    let mut states = Vec::new();
    for state in L::TABLE.rows.iter().flat_map(|row| [row.from, row.to]) {
        if !states.contains(&state) {
            states.push(state);
        }
    }
    states
}
