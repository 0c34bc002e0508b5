//! Rules of an API key that settle decisions without a person. The first rule that matches applies.

use std::cell::LazyCell;

use serde::{Deserialize, Serialize};
use serde_json::Number;

use crate::deceptive_text::is_deceptive;
use crate::decision::Urgency;
use crate::skeleton::Skeletons;
use crate::text::EmailAddress;

pub const RULES_MAX: usize = 50;
pub const RULE_NAME_CHARS_MAX: usize = 100;
pub const KEYWORDS_MAX: usize = 20;
pub const KEYWORD_CHARS_MAX: usize = 100;
/// Value of `resolved_by` for a decision that a rule settled.
pub const RESOLVED_BY: &str = "policy";

/// Rule with its conditions and its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    pub name: String,
    #[serde(rename = "match")]
    pub conditions: Conditions,
    pub effect: RuleEffect,
}

/// Conditions of a rule, all of which must hold.
///
/// An unknown condition is refused: a rule that ignored some of its conditions would approve too much.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_lt: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_gte: Option<Number>,
    /// Keywords of which at least one must occur in the action or the context. Case and look-alike spellings are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_any: Option<Vec<String>>,
    /// Keywords of which none may occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_none: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency_at_most: Option<Urgency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<EmailAddress>,
}

/// Effect of a rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleEffect {
    Approve,
    Deny,
    /// Ask a person. Later rules are not considered.
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

/// Fields of a decision that rules examine.
#[derive(Clone, Copy, Debug)]
pub struct RuleInput<'a> {
    pub action: &'a str,
    pub context: &'a str,
    pub amount: Option<&'a Number>,
    pub urgency: Urgency,
    pub approver: &'a EmailAddress,
    /// `true` if rules may approve by an amount that the requester only states.
    pub trusts_stated_amount: bool,
}

/// Name and effect of the rule that matched a decision.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleMatch {
    pub rule: String,
    pub effect: RuleEffect,
}

/// Error in a list of rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidRule {
    /// Index of the invalid rule, from 0.
    pub index: usize,
    pub message: String,
}

/// Checks the rules of an API key.
pub fn check_rules(rules: &[Rule]) -> Result<(), InvalidRule> {
    if rules.len() > RULES_MAX {
        return Err(InvalidRule { index: RULES_MAX, message: format!("is too many: at most {RULES_MAX} rules") });
    }
    for (index, rule) in rules.iter().enumerate() {
        let invalid = |message: &str| Err(InvalidRule { index, message: message.to_owned() });
        let name = rule.name.as_str();
        if name.trim().is_empty() || name.chars().count() > RULE_NAME_CHARS_MAX || name.chars().any(char::is_control) {
            return invalid("must have a name: one line of 1 to 100 characters");
        }
        if rules.iter().take(index).any(|earlier| earlier.name == rule.name) {
            return invalid("has the name of an earlier rule: use another name");
        }
        let Conditions { amount_lt, amount_gte, keywords_any, keywords_none, urgency_at_most, approver } =
            &rule.conditions;
        for bound in [amount_lt, amount_gte].into_iter().flatten() {
            if !bound.as_f64().is_some_and(|bound| bound.is_finite() && bound >= 0.0) {
                return invalid("must have an amount_lt and amount_gte of 0 or more");
            }
        }
        for words in [keywords_any, keywords_none].into_iter().flatten() {
            let is_valid = |word: &String| !word.trim().is_empty() && word.chars().count() <= KEYWORD_CHARS_MAX;
            if words.is_empty() || words.len() > KEYWORDS_MAX || !words.iter().all(is_valid) {
                return invalid("must list 1 to 20 keywords of 1 to 100 characters, or leave the list out");
            }
            if words.iter().any(|word| Skeletons::of_word(word).are_empty()) {
                return invalid("must not list keywords of marks and invisible characters alone");
            }
        }
        let has_filter =
            amount_lt.is_some() || amount_gte.is_some() || keywords_any.is_some() || keywords_none.is_some();
        let matches_all = !has_filter && urgency_at_most.is_none() && approver.is_none();
        if matches_all && rule.effect == RuleEffect::Approve {
            return invalid("would approve everything: add a condition");
        }
    }
    Ok(())
}

/// Rules prepared for matching: the skeletons of their keywords are computed once for all decisions.
#[derive(Debug)]
pub struct RuleMatcher<'a>(Vec<PreparedRule<'a>>);

#[derive(Debug)]
struct PreparedRule<'a> {
    rule: &'a Rule,
    keywords_any: Option<Vec<Skeletons>>,
    keywords_none: Option<Vec<Skeletons>>,
}

impl<'a> RuleMatcher<'a> {
    pub fn new(rules: &'a [Rule]) -> Self {
        let prepare = |words: &Vec<String>| words.iter().map(|word| Skeletons::of_word(word)).collect();
        let rules = rules.iter().map(|rule| PreparedRule {
            rule,
            keywords_any: rule.conditions.keywords_any.as_ref().map(prepare),
            keywords_none: rule.conditions.keywords_none.as_ref().map(prepare),
        });
        Self(rules.collect())
    }

    /// Returns the first rule whose conditions hold, with the effect that it has on this decision. `None`: no rule matches.
    ///
    /// A rule that approves asks instead if the text may read differently from what it is, or if the rule relies on an
    /// amount that the requester only states.
    pub fn first_match(&self, input: &RuleInput<'_>) -> Option<RuleMatch> {
        // Computed for the first keyword that is looked for.
        let texts = LazyCell::new(|| [input.action, input.context].map(Skeletons::of_text));
        let occurs = |word: &Skeletons| texts.iter().any(|text| text.contain(word));
        let found = self.0.iter().find(|prepared| {
            prepared.rule.conditions.are_met_without_keywords(input)
                && prepared.keywords_any.as_ref().is_none_or(|words| words.iter().any(occurs))
                && prepared.keywords_none.as_ref().is_none_or(|words| !words.iter().any(occurs))
        });
        let rule = found?.rule;
        let effect = match rule.effect {
            RuleEffect::Approve if !may_approve(&rule.conditions, input) => RuleEffect::Ask,
            effect => effect,
        };
        Some(RuleMatch { rule: rule.name.clone(), effect })
    }
}

fn may_approve(conditions: &Conditions, input: &RuleInput<'_>) -> bool {
    let is_by_amount = conditions.amount_lt.is_some() || conditions.amount_gte.is_some();
    (input.trusts_stated_amount || !is_by_amount) && !is_deceptive(input.action) && !is_deceptive(input.context)
}

impl Conditions {
    fn are_met_without_keywords(&self, input: &RuleInput<'_>) -> bool {
        // A condition on the amount never holds for a decision without an amount.
        let amount = input.amount.and_then(Number::as_f64);
        let amount_satisfies = |bound: &Option<Number>, holds: fn(f64, f64) -> bool| match bound {
            None => true,
            Some(bound) => bound.as_f64().zip(amount).is_some_and(|(bound, amount)| holds(amount, bound)),
        };
        amount_satisfies(&self.amount_lt, |amount, bound| amount < bound)
            && amount_satisfies(&self.amount_gte, |amount, bound| amount >= bound)
            && self.urgency_at_most.is_none_or(|max| input.urgency <= max)
            && self.approver.as_ref().is_none_or(|approver| approver.same_mailbox(input.approver))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(rules: serde_json::Value) -> Vec<Rule> {
        serde_json::from_value(rules).unwrap()
    }

    fn matching_rule(rules: &[Rule], amount: Option<f64>, urgency: Urgency, action: &str) -> Option<String> {
        let approver = EmailAddress::parse("ann@example.com").unwrap();
        let amount = amount.and_then(Number::from_f64);
        let input = RuleInput {
            action,
            context: "for ACME",
            amount: amount.as_ref(),
            urgency,
            approver: &approver,
            trusts_stated_amount: true,
        };
        RuleMatcher::new(rules).first_match(&input).map(|found| found.rule)
    }

    #[test]
    fn first_matching_rule_applies_within_amount_bounds() {
        let rules = rules(json!([
            {"name": "never payroll", "match": {"keywords_any": ["PAYROLL"]}, "effect": "ask"},
            {"name": "small", "match": {"amount_lt": 50, "urgency_at_most": "medium"}, "effect": "approve"},
            {"name": "huge", "match": {"amount_gte": 1000}, "effect": "deny"},
        ]));
        check_rules(&rules).unwrap();
        assert_eq!(matching_rule(&rules, Some(49.99), Urgency::Low, "Refund").as_deref(), Some("small"));
        assert_eq!(matching_rule(&rules, Some(50.0), Urgency::Low, "Refund").as_deref(), None);
        assert_eq!(matching_rule(&rules, Some(10.0), Urgency::High, "Refund").as_deref(), None);
        assert_eq!(
            matching_rule(&rules, Some(10.0), Urgency::Low, "the Payroll run").as_deref(),
            Some("never payroll")
        );
        assert_eq!(matching_rule(&rules, Some(1000.0), Urgency::Low, "Refund").as_deref(), Some("huge"));
        assert_eq!(
            matching_rule(&rules, None, Urgency::Low, "Refund").as_deref(),
            None,
            "a missing amount matches no bound"
        );
    }

    #[test]
    fn keywords_and_approver_restrict_a_rule() {
        let rules = rules(json!([
            {"name": "no deploys", "match": {"keywords_none": ["deploy"], "approver": "Ann@Example.com"}, "effect": "approve"},
        ]));
        assert_eq!(matching_rule(&rules, None, Urgency::Critical, "Refund").as_deref(), Some("no deploys"));
        assert_eq!(matching_rule(&rules, None, Urgency::Critical, "Deploy it").as_deref(), None);
    }

    #[test]
    fn invalid_rules_are_refused() {
        for (invalid, message) in [
            (json!([{"name": "all", "match": {}, "effect": "approve"}]), "everything"),
            (json!([{"name": " ", "match": {"amount_lt": 1}, "effect": "approve"}]), "name"),
            (json!([{"name": "a", "match": {"amount_lt": -1}, "effect": "approve"}]), "amount"),
            (json!([{"name": "a", "match": {"keywords_any": []}, "effect": "approve"}]), "keywords"),
            (json!([{"name": "a", "match": {"keywords_none": ["x", "\u{200b}"]}, "effect": "approve"}]), "invisible"),
            (
                json!([{"name": "a", "match": {}, "effect": "ask"}, {"name": "a", "match": {}, "effect": "ask"}]),
                "earlier",
            ),
        ] {
            let error = check_rules(&rules(invalid)).unwrap_err();
            assert!(error.message.contains(message), "{error:?}");
        }
        for unknown in [
            json!([{"name": "a", "match": {"amount_below": 5}, "effect": "approve"}]),
            json!([{"name": "a", "match": {}, "effect": "allow"}]),
        ] {
            assert!(serde_json::from_value::<Vec<Rule>>(unknown).is_err());
        }
    }
}
