//! Rules of an API key that settle decisions without a person. The first rule that matches applies.

use std::cell::LazyCell;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use crate::argument_condition::{
    ARGUMENT_CONDITIONS_MAX, ArgumentCondition, PreparedCondition, PreparedText, ReadArguments,
};
use crate::deceptive_text::is_deceptive;
use crate::decision::{TOOL_CHARS_MAX, Urgency};
use crate::ids::hex;
use crate::jcs::to_jcs;
use crate::skeleton::Skeletons;
use crate::text::EmailAddress;

pub const RULES_MAX: usize = 50;
pub const RULE_NAME_CHARS_MAX: usize = 100;
pub const KEYWORDS_MAX: usize = 20;
pub const KEYWORD_CHARS_MAX: usize = 100;
/// Argument that is compared with bounds on the amount.
const AMOUNT: &str = "amount";
/// Value of `resolved_by` for a decision that a rule settled.
pub const RESOLVED_BY: &str = "policy";

/// Rule with its conditions and its effect.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Conditions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_lt: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub amount_gte: Option<Number>,
    /// Keywords of which at least one must occur in the action, the context, the tool, or the names and texts of its
    /// arguments. Case and look-alike spellings are ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_any: Option<Vec<String>>,
    /// Keywords of which none may occur.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords_none: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub urgency_at_most: Option<Urgency>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<EmailAddress>,
    /// Tool that must be called.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<ArgumentCondition>>,
}

/// Effect of a rule that matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
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
    pub tool: Option<&'a str>,
    pub arguments: Option<&'a Map<String, Value>>,
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
    /// Digest of the rule. `None` for decisions from before it was stored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
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
        if let Err(message) = check_conditions(&rule.conditions, rule.effect) {
            return invalid(&message);
        }
    }
    Ok(())
}

fn check_conditions(conditions: &Conditions, effect: RuleEffect) -> Result<(), String> {
    let invalid = |message: &str| Err(message.to_owned());
    let Conditions { amount_lt, amount_gte, keywords_any, keywords_none, urgency_at_most, approver, tool, arguments } =
        conditions;
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
    let is_tool = |tool: &String| !tool.trim().is_empty() && tool.len() <= TOOL_CHARS_MAX;
    if !tool.as_ref().is_none_or(is_tool) {
        return Err(format!("must have a tool of 1 to {TOOL_CHARS_MAX} characters, or leave it out"));
    }
    if arguments.as_ref().is_some_and(|arguments| !(1..=ARGUMENT_CONDITIONS_MAX).contains(&arguments.len())) {
        return Err(format!("must have 1 to {ARGUMENT_CONDITIONS_MAX} arguments, or leave the list out"));
    }
    for (place, condition) in arguments.iter().flatten().enumerate() {
        condition.check().map_err(|message| format!("must have in match.arguments[{place}] {message}"))?;
    }
    let has_filter = amount_lt.is_some() || amount_gte.is_some() || keywords_any.is_some() || keywords_none.is_some();
    // Most decisions lack most arguments, so `absent` alone restricts almost nothing.
    let compares = tool.is_some() || arguments.iter().flatten().any(ArgumentCondition::compares);
    let matches_all = !has_filter && !compares && urgency_at_most.is_none() && approver.is_none();
    match matches_all && effect == RuleEffect::Approve {
        true => invalid("would approve everything: add a condition"),
        false => Ok(()),
    }
}

/// Rules prepared for matching: the skeletons of their keywords are computed once for all decisions.
#[derive(Debug)]
pub struct RuleMatcher<'a>(Vec<PreparedRule<'a>>);

#[derive(Debug)]
struct PreparedRule<'a> {
    rule: &'a Rule,
    keywords_any: Option<Vec<Skeletons>>,
    keywords_none: Option<Vec<Skeletons>>,
    tool: Option<PreparedText>,
    arguments: Vec<PreparedCondition<'a>>,
}

impl<'a> PreparedRule<'a> {
    fn new(rule: &'a Rule) -> Self {
        let prepare = |words: &Vec<String>| words.iter().map(|word| Skeletons::of_word(word)).collect();
        let conditions = &rule.conditions;
        Self {
            rule,
            keywords_any: conditions.keywords_any.as_ref().map(prepare),
            keywords_none: conditions.keywords_none.as_ref().map(prepare),
            tool: conditions.tool.as_deref().map(PreparedText::new),
            arguments: conditions.arguments.iter().flatten().map(PreparedCondition::new).collect(),
        }
    }

    /// Returns `true` if the conditions on the tool and its arguments hold.
    ///
    /// A rule that approves compares exactly. Any other rule also finds look-alike spellings.
    fn matches_call(&self, input: &RuleInput<'_>, arguments: &ReadArguments<'_>) -> bool {
        let exact = self.rule.effect == RuleEffect::Approve;
        let is_tool = |expected: &PreparedText| {
            input.tool.is_some_and(|tool| expected.equals(tool, exact, || Rc::new(Skeletons::of_text(tool))))
        };
        self.tool.as_ref().is_none_or(is_tool)
            && self.arguments.iter().all(|condition| condition.holds(arguments, exact))
    }
}

impl<'a> RuleMatcher<'a> {
    pub fn new(rules: &'a [Rule]) -> Self {
        Self(rules.iter().map(PreparedRule::new).collect())
    }

    /// Returns the first rule whose conditions hold, with the effect that it has on this decision. `None`: no rule matches.
    ///
    /// A rule that approves asks instead if a text may read differently from what it is, or if the rule relies on an
    /// amount that the requester only states.
    pub fn first_match(&self, input: &RuleInput<'_>) -> Option<RuleMatch> {
        // Computed for the first keyword that is looked for.
        let texts = LazyCell::new(|| input.texts().map(|text| Skeletons::of_text(&text)));
        let occurs = |word: &Skeletons| texts.iter().any(|text| text.contain(word));
        let arguments = ReadArguments::new(input.arguments);
        let found = self.0.iter().find(|prepared| {
            prepared.rule.matches_without_keywords(input)
                && prepared.matches_call(input, &arguments)
                && prepared.keywords_any.as_ref().is_none_or(|words| words.iter().any(occurs))
                && prepared.keywords_none.as_ref().is_none_or(|words| !words.iter().any(occurs))
        });
        let rule = found?.rule;
        let effect = match rule.effect {
            RuleEffect::Approve if !may_approve(&rule.conditions, input) => RuleEffect::Ask,
            effect => effect,
        };
        Some(RuleMatch { rule: rule.name.clone(), effect, revision: Some(rule.revision()) })
    }
}

fn may_approve(conditions: &Conditions, input: &RuleInput<'_>) -> bool {
    let is_by_amount = conditions.amount_lt.is_some() || conditions.amount_gte.is_some();
    let is_trusted = input.trusts_stated_amount || input.argument_amount().is_some();
    (is_trusted || !is_by_amount) && !input.texts().iter().any(|text| is_deceptive(text))
}

impl RuleInput<'_> {
    /// Every text that an approval covers: the action, the context, and the tool with all names and texts of its arguments.
    fn texts(&self) -> [String; 3] {
        let mut call = self.tool.unwrap_or_default().to_owned();
        for (name, value) in self.arguments.into_iter().flatten() {
            add_text(name, &mut call);
            add_texts(value, &mut call);
        }
        [self.action.to_owned(), self.context.to_owned(), call]
    }

    /// Amount that is an argument of the tool, so what the requester will really use.
    fn argument_amount(&self) -> Option<f64> {
        self.arguments?.get(AMOUNT)?.as_f64()
    }
}

/// Adds all names and texts of a value, one on a line.
fn add_texts(value: &Value, to: &mut String) {
    match value {
        Value::String(text) => add_text(text, to),
        Value::Array(items) => items.iter().for_each(|item| add_texts(item, to)),
        Value::Object(members) => members.iter().for_each(|(name, value)| {
            add_text(name, to);
            add_texts(value, to);
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn add_text(text: &str, to: &mut String) {
    to.push('\n');
    to.push_str(text);
}

impl Rule {
    /// Digest of the rule's RFC 8785 form: a rule that was changed has another one, and one that was changed back has the
    /// first one again.
    pub fn revision(&self) -> String {
        let rule = serde_json::json!(self);
        format!("sha256:{}", hex(&Sha256::digest(to_jcs(&rule))))
    }

    fn matches_without_keywords(&self, input: &RuleInput<'_>) -> bool {
        let Conditions { amount_lt, amount_gte, urgency_at_most, approver, .. } = &self.conditions;
        let amounts = [input.amount.and_then(Number::as_f64), input.argument_amount()];
        let satisfies = |bound: &Option<Number>, holds: fn(&f64, &f64) -> bool| {
            let Some(bound) = bound else { return true };
            let within = |amount: f64| bound.as_f64().is_some_and(|bound| holds(&amount, &bound));
            let mut given = amounts.into_iter().flatten().peekable();
            // A condition on the amount never holds for a decision without an amount. If the stated amount and the
            // argument differ, the rule goes by the one that speaks against the approval.
            match self.effect {
                RuleEffect::Approve => given.peek().is_some() && given.all(within),
                RuleEffect::Deny | RuleEffect::Ask => given.any(within),
            }
        };
        satisfies(amount_lt, f64::lt)
            && satisfies(amount_gte, f64::ge)
            && urgency_at_most.is_none_or(|max| input.urgency <= max)
            && approver.as_ref().is_none_or(|approver| approver.same_mailbox(input.approver))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn rules(rules: Value) -> Vec<Rule> {
        serde_json::from_value(rules).unwrap()
    }

    fn matching_rule(rules: &[Rule], amount: Option<f64>, urgency: Urgency, action: &str) -> Option<String> {
        let approver = EmailAddress::parse("ann@example.com").unwrap();
        let amount = amount.and_then(Number::from_f64);
        let input = RuleInput {
            action,
            context: "for ACME",
            amount: amount.as_ref(),
            tool: None,
            arguments: None,
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
