//! When whoever is asked is reminded.

use handrail_domain::decision::{Ask, Channel, Choice, Decision, Proposal};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::{Lifecycle, settle};
use handrail_domain::policy::{PolicyVerdict, RuleEffect};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::Number;

use super::support::{BACKUP, START, Who, asker, command_id, email, proposal, record_id, tenant};

use Effect::{Mail, MailAt};
use Purpose::{AskApprover, AskBackup, RemindHalf, RemindLast};

fn minutes(minutes: f64) -> Timestamp {
    #[expect(clippy::cast_possible_truncation, reason = "the tests write small numbers")]
    let ms = (minutes * 60_000.0) as i64;
    START.plus_ms(ms)
}

/// Asked for so many minutes, with a backup.
fn ask(window: f64) -> Ask {
    let proposal = Proposal { timeout_minutes: Number::from_f64(window), ..proposal() };
    Ask::check(proposal, &asker(&[], Some(&email(BACKUP))), START).unwrap()
}

fn open(ask: Ask) -> Record<Decision> {
    Record::open(tenant(), record_id(), ask, Who::AgentKey.actor(), command_id("create"), START)
}

fn follows(record: &Record<Decision>) -> Vec<Effect> {
    Decision::effects(&record.ask, record.newest().unwrap())
}

/// The approver's reminders, in minutes after they were asked.
fn reminded(window: f64, expected: &[(Purpose, f64)]) {
    let expected = expected.iter().map(|(purpose, at)| MailAt(*purpose, minutes(*at)));
    let all: Vec<_> = [Mail(AskApprover)].into_iter().chain(expected).collect();
    assert_eq!(follows(&open(ask(window))), all, "{window} minutes");
}

#[test]
fn at_half_time_and_ten_minutes_before_the_end_if_both_have_room() {
    reminded(60.0, &[(RemindHalf, 30.0), (RemindLast, 50.0)]);
    reminded(43_200.0, &[(RemindHalf, 21_600.0), (RemindLast, 43_190.0)]);
    reminded(21.0, &[(RemindHalf, 10.5), (RemindLast, 11.0)]);
}

#[test]
fn in_a_short_time_once_and_in_a_very_short_one_never() {
    reminded(20.0, &[(RemindHalf, 10.0)]);
    reminded(15.0, &[(RemindHalf, 7.5)]);
    reminded(10.0, &[(RemindHalf, 5.0)]);
    reminded(9.99, &[]);
    reminded(5.0, &[]);
    reminded(0.5, &[]);
}

#[test]
fn the_backups_time_counts_from_when_it_was_asked() {
    let backup = |window: f64, late: f64| {
        let record = open(ask(window));
        let escalated = settle(&record, minutes(window + late)).unwrap().next;
        follows(&escalated)
    };
    let at = |purpose, at| MailAt(purpose, minutes(at));
    assert_eq!(backup(60.0, 0.0), [Mail(AskBackup), at(RemindHalf, 90.0), at(RemindLast, 110.0)]);
    assert_eq!(backup(15.0, 0.0), [Mail(AskBackup), at(RemindHalf, 22.5)]);
    assert_eq!(backup(5.0, 0.0), [Mail(AskBackup)]);
    // The timer came late: less time is left, and the end is where it was.
    assert_eq!(backup(60.0, 20.0), [Mail(AskBackup), at(RemindHalf, 100.0), at(RemindLast, 110.0)]);
    assert_eq!(backup(60.0, 45.0), [Mail(AskBackup), at(RemindHalf, 112.5)]);
    assert_eq!(backup(60.0, 55.0), [Mail(AskBackup)]);
    // So late that nobody's time is left.
    assert_eq!(backup(60.0, 70.0), [Mail(AskBackup)]);
}

#[test]
fn every_reminder_comes_while_its_person_is_asked_and_in_order() {
    for window in 1..=200 {
        let record = open(ask(f64::from(window)));
        let escalated = settle(&record, record.ask.expires_at).unwrap().next;
        for (asked, until) in [(&record, record.ask.expires_at), (&escalated, minutes(2.0 * f64::from(window)))] {
            let times: Vec<_> = follows(asked).into_iter().filter_map(Effect::not_before).collect();
            assert!(times.is_sorted_by(|earlier, later| earlier < later), "{window}: {times:?}");
            assert!(times.iter().all(|at| *at > asked.updated_at && *at < until), "{window}: {times:?}");
        }
    }
}

#[test]
fn on_slack_they_are_reminded_as_by_mail() {
    let slack = Ask { channel: Channel::Slack, ..ask(60.0) };
    assert_eq!(follows(&open(slack)), follows(&open(ask(60.0))));
}

#[test]
fn nobody_is_reminded_who_was_not_asked_or_does_not_want_it() {
    let unwanted = Ask { reminders: false, ..ask(60.0) };
    let webhook = Ask { channel: Channel::Webhook, ..ask(60.0) };
    for (quiet, first, second) in
        [(unwanted, vec![Mail(AskApprover)], vec![Mail(AskBackup)]), (webhook, vec![], vec![])]
    {
        let record = open(quiet);
        assert_eq!(follows(&record), first);
        assert_eq!(follows(&settle(&record, record.ask.expires_at).unwrap().next), second);
    }
}

#[test]
fn what_a_rule_settles_asks_and_reminds_nobody() {
    for effect in [RuleEffect::Approve, RuleEffect::Deny] {
        let policy = Some(PolicyVerdict { rule: "small".to_owned(), effect });
        let callback_url = Some("https://example.com/hook".to_owned());
        for channel in [Channel::Email, Channel::Webhook, Channel::Slack] {
            let settled = Ask { policy: policy.clone(), callback_url: callback_url.clone(), channel, ..ask(60.0) };
            assert_eq!(follows(&open(settled)), []);
        }
    }
}

#[test]
fn reminders_are_on_unless_the_asker_says_otherwise() {
    for (said, kept) in [(None, true), (Some(true), true), (Some(false), false)] {
        let proposal = Proposal { reminders: said, options: Some(Choice::ALL.to_vec()), ..proposal() };
        assert_eq!(Ask::check(proposal, &asker(&[], None), START).unwrap().reminders, kept);
    }
}
