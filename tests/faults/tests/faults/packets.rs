//! What is true of packets that ask people, whatever broke: each is asked once, and one answer counts.

use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::ChainHash;
use handrail_kernel::store::{DeliveryKey, DeliveryStatus};

use crate::evidence::{Evidence, KeptPacket};
use crate::scene::Scene;

pub(crate) fn check(scene: &Scene, evidence: &Evidence) {
    for kept in &evidence.packets {
        the_log_explains_it(kept);
        assert!(
            kept.record.due().is_none_or(|due| due.at > scene.world.now()),
            "a deadline passed and nothing happened"
        );
        whoever_is_asked_was_asked_once(scene, evidence, kept);
    }
    for (id, words) in &scene.told.replied {
        let kept = evidence.packet(id).unwrap_or_else(|| panic!("{id} was answered and is not there"));
        let answers = kept.record.log.iter().filter_map(|line| match &line.entry.event {
            PacketEvent::Answered { response, by, .. } => Some((response.as_str(), by.as_str())),
            _ => None,
        });
        assert_eq!(answers.collect::<Vec<_>>(), [(words.as_str(), "ann@example.com")], "{id}");
    }
}

fn the_log_explains_it(kept: &KeptPacket) {
    let record = &kept.record;
    let lines: Vec<&str> = record.log.iter().map(|line| line.text.as_str()).collect();
    let chain = lines.iter().fold(ChainHash::genesis(record.tenant, record.id), |chain, line| chain.then(line));
    assert_eq!((record.chain, record.seq), (chain, lines.len() as u64), "the chain commits to the log");
    assert_eq!(kept.events, lines, "the event items are the log");
    let standing = record.log.iter().fold(None, |standing, line| Some(Packet::after(standing.as_ref(), &line.entry)));
    assert_eq!(standing.as_ref(), Some(&record.standing), "the events fold to the standing");
}

fn whoever_is_asked_was_asked_once(scene: &Scene, evidence: &Evidence, kept: &KeptPacket) {
    for (id, effect) in effects_of(kept) {
        let mails = evidence.mails.iter().filter(|mail| mail["id"] == *id).count();
        if let Some(at) = effect.not_before().filter(|at| *at > scene.world.now()) {
            let waits = evidence.waiting.iter().map(|waiting| &waiting["message"]);
            let waits = waits.filter(|message| message["do"] == "later" && message["at"] == *at.to_string()).count();
            assert!(waits >= 1 && mails == 0, "nobody waits to send {id}: {:?}", evidence.waiting);
            continue;
        }
        assert!(mails <= 1, "{id} lies in the mailbox {mails} times");
        let delivery = kept.deliveries.iter().find(|delivery| delivery.id == id);
        if effect.purpose() == Purpose::AskApprover && kept.record.standing.question.is_some() {
            assert_eq!(mails, 1, "{id} was not mailed");
            assert_eq!(delivery.map(|delivery| delivery.status), Some(DeliveryStatus::Delivered), "{id}");
        }
    }
}

pub(crate) fn effects_of(kept: &KeptPacket) -> Vec<(String, Effect)> {
    let (tenant, record) = (kept.record.tenant, kept.record.id);
    let of =
        |seq, effect: Effect| (DeliveryKey { tenant, record, seq, purpose: effect.purpose(), hook: None }.id(), effect);
    let entries = kept.record.log.iter().map(|line| &line.entry);
    let follows = entries
        .flat_map(|entry| Packet::effects(&kept.record.ask, entry).into_iter().map(move |effect| (entry.seq, effect)));
    follows.map(|(seq, effect)| of(seq, effect)).collect()
}
