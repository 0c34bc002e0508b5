//! Creating, reading and moving records: one put, one query, one conditional update.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValuesOnConditionCheckFailure};
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::{DeadlineGuard, Lifecycle, Verdict};
use handrail_domain::record::Record;

use super::bodies::BodyName;
use super::item::{AskFrom, BEFORE_BODIES, HEAD, HeadKey, lies_apart, moving_attributes, new_items, read_head};
use super::outcome::{met, met_or_found};
use super::single::{changing, item_key};
use super::{Item, ReadItem, Store, n, s};
use crate::fault::Fault;

/// How a first write ended.
#[derive(Debug)]
pub enum Put<L: Lifecycle> {
    Done,
    /// There is one already, made by the same command: this is it.
    SameCommand(Box<Record<L>>),
    /// There is one already, made by a command of the same name that asked for something else.
    OtherContent,
}

/// How a transition's write ended.
#[derive(Debug)]
pub enum Commit<L: Lifecycle> {
    Done,
    /// Somebody was faster. This is what they left.
    Lost(Box<Record<L>>),
    /// The record is not there.
    Gone,
}

/// A head and its ask, with room for orphans of creates that died half way.
const ITEMS_OF_A_RECORD_MAX: i32 = 8;

impl Store {
    /// Writes a new record, whose body lies there already if it has one. One round trip, two when what was asked is large.
    pub async fn put_record<L: Lifecycle>(
        &self,
        record: &Record<L>,
        command: &CommandId,
        body: Option<BodyName>,
    ) -> Result<Put<L>, Fault> {
        let items = new_items(record, command, body.map(|name| name.0))?;
        if let Some(ask) = items.ask {
            self.put_if_absent(ask, "put a record's ask").await?;
        }
        let Err(found) = self.put_or_find(items.head, "put a record").await? else { return Ok(Put::Done) };
        let maker: CommandId = found.json("command")?;
        if !maker.same_command(command) || !maker.has_same_content(command) {
            return Ok(Put::OtherContent);
        }
        let earlier = match lies_apart(&found) {
            None => read_head(&found, AskFrom::Head)?,
            Some(_) => self
                .record(record.tenant, record.id)
                .await?
                .ok_or_else(|| Fault::broken("a record vanished between two reads"))?,
        };
        Ok(Put::SameCommand(Box::new(earlier)))
    }

    /// Reads a record, with what was asked. One consistent round trip.
    pub async fn record<L: Lifecycle>(&self, tenant: TenantId, id: RecordId) -> Result<Option<Record<L>>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk BETWEEN :head AND :bodies")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":head", s(HEAD))
            .expression_attribute_values(":bodies", s(BEFORE_BODIES))
            .limit(ITEMS_OF_A_RECORD_MAX);
        let found = query.send().await.map_err(|error| Fault::from_sdk("read a record", error))?;
        let items = found.items();
        let head = items.iter().find(|item| item.text_if_any("sk") == Some(HEAD));
        // An id of another kind is as good as none.
        let Some(head) = head.filter(|head| head.text_if_any("kind") == Some(L::KIND)) else {
            return Ok(None);
        };
        match lies_apart(head).filter(|sk| !items.iter().any(|item| item.text_if_any("sk") == Some(sk))) {
            None => read_head(head, AskFrom::Items(items)).map(Some),
            // Each repeat of a large create at another time leaves an orphan, and they may be in front of the ask.
            Some(sk) => read_head(head, AskFrom::Items(&self.beside(tenant, id, sk).await?)).map(Some),
        }
    }

    /// One item beside a head.
    pub(super) async fn beside(&self, tenant: TenantId, id: RecordId, sk: &str) -> Result<Vec<Item>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .consistent_read(true)
            .key_condition_expression("pk = :pk AND sk = :sk")
            .expression_attribute_values(":pk", HeadKey { tenant, id }.pk())
            .expression_attribute_values(":sk", s(sk));
        let found = query.send().await.map_err(|error| Fault::from_sdk("read what lies beside a record", error))?;
        Ok(found.items.unwrap_or_default())
    }

    /// Moves a record: state, log, chain and deadline in one conditional write.
    ///
    /// The condition repeats what the verdict was based on, so a verdict on an old copy can't be written.
    pub async fn commit<L: Lifecycle>(&self, before: &Record<L>, verdict: &Verdict<L>) -> Result<Commit<L>, Fault> {
        self.commit_with(before, verdict, None).await
    }

    /// The same with another body, which lies there already.
    pub async fn commit_with<L: Lifecycle>(
        &self,
        before: &Record<L>,
        verdict: &Verdict<L>,
        body: Option<BodyName>,
    ) -> Result<Commit<L>, Fault> {
        let next = &verdict.next;
        if body.is_none() && L::body(&before.standing) != L::body(&next.standing) {
            return Err(Fault::broken("a record would name a body that nobody wrote"));
        }
        let lines = |lines: &[_]| AttributeValue::L(lines.iter().map(line_text::<L>).collect());
        // Otherwise it was cut.
        let (log, lines) = match next.log.len() == before.log.len() + 1 {
            true => ("#log = list_append(#log, :lines)", lines(&next.log[next.log.len() - 1..])),
            false => ("#log = :lines", lines(&next.log)),
        };
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(item_key(HeadKey { tenant: next.tenant, id: next.id }.pk(), HEAD)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let mut update = changing(update, moving_attributes(next, body.map(|name| name.0))?, Some(log));
        let deadline = match verdict.deadline {
            DeadlineGuard::NotPassedAt(now) => {
                update = update.expression_attribute_values(":moment", n(now.as_unix_ms()));
                "(attribute_not_exists(#due_at) OR #due_at > :moment)"
            }
            DeadlineGuard::StillAt(at) => {
                update = update.expression_attribute_values(":moment", n(at.as_unix_ms()));
                "#due_at = :moment"
            }
        };
        let update = update
            .expression_attribute_names("#log", "log")
            .expression_attribute_values(":lines", lines)
            .expression_attribute_values(":expected", n(before.seq))
            .expression_attribute_values(":from", s(L::state_name(before.state())))
            .condition_expression(format!("#seq = :expected AND #state = :from AND {deadline}"));
        Ok(match met_or_found(update.send().await, "move a record")? {
            Ok(_) => Commit::Done,
            Err(Some(found)) => Commit::Lost(Box::new(read_head(&found, AskFrom::Known(&before.ask))?)),
            Err(None) => Commit::Gone,
        })
    }

    /// `false`: an item lies there already, and stays as it is.
    pub(super) async fn put_if_absent(&self, item: Item, what: &str) -> Result<bool, Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)");
        Ok(met(put.send().await, what)?.is_some())
    }

    /// `Err`: this item lies there already, and stays as it is.
    pub(super) async fn put_or_find(&self, item: Item, what: &str) -> Result<Result<(), Item>, Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(met_or_found(put.send().await, what)?.map(drop).map_err(Option::unwrap_or_default))
    }

    /// The ask of a committed record is no orphan: it stays.
    pub async fn keep_ask(&self, head: &Item) -> Result<(), Fault> {
        match (lies_apart(head), head.get("pk")) {
            (Some(sk), Some(pk)) => self.keep(pk, sk).await,
            _ => Ok(()),
        }
    }

    /// Takes an item's time to live away.
    pub(super) async fn keep(&self, pk: &AttributeValue, sk: &str) -> Result<(), Fault> {
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
            Err(error) => Err(Fault::from_sdk("keep what lies beside a record", error)),
        }
    }
}

fn line_text<L: Lifecycle>(line: &handrail_domain::record::LogLine<L>) -> AttributeValue {
    s(line.text.clone())
}
