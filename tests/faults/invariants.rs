//! Invariants of every idle server, whatever failed before.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::time::Timestamp;
use handrail_store::DeliveryStatus;
use http::Method;
use serde_json::Value;

use crate::count_invariants;
use crate::journal_invariants;
use crate::packet_invariants;
use crate::rules::{self, Channel, ExpectedEffect};
use crate::scenario::{DecisionRequest, Scenario};
use crate::snapshot::{Snapshot, StoredRecord, number_attribute, string_attribute};

/// Panics if an invariant does not hold. Call on an idle server after the fault.
pub(crate) async fn check_all(scenario: &mut Scenario) {
    let snapshot = Snapshot::read(&scenario.server).await;
    for stored in &snapshot.decisions {
        check_log_matches_state(stored);
        check_no_overdue_timer(scenario, &snapshot, stored);
        check_effects_are_delivered(scenario, &snapshot, stored);
    }
    packet_invariants::check_packets(scenario, &snapshot);
    check_no_unexpected_sends(scenario, &snapshot);
    assert_eq!(snapshot.dead_letters, Vec::<Value>::new(), "one fault makes no dead letter");
    check_acknowledged_results(scenario, &snapshot).await;
    journal_invariants::check_journals(&snapshot.items);
    count_invariants::check_counts_equal_a_recount(&snapshot);
}

/// Asserts that the worker loop still runs: a new decision is mailed.
pub(crate) async fn check_next_decision_is_mailed(scenario: &mut Scenario) {
    let admin = scenario.server.admin.clone();
    let id = scenario
        .create_decision(&admin, DecisionRequest { idempotency_key: Some("another"), context: "After the fault." })
        .await
        .id();
    scenario.wait_until_sent(&id, ApprovalPurpose::AskApprover.purpose()).await;
}

/// Asserts that log, hash chain and event items agree.
pub(crate) fn check_log(stored: &StoredRecord) {
    let seqs: Vec<Option<i64>> = stored.entries.iter().map(|entry| entry["seq"].as_i64()).collect();
    let seq = number_attribute(&stored.head, "seq").expect("a head has a sequence number");
    assert_eq!(seqs, (1..=seq).map(Some).collect::<Vec<_>>(), "the log has every event once");
    let chain = rules::chain_hash(&stored.partition, &stored.log);
    assert_eq!(string_attribute(&stored.head, "chain"), chain, "the chain commits to the log");
    assert_eq!(stored.events, stored.log, "the event items are the log");
    let commands: BTreeSet<String> = stored.entries.iter().map(|entry| entry["command"].to_string()).collect();
    assert_eq!(commands.len(), stored.log.len(), "a command made two events");
    let created = &stored.entries[0]["event"];
    assert_eq!(created["ask_sha256"], rules::sha256_hex(stored.spec_text.as_bytes()), "the log commits to the spec");
}

/// Asserts that log, state data and index attributes agree.
fn check_log_matches_state(stored: &StoredRecord) {
    check_log(stored);
    let expected = rules::decision_state_data(&stored.entries);
    assert_eq!(stored.state_data, expected, "the events fold to the state data");
    assert_eq!(stored.state(), expected["state"]);
    let deadline = rules::decision_deadline(stored.state(), &stored.spec);
    assert_eq!(stored.due_at(), deadline);
    assert_eq!(number_attribute(&stored.head, "due_sk"), deadline.map(Timestamp::as_unix_ms));
    let spec_sk = string_attribute(&stored.head, "ask_sk");
    for spec_item in stored.spec_items.iter().filter(|spec_item| string_attribute(spec_item, "sk") == spec_sk) {
        assert!(!spec_item.contains_key("ttl"), "the spec item of an existing record does not expire");
    }
}

fn check_no_overdue_timer(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredRecord) {
    let Some(due_at) = rules::decision_deadline(stored.state(), &stored.spec) else { return };
    assert!(due_at > scenario.server.now(), "a timer is overdue");
    let due_at = due_at.to_string();
    let is_its_timer = |queued: &&Value| {
        let message = &queued["message"];
        message["do"] == "timer" && message["id"] == *stored.id && message["due_at"] == *due_at
    };
    assert!(
        snapshot.queued.iter().any(|queued| is_its_timer(&queued)),
        "no queued message for the timer: {:?}",
        snapshot.queued
    );
}

/// Asserts that each effect of each event happened, with one delivery id and one body.
fn check_effects_are_delivered(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredRecord) {
    for ExpectedEffect { id, purpose, channel, .. } in expected_effects(stored) {
        let delivery = stored.deliveries.iter().find(|delivery| delivery.id == id);
        match channel {
            Channel::Callback => {
                let calls: Vec<_> =
                    scenario.received_calls.iter().filter(|call| call.header("webhook-id") == id).collect();
                let first = calls.first().unwrap_or_else(|| panic!("the receiver got no call {id}"));
                assert!(calls.iter().all(|call| call.body == first.body), "a repeat of {id} has another body");
                assert_eq!(first.json()["decision"]["id"], *stored.id);
                assert_eq!(first.json()["event"], rules::callback_event(purpose));
                let is_receipt =
                    first.json()["receipt"].as_str().is_some_and(|receipt| receipt.split('.').count() == 3);
                assert_eq!(is_receipt, purpose != "announce-escalated", "the callback of an end has a receipt");
                let delivery = delivery.unwrap_or_else(|| panic!("no delivery is recorded: {id}"));
                assert_eq!(delivery.status, DeliveryStatus::Delivered, "{id}: {:?}", delivery.attempts);
                assert_eq!(delivery.body.as_bytes(), first.body, "{id}");
            }
            Channel::RetainFiles => check_files_are_retained(scenario, stored),
            Channel::Mail => {
                let mails = snapshot.mails.iter().filter(|mail| mail["id"] == *id).count();
                assert!(mails <= 1, "{id} was mailed {mails} times");
                // A person who is no longer the current approver need not have been mailed.
                if rules::current_approver_mail(stored.state()) == Some(purpose) {
                    assert_eq!(mails, 1, "{id} was not mailed");
                    assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
                }
            }
            Channel::SlackUpdate => panic!("a decision without Slack has the effect {id}"),
        }
    }
}

/// Asserts that every file named by the record is retained completely.
fn check_files_are_retained(scenario: &Scenario, stored: &StoredRecord) {
    let partition = stored.partition.replacen('#', ".", 1);
    for file in stored.state_data["attachments"].as_array().expect("the record names files") {
        let name = format!("{partition}.{}", file["id"].as_str().expect("a file has an id"));
        let bytes = std::fs::read(scenario.server.files.path().join("kept").join(&name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{file} is named and not retained: {error}"));
        assert_eq!(file["sha256"], rules::sha256_hex(&bytes), "{file}");
    }
}

fn expected_effects(stored: &StoredRecord) -> Vec<ExpectedEffect> {
    rules::decision_effects(&stored.id, &stored.entries, &stored.spec)
}

/// Asserts that every call and mail belongs to an event, and that an answer is announced once.
fn check_no_unexpected_sends(scenario: &Scenario, snapshot: &Snapshot) {
    let decisions = snapshot.decisions.iter().flat_map(expected_effects);
    let packets = snapshot.packets.iter().flat_map(packet_invariants::expected_effects);
    let expected: BTreeSet<String> = decisions.chain(packets).map(|effect| effect.id).collect();
    let mut resolved: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    // Webhook deliveries are checked by their own journey.
    for call in scenario.received_calls.iter().filter(|call| call.header("x-hr-event").is_empty()) {
        let (id, json) = (call.header("webhook-id"), call.json());
        assert!(expected.contains(id), "the call {id} belongs to no event");
        if json["event"] == "decision.resolved" {
            resolved.entry(json["decision"]["id"].to_string()).or_default().insert(id);
        }
    }
    assert!(resolved.values().all(|ids| ids.len() == 1), "an answer was announced twice: {resolved:?}");
    let of_decisions = |mail: &&Value| !mail["id"].as_str().is_some_and(|id| id.ends_with("_sign-in"));
    for mail in snapshot.mails.iter().filter(of_decisions) {
        assert!(mail["id"].as_str().is_some_and(|id| expected.contains(id)), "a mail belongs to no event: {mail}");
    }
}

/// Asserts that results acknowledged with 2xx still hold.
async fn check_acknowledged_results(scenario: &Scenario, snapshot: &Snapshot) {
    for id in &scenario.acknowledged.created {
        let stored = snapshot.decision(id).unwrap_or_else(|| panic!("{id} was acknowledged and does not exist"));
        let path = format!("/decisions/{id}");
        let response = scenario.retry_until(&scenario.server.admin, Method::GET, &path, &[], String::new(), 200).await;
        assert_eq!(response.json["status"], stored.state());
    }
    for (id, names) in &scenario.acknowledged.attachments {
        let stored = snapshot.decision(id).unwrap_or_else(|| panic!("{id} has acknowledged files and does not exist"));
        let found = stored.state_data["attachments"].as_array().expect("the record names files").iter();
        let found: Vec<String> = found.map(|file| file["name"].as_str().unwrap_or_default().to_owned()).collect();
        assert!(found.starts_with(names), "acknowledged files are missing: {names:?} in {found:?}");
        let unique: BTreeSet<_> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "a file is listed twice: {found:?}");
    }
    for (id, (execution_id, outcome)) in &scenario.acknowledged.executions {
        let stored = snapshot.decision(id).unwrap_or_else(|| panic!("{id} was consumed and does not exist"));
        let consumption = &stored.state_data["consumption"];
        assert_eq!(consumption["execution_id"], *execution_id, "{id} was acknowledged with another execution");
        if let Some(outcome) = outcome {
            assert_eq!(consumption["end"]["outcome"], *outcome, "{id} was acknowledged with another outcome");
        }
    }
    for (id, status) in &scenario.acknowledged.answers {
        let stored = snapshot.decision(id).unwrap_or_else(|| panic!("{id} was answered and does not exist"));
        assert_eq!(stored.state(), *status, "{id} was acknowledged with another status");
    }
}
