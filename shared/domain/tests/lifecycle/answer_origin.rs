//! Channel of an answer: taken from the event that answered, and kept when the log loses that event.

use handrail_domain::answer_origin::{AnsweringKey, ResolvedVia};
use handrail_domain::decision::{
    Act, Choice, Decision, DecisionEvent, Outcome, Phase, StateData, SubmittedAnswer, answer_origin,
    answer_origin_of_entry, author_of_answer,
};
use handrail_domain::record::Record;

use super::fixtures::{START, Setup, TestActor, command_id, create_record, key, run_command, test_files};

fn answered_by(actor: TestActor) -> Record<Decision> {
    let key = AnsweringKey { name: "back office".to_owned(), askers_may_answer: true };
    let submitted = SubmittedAnswer { key: Some(key), ..SubmittedAnswer::default() };
    let pending = create_record(&Setup::plain(false, Choice::ALL.to_vec()));
    run_command(&pending, &Act::Answer(Choice::Approve, submitted), actor, START.plus_ms(5)).unwrap().next
}

/// The record after one more event by another author, as events may follow an answer.
fn with_later_event(record: &Record<Decision>) -> Record<Decision> {
    let later = DecisionEvent::Attached { files: test_files(1) };
    record.append(later, TestActor::AdminKey.actor(), command_id("later"), START.plus_ms(9))
}

#[test]
fn later_events_do_not_change_the_origin_of_an_answer() {
    for (actor, via) in [
        (TestActor::Approver, ResolvedVia::MailLink),
        (TestActor::ApproverOnSlack, ResolvedVia::Slack),
        (TestActor::AppKey, ResolvedVia::Api),
        (TestActor::Policy, ResolvedVia::Policy),
    ] {
        let record = answered_by(actor);
        let origin = answer_origin(&record).unwrap();
        assert_eq!((origin.resolved_via, author_of_answer(&record)), (via, Some(&actor.actor())));
        assert_eq!(answer_origin_of_entry(&record.spec, record.newest().unwrap()).as_ref(), Some(&origin));
        let later = with_later_event(&record);
        assert_ne!(later.newest().unwrap().by, actor.actor());
        assert_eq!(answer_origin(&later).as_ref(), Some(&origin));
        assert_eq!(answer_origin_of_entry(&later.spec, later.newest().unwrap()), None);
        let trimmed = Record { log: later.log[2..].to_vec(), ..later };
        assert_eq!(answer_origin(&trimmed), Some(origin));
    }
    assert_eq!(answer_origin(&create_record(&Setup::plain(false, Choice::ALL.to_vec()))), None);
}

#[test]
fn only_a_key_has_the_name_of_a_key() {
    let by_key = answer_origin(&answered_by(TestActor::AppKey)).unwrap();
    assert_eq!((by_key.resolved_with_key, by_key.answered_by_asker), (Some(key(2)), false));
    assert_eq!(by_key.resolved_with_key_name.as_deref(), Some("back office"));
    assert!(answer_origin(&answered_by(TestActor::AgentKey)).unwrap().answered_by_asker);
    let by_person = answered_by(TestActor::Approver);
    assert_eq!(answer_origin(&by_person).unwrap().resolved_with_key_name, None);
    assert_eq!(by_person.state_data.outcome().unwrap().answer.key_name, None);
}

/// An answer from before the author and the name of its key were stored with it.
#[test]
fn origin_of_an_earlier_answer_is_in_the_log() {
    let record = answered_by(TestActor::AgentKey);
    let entry = record.newest().unwrap().clone();
    let DecisionEvent::Approved(mut answer) = entry.event.clone() else { panic!("{:?}", entry.event) };
    answer.key_name = None;
    let earlier = create_record(&Setup::plain(false, Choice::ALL.to_vec())).append(
        DecisionEvent::Approved(answer.clone()),
        entry.by,
        entry.command,
        entry.at,
    );
    let phase = Phase::Approved(Outcome { at: entry.at, by: None, answer });
    let earlier = Record { state_data: StateData { phase, attachments: vec![], consumption: None }, ..earlier };
    let origin = answer_origin(&earlier).unwrap();
    assert_eq!((origin.resolved_via, origin.answered_by_asker), (ResolvedVia::Api, true));
    // The record knows the name of the key that asked, and no other.
    assert_eq!(origin.resolved_with_key_name.as_deref(), Some("deploy agent"));
}
