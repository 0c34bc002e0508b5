//! Rules of a key that answer in a person's place: in order, the first that matches counts.

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::decision::Urgency;
use crate::text::EmailAddress;

pub const RULES_MAX: usize = 50;
pub const RULE_NAME_CHARS_MAX: usize = 100;
pub const KEYWORDS_MAX: usize = 20;
pub const KEYWORD_CHARS_MAX: usize = 100;
/// The words that a decision is recorded with instead of a person's address.
pub const RESOLVED_BY: &str = "policy";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    #[serde(rename = "match")]
    pub conditions: Conditions,
    pub effect: RuleEffect,
}

/// All that are given must hold. An unknown one is refused rather than read over: a rule that ignores half of what its
/// author wrote would approve too much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_lt: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_gte: Option<Number>,
    /// One of them lies in the action or the context, whatever the case.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_any: Option<Vec<String>>,
    /// None of them does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_none: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency_at_most: Option<Urgency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<EmailAddress>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    Approve,
    Deny,
    /// A person is asked, whatever a later rule says.
    Ask,
}

impl RuleEffect {
    pub fn name(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Deny => "deny",
            Self::Ask => "ask",
        }
    }
}

/// What a rule can see of a request.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    pub action: &'a str,
    pub context: &'a str,
    pub amount: Option<&'a Number>,
    pub urgency: Urgency,
    pub approver: &'a EmailAddress,
}

/// The rule that settled a request, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PolicyVerdict {
    pub rule: String,
    pub effect: RuleEffect,
}

/// Which rule is wrong, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BadRule {
    /// From 0.
    pub index: usize,
    pub message: String,
}

pub fn check_rules(rules: &[Rule]) -> Result<(), BadRule> {
    if rules.len() > RULES_MAX {
        return Err(BadRule { index: RULES_MAX, message: format!("is too many: at most {RULES_MAX} rules") });
    }
    for (index, rule) in rules.iter().enumerate() {
        let bad = |message: &str| Err(BadRule { index, message: message.to_owned() });
        let name = rule.name.as_str();
        if name.trim().is_empty() || name.chars().count() > RULE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return bad("must have a name, one line of at most 100 characters");
        }
        if rules.iter().take(index).any(|earlier| earlier.name == rule.name) {
            return bad("has the name of an earlier rule");
        }
        let Conditions { amount_lt, amount_gte, keywords_any, keywords_none, urgency_at_most, approver } =
            &rule.conditions;
        for bound in [amount_lt, amount_gte].into_iter().flatten() {
            if !bound.as_f64().is_some_and(|bound| bound.is_finite() && bound >= 0.0) {
                return bad("has an amount that is not zero or more");
            }
        }
        for words in [keywords_any, keywords_none].into_iter().flatten() {
            let fit = |word: &String| !word.trim().is_empty() && word.chars().count() <= KEYWORD_CHARS_MAX;
            if words.is_empty() || words.len() > KEYWORDS_MAX || !words.iter().all(fit) {
                return bad("must list 1 to 20 keywords of 1 to 100 characters, or none at all");
            }
        }
        let narrows = amount_lt.is_some() || amount_gte.is_some() || keywords_any.is_some() || keywords_none.is_some();
        let matches_all = !narrows && urgency_at_most.is_none() && approver.is_none();
        if matches_all && rule.effect == RuleEffect::Approve {
            return bad("would approve everything: give it a condition");
        }
    }
    Ok(())
}

pub fn first_match<'a>(rules: &'a [Rule], facts: &Facts<'_>) -> Option<&'a Rule> {
    rules.iter().find(|rule| rule.conditions.hold(facts))
}

impl Conditions {
    fn hold(&self, facts: &Facts<'_>) -> bool {
        // A condition on the amount never holds for a request without one.
        let amount = facts.amount.and_then(Number::as_f64);
        let compared = |bound: &Option<Number>, holds: fn(f64, f64) -> bool| match bound {
            None => true,
            Some(bound) => bound.as_f64().zip(amount).is_some_and(|(bound, amount)| holds(amount, bound)),
        };
        let (action, context) = (facts.action.to_lowercase(), facts.context.to_lowercase());
        let said = |word: &String| {
            let word = word.to_lowercase();
            action.contains(&word) || context.contains(&word)
        };
        compared(&self.amount_lt, |amount, bound| amount < bound)
            && compared(&self.amount_gte, |amount, bound| amount >= bound)
            && self.keywords_any.as_ref().is_none_or(|words| words.iter().any(said))
            && self.keywords_none.as_ref().is_none_or(|words| !words.iter().any(said))
            && self.urgency_at_most.is_none_or(|most| facts.urgency <= most)
            && self.approver.as_ref().is_none_or(|approver| approver.same_mailbox(facts.approver))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(rules: serde_json::Value) -> Vec<Rule> {
        serde_json::from_value(rules).unwrap()
    }

    fn hit<'a>(rules: &'a [Rule], amount: Option<f64>, urgency: Urgency, action: &str) -> Option<&'a str> {
        let approver = EmailAddress::parse("ann@example.com").unwrap();
        let amount = amount.and_then(Number::from_f64);
        let facts = Facts { action, context: "for ACME", amount: amount.as_ref(), urgency, approver: &approver };
        first_match(rules, &facts).map(|rule| rule.name.as_str())
    }

    #[test]
    fn the_first_rule_that_matches_counts_and_bounds_are_as_they_say() {
        let rules = rules(json!([
            {"name": "never payroll", "match": {"keywords_any": ["PAYROLL"]}, "effect": "ask"},
            {"name": "small", "match": {"amount_lt": 50, "urgency_at_most": "medium"}, "effect": "approve"},
            {"name": "huge", "match": {"amount_gte": 1000}, "effect": "deny"},
        ]));
        check_rules(&rules).unwrap();
        assert_eq!(hit(&rules, Some(49.99), Urgency::Low, "Refund"), Some("small"));
        assert_eq!(hit(&rules, Some(50.0), Urgency::Low, "Refund"), None);
        assert_eq!(hit(&rules, Some(10.0), Urgency::High, "Refund"), None);
        assert_eq!(hit(&rules, Some(10.0), Urgency::Low, "the Payroll run"), Some("never payroll"));
        assert_eq!(hit(&rules, Some(1000.0), Urgency::Low, "Refund"), Some("huge"));
        assert_eq!(hit(&rules, None, Urgency::Low, "Refund"), None, "no amount is no small amount");
    }

    #[test]
    fn words_and_people_narrow() {
        let rules = rules(json!([
            {"name": "no deploys", "match": {"keywords_none": ["deploy"], "approver": "Ann@Example.com"}, "effect": "approve"},
        ]));
        assert_eq!(hit(&rules, None, Urgency::Critical, "Refund"), Some("no deploys"));
        assert_eq!(hit(&rules, None, Urgency::Critical, "Deploy it"), None);
    }

    #[test]
    fn what_a_rule_can_not_mean_is_refused() {
        for (bad, what) in [
            (json!([{"name": "all", "match": {}, "effect": "approve"}]), "everything"),
            (json!([{"name": " ", "match": {"amount_lt": 1}, "effect": "approve"}]), "name"),
            (json!([{"name": "a", "match": {"amount_lt": -1}, "effect": "approve"}]), "amount"),
            (json!([{"name": "a", "match": {"keywords_any": []}, "effect": "approve"}]), "keywords"),
            (
                json!([{"name": "a", "match": {}, "effect": "ask"}, {"name": "a", "match": {}, "effect": "ask"}]),
                "earlier",
            ),
        ] {
            let fault = check_rules(&rules(bad)).unwrap_err();
            assert!(fault.message.contains(what), "{fault:?}");
        }
        for unread in [
            json!([{"name": "a", "match": {"amount_below": 5}, "effect": "approve"}]),
            json!([{"name": "a", "match": {}, "effect": "allow"}]),
        ] {
            assert!(serde_json::from_value::<Vec<Rule>>(unread).is_err());
        }
    }
}
