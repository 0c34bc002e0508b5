//! When a rule of the key answers as the question is put, and what it then says.

use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Ask, Asker, Channel, Choice, Decision, DecisionEvent, Proposal, State, policy_event,
};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::policy::{PolicyVerdict, Rule, RuleEffect, check_rules};
use handrail_domain::record::Record;
use serde_json::{Number, Value, json};

use super::support::{BACKUP, START, Who, asker, command_id, email, proposal, record_id, tenant};

fn rules() -> Vec<Rule> {
    let rules: Vec<Rule> = serde_json::from_value(json!([
        {"name": "never payroll", "match": {"keywords_any": ["payroll"]}, "effect": "ask"},
        {"name": "small", "match": {"amount_lt": 50}, "effect": "approve"},
        {"name": "huge", "match": {"amount_gte": 1000}, "effect": "deny"},
    ]))
    .unwrap();
    check_rules(&rules).unwrap();
    rules
}

fn asked(change: impl FnOnce(&mut Proposal)) -> Ask {
    let (rules, backup) = (rules(), email(BACKUP));
    let mut proposal = proposal();
    change(&mut proposal);
    Ask::check(proposal, &Asker { rules: &rules, ..asker(&[], Some(&backup)) }, START).unwrap()
}

fn small(change: impl FnOnce(&mut Proposal)) -> Option<PolicyVerdict> {
    asked(|proposal| {
        proposal.amount = Some(Number::from(10));
        change(proposal);
    })
    .policy
}

fn approves() -> Option<PolicyVerdict> {
    Some(PolicyVerdict { rule: "small".to_owned(), effect: RuleEffect::Approve })
}

#[test]
fn the_first_rule_that_matches_settles_or_leaves_it_to_the_person() {
    assert_eq!(small(|_| {}), approves());
    let huge = asked(|proposal| proposal.amount = Some(Number::from(1000))).policy;
    assert_eq!(huge, Some(PolicyVerdict { rule: "huge".to_owned(), effect: RuleEffect::Deny }));
    assert_eq!(asked(|proposal| proposal.amount = Some(Number::from(50))).policy, None, "neither small nor huge");
    assert_eq!(asked(|_| {}).policy, None, "no amount is no small amount");
    assert_eq!(small(|proposal| proposal.action = Some("The PAYROLL run".to_owned())), None);
    assert_eq!(small(|proposal| proposal.context = Some("for\npayroll".to_owned())), None);
}

#[test]
fn whatever_the_channel_a_rule_settles_it() {
    let url = "https://example.com/hook".to_owned();
    let webhook = small(|proposal| {
        proposal.channel = Some(Channel::Webhook);
        proposal.callback_url = Some(url);
    });
    assert_eq!(webhook, approves());
}

#[test]
fn a_rule_answers_only_where_yes_or_no_is_the_whole_answer() {
    let with = |response_type: Value| small(|proposal| proposal.response_type = Some(response_type));
    assert_eq!(with(json!({"type": "approve_deny"})), approves());
    assert_eq!(with(json!({"type": "confirm"})), approves());
    for more in [
        json!({"type": "choose", "choices": ["a", "b"]}),
        json!({"type": "text_input", "fields": [{"name": "why"}]}),
        json!({"type": "number_input"}),
        json!({"type": "file_upload"}),
        json!({"type": "schedule"}),
    ] {
        assert_eq!(with(more.clone()), None, "{more}");
    }
}

#[test]
fn a_rule_gives_only_an_answer_that_was_offered() {
    use Choice::{Approve, Deny, Modify};
    let with = |amount: u32, options: &[Choice]| {
        let policy = asked(|proposal| {
            proposal.amount = Some(Number::from(amount));
            proposal.options = Some(options.to_vec());
        });
        policy.policy.map(|verdict| verdict.effect)
    };
    assert_eq!(with(10, &[Approve]), Some(RuleEffect::Approve));
    assert_eq!(with(10, &[Deny, Modify]), None);
    assert_eq!(with(1000, &[Deny]), Some(RuleEffect::Deny));
    assert_eq!(with(1000, &[Approve, Modify]), None);
}

#[test]
fn a_key_without_rules_leaves_everything_to_the_person() {
    let ask = Ask::check(Proposal { amount: Some(Number::from(10)), ..proposal() }, &asker(&[], None), START).unwrap();
    assert_eq!((&ask.policy, policy_event(&ask)), (&None, None));
}

#[test]
fn the_answer_of_a_rule_says_which_and_ends_the_matter() {
    for (amount, rule, state, word) in
        [(10, "small", State::Approved, "Approved"), (1000, "huge", State::Denied, "Denied")]
    {
        let mut ask = asked(|proposal| proposal.amount = Some(Number::from(amount)));
        ask.callback_url = Some("https://example.com/hook".to_owned());
        let event = policy_event(&ask).unwrap();
        let notes = Some(format!("{word} by the rule \"{rule}\""));
        let answer = Answer { resolved_by: "policy".to_owned(), notes, ..Answer::default() };
        let expected = match state {
            State::Approved => DecisionEvent::Approved(answer),
            _ => DecisionEvent::Denied(answer),
        };
        assert_eq!(event, expected);
        let record =
            Record::<Decision>::open(tenant(), record_id(), ask, Who::AgentKey.actor(), command_id("create"), START);
        let by = Actor::Policy { rule: rule.to_owned() };
        assert_eq!(by.label(), format!("policy:{rule}"));
        let settled = record.with(event, by, command_id("policy"), START);
        assert_eq!((settled.state(), settled.is_settled(), settled.seq), (state, true, 2));
        // The program that listens hears of it as of any other answer.
        let follows = Decision::effects(&settled.ask, settled.newest().unwrap());
        assert_eq!(follows, [Effect::Callback(Purpose::AnnounceResolved)]);
    }
}

#[test]
fn a_verdict_to_ask_is_no_answer() {
    let policy = Some(PolicyVerdict { rule: "never payroll".to_owned(), effect: RuleEffect::Ask });
    assert_eq!(policy_event(&Ask { policy, ..asked(|_| {}) }), None);
}
