//! Invariants of every idle server, whatever failed before.

use std::collections::{BTreeMap, BTreeSet};

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::decision::CallbackPurpose;
use handrail_domain::decision::{Decision, DecisionEvent, current_approver};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::file::check_file;
use handrail_domain::lifecycle::{Lifecycle, Row};
use handrail_domain::record::{ChainHash, digest_of};
use handrail_store::{DeliveryKey, DeliveryStatus};
use http::Method;
use serde_json::Value;

use crate::count_invariants;
use crate::feed_invariants;
use crate::packet_invariants;
use crate::scenario::{DecisionRequest, Scenario};
use crate::snapshot::{Snapshot, StoredDecision, number_attribute, string_attribute};

/// Panics if an invariant does not hold. Call on an idle server after the fault.
pub(crate) async fn check_all(scenario: &mut Scenario) {
    let snapshot = Snapshot::read(&scenario.server).await;
    for stored in &snapshot.records {
        check_log_matches_state(stored);
        check_no_overdue_timer(scenario, &snapshot, stored);
        check_effects_are_delivered(scenario, &snapshot, stored);
    }
    packet_invariants::check_packets(scenario, &snapshot);
    check_no_unexpected_sends(scenario, &snapshot);
    assert_eq!(snapshot.dead_letters, Vec::<Value>::new(), "one fault makes no dead letter");
    check_acknowledged_results(scenario, &snapshot).await;
    feed_invariants::check_feed_has_each_event_once(&snapshot.items);
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

/// Asserts that log, hash chain, state data, event items and index attributes agree.
fn check_log_matches_state(stored: &StoredDecision) {
    let record = &stored.record;
    let seqs: Vec<u64> = record.log.iter().map(|line| line.entry.seq).collect();
    assert_eq!(seqs, (1..=record.seq).collect::<Vec<_>>(), "the log has every event once");
    let lines: Vec<&str> = record.log.iter().map(|line| line.text.as_str()).collect();
    let chain = lines.iter().fold(ChainHash::genesis(record.tenant, record.id), |chain, line| chain.then(line));
    assert_eq!(record.chain, chain, "the chain commits to the log");
    assert_eq!(stored.events, lines, "the event items are the log");
    let commands: BTreeSet<String> = record.log.iter().map(|line| format!("{:?}", line.entry.command)).collect();
    assert_eq!(commands.len(), lines.len(), "a command made two events");

    let (first, rest) = record.log.split_first().expect("a record has a first event");
    let DecisionEvent::Created { ask_sha256 } = &first.entry.event else { panic!("the first event is the creation") };
    assert_eq!(*ask_sha256, digest_of(&record.spec), "the log commits to the spec");
    let mut state_data = Decision::apply(None, &first.entry);
    for line in rest {
        let from = Decision::state(&state_data);
        state_data = Decision::apply(Some(&state_data), &line.entry);
        let event = Decision::event_name(&line.entry.event);
        let allowed =
            |row: &Row<_, _>| row.from == from && row.to == Decision::state(&state_data) && row.event == event;
        assert!(Decision::TABLE.rows.iter().any(allowed), "{event} is not allowed in {from:?}");
    }
    assert_eq!(record.state_data, state_data, "the events fold to the state data");

    assert_eq!(string_attribute(&stored.head, "state"), record.state().name());
    assert_eq!(number_attribute(&stored.head, "due_at"), record.due().map(|due| due.at.as_unix_ms()));
    assert_eq!(number_attribute(&stored.head, "due_sk"), record.due().map(|due| due.at.as_unix_ms()));
    let spec_sk = string_attribute(&stored.head, "ask_sk");
    for spec_item in stored.spec_items.iter().filter(|spec_item| string_attribute(spec_item, "sk") == spec_sk) {
        assert!(!spec_item.contains_key("ttl"), "the spec item of an existing record does not expire");
    }
}

fn check_no_overdue_timer(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredDecision) {
    let Some(due) = stored.record.due() else { return };
    assert!(due.at > scenario.server.now(), "a timer is overdue");
    let (id, due_at) = (stored.record.id.to_string(), due.at.to_string());
    let is_its_timer = |queued: &&Value| {
        let message = &queued["message"];
        message["do"] == "timer" && message["id"] == *id && message["due_at"] == *due_at
    };
    assert!(
        snapshot.queued.iter().any(|queued| is_its_timer(&queued)),
        "no queued message for the timer: {:?}",
        snapshot.queued
    );
}

/// Asserts that each effect of each event happened, with one delivery id and one body.
fn check_effects_are_delivered(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredDecision) {
    for (id, effect) in expected_effects(stored) {
        let delivery = stored.deliveries.iter().find(|delivery| delivery.id == id);
        if let Some(at) = effect.not_before().filter(|at| *at > scenario.server.now()) {
            let is_its_message =
                |queued: &Value| queued["message"]["do"] == "later" && queued["message"]["at"] == *at.to_string();
            assert!(snapshot.queued.iter().any(is_its_message), "no queued message for {id}: {:?}", snapshot.queued);
            continue;
        }
        match effect {
            Effect::Callback(purpose) | Effect::CallbackAt(purpose, _) => {
                let calls: Vec<_> =
                    scenario.received_calls.iter().filter(|call| call.header("webhook-id") == id).collect();
                let first = calls.first().unwrap_or_else(|| panic!("the receiver got no call {id}"));
                assert!(calls.iter().all(|call| call.body == first.body), "a repeat of {id} has another body");
                assert_eq!(first.json()["decision"]["id"], stored.record.id.to_string());
                assert_eq!(first.json()["event"], event_name_of(purpose));
                let delivery = delivery.unwrap_or_else(|| panic!("no delivery is recorded: {id}"));
                assert_eq!(delivery.status, DeliveryStatus::Delivered, "{id}: {:?}", delivery.attempts);
                assert_eq!(delivery.body.as_bytes(), first.body, "{id}");
            }
            Effect::RetainFiles(_) => check_files_are_retained(scenario, stored),
            Effect::Mail(purpose) | Effect::MailAt(purpose, _) => {
                let mails = snapshot.mails.iter().filter(|mail| mail["id"] == *id).count();
                assert!(mails <= 1, "{id} was mailed {mails} times");
                // A person who is no longer the current approver need not have been mailed.
                if purpose == current_approver_mail(stored) {
                    assert_eq!(mails, 1, "{id} was not mailed");
                    assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
                }
            }
            Effect::Slack(_) => {
                // If nothing was posted, there is no message to edit.
                if stored.deliveries.iter().any(|delivery| delivery.slack.is_some()) {
                    assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
                }
            }
        }
    }
}

/// Asserts that every file named by the record is retained completely.
fn check_files_are_retained(scenario: &Scenario, stored: &StoredDecision) {
    for file in stored.record.state_data.files() {
        let name = format!("{}.{}.{}", stored.record.tenant, stored.record.id, file.id);
        let bytes = std::fs::read(scenario.server.files.path().join("kept").join(&name));
        let bytes = bytes.unwrap_or_else(|error| panic!("{} is named and not retained: {error}", file.name));
        assert_eq!(check_file(&file.name, &bytes).expect("it was checked before").sha256, file.sha256);
    }
}

fn expected_effects(stored: &StoredDecision) -> Vec<(String, Effect)> {
    let (tenant, record) = (stored.record.tenant, stored.record.id);
    let with_id = |seq, effect: Effect| {
        (DeliveryKey { tenant, record, seq, purpose: effect.purpose(), webhook: None }.id(), effect)
    };
    let entries = stored.record.log.iter().map(|line| &line.entry);
    entries
        .flat_map(|entry| {
            Decision::effects(&stored.record.spec, entry).into_iter().map(move |effect| with_id(entry.seq, effect))
        })
        .collect()
}

/// Returns the purpose of the mail that the current approver must have. Returns a purpose of no mail if there is none.
fn current_approver_mail(stored: &StoredDecision) -> Purpose {
    match current_approver(&stored.record) {
        Some(person) if person.same_mailbox(&stored.record.spec.approver) => ApprovalPurpose::AskApprover.purpose(),
        Some(_) => ApprovalPurpose::AskBackup.purpose(),
        None => CallbackPurpose::Resolved.purpose(),
    }
}

fn event_name_of(purpose: Purpose) -> &'static str {
    match CallbackPurpose::from_purpose(purpose) {
        Some(CallbackPurpose::Created) => "decision.created",
        Some(CallbackPurpose::Resolved) => "decision.resolved",
        Some(CallbackPurpose::Escalated) => "decision.escalated",
        Some(CallbackPurpose::Expired) => "decision.expired",
        Some(CallbackPurpose::Cancelled) => "decision.cancelled",
        Some(CallbackPurpose::Due) => "decision.due",
        None => panic!("{purpose:?} is not a callback"),
    }
}

/// Asserts that every call and mail belongs to an event, and that an answer is announced once.
fn check_no_unexpected_sends(scenario: &Scenario, snapshot: &Snapshot) {
    let decisions = snapshot.records.iter().flat_map(expected_effects).map(|(id, _)| id);
    let packets = snapshot.packets.iter().flat_map(packet_invariants::expected_effects).map(|(id, _)| id);
    let expected: BTreeSet<String> = decisions.chain(packets).collect();
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
        let stored = snapshot.record(id).unwrap_or_else(|| panic!("{id} was acknowledged and does not exist"));
        let path = format!("/decisions/{id}");
        let response = scenario.retry_until(&scenario.server.admin, Method::GET, &path, &[], String::new(), 200).await;
        assert_eq!(response.json["status"], stored.record.state().name());
    }
    for (id, names) in &scenario.acknowledged.attachments {
        let stored = snapshot.record(id).unwrap_or_else(|| panic!("{id} has acknowledged files and does not exist"));
        let found: Vec<_> = stored.record.state_data.attachments.iter().map(|file| file.name.clone()).collect();
        assert!(found.starts_with(names), "acknowledged files are missing: {names:?} in {found:?}");
        let unique: BTreeSet<_> = found.iter().collect();
        assert_eq!(unique.len(), found.len(), "a file is listed twice: {found:?}");
    }
    for (id, status) in &scenario.acknowledged.answers {
        let stored = snapshot.record(id).unwrap_or_else(|| panic!("{id} was answered and does not exist"));
        assert_eq!(stored.record.state().name(), *status, "{id} was acknowledged with another status");
    }
}
