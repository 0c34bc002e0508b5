//! Operations that run once for an idempotency key, and the responses that their repeats get.
//!
//! An item is written before the operation has an effect, and the response is written into it afterwards. A run that
//! ends without a response may be run again once its time is over. The second run gets the start time of the first,
//! from which ids are derived, so that it finds what the first run created.

use aws_sdk_dynamodb::types::ReturnValuesOnConditionCheckFailure;
use handrail_domain::ids::{CommandId, TenantId, hex};
use handrail_domain::time::Timestamp;
use sha2::{Digest, Sha256};

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use crate::outcome::{or_existing_item, unless_condition_failed};
use handrail_platform::fault::Fault;

/// Time after which a run without a response counts as dead: three times as long as a function may run.
pub const RUN_TIMEOUT_MS: i64 = 30_000;
/// Attempts of a write whose outcome is unknown, and attempts to begin while other requests begin, too.
const ATTEMPTS_MAX: usize = 3;
/// Length of a SHA-256 digest.
const DIGEST_BYTES: usize = 32;

/// Caller, operation and idempotency key of a request. Requests with equal keys are repeats of each other.
#[derive(Clone, Copy, Debug)]
pub struct OnceKey<'a> {
    pub tenant: TenantId,
    /// Name of the operation, without `#`.
    pub operation: &'a str,
    /// API key or person that sends the request.
    pub caller: &'a str,
    pub idempotency_key: &'a str,
}

impl OnceKey<'_> {
    fn partition(&self) -> String {
        // The separator occurs in no caller, so no two pairs have one text.
        let hash = Sha256::digest(format!("{}\n{}", self.caller, self.idempotency_key));
        format!("once#{}#{}#{}", self.tenant, self.operation, hex(&hash))
    }
}

/// One execution of an operation under an idempotency key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    pk: String,
    /// Tells this run from later runs under the idempotency key.
    id: String,
    /// Start of the first run, which is the time of the operation's effect.
    pub begun_at: Timestamp,
    /// `true` if an earlier run ended without a response. That run may have had an effect.
    pub is_repeat: bool,
}

impl Run {
    /// Returns a text that all runs under the idempotency key share, and no others.
    pub fn name(&self) -> &str {
        &self.pk
    }

    /// Returns the name and the start of the first run. All runs that must have one effect share this text.
    pub fn name_and_start(&self) -> String {
        format!("{}\n{}\n", self.pk, self.begun_at.as_unix_ms())
    }

    /// Derives bytes for an id from name and start. Two purposes have different bytes.
    pub fn derive_bytes<const N: usize>(&self, purpose: &str) -> [u8; N] {
        const { assert!(N <= DIGEST_BYTES) };
        let digest = Sha256::digest(self.name_and_start() + purpose);
        let mut bytes = [0; N];
        bytes.copy_from_slice(&digest[..N]);
        bytes
    }
}

/// Response as it is stored, in the words of the operation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoredResponse {
    Plain(String),
    /// Encrypted, because the response holds a secret.
    Sealed(String),
}

#[derive(Debug, PartialEq, Eq)]
pub enum BeginOutcome {
    Begun(Run),
    /// An earlier run finished. `name` is that of its [`Run`].
    Finished {
        name: String,
        response: StoredResponse,
    },
    /// Another run has not finished yet.
    InProgress,
    /// The idempotency key was used for a request with other content.
    IdempotencyConflict,
}

impl Store {
    /// Begins a run, on condition that no other run has finished or is in progress. `run_id` is random, so that this
    /// call recognises its own write after a lost response. The idempotency key can be used anew after `ttl_seconds`.
    pub async fn begin_run(
        &self,
        key: OnceKey<'_>,
        command: &CommandId,
        run_id: &str,
        now: Timestamp,
        ttl_seconds: i64,
    ) -> Result<BeginOutcome, Fault> {
        let pk = key.partition();
        let mut last = None;
        for _ in 0..ATTEMPTS_MAX {
            let found = match self.put_run(&pk, command, run_id, now, ttl_seconds).await {
                Ok(None) => {
                    return Ok(BeginOutcome::Begun(Run { pk, id: run_id.to_owned(), begun_at: now, is_repeat: false }));
                }
                Ok(Some(found)) => found,
                Err(fault) if fault.is_outcome_unknown() => {
                    last = Some(fault);
                    continue;
                }
                Err(fault) => return Err(fault),
            };
            let first: CommandId = found.json("command")?;
            if !first.has_same_content(command) {
                return Ok(BeginOutcome::IdempotencyConflict);
            }
            if let Some(response) = stored_response(&found) {
                return Ok(BeginOutcome::Finished { name: pk, response });
            }
            let (earlier_id, runs): (_, u32) = (found.text("run_id")?, found.number("runs")?);
            let run = |is_repeat| Run { pk: pk.clone(), id: run_id.to_owned(), begun_at: now, is_repeat };
            let begun_at = found.time("begun_at")?;
            if earlier_id == run_id {
                // An earlier attempt of this call was written, and its response was lost.
                return Ok(BeginOutcome::Begun(Run { begun_at, ..run(runs > 1) }));
            }
            if found.time("run_until")? > now {
                return Ok(BeginOutcome::InProgress);
            }
            match self.put_next_run(&pk, earlier_id, run_id, now).await {
                Ok(true) => return Ok(BeginOutcome::Begun(Run { begun_at, ..run(true) })),
                // Another request began the next run first.
                Ok(false) => {}
                Err(fault) if fault.is_outcome_unknown() => last = Some(fault),
                Err(fault) => return Err(fault),
            }
        }
        last.map_or(Ok(BeginOutcome::InProgress), Err)
    }

    /// Writes the first run. Returns the existing item if there is one that has not expired.
    async fn put_run(
        &self,
        pk: &str,
        command: &CommandId,
        run_id: &str,
        now: Timestamp,
        ttl_seconds: i64,
    ) -> Result<Option<Item>, Fault> {
        let item = Item::from([
            ("pk".to_owned(), s(pk)),
            ("sk".to_owned(), s(HEAD)),
            ("command".to_owned(), s(json(command)?)),
            ("begun_at".to_owned(), n(now.as_unix_ms())),
            ("run_id".to_owned(), s(run_id)),
            ("runs".to_owned(), n(1)),
            ("run_until".to_owned(), n(now.as_unix_ms() + RUN_TIMEOUT_MS)),
            ("ttl".to_owned(), n(now.as_unix_seconds() + ttl_seconds)),
        ]);
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item))
            // DynamoDB deletes an expired item late.
            .condition_expression("attribute_not_exists(pk) OR #ttl <= :now_s")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_values(":now_s", n(now.as_unix_seconds()))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        Ok(or_existing_item(put.send().await, "begin a run")?.err().map(Option::unwrap_or_default))
    }

    /// Writes the run that follows a dead one. Returns `false` if another request was first.
    async fn put_next_run(&self, pk: &str, earlier_id: &str, run_id: &str, now: Timestamp) -> Result<bool, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(pk)))
            .update_expression("SET run_id = :id, run_until = :until, runs = runs + :one")
            .condition_expression(
                "run_id = :earlier AND run_until <= :now AND attribute_not_exists(#response) AND \
                 attribute_not_exists(sealed_response)",
            )
            .expression_attribute_names("#response", "response")
            .expression_attribute_values(":id", s(run_id))
            .expression_attribute_values(":until", n(now.as_unix_ms() + RUN_TIMEOUT_MS))
            .expression_attribute_values(":one", n(1))
            .expression_attribute_values(":earlier", s(earlier_id))
            .expression_attribute_values(":now", n(now.as_unix_ms()));
        Ok(unless_condition_failed(update.send().await, "begin a run again")?.is_some())
    }

    /// Stores the response of a run. Returns `false` if the run took so long that another run began.
    pub async fn finish_run(&self, run: &Run, response: &StoredResponse) -> Result<bool, Fault> {
        let (name, text) = match response {
            StoredResponse::Plain(text) => ("response", text),
            StoredResponse::Sealed(text) => ("sealed_response", text),
        };
        let mut last = Fault::internal("no attempt was made");
        for _ in 0..ATTEMPTS_MAX {
            let update = self
                .db
                .update_item()
                .table_name(&self.table)
                .set_key(Some(partition_only_key(&run.pk)))
                .update_expression("SET #response = :response")
                .condition_expression("run_id = :id")
                .expression_attribute_names("#response", name)
                .expression_attribute_values(":response", s(text))
                .expression_attribute_values(":id", s(&run.id));
            match unless_condition_failed(update.send().await, "finish a run") {
                Ok(written) => return Ok(written.is_some()),
                Err(fault) if fault.is_retryable() => last = fault,
                Err(fault) => return Err(fault),
            }
        }
        Err(last)
    }

    /// Ends a run that has no response but may have had an effect, so that a repeat need not wait for the time-out.
    pub async fn end_run(&self, run: &Run, now: Timestamp) -> Result<(), Fault> {
        self.set_time_of_run(run, "run_until", now.as_unix_ms()).await
    }

    /// Forgets a run that had no effect. The idempotency key can be used for another request.
    pub async fn forget_run(&self, run: &Run, now: Timestamp) -> Result<(), Fault> {
        self.set_time_of_run(run, "ttl", now.as_unix_seconds()).await
    }

    async fn set_time_of_run(&self, run: &Run, name: &str, now: i64) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(partition_only_key(&run.pk)))
            .update_expression("SET #name = :now")
            .condition_expression("run_id = :id")
            .expression_attribute_names("#name", name)
            .expression_attribute_values(":now", n(now))
            .expression_attribute_values(":id", s(&run.id));
        unless_condition_failed(update.send().await, "end a run").map(drop)
    }
}

fn stored_response(item: &Item) -> Option<StoredResponse> {
    let plain = item.opt_text("response").map(|text| StoredResponse::Plain(text.to_owned()));
    plain.or_else(|| item.opt_text("sealed_response").map(|text| StoredResponse::Sealed(text.to_owned())))
}
