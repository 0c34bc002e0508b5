//! Every combination of state, act, actor, time around a deadline, lease and checkpoint.

use handrail_domain::actor::Actor;
use handrail_domain::answer_origin::AnsweringKey;
use handrail_domain::lifecycle::{DeadlineGuard, PlannedTransition};
use handrail_domain::packet::{Act, CheckpointRequest, Claim, ContentRef, Edit, Packet, State};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::expected_transitions::{Expected, expected};
use super::fixtures::{
    END, START, Setup, TestActor, TestPacket, address, agent, bytes, child_id, content_ref, edit_of,
    expected_chain_hash, expected_next_hash, is_text_of, packet_in, run_command,
};

fn all_edits(record: &Record<Packet>, now: Timestamp) -> Vec<Edit> {
    let plain = edit_of(record);
    let with_checkpoint = Edit { has_checkpoint: true, sets_checkpoint: true, ..plain.clone() };
    vec![
        Edit { base: content_ref("older"), ..plain.clone() },
        Edit { content: ContentRef { bytes: 1_048_577, ..content_ref("large") }, ..plain.clone() },
        Edit { answer_until: Some(now.plus_ms(5_000)), ..with_checkpoint.clone() },
        Edit { answer_until: Some(now.plus_ms(5_000)), ..plain.clone() },
        Edit { base: content_ref("older"), ..with_checkpoint.clone() },
        Edit { asks: Some(other_checkpoint_request()), ..with_checkpoint.clone() },
        Edit { asks: Some(other_checkpoint_request()), ..plain.clone() },
        with_checkpoint,
        plain,
    ]
}

fn other_checkpoint_request() -> CheckpointRequest {
    let (approver, asked_by) = (address("eve@example.com"), "the agent's key".to_owned());
    CheckpointRequest { approver, question: "Go on?".to_owned(), asked_by, in_slack: false }
}

fn all_acts(record: &Record<Packet>, now: Timestamp) -> Vec<Act> {
    let edits = all_edits(record, now);
    let optional_edits = || edits.iter().cloned().map(Some).chain([None]);
    let moves = State::ALL
        .iter()
        .flat_map(|to| optional_edits().map(|edit| Act::Move { to: *to, edit, in_batch: *to == State::Completed }));
    let open_number = record.state_data.question.as_ref().map_or(1, |question| question.number);
    let key = |askers_may_answer| Some(AnsweringKey { name: "back office".to_owned(), askers_may_answer });
    let askers =
        [(None, None), (None, key(true)), (None, key(false)), (Some(open_number), None), (Some(open_number + 1), None)];
    let answers = edits.iter().flat_map(|edit| {
        askers.clone().map(|(question, key)| Act::Respond {
            by: "Ann".to_owned(),
            response: "yes".to_owned(),
            notes: Some("but slowly".to_owned()),
            question,
            key,
            edit: edit.clone(),
        })
    });
    let other_acts = [
        Claim { by: agent("late"), lease_seconds: None }.act(),
        Claim { by: agent("late"), lease_seconds: Some(30) }.act(),
        Act::Heartbeat,
        Act::Delete,
        Act::Chained { child: child_id(), child_source: "child".to_owned() },
        Act::Expire,
        Act::AnswerTimeOut,
        Act::LeaseLapse,
    ];
    moves.chain(answers).chain(edits.iter().cloned().map(Act::Edit)).chain(other_acts).collect()
}

fn times_around_deadlines(record: &Record<Packet>) -> Vec<Timestamp> {
    let state_data = &record.state_data;
    let deadlines = [Some(END), state_data.lease.map(|lease| lease.until), state_data.answer_until];
    let neighbours = deadlines.into_iter().flatten().flat_map(|deadline| [-1, 0, 1].map(|ms| deadline.plus_ms(ms)));
    [record.updated_at, START.plus_ms(4_000)]
        .into_iter()
        .chain(neighbours)
        .filter(|at| *at >= record.updated_at)
        .collect()
}

fn check_transition(record: &Record<Packet>, act: &Act, actor: TestActor, now: Timestamp) {
    let case = || format!("{:?} {act:?} by {actor:?} at {now}", record.state_data);
    match (run_command(record, act, actor, now), expected(record, act, actor, now)) {
        (Ok(transition), Expected::TimerFires(deadline, event, state_data)) => {
            assert!(transition.by_timer, "{}", case());
            assert_eq!(transition.deadline, DeadlineGuard::Equals(deadline), "{}", case());
            check_one_event(record, &transition, (&Actor::Timer, event), now, &case);
            assert_eq!(transition.next.state_data, *state_data, "{}", case());
        }
        (Ok(transition), Expected::Accepted(event, state_data)) => {
            assert!(!transition.by_timer, "{}", case());
            assert_eq!(transition.deadline, DeadlineGuard::After(now), "{}", case());
            check_one_event(record, &transition, (&actor.actor(), event), now, &case);
            assert_eq!(transition.next.state_data, *state_data, "{}", case());
        }
        (Err(refusal), Expected::Refused(expected)) => assert_eq!(refusal, expected, "{}", case()),
        (actual, expected) => panic!("{}\n expected {expected:?}\n got {actual:?}", case()),
    }
}

fn check_one_event(
    before: &Record<Packet>,
    transition: &PlannedTransition<Packet>,
    (by, event): (&Actor, &str),
    now: Timestamp,
    case: &impl Fn() -> String,
) {
    let next = &transition.next;
    let (newest, earlier) = next.log.split_last().unwrap();
    assert_eq!((next.seq, earlier), (before.seq + 1, &before.log[..]), "{}", case());
    assert_eq!((newest.entry.seq, newest.entry.at, &newest.entry.by), (next.seq, now, by), "{}", case());
    assert_eq!(next.chain.to_hex(), expected_next_hash(&before.chain.to_hex(), &newest.text), "{}", case());
    assert!(is_text_of(&newest.entry, &newest.text), "{}", case());
    assert!(newest.text.contains(&format!(r#""event":{{"type":"{event}""#)), "{}", case());
    assert_eq!((next.tenant, next.id, next.created_at), (before.tenant, before.id, before.created_at), "{}", case());
    assert_eq!((&next.spec, next.updated_at), (&before.spec, now), "{}", case());
}

#[test]
fn every_command_makes_one_event_or_is_refused() {
    let mut cases = 0;
    for setup in Setup::all() {
        for state in State::ALL {
            let TestPacket { record, .. } = packet_in(*state, setup);
            assert_eq!(record.state(), *state, "{setup:?}");
            let texts = record.log.iter().map(|encoded| encoded.text.as_str());
            assert_eq!(record.chain.to_hex(), expected_chain_hash(texts), "{setup:?} {state:?}");
            let before = bytes(&record);
            for now in times_around_deadlines(&record) {
                for act in all_acts(&record, now) {
                    for actor in TestActor::ALL {
                        check_transition(&record, &act, actor, now);
                        cases += 1;
                    }
                }
            }
            assert_eq!(bytes(&record), before, "{setup:?} {state:?}: a command changed its input record");
        }
    }
    // 114 acts of 7 actors on 98 packets at 5 times or more.
    assert!(cases >= 114 * 7 * 98 * 5, "{cases}");
}
