//! Searches a tenant's journal: the newest matching entries, their number, and the first entry of a time. Counting loads no
//! entries.

use aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;
use aws_sdk_dynamodb::types::Select;
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, n, s};
use crate::client::Store;
use crate::journal::{JournalEntry, journal_entry_from_item, kind_condition};
use handrail_platform::fault::Fault;

/// Number of queries of one search at most. A query reads 1 MB, some thousand entries, so more would take longer than
/// a client waits.
const QUERIES_MAX: usize = 200;
/// Fewest and most entries that one query reads, so that little is read beyond the page.
const ENTRIES_PER_QUERY: std::ops::RangeInclusive<usize> = 100..=4_000;

/// Filter of the audit list. A field that is not set does not filter.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    pub actor: Option<String>,
    pub action: Option<String>,
    pub from: Option<Timestamp>,
    pub to: Option<Timestamp>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct JournalPage {
    /// Matching entries, newest first.
    pub entries: Vec<JournalEntry>,
    pub total: u64,
}

/// Number of queries that a search has left.
struct QueryBudget(usize);

impl Store {
    /// Returns a page of the audit list of one kind of record, newest first, and the total. Returns `None` if the search takes too many
    /// queries.
    pub async fn find_audit_entries(
        &self,
        tenant: TenantId,
        kind: &str,
        filter: &AuditFilter,
        offset: usize,
        limit: usize,
    ) -> Result<Option<JournalPage>, Fault> {
        let empty_page = |total| Ok(Some(JournalPage { entries: Vec::new(), total }));
        let Some(newest) = self.newest_journal_entry(tenant).await? else { return empty_page(0) };
        let totals = newest.totals_of(kind);
        // Without a filter, or with the action alone, the newest entry's totals give the number.
        let known_total = match filter {
            AuditFilter { actor: None, action: None, from: None, to: None } => Some(totals.by_action.values().sum()),
            AuditFilter { actor: None, action: Some(action), from: None, to: None } => {
                Some(totals.count_of_action(action))
            }
            _ => None,
        };
        if let Some(total) = known_total.filter(|total| offset as u64 >= *total) {
            return empty_page(total);
        }
        let first = match filter.from {
            Some(from) => self.last_entry_before(tenant, &newest, from).await?.map_or(1, |before| before.number + 1),
            None => 1,
        };
        if first > newest.number {
            return empty_page(0);
        }
        let query = || {
            with_audit_filter(self.journal_query(tenant, first, newest.number).scan_index_forward(false), kind, filter)
        };
        let mut budget = QueryBudget(QUERIES_MAX);
        let Some((skipped, mut start)) = skip_entries(&query, offset, None, &mut budget).await? else {
            return Ok(None);
        };
        let mut entries = Vec::new();
        let mut at_end = offset > 0 && start.is_none();
        let mut entries_per_query = *ENTRIES_PER_QUERY.start();
        while !at_end && entries.len() < limit {
            if !budget.take_query() {
                return Ok(None);
            }
            let missing = limit - entries.len();
            let query_limit = (2 * missing).clamp(entries_per_query, *ENTRIES_PER_QUERY.end());
            // A query that found too little is followed by a larger one, for lists whose entries are rare.
            entries_per_query = (2 * entries_per_query).min(*ENTRIES_PER_QUERY.end());
            let page = query().limit(to_i32(query_limit)).set_exclusive_start_key(start);
            let found = page.send().await.map_err(|error| Fault::from_sdk("search a journal", error))?;
            let (page, beyond) = found.items().split_at(missing.min(found.items().len()));
            for item in page {
                entries.push(journal_entry_from_item(item)?);
            }
            // Entries read beyond the page are counted with the rest.
            start = match page.last().filter(|_| !beyond.is_empty()) {
                Some(last) => Some(key_of_item(last)?),
                None => found.last_evaluated_key.clone(),
            };
            at_end = start.is_none();
        }
        let total = match known_total {
            Some(total) => total,
            None if at_end => (skipped + entries.len()) as u64,
            None => match skip_entries(&query, usize::MAX, start, &mut budget).await? {
                Some((rest, _)) => (skipped + entries.len() + rest) as u64,
                None => return Ok(None),
            },
        };
        Ok(Some(JournalPage { entries, total }))
    }

    /// Returns the last entry up to which every entry is older than `from`, or `None` if there is none.
    pub async fn last_entry_before(
        &self,
        tenant: TenantId,
        newest: &JournalEntry,
        from: Timestamp,
    ) -> Result<Option<JournalEntry>, Fault> {
        if newest.latest_at < from {
            return Ok(Some(newest.clone()));
        }
        // All entries up to `before` are older than `from`; the entry `reached` is not.
        let (mut before, mut not_before, mut found) = (0, newest.number, None);
        while not_before - before > 1 {
            let middle = before + (not_before - before) / 2;
            let entry = self.journal_entry(tenant, middle).await?;
            let entry = entry.ok_or_else(|| Fault::internal("a journal has a gap"))?;
            if entry.latest_at < from {
                (before, found) = (middle, Some(entry));
            } else {
                not_before = middle;
            }
        }
        Ok(found)
    }
}

impl QueryBudget {
    fn take_query(&mut self) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

/// Skips up to `count` matching entries without loading them. Returns the number of skipped entries and the key to
/// continue from, or `None` if no queries are left.
async fn skip_entries(
    query: &(impl Fn() -> QueryFluentBuilder + Sync),
    count: usize,
    mut start: Option<Item>,
    budget: &mut QueryBudget,
) -> Result<Option<(usize, Option<Item>)>, Fault> {
    let mut skipped = 0;
    while skipped < count {
        if !budget.take_query() {
            return Ok(None);
        }
        // A higher limit could skip more than `count` entries.
        let limit = (count - skipped).min(*ENTRIES_PER_QUERY.end());
        let page = query().select(Select::Count).limit(to_i32(limit)).set_exclusive_start_key(start);
        let found = page.send().await.map_err(|error| Fault::from_sdk("count journal entries", error))?;
        skipped += usize::try_from(found.count).unwrap_or(0);
        start = found.last_evaluated_key;
        if start.is_none() {
            break;
        }
    }
    Ok(Some((skipped, start)))
}

fn with_audit_filter(query: QueryFluentBuilder, kind: &str, filter: &AuditFilter) -> QueryFluentBuilder {
    let mut query = query.expression_attribute_values(":kind", s(kind));
    let mut conditions = vec!["attribute_exists(told_action)", kind_condition(kind)];
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

fn key_of_item(item: &Item) -> Result<Item, Fault> {
    let part = |name: &str| item.get(name).cloned().map(|value| (name.to_owned(), value));
    let key: Option<Item> = ["pk", "sk"].into_iter().map(part).collect();
    key.ok_or_else(|| Fault::internal("an item has no key"))
}

fn to_i32(count: usize) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
