//! Taking back, files beside the request, and what is said of each when it is too late.

use handrail_domain::access::{Role, Scope};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Cancelled, Choice, DecisionEvent, Refusal, State};
use handrail_domain::lifecycle::{Command, decide, settle};

use super::support::{
    FIRST, LATER, SECOND, START, Setup, Who, all_acts, cancelled, command_id, files, key, open, play, play_named,
    record_in, with_files,
};

fn setup() -> Setup {
    Setup::plain(true, Choice::ALL.to_vec())
}

fn cancel(reason: Option<&str>) -> Act {
    Act::Cancel { reason: reason.map(str::to_owned) }
}

#[test]
fn only_keys_take_back_while_somebody_is_asked() {
    for (state, now) in [(State::Pending, START), (State::Escalated, FIRST)] {
        for who in Who::ALL {
            let record = record_in(state, &setup());
            match play(&record, &cancel(Some("asked twice")), who, now) {
                Ok(verdict) => {
                    assert!(matches!(who, Who::AgentKey | Who::AppKey | Who::AdminKey), "{who:?}");
                    let reason = Some("asked twice".to_owned());
                    assert_eq!(verdict.next.state(), State::Expired);
                    assert_eq!(verdict.next.standing.cancelled(), Some(&Cancelled { at: now, reason }));
                    assert_eq!(verdict.next.newest().unwrap().by, who.actor());
                    assert!(verdict.next.due().is_none(), "nothing is left to wait for");
                }
                Err(refusal) => {
                    assert!(!matches!(who, Who::AgentKey | Who::AppKey | Who::AdminKey), "{who:?}");
                    assert_eq!(refusal, Refusal::NotTheAsker);
                }
            }
        }
    }
}

#[test]
fn an_agent_takes_back_only_what_it_asked_itself() {
    let record = open(&setup());
    for role in Role::ALL {
        for n in [1, 7] {
            let actor = Actor::Key { key: key(n), role };
            let command = Command { id: command_id("cancel"), actor, act: cancel(None) };
            let may = n == 1 || role.allows(Scope::DecisionsResolve);
            assert_eq!(decide(&record, &command, START).err(), (!may).then_some(Refusal::NotTheAsker), "{role:?} {n}");
        }
    }
}

#[test]
fn what_was_taken_back_is_refused_as_that_and_not_as_late() {
    let taken_back = cancelled(&setup());
    let at = taken_back.updated_at;
    let run_out = record_in(State::Expired, &setup());
    for who in Who::ALL {
        for act in all_acts() {
            // Also when its time would be over by now.
            for now in [at, FIRST, LATER] {
                assert_eq!(play(&taken_back, &act, who, now).unwrap_err(), Refusal::Cancelled { at });
            }
            assert_eq!(play(&run_out, &act, who, SECOND).unwrap_err(), Refusal::Expired { at: SECOND });
        }
    }
    assert_eq!(run_out.standing.cancelled(), None);
    assert!(settle(&taken_back, LATER).is_none());
}

#[test]
fn what_is_answered_is_not_taken_back() {
    for state in [State::Approved, State::Denied, State::Modified, State::Scheduled] {
        let refusal = play(&record_in(state, &setup()), &cancel(None), Who::AgentKey, START.plus_ms(9)).unwrap_err();
        assert!(matches!(refusal, Refusal::AlreadyAnswered { state: s, .. } if s == state), "{refusal:?}");
    }
}

#[test]
fn whoever_takes_back_at_the_deadline_finds_that_time_was_first() {
    let record = open(&Setup::plain(false, Choice::ALL.to_vec()));
    let expired = play(&record, &cancel(None), Who::AgentKey, FIRST).unwrap();
    assert!(expired.settles_first);
    assert_eq!(expired.next.newest().unwrap().event, DecisionEvent::Expired);
    assert_eq!(expired.next.standing.cancelled(), None);
    let refusal = play(&expired.next, &cancel(None), Who::AgentKey, FIRST).unwrap_err();
    assert_eq!(refusal, Refusal::Expired { at: FIRST });
}

#[test]
fn files_add_up_to_five_and_stay_through_everything_that_follows() {
    let mut record = open(&setup());
    for n in 1..=5 {
        let file = vec![files(n).pop().unwrap()];
        record = play_named(&record, &Act::Attach(file), Who::AgentKey, START, &format!("file {n}")).unwrap().next;
        assert_eq!(record.standing.attachments, files(n));
        assert_eq!((record.state(), record.due().map(|due| due.at)), (State::Pending, Some(FIRST)));
    }
    let refusal = play(&record, &Act::Attach(files(1)), Who::AgentKey, START).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyAttachments { have: 5, more: 1 });
    let escalated = settle(&record, FIRST).unwrap().next;
    let answered = play(&escalated, &all_acts()[0], Who::Backup, FIRST).unwrap().next;
    let expired = settle(&escalated, SECOND).unwrap().next;
    let taken_back = play(&escalated, &cancel(None), Who::AgentKey, FIRST).unwrap().next;
    for (after, state) in [
        (escalated, State::Escalated),
        (answered, State::Approved),
        (expired, State::Expired),
        (taken_back, State::Expired),
    ] {
        assert_eq!((after.state(), &after.standing.attachments), (state, &files(5)));
    }
}

#[test]
fn a_request_that_would_pass_five_keeps_none_of_its_files() {
    for state in [State::Pending, State::Escalated] {
        let record = with_files(3, state, &setup());
        let now = record.updated_at;
        let refusal = play(&record, &Act::Attach(files(3)), Who::AgentKey, now).unwrap_err();
        assert_eq!(refusal, Refusal::TooManyAttachments { have: 3, more: 3 });
        let filled = play(&record, &Act::Attach(files(2)), Who::AgentKey, now).unwrap().next;
        assert_eq!((filled.standing.attachments.len(), filled.state()), (5, state));
    }
    let refusal = play(&open(&setup()), &Act::Attach(files(6)), Who::AgentKey, START).unwrap_err();
    assert_eq!(refusal, Refusal::TooManyAttachments { have: 0, more: 6 });
}

#[test]
fn files_come_too_late_once_it_is_over() {
    for state in State::ALL {
        let record = record_in(state, &setup());
        if !record.is_settled() {
            continue;
        }
        let refusal = play(&record, &Act::Attach(files(1)), Who::AgentKey, record.updated_at).unwrap_err();
        assert!(matches!(refusal, Refusal::AlreadyAnswered { .. } | Refusal::Expired { .. }), "{state:?} {refusal:?}");
    }
}
