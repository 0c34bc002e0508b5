//! Reminders of the approver and the backup.

use handrail_domain::decision::{Channel, Choice, Decision, DecisionSpec, NewDecision};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::{Lifecycle, fire_due_timer};
use handrail_domain::policy::{RuleEffect, RuleMatch};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::Number;

use super::fixtures::{BACKUP, START, TestActor, command_id, email, new_decision, record_id, requester, salt, tenant};

use Effect::{Mail, MailAt};
const ASK_APPROVER: Purpose = Purpose::new("ask-approver");
const ASK_BACKUP: Purpose = Purpose::new("ask-backup");
const REMIND_HALF: Purpose = Purpose::new("remind-half");
const REMIND_LAST: Purpose = Purpose::new("remind-last");

fn minutes_after_start(minutes: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "the tests write small numbers")]
    let ms = (minutes * 60_000.0) as i64;
    START.plus_ms(ms)
}

/// Spec with this timeout in minutes and a backup.
fn spec_with_timeout(timeout: f64) -> DecisionSpec {
    let request = NewDecision { timeout_minutes: Number::from_f64(timeout), ..new_decision() };
    DecisionSpec::check(request, &requester(&[], Some(&email(BACKUP))), START).unwrap()
}

fn create_record(spec: DecisionSpec) -> Record<Decision> {
    Record::create(tenant(), record_id(), spec, TestActor::AgentKey.actor(), command_id("create"), START, salt())
}

fn effects_of_newest(record: &Record<Decision>) -> Vec<Effect> {
    Decision::effects(&record.spec, record.newest().unwrap())
}

/// Checks the approver's reminders, in minutes after the creation.
fn assert_reminders(timeout: f64, expected: &[(Purpose, f64)]) {
    let expected = expected.iter().map(|(purpose, at)| MailAt(*purpose, minutes_after_start(*at)));
    let all: Vec<_> = [Mail(ASK_APPROVER)].into_iter().chain(expected).collect();
    assert_eq!(effects_of_newest(&create_record(spec_with_timeout(timeout))), all, "{timeout} minutes");
}

#[test]
fn reminders_at_half_time_and_ten_minutes_left() {
    assert_reminders(60.0, &[(REMIND_HALF, 30.0), (REMIND_LAST, 50.0)]);
    assert_reminders(43_200.0, &[(REMIND_HALF, 21_600.0), (REMIND_LAST, 43_190.0)]);
    assert_reminders(21.0, &[(REMIND_HALF, 10.5), (REMIND_LAST, 11.0)]);
}

#[test]
fn short_timeout_has_one_or_no_reminder() {
    assert_reminders(20.0, &[(REMIND_HALF, 10.0)]);
    assert_reminders(15.0, &[(REMIND_HALF, 7.5)]);
    assert_reminders(10.0, &[(REMIND_HALF, 5.0)]);
    assert_reminders(9.99, &[]);
    assert_reminders(5.0, &[]);
    assert_reminders(0.5, &[]);
}

#[test]
fn backup_reminders_count_from_escalation() {
    let backup_effects = |timeout: f64, late: f64| {
        let record = create_record(spec_with_timeout(timeout));
        let escalated = fire_due_timer(&record, minutes_after_start(timeout + late)).unwrap().next;
        effects_of_newest(&escalated)
    };
    let at = |purpose, at| MailAt(purpose, minutes_after_start(at));
    assert_eq!(backup_effects(60.0, 0.0), [Mail(ASK_BACKUP), at(REMIND_HALF, 90.0), at(REMIND_LAST, 110.0)]);
    assert_eq!(backup_effects(15.0, 0.0), [Mail(ASK_BACKUP), at(REMIND_HALF, 22.5)]);
    assert_eq!(backup_effects(5.0, 0.0), [Mail(ASK_BACKUP)]);
    // The timer fired late: the deadline stays, so less time is left.
    assert_eq!(backup_effects(60.0, 20.0), [Mail(ASK_BACKUP), at(REMIND_HALF, 100.0), at(REMIND_LAST, 110.0)]);
    assert_eq!(backup_effects(60.0, 45.0), [Mail(ASK_BACKUP), at(REMIND_HALF, 112.5)]);
    assert_eq!(backup_effects(60.0, 55.0), [Mail(ASK_BACKUP)]);
    // The timer fired after the backup's deadline.
    assert_eq!(backup_effects(60.0, 70.0), [Mail(ASK_BACKUP)]);
}

#[test]
fn reminders_are_ordered_and_before_deadline() {
    for timeout in 1..=200 {
        let record = create_record(spec_with_timeout(f64::from(timeout)));
        let escalated = fire_due_timer(&record, record.spec.expires_at).unwrap().next;
        for (record, until) in
            [(&record, record.spec.expires_at), (&escalated, minutes_after_start(2.0 * f64::from(timeout)))]
        {
            let times: Vec<_> = effects_of_newest(record).into_iter().filter_map(Effect::not_before).collect();
            assert!(times.is_sorted_by(|earlier, later| earlier < later), "{timeout}: {times:?}");
            assert!(times.iter().all(|at| *at > record.updated_at && *at < until), "{timeout}: {times:?}");
        }
    }
}

#[test]
fn slack_reminders_match_mail_reminders() {
    let slack = DecisionSpec { channel: Channel::Slack, ..spec_with_timeout(60.0) };
    assert_eq!(effects_of_newest(&create_record(slack)), effects_of_newest(&create_record(spec_with_timeout(60.0))));
}

#[test]
fn no_reminders_without_request_or_when_disabled() {
    let disabled = DecisionSpec { reminders: false, ..spec_with_timeout(60.0) };
    let webhook = DecisionSpec { channel: Channel::Webhook, ..spec_with_timeout(60.0) };
    for (spec, first, second) in
        [(disabled, vec![Mail(ASK_APPROVER)], vec![Mail(ASK_BACKUP)]), (webhook, vec![], vec![])]
    {
        let record = create_record(spec);
        assert_eq!(effects_of_newest(&record), first);
        assert_eq!(effects_of_newest(&fire_due_timer(&record, record.spec.expires_at).unwrap().next), second);
    }
}

#[test]
fn rule_answer_sends_no_request_or_reminder() {
    for effect in [RuleEffect::Approve, RuleEffect::Deny] {
        let policy = Some(RuleMatch { rule: "small".to_owned(), effect, revision: None });
        let callback_url = Some("https://example.com/hook".to_owned());
        for channel in [Channel::Email, Channel::Webhook, Channel::Slack] {
            let answered_by_rule = DecisionSpec {
                policy: policy.clone(),
                callback_url: callback_url.clone(),
                channel,
                ..spec_with_timeout(60.0)
            };
            assert_eq!(effects_of_newest(&create_record(answered_by_rule)), []);
        }
    }
}

#[test]
fn reminders_are_on_by_default() {
    for (reminders, expected) in [(None, true), (Some(true), true), (Some(false), false)] {
        let request = NewDecision { reminders, options: Some(Choice::ALL.to_vec()), ..new_decision() };
        assert_eq!(DecisionSpec::check(request, &requester(&[], None), START).unwrap().reminders, expected);
    }
}
