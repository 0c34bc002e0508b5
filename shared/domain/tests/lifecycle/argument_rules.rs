//! Rules that match a tool and its typed arguments.

use handrail_domain::decision::{DecisionSpec, NewDecision, Requester};
use handrail_domain::policy::{Rule, RuleEffect, check_rules};
use serde_json::{Number, Value, json};

use super::fixtures::{START, new_decision, requester};

/// Effect of the rules on a call of this tool. `None`: a person is asked.
fn effect(rules: &Value, tool: &str, arguments: Value, change: impl FnOnce(&mut NewDecision)) -> Option<RuleEffect> {
    let rules: Vec<Rule> = serde_json::from_value(rules.clone()).unwrap();
    check_rules(&rules).unwrap();
    let mut request = NewDecision { tool: Some(tool.to_owned()), arguments: Some(arguments), ..new_decision() };
    change(&mut request);
    let requester = Requester { rules: &rules, ..requester(&[], None) };
    DecisionSpec::check(request, &requester, START).unwrap().policy.map(|found| found.effect)
}

fn rule(conditions: &Value, effect: &str) -> Value {
    json!([{"name": "the rule", "match": conditions, "effect": effect}])
}

const APPROVED: Option<RuleEffect> = Some(RuleEffect::Approve);
const DENIED: Option<RuleEffect> = Some(RuleEffect::Deny);

fn small_refunds() -> Value {
    rule(&json!({"tool": "refund", "arguments": [{"path": "amount", "lte": 50}]}), "approve")
}

/// What the tool will really be called with needs no trust in the requester.
#[test]
fn typed_amount_approves_without_trust() {
    let approves = |tool: &str, arguments: Value| effect(&small_refunds(), tool, arguments, |_| {});
    assert_eq!(approves("refund", json!({"amount": 50})), APPROVED);
    assert_eq!(approves("refund", json!({"amount": 50.01})), None);
    assert_eq!(approves("refund", json!({"amount": "50"})), None, "another type never matches");
    assert_eq!(approves("refund", json!({})), None, "an absent argument never matches");
    assert_eq!(approves("refund", json!({"\u{430}mount": 5})), None, "another name is another argument");
    assert_eq!(approves("Refund", json!({"amount": 5})), None, "a rule that approves compares exactly");
    let stated = |request: &mut NewDecision| {
        (request.tool, request.arguments, request.amount) = (None, None, Some(Number::from(5)));
    };
    assert_eq!(effect(&small_refunds(), "", json!({}), stated), None, "a stated amount is no argument");
}

#[test]
fn bound_on_the_amount_counts_if_the_amount_is_an_argument() {
    let rules = rule(&json!({"amount_lt": 50}), "approve");
    let stated = |amount: u32| move |request: &mut NewDecision| request.amount = Some(Number::from(amount));
    assert_eq!(effect(&rules, "refund", json!({"amount": 10}), |_| {}), APPROVED);
    assert_eq!(effect(&rules, "refund", json!({"amount": 10}), stated(10)), APPROVED);
    assert_eq!(effect(&rules, "refund", json!({"amount": 500}), stated(10)), None, "the argument is too large");
    assert_eq!(effect(&rules, "refund", json!({"amount": 10}), stated(500)), None);
    assert_eq!(effect(&rules, "refund", json!({"amount": "10"}), stated(10)), None, "only stated");
    let denial = rule(&json!({"amount_gte": 1000}), "deny");
    assert_eq!(effect(&denial, "refund", json!({"amount": 5000}), stated(10)), DENIED);
    assert_eq!(effect(&denial, "refund", json!({"amount": 5000}), |_| {}), DENIED);
}

/// The texts of the arguments are part of what an approval covers, and keywords look through them.
#[test]
fn keywords_are_found_in_arguments() {
    let rules = json!([
        {"name": "payroll", "match": {"keywords_any": ["payroll"]}, "effect": "deny"},
        {"name": "rest", "match": {"tool": "pay"}, "effect": "approve"},
    ]);
    for arguments in
        [json!({"memo": "the Payroll run"}), json!({"lines": [{"for": ["p\u{430}yroll"]}]}), json!({"payroll": 1})]
    {
        assert_eq!(effect(&rules, "pay", arguments.clone(), |_| {}), DENIED, "{arguments}");
    }
    assert_eq!(effect(&rules, "pay", json!({"memo": "lunch", "n": 1}), |_| {}), APPROVED);
    let tool = rule(&json!({"keywords_any": ["payroll"]}), "deny");
    assert_eq!(effect(&tool, "run-payroll", json!({}), |_| {}), DENIED);
}

#[test]
fn deceptive_arguments_are_never_approved_by_a_rule() {
    let rules = rule(&json!({"tool": "refund"}), "approve");
    for arguments in [
        json!({"to": "p\u{430}ypal"}),
        json!({"to": {"name": ["ACME\u{200b}"]}}),
        json!({"\u{202e}ot": 1}),
        json!({"a": [{"p\u{430}y": 1}]}),
    ] {
        assert_eq!(effect(&rules, "refund", arguments.clone(), |_| {}), None, "{arguments}");
        let denial = rule(&json!({"tool": "refund"}), "deny");
        assert_eq!(effect(&denial, "refund", arguments, |_| {}), DENIED);
    }
    for plain in [json!({"to": "Вернуть"}), json!({"to": "返金"}), json!({"to": "a\nb"}), json!({"to": "👩\u{200d}💻"})]
    {
        assert_eq!(effect(&rules, "refund", plain.clone(), |_| {}), APPROVED, "{plain}");
    }
}

#[test]
fn other_spelling_does_not_lead_around_a_denial() {
    let rules = json!([
        {"name": "prod", "match": {"arguments": [{"path": "host", "prefix": "prod-"}]}, "effect": "deny"},
        {"name": "tool", "match": {"tool": "drop table"}, "effect": "ask"},
        {"name": "rest", "match": {"urgency_at_most": "critical"}, "effect": "approve"},
    ]);
    for host in ["prod-1", "PROD-1", "ｐｒｏｄ-1", "pr\u{43e}d-1", "prod\u{200b}-1"] {
        assert_eq!(effect(&rules, "restart", json!({"host": host}), |_| {}), DENIED, "{host}");
    }
    assert_eq!(effect(&rules, "restart", json!({"host": "test-1"}), |_| {}), APPROVED);
    for tool in ["drop table", "DROP TABLE", "drop  table"] {
        assert_eq!(effect(&rules, tool, json!({}), |_| {}), None, "{tool}");
    }
}

#[test]
fn invalid_argument_conditions_are_refused_by_place() {
    for (conditions, message) in [
        (json!({"arguments": []}), "1 to 10 arguments"),
        (json!({"arguments": vec![json!({"path": "a", "eq": 1}); 11]}), "1 to 10 arguments"),
        (json!({"arguments": [{"path": "a", "eq": 1}, {"path": "b"}]}), "match.arguments[1]"),
        (json!({"tool": " "}), "a tool of 1 to 128"),
        (json!({"tool": "x".repeat(129)}), "a tool of 1 to 128"),
        (json!({"arguments": [{"path": "a", "absent": true}]}), "approve everything"),
    ] {
        let rules: Vec<Rule> = serde_json::from_value(rule(&conditions, "approve")).unwrap();
        let error = check_rules(&rules).unwrap_err();
        assert!(error.message.contains(message), "{conditions}: {}", error.message);
    }
    let unknown = rule(&json!({"arguments": [{"path": "a", "matches": "x"}]}), "deny");
    assert!(serde_json::from_value::<Vec<Rule>>(unknown).is_err());
}
