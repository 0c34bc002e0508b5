//! Random lives of packets: whatever comes in whatever order, the laws hold.

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Claim, Packet, PacketEvent, Patch, Response, State, TABLE};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::support::{Checkpoint, Held, START, Setup, Who, agent, child_id, play};

#[derive(Clone, Debug)]
enum Step {
    Claim(Option<u32>),
    Patch(Value),
    Respond,
    Delete,
    Chain,
    Raise(Act),
}

fn any_step() -> impl Strategy<Value = Step> {
    let status = prop::sample::select(State::ALL).prop_map(|state| json!({"status": state.name()}));
    let ask = prop::option::of(-1..5_000_i64)
        .prop_map(|timeout| json!({"status": "awaiting_human", "hitl": {"reason": "r", "timeout_seconds": timeout}}));
    let decide =
        (0..5_u8).prop_map(|id| json!({"decisions": [{"id": format!("d{id}"), "decision": "x", "rationale": ""}]}));
    let timers = prop::sample::select(&[Act::Expire, Act::AnswerTimeOut, Act::LeaseLapse][..]);
    prop_oneof![
        3 => prop::option::of(1..2_000_u32).prop_map(Step::Claim),
        4 => status.prop_map(Step::Patch),
        2 => ask.prop_map(Step::Patch),
        2 => decide.prop_map(Step::Patch),
        1 => Just(Step::Patch(json!({}))),
        2 => Just(Step::Respond),
        1 => Just(Step::Delete),
        1 => Just(Step::Chain),
        1 => timers.prop_map(Step::Raise),
    ]
}

fn plan(held: &Held, step: &Step, at: handrail_domain::time::Timestamp) -> (Act, handrail_domain::packet::Content) {
    let same = |act| (act, held.content.clone());
    match step {
        Step::Claim(lease_seconds) => same(Claim { by: agent("worker"), lease_seconds: *lease_seconds }.act()),
        Step::Patch(body) => Patch::read(body).unwrap().plan(held.state(), &held.content, at).unwrap(),
        Step::Respond => {
            let response = Response { by: "Ann".to_owned(), response: "yes".to_owned(), notes: None };
            response.plan(&held.content, at)
        }
        Step::Delete => same(Act::Delete),
        Step::Chain => same(Act::Chained { child: child_id(), child_source: "child".to_owned() }),
        Step::Raise(act) => same(act.clone()),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn the_laws_hold_along_any_life(
        human_first in any::<bool>(),
        steps in prop::collection::vec((any_step(), 0..8_000_000_i64), 1..40),
    ) {
        let checkpoint = if human_first { Checkpoint::Limited } else { Checkpoint::None };
        let mut held = Held::open(Setup { leased: false, checkpoint, human_first });
        let mut events = vec![held.record.newest().unwrap().clone()];
        let mut now = START;
        for (step, waited) in steps {
            now = now.plus_ms(waited);
            // Time first, as often as it takes; then the command itself, once.
            for _ in 0..10 {
                let (act, content) = plan(&held, &step, now);
                let before = held.clone();
                let Ok(verdict) = play(&held.record, &act, Who::AppKey, now) else { break };
                held.record = verdict.next;
                let entry = held.record.newest().unwrap().clone();
                // Nobody gets past the person but by their answer.
                if before.state() == State::AwaitingHuman && matches!(held.state(), State::Claimed | State::InProgress) {
                    prop_assert!(matches!(entry.event, PacketEvent::Answered { .. }), "{:?}", entry);
                }
                // Expired is final.
                prop_assert!(before.state() != State::Expired || held.state() == State::Expired);
                events.push(entry);
                if !verdict.settles_first {
                    held.content = content;
                    break;
                }
            }
            // The content that lies beside it is the one that its standing names, and its checkpoint too.
            prop_assert_eq!(&held.record.standing.content, &held.content.reference());
            prop_assert_eq!(held.record.standing.has_checkpoint, held.content.hitl.is_some());
            // Who waits for an answer has none.
            let answered = held.content.hitl.as_ref().is_some_and(handrail_domain::packet::Hitl::is_answered);
            prop_assert!(held.state() != State::AwaitingHuman || !answered);
            // A deadline runs only where the table arms it.
            if let Some(due) = held.record.due() {
                prop_assert!(due.rule.armed_in.contains(&held.state()));
                prop_assert!(TABLE.find(held.state(), due.rule.raises).is_some());
            }
        }
        // All events together are the packet.
        let folded = events.iter().fold(None, |before, entry| Some(Packet::after(before.as_ref(), entry)));
        prop_assert_eq!(folded.as_ref(), Some(&held.record.standing));
        let numbers: Vec<_> = events.iter().map(|entry| entry.seq).collect();
        prop_assert_eq!(numbers, (1..=held.record.seq).collect::<Vec<_>>());
    }
}
