//! Effects of each event.

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::decision::{Answer, CallbackPurpose, Channel, Choice, Decision, DecisionEvent, ExecutionOutcome};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::policy::{RuleEffect, RuleMatch};
use handrail_domain::record::LogEntry;

use super::fixtures::{APPROVER, EXECUTE_AT, FIRST_DEADLINE, Setup, TestActor, command_id, spec, test_files};

use Effect::{Callback, CallbackAt, Mail, MailAt, RetainFiles};
// Written down a second time: sort keys of deliveries and messages in queues contain these names.
const ANNOUNCE_CREATED: Purpose = Purpose::new("announce-created");
const ANNOUNCE_RESOLVED: Purpose = Purpose::new("announce-resolved");
const ANNOUNCE_ESCALATED: Purpose = Purpose::new("announce-escalated");
const ANNOUNCE_EXPIRED: Purpose = Purpose::new("announce-expired");
const ANNOUNCE_CANCELLED: Purpose = Purpose::new("announce-cancelled");
const ANNOUNCE_DUE: Purpose = Purpose::new("announce-due");
const ASK_APPROVER: Purpose = Purpose::new("ask-approver");
const ASK_BACKUP: Purpose = Purpose::new("ask-backup");
const REMIND_HALF: Purpose = Purpose::new("remind-half");
const REMIND_LAST: Purpose = Purpose::new("remind-last");
const UPDATE_SLACK: Purpose = Purpose::new("update-slack");
const KEEP_FILES: Purpose = Purpose::new("keep-files");

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
    // The Slack message is updated after every later event that changes what it shows.
    let is_not_shown = matches!(
        event,
        DecisionEvent::Created { .. } | DecisionEvent::Consumed { .. } | DecisionEvent::Executed { .. }
    );
    let has_update = channel == Channel::Slack && !is_not_shown;
    assert_eq!(
        updates,
        if has_update { vec![Effect::Slack(UPDATE_SLACK)] } else { Vec::new() },
        "{event:?} by {channel:?}"
    );
}

#[test]
fn rule_answer_has_no_slack_update() {
    let mut spec = spec(&Setup::plain(false, Choice::ALL.to_vec()));
    spec.channel = Channel::Slack;
    spec.policy = Some(RuleMatch { rule: "small sums".to_owned(), effect: RuleEffect::Approve, revision: None });
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
        assert_effects(&created(), channel, true, &[Mail(ASK_APPROVER)]);
        assert_effects(&DecisionEvent::Escalated, channel, true, &[Mail(ASK_BACKUP), Callback(ANNOUNCE_ESCALATED)]);
    }
}

#[test]
fn no_callback_effects_without_callback() {
    for channel in [Channel::Email, Channel::Slack] {
        assert_effects(&created(), channel, false, &[Mail(ASK_APPROVER)]);
        assert_effects(&DecisionEvent::Escalated, channel, false, &[Mail(ASK_BACKUP)]);
    }
}

#[test]
fn webhook_channel_sends_only_callbacks() {
    assert_effects(&created(), Channel::Webhook, true, &[Callback(ANNOUNCE_CREATED)]);
    assert_effects(&DecisionEvent::Escalated, Channel::Webhook, true, &[Callback(ANNOUNCE_ESCALATED)]);
}

#[test]
fn outcome_goes_only_to_callback() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        for answer in answers() {
            assert_effects(&answer, channel, true, &[Callback(ANNOUNCE_RESOLVED)]);
        }
        assert_effects(&DecisionEvent::Expired, channel, true, &[Callback(ANNOUNCE_EXPIRED)]);
        assert_effects(&cancelled(), channel, true, &[Callback(ANNOUNCE_CANCELLED)]);
        for end in answers().into_iter().chain([scheduled(), DecisionEvent::Expired, cancelled()]) {
            assert_effects(&end, channel, false, &[]);
        }
    }
}

#[test]
fn scheduled_answer_sends_two_callbacks() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        assert_effects(
            &scheduled(),
            channel,
            true,
            &[Callback(ANNOUNCE_RESOLVED), CallbackAt(ANNOUNCE_DUE, EXECUTE_AT)],
        );
    }
}

#[test]
fn attachments_are_retained_without_notification() {
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        assert_effects(&DecisionEvent::Attached { files: test_files(2) }, channel, true, &[RetainFiles(KEEP_FILES)]);
    }
}

#[test]
fn use_of_an_approval_has_no_effects() {
    let (execution_id, key_name) = ("run-1".to_owned(), "deploy agent".to_owned());
    let consumed = DecisionEvent::Consumed { execution_id: execution_id.clone(), key_name };
    let executed = DecisionEvent::Executed { execution_id, outcome: ExecutionOutcome::Failed, detail: None };
    for channel in [Channel::Email, Channel::Slack, Channel::Webhook] {
        assert_effects(&consumed, channel, true, &[]);
        assert_effects(&executed, channel, true, &[]);
    }
}

#[test]
fn answer_files_are_retained() {
    let answer = Answer { files: test_files(1), ..Answer::default() };
    assert_effects(&DecisionEvent::Approved(answer.clone()), Channel::Email, false, &[RetainFiles(KEEP_FILES)]);
    assert_effects(
        &DecisionEvent::Denied(answer),
        Channel::Email,
        true,
        &[RetainFiles(KEEP_FILES), Callback(ANNOUNCE_RESOLVED)],
    );
    assert_eq!(RetainFiles(KEEP_FILES).at(EXECUTE_AT), RetainFiles(KEEP_FILES), "files are retained at once");
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
    for (effect, purpose) in [(Mail(ASK_BACKUP), ASK_BACKUP), (Callback(ANNOUNCE_ESCALATED), ANNOUNCE_ESCALATED)] {
        assert_eq!((effect.purpose(), effect.not_before()), (purpose, None));
        let delayed = effect.at(FIRST_DEADLINE);
        assert_eq!((delayed.purpose(), delayed.not_before()), (purpose, Some(FIRST_DEADLINE)));
        assert_eq!(delayed.at(EXECUTE_AT).not_before(), Some(EXECUTE_AT));
    }
    assert_eq!(Mail(REMIND_HALF).at(FIRST_DEADLINE), MailAt(REMIND_HALF, FIRST_DEADLINE));
    assert_eq!(Callback(ANNOUNCE_DUE).at(FIRST_DEADLINE), CallbackAt(ANNOUNCE_DUE, FIRST_DEADLINE));
}

#[test]
fn purposes_of_a_kind_are_found_by_name() {
    let callbacks = CallbackPurpose::ALL.map(CallbackPurpose::purpose);
    let expected =
        [ANNOUNCE_CREATED, ANNOUNCE_RESOLVED, ANNOUNCE_ESCALATED, ANNOUNCE_EXPIRED, ANNOUNCE_CANCELLED, ANNOUNCE_DUE];
    assert_eq!(callbacks, expected);
    let approvals = ApprovalPurpose::ALL.map(ApprovalPurpose::purpose);
    assert_eq!(approvals, [ASK_APPROVER, ASK_BACKUP, REMIND_HALF, REMIND_LAST]);
    for purpose in callbacks {
        assert_eq!(CallbackPurpose::from_purpose(purpose).map(CallbackPurpose::purpose), Some(purpose));
        assert_eq!(ApprovalPurpose::from_purpose(purpose), None);
    }
    for purpose in approvals {
        assert_eq!(ApprovalPurpose::from_purpose(purpose).map(ApprovalPurpose::purpose), Some(purpose));
        assert_eq!(CallbackPurpose::from_purpose(purpose), None);
    }
}
