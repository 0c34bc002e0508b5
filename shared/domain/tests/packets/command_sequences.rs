//! Invariants of any sequence of commands and timers on a packet.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, CheckpointAnswer, Claim, Packet, PacketEvent, Patch, State};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::expected_transitions::next_timer;
use super::fixtures::{Checkpoint, START, Setup, TestActor, TestPacket, agent, child_id, run_command};

#[derive(Clone, Debug)]
enum PacketStep {
    Claim(Option<u32>),
    Patch(Value),
    Respond,
    Delete,
    Chain,
    Timer(Box<Act>),
}

fn any_step() -> impl Strategy<Value = PacketStep> {
    let status = prop::sample::select(State::ALL).prop_map(|state| json!({"status": state.name()}));
    let open_checkpoint = prop::option::of(-1..5_000_i64)
        .prop_map(|timeout| json!({"status": "awaiting_human", "hitl": {"reason": "r", "timeout_seconds": timeout}}));
    let add_decision =
        (0..5_u8).prop_map(|id| json!({"decisions": [{"id": format!("d{id}"), "decision": "x", "rationale": ""}]}));
    let timers = prop::sample::select(&[Act::Expire, Act::AnswerTimeOut, Act::LeaseLapse][..]);
    prop_oneof![
        3 => prop::option::of(1..2_000_u32).prop_map(PacketStep::Claim),
        4 => status.prop_map(PacketStep::Patch),
        2 => open_checkpoint.prop_map(PacketStep::Patch),
        2 => add_decision.prop_map(PacketStep::Patch),
        1 => Just(PacketStep::Patch(json!({}))),
        2 => Just(PacketStep::Respond),
        1 => Just(PacketStep::Delete),
        1 => Just(PacketStep::Chain),
        1 => timers.prop_map(|act| PacketStep::Timer(Box::new(act))),
    ]
}

fn plan(
    packet: &TestPacket,
    step: &PacketStep,
    at: handrail_domain::time::Timestamp,
) -> (Act, handrail_domain::packet::Content) {
    let with_same_content = |act| (act, packet.content.clone());
    match step {
        PacketStep::Claim(lease_seconds) => {
            with_same_content(Claim { by: agent("worker"), lease_seconds: *lease_seconds }.act())
        }
        PacketStep::Patch(body) => Patch::read(body).unwrap().plan(packet.state(), &packet.content, at).unwrap(),
        PacketStep::Respond => {
            let response = CheckpointAnswer { by: "Ann".to_owned(), response: "yes".to_owned(), notes: None };
            response.plan(&TestActor::AppKey.responder(None), &packet.record, &packet.content, at)
        }
        PacketStep::Delete => with_same_content(Act::Delete),
        PacketStep::Chain => with_same_content(Act::Chained { child: child_id(), child_source: "child".to_owned() }),
        PacketStep::Timer(act) => with_same_content((**act).clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn invariants_hold_for_any_command_sequence(
        checkpoint_first in any::<bool>(),
        steps in prop::collection::vec((any_step(), 0..8_000_000_i64), 1..40),
    ) {
        let checkpoint = if checkpoint_first { Checkpoint::Limited } else { Checkpoint::None };
        let mut packet = TestPacket::create(Setup { leased: false, checkpoint, checkpoint_first });
        let mut events = vec![packet.record.newest().unwrap().clone()];
        let mut now = START;
        for (step, elapsed_ms) in steps {
            now = now.plus_ms(elapsed_ms);
            // Due timers fire first, then the command runs once.
            for _ in 0..10 {
                let (act, content) = plan(&packet, &step, now);
                let before = packet.clone();
                let Ok(transition) = run_command(&packet.record, &act, TestActor::AppKey, now) else { break };
                packet.record = transition.next;
                let entry = packet.record.newest().unwrap().clone();
                // Only an answer leads from a checkpoint back to work.
                let is_back_at_work = matches!(packet.state(), State::Claimed | State::InProgress);
                if before.state() == State::AwaitingHuman && is_back_at_work {
                    prop_assert!(matches!(entry.event, PacketEvent::Answered { .. }), "{:?}", entry);
                }
                // Expired is final.
                prop_assert!(before.state() != State::Expired || packet.state() == State::Expired);
                events.push(entry);
                if !transition.by_timer {
                    packet.content = content;
                    break;
                }
            }
            // The state data refers to the stored content and knows its checkpoint.
            prop_assert_eq!(&packet.record.state_data.content, &packet.content.reference());
            prop_assert_eq!(packet.record.state_data.has_checkpoint, packet.content.hitl.is_some());
            // An open checkpoint has no answer.
            let answered = packet.content.hitl.as_ref().is_some_and(handrail_domain::packet::Hitl::is_answered);
            prop_assert!(packet.state() != State::AwaitingHuman || !answered);
            let expected_deadline = next_timer(&packet.record).map(|(at, _)| at);
            prop_assert_eq!(packet.record.due().map(|due| due.at), expected_deadline);
        }
        // The events alone give the state data.
        let replayed = events.iter().fold(None, |before, entry| Some(Packet::apply(before.as_ref(), entry)));
        prop_assert_eq!(replayed.as_ref(), Some(&packet.record.state_data));
        let numbers: Vec<_> = events.iter().map(|entry| entry.seq).collect();
        prop_assert_eq!(numbers, (1..=packet.record.seq).collect::<Vec<_>>());
    }
}
