//! What follows in the world from each event.

use handrail_domain::decision::{Answer, Channel, Choice, Decision, DecisionEvent};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::policy::{PolicyVerdict, RuleEffect};
use handrail_domain::record::Entry;

use super::support::{APPROVER, FIRST, LATER, Setup, Who, ask, command_id, files};

use Effect::{Callback, CallbackAt, Keep, Mail, MailAt};
use Purpose::{
    AnnounceCancelled, AnnounceCreated, AnnounceDue, AnnounceEscalated, AnnounceExpired, AnnounceResolved, AskApprover,
    AskBackup, KeepFiles, RemindHalf, UpdateSlack,
};

/// Without reminders: they have tests of their own.
fn check(event: &DecisionEvent, channel: Channel, callback: bool, expected: &[Effect]) {
    let mut ask = ask(&Setup::plain(true, Choice::ALL.to_vec()));
    ask.channel = channel;
    ask.callback_url = callback.then(|| "https://example.com/hook".to_owned());
    ask.reminders = false;
    let entry: Entry<Decision> =
        Entry { seq: 2, at: FIRST, by: Who::AppKey.actor(), command: command_id("x"), event: event.clone() };
    let is_edit = |effect: &Effect| matches!(effect, Effect::Slack(_));
    let (edits, others): (Vec<_>, Vec<_>) = Decision::effects(&ask, &entry).into_iter().partition(is_edit);
    assert_eq!(others, expected, "{event:?} by {channel:?}, callback: {callback}");
    // What was posted shows whatever happens after it.
    let shows = channel == Channel::Slack && !matches!(event, DecisionEvent::Created { .. });
    assert_eq!(edits, if shows { vec![Effect::Slack(UpdateSlack)] } else { Vec::new() }, "{event:?} by {channel:?}");
}

#[test]
fn what_a_rule_settled_was_never_posted() {
    let mut ask = ask(&Setup::plain(false, Choice::ALL.to_vec()));
    ask.channel = Channel::Slack;
    ask.policy = Some(PolicyVerdict { rule: "small sums".to_owned(), effect: RuleEffect::Approve });
    for event in [created()].into_iter().chain(answers()) {
        let entry: Entry<Decision> =
            Entry { seq: 2, at: FIRST, by: Who::AppKey.actor(), command: command_id("x"), event };
        assert!(!Decision::effects(&ask, &entry).iter().any(|effect| matches!(effect, Effect::Slack(_))), "{entry:?}");
    }
}

fn answers() -> [DecisionEvent; 3] {
    let answer = Answer { resolved_by: APPROVER.to_owned(), ..Answer::default() };
    [DecisionEvent::Approved(answer.clone()), DecisionEvent::Denied(answer.clone()), DecisionEvent::Modified(answer)]
}

fn scheduled() -> DecisionEvent {
    DecisionEvent::Scheduled(Answer { resolved_by: APPROVER.to_owned(), execute_at: Some(LATER), ..Answer::default() })
}

fn created() -> DecisionEvent {
    DecisionEvent::Created { ask_sha256: String::new() }
}

fn cancelled() -> DecisionEvent {
    DecisionEvent::Cancelled { reason: Some("asked twice".to_owned()) }
}

#[test]
fn by_mail_or_slack_with_a_callback_the_people_are_asked_and_the_program_hears_of_the_rest() {
    for channel in [Channel::Email, Channel::Slack] {
        check(&created(), channel, true, &[Mail(AskApprover)]);
        check(&DecisionEvent::Escalated, channel, true, &[Mail(AskBackup), Callback(AnnounceEscalated)]);
    }
}

#[test]
fn by_mail_or_slack_without_a_callback_only_people_are_told() {
    for channel in [Channel::Email, Channel::Slack] {
        check(&created(), channel, false, &[Mail(AskApprover)]);
        check(&DecisionEvent::Escalated, channel, false, &[Mail(AskBackup)]);
    }
}

#[test]
fn by_webhook_the_program_hears_of_everything_and_nobody_is_mailed() {
    check(&created(), Channel::Webhook, true, &[Callback(AnnounceCreated)]);
    check(&DecisionEvent::Escalated, Channel::Webhook, true, &[Callback(AnnounceEscalated)]);
}

#[test]
fn however_it_was_asked_the_end_is_told_to_the_callback_alone() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        for answer in answers() {
            check(&answer, channel, true, &[Callback(AnnounceResolved)]);
        }
        check(&DecisionEvent::Expired, channel, true, &[Callback(AnnounceExpired)]);
        check(&cancelled(), channel, true, &[Callback(AnnounceCancelled)]);
        for end in answers().into_iter().chain([scheduled(), DecisionEvent::Expired, cancelled()]) {
            check(&end, channel, false, &[]);
        }
    }
}

#[test]
fn an_appointment_is_told_at_once_and_again_when_its_time_has_come() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        check(&scheduled(), channel, true, &[Callback(AnnounceResolved), CallbackAt(AnnounceDue, LATER)]);
    }
}

#[test]
fn files_that_were_put_beside_it_are_kept_and_news_to_nobody() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        check(&DecisionEvent::Attached { files: files(2) }, channel, true, &[Keep(KeepFiles)]);
    }
}

#[test]
fn files_that_came_with_an_answer_are_kept() {
    let answer = Answer { files: files(1), ..Answer::default() };
    check(&DecisionEvent::Approved(answer.clone()), Channel::Email, false, &[Keep(KeepFiles)]);
    check(&DecisionEvent::Denied(answer), Channel::Email, true, &[Keep(KeepFiles), Callback(AnnounceResolved)]);
    assert_eq!(Keep(KeepFiles).at(LATER), Keep(KeepFiles), "what is kept late is lost");
}

#[test]
fn with_neither_mail_nor_callback_nothing_follows() {
    let events = [created(), DecisionEvent::Escalated, DecisionEvent::Expired, scheduled(), cancelled()];
    for event in events.into_iter().chain(answers()) {
        check(&event, Channel::Webhook, false, &[]);
    }
}

#[test]
fn an_effect_is_known_by_its_purpose_and_keeps_it_when_it_waits() {
    for (effect, purpose) in [(Mail(AskBackup), AskBackup), (Callback(AnnounceEscalated), AnnounceEscalated)] {
        assert_eq!((effect.purpose(), effect.not_before()), (purpose, None));
        let waiting = effect.at(FIRST);
        assert_eq!((waiting.purpose(), waiting.not_before()), (purpose, Some(FIRST)));
        assert_eq!(waiting.at(LATER).not_before(), Some(LATER));
    }
    assert_eq!(Mail(RemindHalf).at(FIRST), MailAt(RemindHalf, FIRST));
    assert_eq!(Callback(AnnounceDue).at(FIRST), CallbackAt(AnnounceDue, FIRST));
}

#[test]
fn purposes_read_back_by_name_and_are_stored_under_it() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.name());
        assert_eq!(Purpose::ALL.into_iter().filter(|other| other.name() == purpose.name()).count(), 1);
    }
    assert_eq!(Purpose::from_name("ask"), None);
}
