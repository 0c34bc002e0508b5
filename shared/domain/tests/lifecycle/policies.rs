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
use sha2::{Digest, Sha256};

use super::fixtures::{BACKUP, START, TestActor, command_id, email, new_decision, record_id, requester, salt, tenant};

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
    let requester = Requester { rules: &rules, trusts_stated_amounts: true, ..requester(&[], Some(&backup)) };
    DecisionSpec::check(request, &requester, START).unwrap()
}

fn match_small_refund(change: impl FnOnce(&mut NewDecision)) -> Option<RuleMatch> {
    spec_with(|request| {
        request.amount = Some(Number::from(10));
        change(request);
    })
    .policy
    .map(without_revision)
}

fn without_revision(found: RuleMatch) -> RuleMatch {
    assert!(found.revision.is_some());
    RuleMatch { revision: None, ..found }
}

fn approval_match() -> Option<RuleMatch> {
    Some(RuleMatch { rule: "small".to_owned(), effect: RuleEffect::Approve, revision: None })
}

#[test]
fn first_matching_rule_decides() {
    assert_eq!(match_small_refund(|_| {}), approval_match());
    let huge = spec_with(|request| request.amount = Some(Number::from(1000))).policy;
    assert_eq!(
        huge.map(without_revision),
        Some(RuleMatch { rule: "huge".to_owned(), effect: RuleEffect::Deny, revision: None })
    );
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

/// Response types for which approving takes more than a yes.
fn types_with_data() -> [Value; 5] {
    [
        json!({"type": "choose", "choices": ["a", "b"]}),
        json!({"type": "text_input", "fields": [{"name": "why"}]}),
        json!({"type": "number_input"}),
        json!({"type": "file_upload"}),
        json!({"type": "schedule"}),
    ]
}

#[test]
fn rule_answers_only_plain_response_types() {
    let with = |response_type: Value| match_small_refund(|request| request.response_type = Some(response_type));
    assert_eq!(with(json!({"type": "approve_deny"})), approval_match());
    assert_eq!(with(json!({"type": "confirm"})), approval_match());
    for other in types_with_data() {
        assert_eq!(with(other.clone()), None, "{other}");
    }
}

#[test]
fn rule_approves_only_if_approving_is_offered() {
    use Choice::{Approve, Deny, Modify};
    let with = |options: &[Choice]| match_small_refund(|request| request.options = Some(options.to_vec()));
    assert_eq!(with(&[Approve]), approval_match());
    assert_eq!(with(&[Deny, Modify]), None);
}

#[test]
fn requester_cannot_disarm_a_rule_that_denies() {
    use Choice::{Approve, Modify};
    let denial = Some(RuleMatch { rule: "huge".to_owned(), effect: RuleEffect::Deny, revision: None });
    let with = |change: &dyn Fn(&mut NewDecision)| {
        let spec = spec_with(|request| {
            request.amount = Some(Number::from(1000));
            change(request);
        });
        spec.policy.map(without_revision)
    };
    for options in [vec![Approve], vec![Modify], vec![Approve, Modify]] {
        assert_eq!(with(&|request| request.options = Some(options.clone())), denial, "{options:?}");
    }
    for response_type in types_with_data() {
        assert_eq!(with(&|request| request.response_type = Some(response_type.clone())), denial, "{response_type}");
    }
    assert_eq!(with(&|request| request.action = Some("pay\u{200b}".to_owned())), denial);
}

#[test]
fn stated_amount_approves_only_if_the_key_trusts_it() {
    let rules = rules();
    let policy_of = |amount: u32, trusts_stated_amounts| {
        let requester = Requester { rules: &rules, trusts_stated_amounts, ..requester(&[], None) };
        let request = NewDecision { amount: Some(Number::from(amount)), ..new_decision() };
        DecisionSpec::check(request, &requester, START).unwrap().policy.map(|found| found.effect)
    };
    assert_eq!((policy_of(10, true), policy_of(10, false)), (Some(RuleEffect::Approve), None));
    assert_eq!(policy_of(1000, false), Some(RuleEffect::Deny), "a denial needs no trust");
}

#[test]
fn look_alike_spelling_does_not_pass_a_keyword() {
    let spellings = [
        "pay\u{200b}roll 900",
        "p\u{430}yroll 900",
        "\u{440}\u{430}\u{443}\u{433}\u{43e}\u{4cf}\u{4cf} 900",
        "ｐａｙｒｏｌｌ 900",
        "p\u{301}ayroll 900",
        "pay\u{ad}roll 900",
        "\u{202e}payroll\u{202c} 900",
        "PayroII... 900",
    ];
    let match_with = |keywords: Value, effect: &str, request: &dyn Fn() -> NewDecision| {
        let rules = serde_json::from_value(json!([
            {"name": "payroll", "match": keywords, "effect": effect},
            {"name": "rest", "match": {"urgency_at_most": "critical"}, "effect": "approve"},
        ]));
        let rules: Vec<Rule> = rules.unwrap();
        check_rules(&rules).unwrap();
        DecisionSpec::check(request(), &Requester { rules: &rules, ..requester(&[], None) }, START)
            .unwrap()
            .policy
            .map(without_revision)
    };
    let denial = Some(RuleMatch { rule: "payroll".to_owned(), effect: RuleEffect::Deny, revision: None });
    for text in spellings {
        let in_action = || NewDecision { action: Some(text.to_owned()), ..new_decision() };
        let in_context = || NewDecision { context: Some(format!("for\n{text}")), ..new_decision() };
        for request in [&in_action as &dyn Fn() -> NewDecision, &in_context] {
            assert_eq!(match_with(json!({"keywords_any": ["Payroll"]}), "deny", request), denial, "{text:?}");
            assert_eq!(match_with(json!({"keywords_any": ["payroll"]}), "ask", request), None, "{text:?}");
            let others = match_with(json!({"keywords_none": ["payroll"]}), "deny", request);
            assert_ne!(others, denial, "{text:?}");
        }
    }
}

#[test]
fn deceptive_text_is_never_approved_by_a_rule() {
    let with = |action: &str| match_small_refund(|request| request.action = Some(action.to_owned()));
    for hidden in ["Refund\u{200b} 10", "Refund \u{202e}01", "R\u{435}fund 10", "Refund\u{ad} 10", "Refund 10\u{e0041}"]
    {
        assert_eq!(with(hidden), None, "{hidden:?}");
        let in_context = match_small_refund(|request| request.context = Some(hidden.to_owned()));
        assert_eq!(in_context, None, "{hidden:?}");
    }
    for plain in
        ["Вернуть 10", "Επιστροφή 10", "استرداد 10", "می\u{200c}خواهم 10", "退款 10", "返金 10", "👩\u{200d}💻 10"]
    {
        assert_eq!(with(plain), approval_match(), "{plain:?}");
    }
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
            salt(),
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
    let policy = Some(RuleMatch { rule: "never payroll".to_owned(), effect: RuleEffect::Ask, revision: None });
    assert_eq!(policy_event(&DecisionSpec { policy, ..spec_with(|_| {}) }), None);
}

/// Receipts name the revision, so the same rule must keep its digest.
#[test]
fn revision_is_the_digest_of_the_whole_rule() {
    let rule = |bound: Value| -> Rule {
        serde_json::from_value(json!({"name": "small", "match": {"amount_lt": bound}, "effect": "approve"})).unwrap()
    };
    let canonical = r#"{"effect":"approve","match":{"amount_lt":50},"name":"small"}"#;
    let digest = Sha256::digest(canonical).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(rule(json!(50)).revision(), format!("sha256:{digest}"));
    assert_eq!(rule(json!(50.0)).revision(), rule(json!(50)).revision());
    assert_ne!(rule(json!(51)).revision(), rule(json!(50)).revision());
}
