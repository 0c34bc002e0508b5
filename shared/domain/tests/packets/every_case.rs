//! Every state, every act, everybody, around every deadline, with and without lease and checkpoint.

use handrail_domain::actor::Actor;
use handrail_domain::lifecycle::{DeadlineGuard, Lifecycle, Verdict};
use handrail_domain::packet::{Act, Asked, Claim, ContentRef, Edit, Packet, State, TABLE};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use super::oracle::{Expected, expected};
use super::support::{END, Held, START, Setup, Who, address, agent, bytes, child_id, edit_of, held_in, play, version};

fn all_edits(record: &Record<Packet>, now: Timestamp) -> Vec<Edit> {
    let plain = edit_of(record);
    let asks = Edit { has_checkpoint: true, sets_checkpoint: true, ..plain.clone() };
    vec![
        Edit { base: version("older"), ..plain.clone() },
        Edit { content: ContentRef { bytes: 1_048_577, ..version("large") }, ..plain.clone() },
        Edit { answer_until: Some(now.plus_ms(5_000)), ..asks.clone() },
        Edit { answer_until: Some(now.plus_ms(5_000)), ..plain.clone() },
        Edit { base: version("older"), ..asks.clone() },
        Edit { asks: Some(somebody()), ..asks.clone() },
        Edit { asks: Some(somebody()), ..plain.clone() },
        asks,
        plain,
    ]
}

fn somebody() -> Asked {
    let (approver, asked_by) = (address("eve@example.com"), "the agent's key".to_owned());
    Asked { approver, question: "Go on?".to_owned(), asked_by, in_slack: false }
}

fn all_acts(record: &Record<Packet>, now: Timestamp) -> Vec<Act> {
    let edits = all_edits(record, now);
    let with_and_without = || edits.iter().cloned().map(Some).chain([None]);
    let moves = State::ALL
        .iter()
        .flat_map(|to| with_and_without().map(|edit| Act::Move { to: *to, edit, in_batch: *to == State::Completed }));
    let open = record.standing.question.as_ref().map_or(1, |question| question.number);
    let answers = edits.iter().flat_map(|edit| {
        [None, Some(open), Some(open + 1)].map(|question| Act::Respond {
            by: "Ann".to_owned(),
            response: "yes".to_owned(),
            notes: Some("but slowly".to_owned()),
            question,
            edit: edit.clone(),
        })
    });
    let others = [
        Claim { by: agent("late"), lease_seconds: None }.act(),
        Claim { by: agent("late"), lease_seconds: Some(30) }.act(),
        Act::Renew,
        Act::Delete,
        Act::Chained { child: child_id(), child_source: "child".to_owned() },
        Act::Expire,
        Act::AnswerTimeOut,
        Act::LeaseLapse,
    ];
    moves.chain(answers).chain(edits.iter().cloned().map(Act::Edit)).chain(others).collect()
}

fn moments(record: &Record<Packet>) -> Vec<Timestamp> {
    let standing = &record.standing;
    let deadlines = [Some(END), standing.lease.map(|lease| lease.until), standing.answer_until];
    let around = deadlines.into_iter().flatten().flat_map(|deadline| [-1, 0, 1].map(|ms| deadline.plus_ms(ms)));
    [record.updated_at, START.plus_ms(4_000)].into_iter().chain(around).filter(|at| *at >= record.updated_at).collect()
}

fn check(record: &Record<Packet>, act: &Act, who: Who, now: Timestamp) {
    let case = || format!("{:?} {act:?} by {who:?} at {now}", record.standing);
    match (play(record, act, who, now), expected(record, act, who, now)) {
        (Ok(verdict), Expected::TimeMoves(to, event)) => {
            assert!(verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::StillAt(record.due().unwrap().at), "{}", case());
            check_one_event(record, &verdict, &Actor::Timer, event, now, &case);
            assert_eq!(verdict.next.state(), to, "{}", case());
        }
        (Ok(verdict), Expected::Counts(event, standing)) => {
            assert!(!verdict.settles_first, "{}", case());
            assert_eq!(verdict.deadline, DeadlineGuard::NotPassedAt(now), "{}", case());
            check_one_event(record, &verdict, &who.actor(), event, now, &case);
            assert_eq!(verdict.next.standing, *standing, "{}", case());
        }
        (Err(refusal), Expected::Refused(expected)) => assert_eq!(refusal, expected, "{}", case()),
        (got, expected) => panic!("{}\n expected {expected:?}\n got {got:?}", case()),
    }
}

fn check_one_event(
    before: &Record<Packet>,
    verdict: &Verdict<Packet>,
    by: &Actor,
    event: &str,
    now: Timestamp,
    case: &impl Fn() -> String,
) {
    let next = &verdict.next;
    let (line, earlier) = next.log.split_last().unwrap();
    assert_eq!((next.seq, earlier), (before.seq + 1, &before.log[..]), "{}", case());
    assert_eq!((line.entry.seq, line.entry.at, &line.entry.by), (next.seq, now, by), "{}", case());
    assert_eq!(next.chain, before.chain.then(&line.text), "{}", case());
    assert_eq!(next.standing, Packet::after(Some(&before.standing), &line.entry), "{}", case());
    assert_eq!(Packet::event_name(&line.entry.event), event, "{}", case());
    let rows = TABLE.rows.iter().filter(|row| (row.from, row.to, row.event) == (before.state(), next.state(), event));
    assert!(rows.count() >= 1, "{}", case());
    assert_eq!((next.tenant, next.id, next.created_at), (before.tenant, before.id, before.created_at), "{}", case());
    assert_eq!((&next.ask, next.updated_at), (&before.ask, now), "{}", case());
}

#[test]
fn every_command_makes_exactly_one_event_or_is_refused_and_changes_nothing() {
    let mut cases = 0;
    for setup in Setup::all() {
        for state in State::ALL {
            let Held { record, .. } = held_in(*state, setup);
            assert_eq!(record.state(), *state, "{setup:?}");
            let before = bytes(&record);
            for now in moments(&record) {
                for act in all_acts(&record, now) {
                    for who in Who::ALL {
                        check(&record, &act, who, now);
                        cases += 1;
                    }
                }
            }
            assert_eq!(bytes(&record), before, "{setup:?} {state:?} was changed");
        }
    }
    // 114 acts by 7, in 98 places at 5 moments or more.
    assert!(cases >= 114 * 7 * 98 * 5, "{cases}");
}
