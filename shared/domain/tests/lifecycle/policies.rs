//! Rules of an API key that answer a decision when it is created.

use handrail_domain::actor::Actor;
use handrail_domain::decision::CallbackPurpose;
use handrail_domain::decision::{
    Answer, Channel, Choice, Decision, DecisionEvent, DecisionSpec, NewDecision, Requester, State, policy_event,
};
use handrail_domain::effect::Effect;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::policy::{Rule, RuleEffect, RuleMatch, check_rules};
use handrail_domain::record::Record;
use serde_json::{Number, Value, json};

use super::fixtures::{BACKUP, START, TestActor, command_id, email, new_decision, record_id, requester, tenant};

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

fn spec_with(change: impl FnOnce(&mut NewDecision)) -> DecisionSpec {
    let (rules, backup) = (rules(), email(BACKUP));
    let mut request = new_decision();
    change(&mut request);
    DecisionSpec::check(request, &Requester { rules: &rules, ..requester(&[], Some(&backup)) }, START).unwrap()
}

fn match_small_refund(change: impl FnOnce(&mut NewDecision)) -> Option<RuleMatch> {
    spec_with(|request| {
        request.amount = Some(Number::from(10));
        change(request);
    })
    .policy
}

fn approval_match() -> Option<RuleMatch> {
    Some(RuleMatch { rule: "small".to_owned(), effect: RuleEffect::Approve })
}

#[test]
fn first_matching_rule_decides() {
    assert_eq!(match_small_refund(|_| {}), approval_match());
    let huge = spec_with(|request| request.amount = Some(Number::from(1000))).policy;
    assert_eq!(huge, Some(RuleMatch { rule: "huge".to_owned(), effect: RuleEffect::Deny }));
    assert_eq!(spec_with(|request| request.amount = Some(Number::from(50))).policy, None, "neither small nor huge");
    assert_eq!(spec_with(|_| {}).policy, None, "a missing amount is not small");
    assert_eq!(match_small_refund(|request| request.action = Some("The PAYROLL run".to_owned())), None);
    assert_eq!(match_small_refund(|request| request.context = Some("for\npayroll".to_owned())), None);
}

#[test]
fn rule_applies_to_every_channel() {
    let url = "https://example.com/hook".to_owned();
    let webhook = match_small_refund(|request| {
        request.channel = Some(Channel::Webhook);
        request.callback_url = Some(url);
    });
    assert_eq!(webhook, approval_match());
}

#[test]
fn rule_answers_only_plain_response_types() {
    let with = |response_type: Value| match_small_refund(|request| request.response_type = Some(response_type));
    assert_eq!(with(json!({"type": "approve_deny"})), approval_match());
    assert_eq!(with(json!({"type": "confirm"})), approval_match());
    for other in [
        json!({"type": "choose", "choices": ["a", "b"]}),
        json!({"type": "text_input", "fields": [{"name": "why"}]}),
        json!({"type": "number_input"}),
        json!({"type": "file_upload"}),
        json!({"type": "schedule"}),
    ] {
        assert_eq!(with(other.clone()), None, "{other}");
    }
}

#[test]
fn rule_gives_only_offered_answers() {
    use Choice::{Approve, Deny, Modify};
    let with = |amount: u32, options: &[Choice]| {
        let spec = spec_with(|request| {
            request.amount = Some(Number::from(amount));
            request.options = Some(options.to_vec());
        });
        spec.policy.map(|rule_match| rule_match.effect)
    };
    assert_eq!(with(10, &[Approve]), Some(RuleEffect::Approve));
    assert_eq!(with(10, &[Deny, Modify]), None);
    assert_eq!(with(1000, &[Deny]), Some(RuleEffect::Deny));
    assert_eq!(with(1000, &[Approve, Modify]), None);
}

#[test]
fn key_without_rules_asks_the_approver() {
    let spec = DecisionSpec::check(
        NewDecision { amount: Some(Number::from(10)), ..new_decision() },
        &requester(&[], None),
        START,
    )
    .unwrap();
    assert_eq!((&spec.policy, policy_event(&spec)), (&None, None));
}

#[test]
fn rule_answer_names_rule_and_is_final() {
    for (amount, rule, state, verb) in
        [(10, "small", State::Approved, "Approved"), (1000, "huge", State::Denied, "Denied")]
    {
        let mut spec = spec_with(|request| request.amount = Some(Number::from(amount)));
        spec.callback_url = Some("https://example.com/hook".to_owned());
        let event = policy_event(&spec).unwrap();
        let notes = Some(format!("{verb} by the rule \"{rule}\""));
        let answer = Answer { resolved_by: "policy".to_owned(), notes, ..Answer::default() };
        let expected = match state {
            State::Approved => DecisionEvent::Approved(answer),
            _ => DecisionEvent::Denied(answer),
        };
        assert_eq!(event, expected);
        let record = Record::<Decision>::create(
            tenant(),
            record_id(),
            spec,
            TestActor::AgentKey.actor(),
            command_id("create"),
            START,
        );
        let by = Actor::Policy { rule: rule.to_owned() };
        assert_eq!(by.label(), format!("policy:{rule}"));
        let answered = record.append(event, by, command_id("policy"), START);
        assert_eq!((answered.state(), answered.is_terminal(), answered.seq), (state, true, 2));
        // The callback is sent as for any other answer.
        let effects = Decision::effects(&answered.spec, answered.newest().unwrap());
        assert_eq!(effects, [Effect::Callback(CallbackPurpose::Resolved.purpose())]);
    }
}

#[test]
fn rule_requiring_approval_gives_no_answer() {
    let policy = Some(RuleMatch { rule: "never payroll".to_owned(), effect: RuleEffect::Ask });
    assert_eq!(policy_event(&DecisionSpec { policy, ..spec_with(|_| {}) }), None);
}
