//! Cancellation and attachments, and their refusals after a record has ended.

use handrail_domain::access::{Role, Scope};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Cancelled, Choice, DecisionEvent, Refusal, State};
use handrail_domain::lifecycle::{Command, decide, fire_due_timer};

use super::fixtures::{
    EXECUTE_AT, FIRST_DEADLINE, SECOND_DEADLINE, START, Setup, TestActor, all_acts, cancelled_record, command_id,
    create_record, key, record_in, record_with_files, run_command, run_command_with_id, test_files,
};

fn default_setup() -> Setup {
    Setup::plain(true, Choice::ALL.to_vec())
}

fn cancel_act(reason: Option<&str>) -> Act {
    Act::Cancel { reason: reason.map(str::to_owned) }
}

#[test]
fn only_keys_can_cancel_open_decision() {
    for (state, now) in [(State::Pending, START), (State::Escalated, FIRST_DEADLINE)] {
        for test_actor in TestActor::ALL {
            let record = record_in(state, &default_setup());
            match run_command(&record, &cancel_act(Some("asked twice")), test_actor, now) {
                Ok(transition) => {
                    assert!(
                        matches!(test_actor, TestActor::AgentKey | TestActor::AppKey | TestActor::AdminKey),
                        "{test_actor:?}"
                    );
                    let reason = Some("asked twice".to_owned());
                    assert_eq!(transition.next.state(), State::Expired);
                    assert_eq!(transition.next.state_data.cancelled(), Some(&Cancelled { at: now, reason }));
                    assert_eq!(transition.next.newest().unwrap().by, test_actor.actor());
                    assert!(transition.next.due().is_none(), "no timer is left");
                }
                Err(refusal) => {
                    assert!(
                        !matches!(test_actor, TestActor::AgentKey | TestActor::AppKey | TestActor::AdminKey),
                        "{test_actor:?}"
                    );
                    assert_eq!(refusal, Refusal::NotRequester);
                }
            }
        }
    }
}

#[test]
fn agent_cancels_only_its_own_decision() {
    let record = create_record(&default_setup());
    for role in Role::ALL {
        for n in [1, 7] {
            let actor = Actor::Key { key: key(n), role };
            let command = Command { id: command_id("cancel"), actor, act: cancel_act(None) };
            let is_allowed = n == 1 || role.allows(Scope::DecisionsResolve);
            assert_eq!(
                decide(&record, &command, START).err(),
                (!is_allowed).then_some(Refusal::NotRequester),
                "{role:?} {n}"
            );
        }
    }
}

#[test]
fn cancelled_decision_refuses_answer_as_cancelled() {
    let cancelled = cancelled_record(&default_setup());
    let at = cancelled.updated_at;
    let expired = record_in(State::Expired, &default_setup());
    for test_actor in TestActor::ALL {
        // A use is refused because there is no approval: `all_transitions.rs` tests that.
        let is_use = |act: &Act| matches!(act, Act::Consume(_) | Act::Finish { .. });
        for act in all_acts().into_iter().filter(|act| !is_use(act)) {
            // The refusal stays after the deadlines too.
            for now in [at, FIRST_DEADLINE, EXECUTE_AT] {
                assert_eq!(run_command(&cancelled, &act, test_actor, now).unwrap_err(), Refusal::Cancelled { at });
            }
            assert_eq!(
                run_command(&expired, &act, test_actor, SECOND_DEADLINE).unwrap_err(),
                Refusal::Expired { at: SECOND_DEADLINE }
            );
        }
    }
    assert_eq!(expired.state_data.cancelled(), None);
    assert!(fire_due_timer(&cancelled, EXECUTE_AT).is_none());
}

#[test]
fn answered_decision_cannot_be_cancelled() {
    for state in [State::Approved, State::Denied, State::Modified, State::Scheduled] {
        let refusal =
            run_command(&record_in(state, &default_setup()), &cancel_act(None), TestActor::AgentKey, START.plus_ms(9))
                .unwrap_err();
        assert!(matches!(refusal, Refusal::AlreadyAnswered { state: s, .. } if s == state), "{refusal:?}");
    }
}

#[test]
fn cancel_at_deadline_finds_timer_first() {
    let record = create_record(&Setup::plain(false, Choice::ALL.to_vec()));
    let expired = run_command(&record, &cancel_act(None), TestActor::AgentKey, FIRST_DEADLINE).unwrap();
    assert!(expired.by_timer);
    assert_eq!(expired.next.newest().unwrap().event, DecisionEvent::Expired);
    assert_eq!(expired.next.state_data.cancelled(), None);
    let refusal = run_command(&expired.next, &cancel_act(None), TestActor::AgentKey, FIRST_DEADLINE).unwrap_err();
    assert_eq!(refusal, Refusal::Expired { at: FIRST_DEADLINE });
}

#[test]
fn five_attachments_stay_through_all_transitions() {
    let mut record = create_record(&default_setup());
    for n in 1..=5 {
        let file = vec![test_files(n).pop().unwrap()];
        record = run_command_with_id(&record, &Act::Attach(file), TestActor::AgentKey, START, &format!("file {n}"))
            .unwrap()
            .next;
        assert_eq!(record.state_data.attachments, test_files(n));
        assert_eq!((record.state(), record.due().map(|due| due.at)), (State::Pending, Some(FIRST_DEADLINE)));
    }
    let refusal = run_command(&record, &Act::Attach(test_files(1)), TestActor::AgentKey, START).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyAttachments { have: 5, more: 1 });
    let escalated = fire_due_timer(&record, FIRST_DEADLINE).unwrap().next;
    let answered = run_command(&escalated, &all_acts()[0], TestActor::Backup, FIRST_DEADLINE).unwrap().next;
    let expired = fire_due_timer(&escalated, SECOND_DEADLINE).unwrap().next;
    let cancelled = run_command(&escalated, &cancel_act(None), TestActor::AgentKey, FIRST_DEADLINE).unwrap().next;
    for (after, state) in [
        (escalated, State::Escalated),
        (answered, State::Approved),
        (expired, State::Expired),
        (cancelled, State::Expired),
    ] {
        assert_eq!((after.state(), &after.state_data.attachments), (state, &test_files(5)));
    }
}

#[test]
fn request_exceeding_five_attachments_adds_none() {
    for state in [State::Pending, State::Escalated] {
        let record = record_with_files(3, state, &default_setup());
        let now = record.updated_at;
        let refusal = run_command(&record, &Act::Attach(test_files(3)), TestActor::AgentKey, now).unwrap_err();
        assert_eq!(refusal, Refusal::TooManyAttachments { have: 3, more: 3 });
        let filled = run_command(&record, &Act::Attach(test_files(2)), TestActor::AgentKey, now).unwrap().next;
        assert_eq!((filled.state_data.attachments.len(), filled.state()), (5, state));
    }
    let refusal =
        run_command(&create_record(&default_setup()), &Act::Attach(test_files(6)), TestActor::AgentKey, START)
            .unwrap_err();
    assert_eq!(refusal, Refusal::TooManyAttachments { have: 0, more: 6 });
}

#[test]
fn terminal_decision_refuses_attachments() {
    for state in State::ALL {
        let record = record_in(state, &default_setup());
        if !record.is_terminal() {
            continue;
        }
        let refusal =
            run_command(&record, &Act::Attach(test_files(1)), TestActor::AgentKey, record.updated_at).unwrap_err();
        assert!(matches!(refusal, Refusal::AlreadyAnswered { .. } | Refusal::Expired { .. }), "{state:?} {refusal:?}");
    }
}
