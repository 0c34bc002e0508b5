//! Invariants of packets with a checkpoint: the approver is mailed once and one answer is recorded.

use handrail_store::DeliveryStatus;

use crate::invariants::check_log;
use crate::rules::{self, ExpectedEffect};
use crate::scenario::Scenario;
use crate::snapshot::{Snapshot, StoredRecord};

pub(crate) fn check_packets(scenario: &Scenario, snapshot: &Snapshot) {
    for stored in &snapshot.packets {
        check_log_matches_state(stored);
        assert!(stored.due_at().is_none_or(|due_at| due_at > scenario.server.now()), "a timer is overdue");
        check_approver_mailed_once(scenario, snapshot, stored);
    }
    for (id, response) in &scenario.acknowledged.checkpoint_answers {
        let stored = snapshot.packet(id).unwrap_or_else(|| panic!("{id} was answered and does not exist"));
        let events = stored.entries.iter().map(|entry| &entry["event"]);
        let answers = events.filter(|event| event["type"] == "packet.answered");
        let answers: Vec<_> = answers.map(|event| (event["response"].as_str(), event["by"].as_str())).collect();
        assert_eq!(answers, [(Some(response.as_str()), Some("ann@example.com"))], "{id}");
    }
}

fn check_log_matches_state(stored: &StoredRecord) {
    check_log(stored);
    let expected = rules::packet_state(&stored.entries);
    assert_eq!(
        (stored.state(), &stored.state_data["state"]),
        (expected.state.as_str(), &expected.state.as_str().into())
    );
    let found =
        (&stored.state_data["content"], &stored.state_data["holder"], stored.state_data["question"].is_object());
    assert_eq!(found, (&expected.content, &expected.holder, expected.asks), "the events fold to the state data");
}

fn check_approver_mailed_once(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredRecord) {
    for ExpectedEffect { id, purpose, not_before, .. } in expected_effects(stored) {
        let mails = snapshot.mails.iter().filter(|mail| mail["id"] == *id).count();
        if let Some(at) = not_before.filter(|at| *at > scenario.server.now()) {
            let matching = snapshot.queued.iter().map(|queued| &queued["message"]);
            let matching =
                matching.filter(|message| message["do"] == "later" && message["at"] == *at.to_string()).count();
            assert!(matching >= 1 && mails == 0, "no queued message for {id}: {:?}", snapshot.queued);
            continue;
        }
        assert!(mails <= 1, "{id} was mailed {mails} times");
        let delivery = stored.deliveries.iter().find(|delivery| delivery.id == id);
        if purpose == "ask-approver" && stored.state() == "awaiting_human" {
            assert_eq!(mails, 1, "{id} was not mailed");
            assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
        }
    }
}

pub(crate) fn expected_effects(stored: &StoredRecord) -> Vec<ExpectedEffect> {
    rules::packet_effects(&stored.id, &stored.entries)
}
