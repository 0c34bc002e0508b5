//! Creates, reads and changes records: one put, one query, one conditional update.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::{DeadlineGuard, Lifecycle, PlannedTransition};
use handrail_domain::record::Record;

use crate::attributes::{Item, ReadItem, n, s};
use crate::bodies::BodyKey;
use crate::client::Store;
use crate::item::{HEAD, HeadKey, SK_BEFORE_BODIES, SpecSource, read_head, separate_spec_key};
use crate::item_ops::{item_key, set_attributes};
use crate::new_items::{new_items, transition_attributes};
use crate::outcome::{or_existing_item, unless_condition_failed};
use handrail_platform::fault::Fault;

/// Outcome of creating a record.
#[derive(Debug)]
pub enum PutOutcome<L: Lifecycle> {
    Done,
    /// The record exists, created by this command.
    SameCommand(Box<Record<L>>),
    /// The record exists, created by another command or with other content.
    IdempotencyConflict,
}

/// Outcome of writing a transition.
#[derive(Debug)]
pub enum CommitOutcome<L: Lifecycle> {
    Done,
    /// Another writer changed the record first. Contains the record as it is now.
    Conflict(Box<Record<L>>),
    /// The record does not exist.
    NotFound,
}

/// Number of items that reading a record returns at most: the head, its spec, and specs that crashed creates left.
const ITEMS_PER_RECORD_MAX: i32 = 8;

impl Store {
    /// Writes a new record, whose body is already written if it has one. One round trip, or two if the spec is large.
    /// A kind with filter fields writes its labels in the same transaction.
    pub async fn put_record<L: Lifecycle>(
        &self,
        record: &Record<L>,
        command: &CommandId,
        body: Option<BodyKey>,
    ) -> Result<PutOutcome<L>, Fault> {
        let items = new_items(record, command, body.map(|key| key.0))?;
        if let Some(spec) = items.spec {
            self.put_if_absent(spec, "put a record's spec").await?;
        }
        let put = match items.labels.is_empty() {
            true => self.put_or_get(items.head, "put a record").await?,
            false => self.put_labeled(items.head, items.labels).await?,
        };
        let Err(found) = put else { return Ok(PutOutcome::Done) };
        let creator: CommandId = found.json("command")?;
        if !creator.same_command(command) || !creator.has_same_content(command) {
            return Ok(PutOutcome::IdempotencyConflict);
        }
        let existing = match separate_spec_key(&found) {
            None => read_head(&found, SpecSource::Head)?,
            Some(_) => self
                .record(record.tenant, record.id)
                .await?
                .ok_or_else(|| Fault::internal("a record disappeared between two reads"))?,
        };
        Ok(PutOutcome::SameCommand(Box::new(existing)))
    }

    /// Writes a new head together with its labels. Returns the existing head as `Err` if there is one.
    async fn put_labeled(&self, head: Item, labels: Vec<Item>) -> Result<Result<(), Item>, Fault> {
        let mut writes = vec![self.put_new(head)?];
        for label in labels {
            writes.push(self.put_any(label)?);
        }
        Ok(self.transact(writes, "put a record").await?.map_err(Option::unwrap_or_default))
    }

    /// Reads a record in one consistent round trip.
    pub async fn record<L: Lifecycle>(&self, tenant: TenantId, id: RecordId) -> Result<Option<Record<L>>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :head AND :bodies")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":head", s(HEAD))
            .expression_attribute_values(":bodies", s(SK_BEFORE_BODIES))
            .limit(ITEMS_PER_RECORD_MAX);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a record", error))?;
        let items = found.items();
        let head = items.iter().find(|item| item.opt_text("sk") == Some(HEAD));
        // A record of another kind counts as not found.
        let Some(head) = head.filter(|head| head.opt_text("kind") == Some(L::KIND)) else {
            return Ok(None);
        };
        match separate_spec_key(head).filter(|sk| !items.iter().any(|item| item.opt_text("sk") == Some(sk))) {
            None => read_head(head, SpecSource::Items(items)).map(Some),
            // A repeat of a large create at another time writes another spec. These orphans may sort before the spec.
            Some(sk) => read_head(head, SpecSource::Items(&self.sibling_item(tenant, id, sk).await?)).map(Some),
        }
    }

    /// Reads one item of a record by its sort key.
    pub(super) async fn sibling_item(&self, tenant: TenantId, id: RecordId, sk: &str) -> Result<Vec<Item>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":sk", s(sk));
        let found = query.send().await.map_err(|error| Fault::from_sdk("read an item of a record", error))?;
        Ok(found.items.unwrap_or_default())
    }

    /// Writes a transition: state, log, chain and deadline in one conditional write.
    ///
    /// The condition repeats the state that the transition was planned from, so a transition planned on an outdated
    /// record is not written.
    pub async fn commit<L: Lifecycle>(
        &self,
        before: &Record<L>,
        transition: &PlannedTransition<L>,
    ) -> Result<CommitOutcome<L>, Fault> {
        self.commit_with_body(before, transition, None).await
    }

    /// Writes a transition as [`Store::commit`] does, with a new body that is already written.
    pub async fn commit_with_body<L: Lifecycle>(
        &self,
        before: &Record<L>,
        transition: &PlannedTransition<L>,
        body: Option<BodyKey>,
    ) -> Result<CommitOutcome<L>, Fault> {
        let next = &transition.next;
        if body.is_none() && L::body(&before.state_data) != L::body(&next.state_data) {
            return Err(Fault::internal("a record would reference a body that was not written"));
        }
        let encode = |entries: &[_]| AttributeValue::L(entries.iter().map(log_entry_value::<L>).collect());
        let added = usize::try_from(next.seq - before.seq).unwrap_or(usize::MAX);
        // A log of another length was shortened, and is replaced.
        let (log, entries) = match next.log.len().checked_sub(added) == Some(before.log.len()) {
            true => ("#log = list_append(#log, :lines)", encode(&next.log[before.log.len()..])),
            false => ("#log = :lines", encode(&next.log)),
        };
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(HeadKey { tenant: next.tenant, id: next.id }.pk(), HEAD)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut update = set_attributes(update, transition_attributes(next, body.map(|key| key.0))?, Some(log));
        let deadline = match transition.deadline {
            DeadlineGuard::After(now) => {
                update = update.expression_attribute_values(":moment", n(now.as_unix_ms()));
                "(attribute_not_exists(#due_at) OR #due_at > :moment)"
            }
            DeadlineGuard::Equals(at) => {
                update = update.expression_attribute_values(":moment", n(at.as_unix_ms()));
                "#due_at = :moment"
            }
        };
        let update = update
            .expression_attribute_names("#log", "log")
            .expression_attribute_values(":lines", entries)
            .expression_attribute_values(":expected", n(before.seq))
            .expression_attribute_values(":from", s(L::state_name(before.state())))
            .condition_expression(format!("#seq = :expected AND #state = :from AND {deadline}"));
        Ok(match or_existing_item(update.send().await, "write a transition")? {
            Ok(_) => CommitOutcome::Done,
            Err(Some(found)) => CommitOutcome::Conflict(Box::new(read_head(&found, SpecSource::Known(&before.spec))?)),
            Err(None) => CommitOutcome::NotFound,
        })
    }

    /// Writes an item. Returns `false` if an item with this key exists, which stays as it is.
    pub(super) async fn put_if_absent(&self, item: Item, operation: &str) -> Result<bool, Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        Ok(unless_condition_failed(put.send().await, operation)?.is_some())
    }

    /// Writes an item. Returns the existing item as `Err` if there is one with this key.
    pub(super) async fn put_or_get(&self, item: Item, operation: &str) -> Result<Result<(), Item>, Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(or_existing_item(put.send().await, operation)?.map(drop).map_err(Option::unwrap_or_default))
    }

    /// Retains the spec of a committed record.
    pub async fn retain_spec(&self, head: &Item) -> Result<(), Fault> {
        match (separate_spec_key(head), head.get("pk")) {
            (Some(sk), Some(pk)) => self.remove_ttl(pk, sk).await,
            _ => Ok(()),
        }
    }

    /// Removes an item's time to live.
    pub(super) async fn remove_ttl(&self, pk: &AttributeValue, sk: &str) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(pk.clone(), sk)))
            .update_expression("REMOVE #ttl")
            .expression_attribute_names("#ttl", "ttl")
            .condition_expression("attribute_exists(pk)");
        match update.send().await {
            Ok(_) => Ok(()),
            Err(error) => Err(Fault::from_sdk("retain an item of a record", error)),
        }
    }
}

fn log_entry_value<L: Lifecycle>(entry: &handrail_domain::record::EncodedLogEntry<L>) -> AttributeValue {
    s(entry.text.clone())
}
