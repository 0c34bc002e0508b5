//! Effects of each event.

use handrail_domain::decision::{Answer, Channel, Choice, Decision, DecisionEvent};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::policy::{RuleEffect, RuleMatch};
use handrail_domain::record::LogEntry;

use super::fixtures::{APPROVER, EXECUTE_AT, FIRST_DEADLINE, Setup, TestActor, command_id, spec, test_files};

use Effect::{Callback, CallbackAt, Mail, MailAt, RetainFiles};
use Purpose::{
    AnnounceCancelled, AnnounceCreated, AnnounceDue, AnnounceEscalated, AnnounceExpired, AnnounceResolved, AskApprover,
    AskBackup, KeepFiles, RemindHalf, UpdateSlack,
};

/// Checks the effects of an event without reminders, which `reminders.rs` tests.
fn assert_effects(event: &DecisionEvent, channel: Channel, callback: bool, expected: &[Effect]) {
    let mut spec = spec(&Setup::plain(true, Choice::ALL.to_vec()));
    spec.channel = channel;
    spec.callback_url = callback.then(|| "https://example.com/hook".to_owned());
    spec.reminders = false;
    let entry: LogEntry<Decision> = LogEntry {
        seq: 2,
        at: FIRST_DEADLINE,
        by: TestActor::AppKey.actor(),
        command: command_id("x"),
        event: event.clone(),
    };
    let is_slack_update = |effect: &Effect| matches!(effect, Effect::Slack(_));
    let (updates, others): (Vec<_>, Vec<_>) = Decision::effects(&spec, &entry).into_iter().partition(is_slack_update);
    assert_eq!(others, expected, "{event:?} by {channel:?}, callback: {callback}");
    // The Slack message is updated after every later event.
    let has_update = channel == Channel::Slack && !matches!(event, DecisionEvent::Created { .. });
    assert_eq!(
        updates,
        if has_update { vec![Effect::Slack(UpdateSlack)] } else { Vec::new() },
        "{event:?} by {channel:?}"
    );
}

#[test]
fn rule_answer_has_no_slack_update() {
    let mut spec = spec(&Setup::plain(false, Choice::ALL.to_vec()));
    spec.channel = Channel::Slack;
    spec.policy = Some(RuleMatch { rule: "small sums".to_owned(), effect: RuleEffect::Approve });
    for event in [created()].into_iter().chain(answers()) {
        let entry: LogEntry<Decision> =
            LogEntry { seq: 2, at: FIRST_DEADLINE, by: TestActor::AppKey.actor(), command: command_id("x"), event };
        assert!(!Decision::effects(&spec, &entry).iter().any(|effect| matches!(effect, Effect::Slack(_))), "{entry:?}");
    }
}

fn answers() -> [DecisionEvent; 3] {
    let answer = Answer { resolved_by: APPROVER.to_owned(), ..Answer::default() };
    [DecisionEvent::Approved(answer.clone()), DecisionEvent::Denied(answer.clone()), DecisionEvent::Modified(answer)]
}

fn scheduled() -> DecisionEvent {
    DecisionEvent::Scheduled(Answer {
        resolved_by: APPROVER.to_owned(),
        execute_at: Some(EXECUTE_AT),
        ..Answer::default()
    })
}

fn created() -> DecisionEvent {
    DecisionEvent::Created { ask_sha256: String::new() }
}

fn cancelled() -> DecisionEvent {
    DecisionEvent::Cancelled { reason: Some("asked twice".to_owned()) }
}

#[test]
fn mail_and_callback_effects_with_callback() {
    for channel in [Channel::Email, Channel::Slack] {
        assert_effects(&created(), channel, true, &[Mail(AskApprover)]);
        assert_effects(&DecisionEvent::Escalated, channel, true, &[Mail(AskBackup), Callback(AnnounceEscalated)]);
    }
}

#[test]
fn no_callback_effects_without_callback() {
    for channel in [Channel::Email, Channel::Slack] {
        assert_effects(&created(), channel, false, &[Mail(AskApprover)]);
        assert_effects(&DecisionEvent::Escalated, channel, false, &[Mail(AskBackup)]);
    }
}

#[test]
fn webhook_channel_sends_only_callbacks() {
    assert_effects(&created(), Channel::Webhook, true, &[Callback(AnnounceCreated)]);
    assert_effects(&DecisionEvent::Escalated, Channel::Webhook, true, &[Callback(AnnounceEscalated)]);
}

#[test]
fn outcome_goes_only_to_callback() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        for answer in answers() {
            assert_effects(&answer, channel, true, &[Callback(AnnounceResolved)]);
        }
        assert_effects(&DecisionEvent::Expired, channel, true, &[Callback(AnnounceExpired)]);
        assert_effects(&cancelled(), channel, true, &[Callback(AnnounceCancelled)]);
        for end in answers().into_iter().chain([scheduled(), DecisionEvent::Expired, cancelled()]) {
            assert_effects(&end, channel, false, &[]);
        }
    }
}

#[test]
fn scheduled_answer_sends_two_callbacks() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        assert_effects(&scheduled(), channel, true, &[Callback(AnnounceResolved), CallbackAt(AnnounceDue, EXECUTE_AT)]);
    }
}

#[test]
fn attachments_are_retained_without_notification() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        assert_effects(&DecisionEvent::Attached { files: test_files(2) }, channel, true, &[RetainFiles(KeepFiles)]);
    }
}

#[test]
fn answer_files_are_retained() {
    let answer = Answer { files: test_files(1), ..Answer::default() };
    assert_effects(&DecisionEvent::Approved(answer.clone()), Channel::Email, false, &[RetainFiles(KeepFiles)]);
    assert_effects(
        &DecisionEvent::Denied(answer),
        Channel::Email,
        true,
        &[RetainFiles(KeepFiles), Callback(AnnounceResolved)],
    );
    assert_eq!(RetainFiles(KeepFiles).at(EXECUTE_AT), RetainFiles(KeepFiles), "files are retained at once");
}

#[test]
fn no_effects_without_mail_and_callback() {
    let events = [created(), DecisionEvent::Escalated, DecisionEvent::Expired, scheduled(), cancelled()];
    for event in events.into_iter().chain(answers()) {
        assert_effects(&event, Channel::Webhook, false, &[]);
    }
}

#[test]
fn delayed_effect_keeps_its_purpose() {
    for (effect, purpose) in [(Mail(AskBackup), AskBackup), (Callback(AnnounceEscalated), AnnounceEscalated)] {
        assert_eq!((effect.purpose(), effect.not_before()), (purpose, None));
        let delayed = effect.at(FIRST_DEADLINE);
        assert_eq!((delayed.purpose(), delayed.not_before()), (purpose, Some(FIRST_DEADLINE)));
        assert_eq!(delayed.at(EXECUTE_AT).not_before(), Some(EXECUTE_AT));
    }
    assert_eq!(Mail(RemindHalf).at(FIRST_DEADLINE), MailAt(RemindHalf, FIRST_DEADLINE));
    assert_eq!(Callback(AnnounceDue).at(FIRST_DEADLINE), CallbackAt(AnnounceDue, FIRST_DEADLINE));
}

#[test]
fn purpose_names_parse_and_match_stored_form() {
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        assert_eq!(serde_json::to_value(purpose).unwrap(), purpose.name());
        assert_eq!(Purpose::ALL.into_iter().filter(|other| other.name() == purpose.name()).count(), 1);
    }
    assert_eq!(Purpose::from_name("ask"), None);
}
