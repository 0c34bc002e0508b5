//! Conditions of a rule on the arguments with which a tool is called.
//!
//! A comparison never holds for an argument that is absent or of another type. A rule that approves compares texts
//! letter by letter, because the tool gets exactly these letters. Any other rule also finds look-alike spellings, so that
//! a spelling does not lead around a denial.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Number, Value};

use crate::skeleton::Skeletons;

pub const ARGUMENT_CONDITIONS_MAX: usize = 10;
pub const PATH_CHARS_MAX: usize = 200;
pub const PATH_DEPTH_MAX: usize = 32;
pub const VALUES_MAX: usize = 50;
pub const TEXT_CHARS_MAX: usize = 200;

/// Condition on the argument at a path. All of its operators must hold.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ArgumentCondition {
    /// Names joined by dots, such as `order.total`. In a list, a position from 0 takes the place of a name.
    pub path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub eq: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lt: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lte: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gt: Option<Number>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gte: Option<Number>,
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub one_of: Option<Vec<Value>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<String>,
    /// `true`: there is no argument at the path. `false`: there is one, of any type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
}

impl ArgumentCondition {
    /// Checks the condition. The error says what it must have.
    pub(crate) fn check(&self) -> Result<(), String> {
        let Self { path, eq, lt, lte, gt, gte, one_of, prefix, absent } = self;
        let is_valid_path = path.chars().count() <= PATH_CHARS_MAX
            && path.split('.').count() <= PATH_DEPTH_MAX
            && path.split('.').all(|name| !name.is_empty());
        if !is_valid_path {
            return Err(format!(
                "a path of 1 to {PATH_CHARS_MAX} characters: at most {PATH_DEPTH_MAX} names joined by dots"
            ));
        }
        if eq.iter().chain(one_of.iter().flatten()).any(|value| !is_comparable(value)) {
            return Err(format!(
                "texts of up to {TEXT_CHARS_MAX} characters, numbers, true or false as values of eq and in"
            ));
        }
        if one_of.as_ref().is_some_and(|values| !(1..=VALUES_MAX).contains(&values.len())) {
            return Err(format!("1 to {VALUES_MAX} values in in"));
        }
        if prefix.as_ref().is_some_and(|prefix| !(1..=TEXT_CHARS_MAX).contains(&prefix.chars().count())) {
            return Err(format!("a prefix of 1 to {TEXT_CHARS_MAX} characters"));
        }
        let bounds = [lt, lte, gt, gte];
        if bounds.into_iter().flatten().any(|bound| !bound.as_f64().is_some_and(f64::is_finite)) {
            return Err("finite numbers as lt, lte, gt and gte".to_owned());
        }
        match (self.compares(), absent) {
            (true, Some(true)) => Err("absent alone: an absent argument is never compared".to_owned()),
            (false, None) => Err("an operator: eq, lt, lte, gt, gte, in, prefix or absent".to_owned()),
            _ => Ok(()),
        }
    }

    /// Returns `true` if the condition holds only for an argument of some value or size.
    pub(crate) fn compares(&self) -> bool {
        let has_bound = [&self.lt, &self.lte, &self.gt, &self.gte].into_iter().any(Option::is_some);
        has_bound || self.eq.is_some() || self.one_of.is_some() || self.prefix.is_some()
    }
}

fn is_comparable(value: &Value) -> bool {
    match value {
        Value::String(text) => text.chars().count() <= TEXT_CHARS_MAX,
        Value::Number(number) => number.as_f64().is_some_and(f64::is_finite),
        Value::Bool(_) => true,
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

/// Text of a rule with its skeletons, which are computed once for all decisions.
#[derive(Clone, Debug)]
pub(crate) struct PreparedText {
    text: String,
    skeletons: Skeletons,
}

impl PreparedText {
    pub(crate) fn new(text: &str) -> Self {
        Self { text: text.to_owned(), skeletons: Skeletons::of_word(text) }
    }

    /// Compares with a text of a decision, of which `seen` returns the skeletons. An exact comparison never asks for them.
    pub(crate) fn equals(&self, text: &str, exact: bool, seen: impl Fn() -> Rc<Skeletons>) -> bool {
        text == self.text || (!exact && seen().equal(&self.skeletons))
    }

    fn begins(&self, text: &str, exact: bool, seen: impl Fn() -> Rc<Skeletons>) -> bool {
        text.starts_with(&self.text) || (!exact && seen().begin_with(&self.skeletons))
    }
}

/// Condition that is ready for comparing.
#[derive(Debug)]
pub(crate) struct PreparedCondition<'a> {
    condition: &'a ArgumentCondition,
    eq: Option<Comparand<'a>>,
    one_of: Option<Vec<Comparand<'a>>>,
    prefix: Option<PreparedText>,
}

#[derive(Debug)]
enum Comparand<'a> {
    Text(PreparedText),
    Other(&'a Value),
}

impl<'a> Comparand<'a> {
    fn new(value: &'a Value) -> Self {
        value.as_str().map_or(Self::Other(value), |text| Self::Text(PreparedText::new(text)))
    }
}

/// Arguments of one decision, with the skeletons of the texts that conditions have looked at.
pub(crate) struct ReadArguments<'a> {
    arguments: Option<&'a Map<String, Value>>,
    seen: RefCell<BTreeMap<String, Rc<Skeletons>>>,
}

impl<'a> ReadArguments<'a> {
    pub(crate) fn new(arguments: Option<&'a Map<String, Value>>) -> Self {
        Self { arguments, seen: RefCell::default() }
    }

    /// Argument at the path. A name that itself has a dot has no path.
    fn at(&self, path: &str) -> Option<&'a Value> {
        let mut names = path.split('.');
        let first = self.arguments?.get(names.next()?)?;
        names.try_fold(first, |value, name| match value {
            Value::Object(members) => members.get(name),
            Value::Array(items) => position(name).and_then(|place| items.get(place)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
        })
    }

    fn skeletons(&self, path: &str, text: &str) -> Rc<Skeletons> {
        let mut seen = self.seen.borrow_mut();
        Rc::clone(seen.entry(path.to_owned()).or_insert_with(|| Rc::new(Skeletons::of_text(text))))
    }
}

/// Parses a position as JSON writes it: without a sign and without leading zeros.
fn position(name: &str) -> Option<usize> {
    name.parse().ok().filter(|place: &usize| place.to_string() == name)
}

impl<'a> PreparedCondition<'a> {
    pub(crate) fn new(condition: &'a ArgumentCondition) -> Self {
        Self {
            condition,
            eq: condition.eq.as_ref().map(Comparand::new),
            one_of: condition.one_of.as_ref().map(|values| values.iter().map(Comparand::new).collect()),
            prefix: condition.prefix.as_deref().map(PreparedText::new),
        }
    }

    /// Returns `true` if the condition holds. With `exact`, texts are compared letter by letter.
    pub(crate) fn holds(&self, arguments: &ReadArguments<'_>, exact: bool) -> bool {
        let ArgumentCondition { path, lt, lte, gt, gte, absent, .. } = self.condition;
        let found = arguments.at(path);
        if absent.is_some_and(|absent| absent != found.is_none()) {
            return false;
        }
        let Some(found) = found else { return !self.condition.compares() };
        let is = |comparand: &Comparand<'_>| match (comparand, found) {
            (Comparand::Text(expected), Value::String(text)) => {
                expected.equals(text, exact, || arguments.skeletons(path, text))
            }
            (Comparand::Other(Value::Number(expected)), Value::Number(number)) => expected.as_f64() == number.as_f64(),
            (Comparand::Other(Value::Bool(expected)), Value::Bool(flag)) => expected == flag,
            _ => false,
        };
        let number = found.as_number().and_then(Number::as_f64);
        let within = |bound: &Option<Number>, holds: fn(&f64, &f64) -> bool| match bound {
            None => true,
            Some(bound) => number.zip(bound.as_f64()).is_some_and(|(number, bound)| holds(&number, &bound)),
        };
        let begins = |prefix: &PreparedText| {
            found.as_str().is_some_and(|text| prefix.begins(text, exact, || arguments.skeletons(path, text)))
        };
        within(lt, f64::lt)
            && within(lte, f64::le)
            && within(gt, f64::gt)
            && within(gte, f64::ge)
            && self.eq.as_ref().is_none_or(is)
            && self.one_of.as_ref().is_none_or(|values| values.iter().any(is))
            && self.prefix.as_ref().is_none_or(begins)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn holds(condition: &Value, arguments: &Value, exact: bool) -> bool {
        let condition: ArgumentCondition = serde_json::from_value(condition.clone()).unwrap();
        condition.check().unwrap();
        PreparedCondition::new(&condition).holds(&ReadArguments::new(arguments.as_object()), exact)
    }

    #[test]
    fn operators_compare_values_of_their_type() {
        for (operator, bound, holding, failing) in [
            ("eq", json!(50), json!([50, 50.0]), json!([51, "50", true, null, [50], {"v": 50}])),
            ("eq", json!("a"), json!(["a"]), json!(["A", "ab", 1, null, ["a"]])),
            ("eq", json!(true), json!([true]), json!([false, 1, "true", null])),
            ("lt", json!(50), json!([49, -1, 49.9]), json!([50, "49", null, true, [49]])),
            ("lte", json!(50), json!([50, 50.0, -3]), json!([50.1, 51, "50", null])),
            ("gt", json!(0.5), json!([0.6, 1]), json!([0.5, 0, "1", null])),
            ("gte", json!(0.5), json!([0.5, 1]), json!([0.4, "1", null, false])),
            ("in", json!(["a", 7, false]), json!(["a", 7.0, false]), json!(["b", 8, true, null, "7", ["a"]])),
            ("prefix", json!("order-"), json!(["order-1", "order-"]), json!(["order", "xorder-1", 7, null])),
            ("absent", json!(false), json!([0, "", null, []]), json!([])),
            ("absent", json!(true), json!([]), json!([0, "", null, []])),
        ] {
            let condition = json!({"path": "v", operator: bound});
            for (values, expected) in [(holding, true), (failing, false)] {
                for value in values.as_array().unwrap() {
                    assert_eq!(holds(&condition, &json!({"v": value}), true), expected, "{condition} {value}");
                }
            }
            let is_absence = condition["absent"] == true;
            assert_eq!(holds(&condition, &json!({"w": 1}), true), is_absence, "{condition}");
        }
        let range = json!({"path": "v", "gte": 1, "lte": 5, "absent": false});
        assert!(holds(&range, &json!({"v": 5}), true) && !holds(&range, &json!({"v": 0}), true));
        assert!(!holds(&range, &json!({"v": 6}), true) && !holds(&range, &json!({}), true));
    }

    #[test]
    fn paths_lead_through_objects_and_lists() {
        let arguments = json!({"order": {"items": [{"price": 5}, {"price": 7}]}, "a.b": 1, "7": 2, "s": "text"});
        for (path, value) in [("order.items.1.price", Some(7)), ("order.items.0.price", Some(5)), ("7", Some(2))] {
            assert!(holds(&json!({"path": path, "eq": value}), &arguments, true), "{path}");
        }
        for path in
            ["a.b", "order.items.01.price", "order.items.+1.price", "order.items.2.price", "s.0", "ORDER", "order.x"]
        {
            assert!(holds(&json!({"path": path, "absent": true}), &arguments, true), "{path}");
        }
    }

    #[test]
    fn only_inexact_comparison_finds_look_alikes() {
        let equal = json!({"path": "v", "eq": "payroll"});
        let listed = json!({"path": "v", "in": ["x", "Payroll"]});
        let begins = json!({"path": "v", "prefix": "payr"});
        for text in ["p\u{430}yroll", "PAYROLL", "pay\u{200b}roll", "ｐａｙｒｏｌｌ"] {
            for condition in [&equal, &listed, &begins] {
                assert!(holds(condition, &json!({"v": text}), false), "{condition} {text}");
                assert!(!holds(condition, &json!({"v": text}), true), "{condition} {text}");
            }
        }
        assert!(!holds(&equal, &json!({"v": "a payroll"}), false) && !holds(&begins, &json!({"v": "repay"}), false));
    }

    #[test]
    fn invalid_conditions_are_refused() {
        for (condition, message) in [
            (json!({"path": "v"}), "operator"),
            (json!({"path": "v", "eq": null}), "operator"),
            (json!({"path": "", "eq": 1}), "path"),
            (json!({"path": "a..b", "eq": 1}), "path"),
            (json!({"path": "x".repeat(201), "eq": 1}), "path"),
            (json!({"path": vec!["a"; 33].join("."), "eq": 1}), "path"),
            (json!({"path": "v", "eq": [1]}), "eq and in"),
            (json!({"path": "v", "eq": "x".repeat(201)}), "eq and in"),
            (json!({"path": "v", "in": [{}]}), "eq and in"),
            (json!({"path": "v", "in": []}), "1 to 50"),
            (json!({"path": "v", "in": vec![1; 51]}), "1 to 50"),
            (json!({"path": "v", "prefix": ""}), "prefix"),
            (json!({"path": "v", "eq": 1, "absent": true}), "absent alone"),
        ] {
            let parsed: ArgumentCondition = serde_json::from_value(condition.clone()).unwrap();
            assert!(parsed.check().unwrap_err().contains(message), "{condition}");
        }
        for unknown in [json!({"path": "v", "ne": 1}), json!({"eq": 1}), json!({"path": "v", "lt": "5"})] {
            assert!(serde_json::from_value::<ArgumentCondition>(unknown).is_err());
        }
    }
}
