//! Receipts: what a settled decision says to those who were not there. The claims follow from the spec, the answer and the
//! log, which never change afterwards, so every receipt of a decision has the same claims.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::lifecycle::{Decision, answer_origin, last_deadline};
use super::state::State;
use super::validity::valid_until;
use crate::answer_origin::ResolvedVia;
use crate::attachment::Attachment;
use crate::chain_hash::ChainHash;
use crate::ids::{KeyId, RecordId};
use crate::record::{LogEntry, Record};
use crate::time::Timestamp;

/// Type of a receipt in the header of its signature.
pub const RECEIPT_TYPE: &str = "handrail-receipt+jwt";

/// Claims of a receipt. Their names are published, and programs of others read them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptClaims {
    /// Origin of the service that signed.
    pub iss: String,
    /// Id of the decision.
    pub jti: RecordId,
    /// Time of the decision in seconds. Every receipt of a decision says the same, whenever it was made.
    pub iat: i64,
    pub status: String,
    pub action_hash: String,
    pub tool: Option<String>,
    pub single_use: bool,
    pub valid_until: Option<Timestamp>,
    pub decided_at: Timestamp,
    /// `None` if nobody answered.
    pub resolved_by: Option<String>,
    pub resolved_via: Option<ResolvedVia>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_with_key: Option<KeyId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resolved_with_key_name: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub answered_by_asker: bool,
    pub asked_by: ReceiptAsker,
    /// Digest of what the person was shown. `None` for answers by rules and programs.
    pub shown_hash: Option<String>,
    /// Rule that answered.
    pub policy: Option<ReceiptPolicy>,
    pub response: ReceiptResponse,
    /// Time from which a scheduled approval counts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execute_at: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cancelled_at: Option<Timestamp>,
    /// Hash of the record's log, as [`closing_seq`] says.
    pub log_hash: String,
    pub env: ReceiptEnv,
}

/// API key that asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptAsker {
    pub id: KeyId,
    pub name: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptPolicy {
    pub name: String,
    /// Digest of the rule. `None` for decisions from before rules had one.
    pub revision: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReceiptResponse {
    pub notes: Option<String>,
    pub response_data: Option<Value>,
}

/// Kind of installation that signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptEnv {
    Live,
    /// The service of one machine, reached by nobody else.
    Local,
}

impl ReceiptEnv {
    pub fn of_origin(origin: &str) -> Self {
        let host = url::Url::parse(origin).ok();
        let is_local = match host.as_ref().and_then(url::Url::host) {
            Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.to_canonical().is_loopback(),
            None => true,
        };
        if is_local { Self::Local } else { Self::Live }
    }
}

/// Returns the number of the event up to which a receipt's `log_hash` covers the log: the answer or the cancellation. If
/// nobody answered, the last event before the time ran out.
///
/// Events of timers are left out. They write down what follows from the spec and the time alone, and a receipt must be
/// equal before and after they were written.
pub fn closing_seq<'a>(entries: impl IntoIterator<Item = &'a LogEntry<Decision>>) -> Option<u64> {
    let mut last = None;
    for entry in entries {
        if entry.event.closes() {
            return Some(entry.seq);
        }
        if !matches!(entry.by, crate::actor::Actor::Timer) {
            last = Some(entry.seq);
        }
    }
    last
}

/// Returns the claims of a decision's receipt. `None` if the record is not settled. `log_hash` is the hash of the log up
/// to its [`closing_seq`].
pub fn receipt_claims(record: &Record<Decision>, origin: &str, log_hash: ChainHash) -> Option<ReceiptClaims> {
    let spec = &record.spec;
    let outcome = record.state_data.outcome();
    let cancelled = record.state_data.cancelled();
    let decided_at = match record.state() {
        State::Pending | State::Escalated => return None,
        State::Approved | State::Denied | State::Modified | State::Scheduled | State::Expired => match cancelled {
            Some(cancelled) => cancelled.at,
            None => outcome.map_or_else(|| last_deadline(spec), |outcome| outcome.at),
        },
    };
    let answer = outcome.map(|outcome| &outcome.answer);
    let origin_of_answer = answer_origin(record);
    let by_key = origin_of_answer.as_ref();
    Some(ReceiptClaims {
        iss: origin.to_owned(),
        jti: record.id,
        iat: decided_at.as_unix_seconds(),
        status: record.state().name().to_owned(),
        action_hash: spec.action_hash(),
        tool: spec.tool.clone(),
        single_use: spec.single_use.unwrap_or(false),
        valid_until: valid_until(record),
        decided_at,
        resolved_by: answer.map(|answer| answer.resolved_by.clone()),
        resolved_via: by_key.map(|origin| origin.resolved_via),
        resolved_with_key: by_key.and_then(|origin| origin.resolved_with_key),
        resolved_with_key_name: by_key.and_then(|origin| origin.resolved_with_key_name.clone()),
        answered_by_asker: by_key.is_some_and(|origin| origin.answered_by_asker),
        asked_by: ReceiptAsker { id: spec.asked_by, name: spec.asked_by_name.clone() },
        shown_hash: answer.and_then(|answer| answer.shown_hash.clone()),
        policy: spec
            .policy
            .as_ref()
            .map(|matched| ReceiptPolicy { name: matched.rule.clone(), revision: matched.revision.clone() }),
        response: ReceiptResponse {
            notes: answer.and_then(|answer| answer.notes.clone()),
            response_data: answer.and_then(|answer| match answer.files.as_slice() {
                [] => answer.response_data.clone(),
                files => Some(json!({"uploaded_files": files.iter().map(file_json).collect::<Vec<_>>()})),
            }),
        },
        execute_at: answer.and_then(|answer| answer.execute_at),
        cancelled_at: cancelled.map(|cancelled| cancelled.at),
        log_hash: log_hash.to_hex(),
        env: ReceiptEnv::of_origin(origin),
    })
}

/// File of an answer with its digest, and without its address: a receipt is shown to others, and the address opens the file.
fn file_json(file: &Attachment) -> Value {
    json!({"name": file.name, "type": file.content_type, "size": file.size, "sha256": file.sha256})
}
