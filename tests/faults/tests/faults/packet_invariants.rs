//! Invariants of packets with a checkpoint: the approver is mailed once and one answer is recorded.

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::effect::Effect;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::ChainHash;
use handrail_store::{DeliveryKey, DeliveryStatus};

use crate::scenario::Scenario;
use crate::snapshot::{Snapshot, StoredPacket};

pub(crate) fn check_packets(scenario: &Scenario, snapshot: &Snapshot) {
    for stored in &snapshot.packets {
        check_log_matches_state(stored);
        assert!(stored.record.due().is_none_or(|due| due.at > scenario.server.now()), "a timer is overdue");
        check_approver_mailed_once(scenario, snapshot, stored);
    }
    for (id, response) in &scenario.acknowledged.checkpoint_answers {
        let stored = snapshot.packet(id).unwrap_or_else(|| panic!("{id} was answered and does not exist"));
        let answers = stored.record.log.iter().filter_map(|line| match &line.entry.event {
            PacketEvent::Answered { response, by, .. } => Some((response.as_str(), by.as_str())),
            _ => None,
        });
        assert_eq!(answers.collect::<Vec<_>>(), [(response.as_str(), "ann@example.com")], "{id}");
    }
}

fn check_log_matches_state(stored: &StoredPacket) {
    let record = &stored.record;
    let lines: Vec<&str> = record.log.iter().map(|line| line.text.as_str()).collect();
    let chain = lines.iter().fold(ChainHash::genesis(record.tenant, record.id), |chain, line| chain.then(line));
    assert_eq!((record.chain, record.seq), (chain, lines.len() as u64), "the chain commits to the log");
    assert_eq!(stored.events, lines, "the event items are the log");
    let state_data =
        record.log.iter().fold(None, |state_data, line| Some(Packet::apply(state_data.as_ref(), &line.entry)));
    assert_eq!(state_data.as_ref(), Some(&record.state_data), "the events fold to the state data");
}

fn check_approver_mailed_once(scenario: &Scenario, snapshot: &Snapshot, stored: &StoredPacket) {
    for (id, effect) in expected_effects(stored) {
        let mails = snapshot.mails.iter().filter(|mail| mail["id"] == *id).count();
        if let Some(at) = effect.not_before().filter(|at| *at > scenario.server.now()) {
            let matching = snapshot.queued.iter().map(|queued| &queued["message"]);
            let matching =
                matching.filter(|message| message["do"] == "later" && message["at"] == *at.to_string()).count();
            assert!(matching >= 1 && mails == 0, "no queued message for {id}: {:?}", snapshot.queued);
            continue;
        }
        assert!(mails <= 1, "{id} was mailed {mails} times");
        let delivery = stored.deliveries.iter().find(|delivery| delivery.id == id);
        if effect.purpose() == ApprovalPurpose::AskApprover.purpose() && stored.record.state_data.question.is_some() {
            assert_eq!(mails, 1, "{id} was not mailed");
            assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
        }
    }
}

pub(crate) fn expected_effects(stored: &StoredPacket) -> Vec<(String, Effect)> {
    let (tenant, record) = (stored.record.tenant, stored.record.id);
    let with_id = |seq, effect: Effect| {
        (DeliveryKey { tenant, record, seq, purpose: effect.purpose(), webhook: None }.id(), effect)
    };
    let entries = stored.record.log.iter().map(|line| &line.entry);
    let effects = entries.flat_map(|entry| {
        Packet::effects(&stored.record.spec, entry).into_iter().map(move |effect| (entry.seq, effect))
    });
    effects.map(|(seq, effect)| with_id(seq, effect)).collect()
}
