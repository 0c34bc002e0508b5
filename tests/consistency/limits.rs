//! docs/limits.md: each limit equals its constant in the code, and no limit of an API is missing.

use std::collections::{BTreeMap, BTreeSet};

use handrail_context::settings::PublicRateLimits;
use handrail_domain::account::TIERS;
use syn::visit::{self, Visit};
use syn::{BinOp, Expr, ImplItemConst, ItemConst, ItemMod, Lit, UnOp};

use crate::project::{files, read};

const DOCUMENT: &str = "docs/limits.md";
/// Folders whose every `…_MAX` is listed: the rules, and the operations.
const COMPLETE_FOLDERS: [&str; 2] = ["shared/domain/src/", "functions/"];

#[test]
fn limits_equal_their_constants() {
    let sources = files();
    let (rows, mut wrong) = (rows_with_constants(), Vec::new());
    assert!(rows.len() > 150, "{DOCUMENT} was not read: {} rows", rows.len());
    for (limit, constant) in &rows {
        match (Constants { sources: &sources }).values(constant) {
            Ok(values) if values == quantities(limit) => {}
            Ok(values) => wrong.push(format!("{constant} is {values:?}, not {limit}")),
            Err(error) => wrong.push(error),
        }
    }
    assert!(wrong.is_empty(), "{DOCUMENT}:\n{}", wrong.join("\n"));
}

#[test]
fn every_limit_of_an_api_is_listed() {
    let listed: BTreeSet<String> = rows_with_constants().into_iter().map(|(_, constant)| constant).collect();
    let mut missing = Vec::new();
    let mut found = 0;
    for (path, text) in files() {
        let is_test = path.ends_with("tests.rs") || path.contains("/tests/") || path.ends_with("testing.rs");
        if is_test || !path.ends_with(".rs") || !COMPLETE_FOLDERS.iter().any(|folder| path.starts_with(folder)) {
            continue;
        }
        for name in constants_of(&text).into_keys() {
            let constant = format!("{path}::{name}");
            found += usize::from(name.ends_with("_MAX"));
            if name.ends_with("_MAX") && !listed.contains(&constant) {
                missing.push(constant);
            }
        }
    }
    assert!(found > 80, "the constants were not found");
    assert!(missing.is_empty(), "{DOCUMENT} lacks these constants:\n{}", missing.join("\n"));
}

#[test]
fn tier_limits_equal_the_tiers() {
    let rows = cells(|row| row.len() == 5);
    let text = |limit: Option<u64>| limit.map_or_else(|| "no limit".to_owned(), with_commas);
    let number = |limit: Option<u32>| text(limit.map(u64::from));
    let expected: Vec<Vec<String>> = vec![
        TIERS.iter().map(|tier| format!("`{}`", tier.name)).collect(),
        TIERS.iter().map(|tier| number(tier.decisions_per_month)).collect(),
        TIERS.iter().map(|tier| text(tier.approvers_max.map(|max| max as u64))).collect(),
        TIERS.iter().map(|tier| number(Some(tier.requests_per_minute))).collect(),
        TIERS.iter().map(|tier| number(Some(tier.requests_per_minute_max))).collect(),
        TIERS.iter().map(|tier| number(tier.tier.packet_limits().requests_per_hour)).collect(),
        TIERS.iter().map(|tier| number(tier.tier.packet_limits().handoffs_per_day)).collect(),
        TIERS.iter().map(|tier| number(Some(tier.tier.packet_limits().keys_max))).collect(),
    ];
    let found: Vec<Vec<String>> = rows.into_iter().map(|row| row[1..].to_vec()).collect();
    assert_eq!(found, expected);
}

#[test]
fn public_rate_limits_equal_the_defaults() {
    let PublicRateLimits { pages_per_minute, sign_ins_per_minute, keys_per_hour } = PublicRateLimits::PRODUCTION;
    let rows = cells(|row| row.len() == 2);
    for (parameter, limit) in [
        ("PagesPerMinute", pages_per_minute),
        ("SignInsPerMinute", sign_ins_per_minute),
        ("KeysPerHour", keys_per_hour),
    ] {
        let row = rows.iter().find(|row| row[0].starts_with(&format!("`{parameter}`")));
        assert_eq!(row.map(|row| row[1].as_str()), Some(limit.to_string().as_str()), "{parameter}");
    }
}

/// Returns the cells of the document's table rows that are chosen, without the lines below the headings.
fn cells(is_chosen: impl Fn(&[String]) -> bool) -> Vec<Vec<String>> {
    let text = read(DOCUMENT);
    let rows = text.lines().filter_map(|line| line.strip_prefix('|')?.trim_end().strip_suffix('|'));
    let rows = rows.map(|row| row.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>());
    rows.filter(|row| !row[0].starts_with("---") && is_chosen(row)).collect()
}

/// Returns limit and constant of each row that names a constant.
fn rows_with_constants() -> Vec<(String, String)> {
    let rows = cells(|row| row.len() == 3 && row[2] != "constant");
    let constant = |row: &Vec<String>| row[2].trim_matches('`').to_owned();
    rows.iter().map(|row| (row[1].clone(), constant(row))).collect()
}

fn with_commas(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&[u8]> = digits.as_bytes().rchunks(3).rev().collect();
    let groups: Vec<&str> = groups.into_iter().map(|group| std::str::from_utf8(group).expect("digits")).collect();
    groups.join(",")
}

/// Returns the quantities in a cell, such as `1 s, 5 minutes`: times in milliseconds, sizes in bytes.
fn quantities(cell: &str) -> Vec<f64> {
    let quantity = |part: &str| {
        let (number, unit) = part.split_once(' ').unwrap_or((part, ""));
        let number: f64 = number.replace(',', "").parse().unwrap_or_else(|_| panic!("{part:?} begins with no number"));
        number
            * match unit {
                "s" => 1e3,
                "minute" | "minutes" => 60e3,
                "hour" | "hours" => 3_600e3,
                "day" | "days" => 86_400e3,
                "KB" => 1024.0,
                "MB" => 1024.0 * 1024.0,
                // Times are compared in milliseconds.
                "" | "characters" | "bytes" | "levels" | "ms" => 1.0,
                other => panic!("{other:?} is no unit of {DOCUMENT}"),
            }
    };
    cell.split(", ").map(quantity).collect()
}

type Expressions = BTreeMap<String, Expr>;

/// Returns the constants of a file, also those in functions and implementations, without those of its tests.
fn constants_of(text: &str) -> Expressions {
    #[derive(Default)]
    struct Collector(Expressions);
    impl<'ast> Visit<'ast> for Collector {
        fn visit_item_const(&mut self, item: &'ast ItemConst) {
            self.0.insert(item.ident.to_string(), *item.expr.clone());
        }
        fn visit_impl_item_const(&mut self, item: &'ast ImplItemConst) {
            self.0.insert(item.ident.to_string(), item.expr.clone());
        }
        fn visit_item_mod(&mut self, item: &'ast ItemMod) {
            if item.ident != "tests" {
                visit::visit_item_mod(self, item);
            }
        }
    }
    let mut collector = Collector::default();
    collector.visit_file(&syn::parse_file(text).expect("the file is Rust"));
    collector.0
}

/// Returns the factor from a constant to milliseconds, if its name says that it is another time.
fn scale_of(name: &str) -> f64 {
    if name.contains("_SECONDS") {
        1e3
    } else if name.contains("_MINUTES") {
        60e3
    } else if name.contains("DAYS_") || name.ends_with("_DAYS") {
        86_400e3
    } else {
        1.0
    }
}

struct Constants<'a> {
    sources: &'a BTreeMap<String, String>,
}

impl Constants<'_> {
    /// Returns the values of a constant such as `shared/domain/src/time.rs::DAY_MS`: times in milliseconds.
    fn values(&self, constant: &str) -> Result<Vec<f64>, String> {
        let (path, name) = constant.split_once("::").ok_or_else(|| format!("{constant} names no file"))?;
        let text = self.sources.get(path).ok_or_else(|| format!("{path} does not exist"))?;
        let constants = constants_of(text);
        let expr = constants.get(name).ok_or_else(|| format!("{path} has no constant {name}"))?;
        let values = self.evaluate(expr, &constants).ok_or_else(|| format!("{constant} is too complicated to read"))?;
        let scale = scale_of(name);
        Ok(values.into_iter().map(|value| value * scale).collect())
    }

    fn evaluate(&self, expr: &Expr, constants: &Expressions) -> Option<Vec<f64>> {
        let one = |expr: &Expr| match self.evaluate(expr, constants)?[..] {
            [value] => Some(value),
            _ => None,
        };
        Some(match expr {
            Expr::Lit(literal) => match &literal.lit {
                Lit::Int(number) => vec![number.base10_parse().ok()?],
                Lit::Float(number) => vec![number.base10_parse().ok()?],
                _ => return None,
            },
            Expr::Paren(inner) => self.evaluate(&inner.expr, constants)?,
            Expr::Cast(inner) => self.evaluate(&inner.expr, constants)?,
            Expr::Reference(inner) => self.evaluate(&inner.expr, constants)?,
            Expr::Array(array) => array.elems.iter().map(one).collect::<Option<_>>()?,
            Expr::Unary(unary) if matches!(unary.op, UnOp::Neg(_)) => vec![-one(&unary.expr)?],
            Expr::Binary(binary) => {
                let (left, right) = (one(&binary.left)?, one(&binary.right)?);
                vec![match binary.op {
                    BinOp::Add(_) => left + right,
                    BinOp::Sub(_) => left - right,
                    BinOp::Mul(_) => left * right,
                    BinOp::Div(_) => (left / right).trunc(),
                    BinOp::Shl(_) => left * right.exp2(),
                    _ => return None,
                }]
            }
            Expr::Call(call) => {
                let Expr::Path(function) = &*call.func else { return None };
                let scale = match function.path.segments.last()?.ident.to_string().as_str() {
                    "from_secs" => 1e3,
                    "from_millis" | "Some" => 1.0,
                    _ => return None,
                };
                vec![one(call.args.first()?)? * scale]
            }
            Expr::Path(path) => {
                let name = path.path.segments.last()?.ident.to_string();
                match constants.get(&name).filter(|_| path.path.segments.len() == 1) {
                    Some(expr) => self.evaluate(expr, constants)?,
                    None => self.only_constant_named(&name)?,
                }
            }
            _ => return None,
        })
    }

    /// Returns the value of an imported constant. `None` if two files have different ones under this name.
    fn only_constant_named(&self, name: &str) -> Option<Vec<f64>> {
        let declaration = format!("const {name}: ");
        let is_code = |path: &str| path.ends_with(".rs") && !path.starts_with("tests/");
        let declaring = self.sources.iter().filter(|(path, text)| is_code(path) && text.contains(&declaration));
        let mut found = declaring.filter_map(|(_, text)| {
            let constants = constants_of(text);
            // A constant that only repeats another one says nothing new.
            let expr = constants.get(name).filter(|expr| !matches!(expr, Expr::Path(_)))?;
            self.evaluate(expr, &constants)
        });
        let first = found.next()?;
        found.all(|other| other == first).then_some(first)
    }
}
