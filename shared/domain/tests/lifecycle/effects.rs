//! What follows in the world from each event.

use handrail_domain::decision::{Answer, Channel, Choice, Decision, DecisionEvent};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::Entry;

use super::support::{APPROVER, FIRST, Setup, Who, ask, command_id};

use Effect::{Callback, Mail};
use Purpose::{AnnounceCreated, AnnounceEscalated, AnnounceExpired, AnnounceResolved, AskApprover, AskBackup};

fn check(event: &DecisionEvent, channel: Channel, callback: bool, expected: &[Effect]) {
    let mut ask = ask(&Setup::plain(true, Choice::ALL.to_vec()));
    ask.channel = channel;
    ask.callback_url = callback.then(|| "https://example.com/hook".to_owned());
    let entry: Entry<Decision> =
        Entry { seq: 2, at: FIRST, by: Who::AppKey.actor(), command: command_id("x"), event: event.clone() };
    assert_eq!(Decision::effects(&ask, &entry), expected, "{event:?} by {channel:?}, callback: {callback}");
}

fn answers() -> [DecisionEvent; 3] {
    let answer = Answer { resolved_by: APPROVER.to_owned(), ..Answer::default() };
    [DecisionEvent::Approved(answer.clone()), DecisionEvent::Denied(answer.clone()), DecisionEvent::Modified(answer)]
}

fn created() -> DecisionEvent {
    DecisionEvent::Created { ask_sha256: String::new() }
}

#[test]
fn by_mail_with_a_callback_the_people_are_mailed_and_the_program_hears_of_the_rest() {
    check(&created(), Channel::Email, true, &[Mail(AskApprover)]);
    for answer in answers() {
        check(&answer, Channel::Email, true, &[Callback(AnnounceResolved)]);
    }
    check(&DecisionEvent::Escalated, Channel::Email, true, &[Mail(AskBackup), Callback(AnnounceEscalated)]);
    check(&DecisionEvent::Expired, Channel::Email, true, &[Callback(AnnounceExpired)]);
}

#[test]
fn by_mail_without_a_callback_only_people_are_told() {
    check(&created(), Channel::Email, false, &[Mail(AskApprover)]);
    for answer in answers() {
        check(&answer, Channel::Email, false, &[]);
    }
    check(&DecisionEvent::Escalated, Channel::Email, false, &[Mail(AskBackup)]);
    check(&DecisionEvent::Expired, Channel::Email, false, &[]);
}

#[test]
fn by_webhook_the_program_hears_of_everything_and_nobody_is_mailed() {
    for channel in [Channel::Webhook, Channel::Slack] {
        check(&created(), channel, true, &[Callback(AnnounceCreated)]);
        for answer in answers() {
            check(&answer, channel, true, &[Callback(AnnounceResolved)]);
        }
        check(&DecisionEvent::Escalated, channel, true, &[Callback(AnnounceEscalated)]);
        check(&DecisionEvent::Expired, channel, true, &[Callback(AnnounceExpired)]);
    }
}

#[test]
fn with_neither_mail_nor_callback_nothing_follows() {
    let events = [created(), DecisionEvent::Escalated, DecisionEvent::Expired].into_iter().chain(answers());
    for event in events {
        check(&event, Channel::Webhook, false, &[]);
        check(&event, Channel::Slack, false, &[]);
    }
}

#[test]
fn an_effect_is_known_by_its_purpose() {
    assert_eq!([Mail(AskBackup), Callback(AnnounceEscalated)].map(Effect::purpose), [AskBackup, AnnounceEscalated]);
}

#[test]
fn purposes_read_back_by_name_and_are_stored_under_it() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.name());
    }
    assert_eq!(Purpose::from_name("ask"), None);
}
