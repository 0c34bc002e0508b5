//! A schema as a graph: which of its parts look at a value, and which at what lies in that value. From it follows what a
//! check can cost, before anything is checked.
//!
//! It also says which schemas are taken at all: those whose every reference leads to a place in the schema itself, and
//! that say nothing whose cost can't be told. What a keyword means, and whether it is used rightly, is left to the library.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::patterns::Patterns;

/// Levels of the JSON. Whoever reads it goes as deep.
const DEPTH_MAX: usize = 32;
/// Steps that one value can cost by itself, whatever lies in it. An alternative of a hundred objects takes some hundreds.
const STEPS_OF_A_VALUE_MAX: u64 = 50_000;
/// Parts that look at one value in turn, each led to by the one before.
const TURNS_MAX: usize = 64;
/// What an error shows of a place in a schema.
const PLACE_CHARS_MAX: usize = 200;

const DRAFTS: [&str; 5] = [
    "json-schema.org/draft-04/schema",
    "json-schema.org/draft-06/schema",
    "json-schema.org/draft-07/schema",
    "json-schema.org/draft/2019-09/schema",
    "json-schema.org/draft/2020-12/schema",
];

/// These look at a value a second time, or lead to where only the check finds out.
const NOT_TAKEN: [&str; 4] = ["$dynamicRef", "$recursiveRef", "unevaluatedItems", "unevaluatedProperties"];

/// Why a schema is not taken, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Unfit {
    pub at: String,
    pub why: String,
}

impl Unfit {
    pub(super) fn new(at: &str, why: impl Into<String>) -> Self {
        Self { at: at.chars().take(PLACE_CHARS_MAX).collect(), why: why.into() }
    }
}

/// One schema within the schema, by what it looks at. Numbers lead to other parts.
#[derive(Debug, Default)]
pub(super) struct Part {
    /// Steps of what it compares itself.
    pub steps: u64,
    /// How large the patterns are with which a text is compared, and the name of each member.
    pub text_states: u64,
    pub name_states: u64,
    /// Tries one after the other: when none fits, all are told why.
    pub offers: bool,
    /// At the same value.
    pub here: Vec<usize>,
    pub members: HashMap<String, usize>,
    pub every_member: Vec<usize>,
    pub other_members: Option<usize>,
    pub names: Option<usize>,
    pub places: Vec<usize>,
    pub every_place: Vec<usize>,
    pub other_places: Option<usize>,
}

#[derive(Debug)]
pub(super) struct Outline {
    /// The first is the schema itself.
    pub parts: Vec<Part>,
}

impl Outline {
    pub(super) fn of(schema: &Value) -> Result<Self, Unfit> {
        if depth(schema) > DEPTH_MAX {
            return Err(Unfit::new("", format!("is nested deeper than {DEPTH_MAX} levels")));
        }
        let mut reader = Reader {
            root: schema,
            parts: Vec::new(),
            trails: Vec::new(),
            known: HashMap::new(),
            open: Vec::new(),
            patterns: Patterns::default(),
        };
        reader.part(schema, None, "");
        while let Some((index, value)) = reader.open.pop() {
            let part = reader.read(index, value)?;
            reader.parts[index] = part;
        }
        reader.no_part_comes_back_to_itself()?;
        Ok(Self { parts: reader.parts })
    }
}

/// How a part was come upon: from which other, by which names.
struct Trail {
    from: Option<usize>,
    by: String,
}

struct Reader<'s> {
    root: &'s Value,
    parts: Vec<Part>,
    trails: Vec<Trail>,
    /// By where the value lies, which is quicker than by its path and as unique.
    known: HashMap<usize, usize>,
    open: Vec<(usize, &'s Value)>,
    patterns: Patterns,
}

impl<'s> Reader<'s> {
    fn part(&mut self, value: &'s Value, from: Option<usize>, by: impl Into<String>) -> usize {
        let next = self.parts.len();
        let index = *self.known.entry(std::ptr::from_ref(value) as usize).or_insert(next);
        if index == next {
            self.parts.push(Part::default());
            self.trails.push(Trail { from, by: by.into() });
            self.open.push((index, value));
        }
        index
    }

    fn unfit<T>(&self, index: usize, keyword: &str, why: impl Into<String>) -> Result<T, Unfit> {
        let mut steps = vec![keyword];
        let mut at = Some(index);
        while let Some(trail) = at.map(|at| &self.trails[at]) {
            steps.push(&trail.by);
            at = trail.from;
        }
        steps.reverse();
        Err(Unfit::new(steps.join("/").trim_matches('/'), why))
    }

    fn read(&mut self, index: usize, value: &'s Value) -> Result<Part, Unfit> {
        let mut part = Part { steps: 1, ..Part::default() };
        let Value::Object(members) = value else { return Ok(part) };
        for (keyword, said) in members {
            self.read_keyword(index, &mut part, keyword, said)?;
        }
        Ok(part)
    }

    fn read_keyword(&mut self, index: usize, part: &mut Part, keyword: &'s str, said: &'s Value) -> Result<(), Unfit> {
        match (keyword, said) {
            ("$ref", Value::String(reference)) => {
                let target = self.resolve(index, reference)?;
                part.here.push(target);
            }
            ("$schema", Value::String(draft)) => self.check_draft(index, draft)?,
            ("$id", Value::String(id)) | ("id", Value::String(id)) => self.check_id(index, keyword, id)?,
            (name, _) if NOT_TAKEN.contains(&name) => return self.unfit(index, name, "is not taken here"),
            ("allOf" | "anyOf" | "oneOf", Value::Array(all)) => {
                part.offers |= keyword != "allOf";
                part.here.extend(self.list(index, keyword, all));
            }
            ("not" | "if" | "then" | "else", one) => part.here.push(self.part(one, Some(index), keyword)),
            ("dependentSchemas" | "dependencies", Value::Object(all)) => {
                for (name, one) in all {
                    match one {
                        Value::Array(names) => part.steps += names.len() as u64,
                        one => part.here.push(self.part(one, Some(index), format!("{keyword}/{name}"))),
                    }
                }
            }
            ("properties", Value::Object(all)) => {
                part.steps += all.len() as u64;
                part.members = self.map(index, keyword, all).collect();
            }
            ("patternProperties", Value::Object(all)) => {
                for pattern in all.keys() {
                    part.name_states += self.states(index, keyword, pattern)?;
                }
                part.every_member = self.map(index, keyword, all).map(|(_, part)| part).collect();
            }
            ("additionalProperties", one) => part.other_members = Some(self.part(one, Some(index), keyword)),
            ("propertyNames", one) => part.names = Some(self.part(one, Some(index), keyword)),
            ("items" | "prefixItems", Value::Array(all)) => part.places = self.list(index, keyword, all),
            ("items" | "additionalItems", one) => part.other_places = Some(self.part(one, Some(index), keyword)),
            ("contains", one) => part.every_place.push(self.part(one, Some(index), keyword)),
            ("pattern", Value::String(pattern)) => part.text_states += self.states(index, keyword, pattern)?,
            // What nothing refers to is read too: the library reads it.
            ("$defs" | "definitions", Value::Object(all)) => self.map(index, keyword, all).for_each(drop),
            ("enum" | "const" | "required" | "dependentRequired", said) => part.steps += weight(said),
            _ => {}
        }
        Ok(())
    }

    fn list(&mut self, index: usize, keyword: &str, all: &'s [Value]) -> Vec<usize> {
        let each = all.iter().enumerate();
        each.map(|(place, one)| self.part(one, Some(index), format!("{keyword}/{place}"))).collect()
    }

    fn map<'a>(
        &'a mut self,
        index: usize,
        keyword: &'a str,
        all: &'s Map<String, Value>,
    ) -> impl Iterator<Item = (String, usize)> + use<'a, 's> {
        all.iter().map(move |(name, one)| (name.clone(), self.part(one, Some(index), format!("{keyword}/{name}"))))
    }

    fn states(&mut self, index: usize, keyword: &str, pattern: &str) -> Result<u64, Unfit> {
        self.patterns.states_of(pattern).or_else(|why| self.unfit(index, keyword, why))
    }

    fn resolve(&mut self, index: usize, reference: &str) -> Result<usize, Unfit> {
        let pointer = reference.strip_prefix('#').filter(|rest| rest.is_empty() || rest.starts_with('/'));
        let Some(pointer) = pointer.filter(|pointer| !pointer.contains('%')) else {
            return self.unfit(index, "$ref", "leads out of the schema: only \"#\" and \"#/path\" are taken");
        };
        match self.root.pointer(pointer) {
            Some(target @ (Value::Object(_) | Value::Bool(_))) => Ok(self.part(target, Some(index), "$ref")),
            _ => self.unfit(index, "$ref", "leads to no schema"),
        }
    }

    fn check_draft(&self, index: usize, draft: &str) -> Result<(), Unfit> {
        if index != 0 {
            return self.unfit(index, "$schema", "is taken at the top only");
        }
        let name = draft.strip_suffix('#').unwrap_or(draft);
        let name = name.strip_prefix("https://").or_else(|| name.strip_prefix("http://")).unwrap_or(name);
        if !DRAFTS.contains(&name) {
            return self.unfit(index, "$schema", "is not draft 4, 6, 7, 2019-09 or 2020-12 as it is published");
        }
        Ok(())
    }

    /// An inner id changes where references lead.
    fn check_id(&self, index: usize, keyword: &str, id: &str) -> Result<(), Unfit> {
        match (keyword, index) {
            // Draft 4 called it so; to the others it is a word without meaning.
            ("id", _) if !self.root["$schema"].as_str().is_some_and(|draft| draft.contains("draft-04")) => Ok(()),
            (_, 0) if !id.contains("json-schema.org") => Ok(()),
            (_, 0) => self.unfit(index, keyword, "is the name of somebody else's schema"),
            _ => self.unfit(index, keyword, "is taken at the top only"),
        }
    }

    /// What looks at the same value in turn must come to an end, and soon. Parts are worked off from those that lead to no
    /// other; what is left then leads in a circle.
    fn no_part_comes_back_to_itself(&self) -> Result<(), Unfit> {
        let mut led_to_by: Vec<Vec<usize>> = vec![Vec::new(); self.parts.len()];
        let mut waits_for: Vec<usize> = self.parts.iter().map(|part| part.here.len()).collect();
        for (index, part) in self.parts.iter().enumerate() {
            part.here.iter().for_each(|next| led_to_by[*next].push(index));
        }
        let mut costs: Vec<(u64, usize)> = self.parts.iter().map(|part| (part.steps, 1)).collect();
        let mut ready: Vec<usize> = (0..self.parts.len()).filter(|index| waits_for[*index] == 0).collect();
        let mut done = 0;
        while let Some(index) = ready.pop() {
            done += 1;
            let (steps, turns) = costs[index];
            if steps > STEPS_OF_A_VALUE_MAX || turns > TURNS_MAX {
                return self.unfit(index, "", "asks too much of one value");
            }
            for &before in &led_to_by[index] {
                costs[before] = (costs[before].0.saturating_add(steps), costs[before].1.max(turns + 1));
                waits_for[before] -= 1;
                if waits_for[before] == 0 {
                    ready.push(before);
                }
            }
        }
        match waits_for.iter().position(|waits| *waits > 0) {
            Some(index) if done < self.parts.len() => self.unfit(index, "", "refers to itself"),
            _ => Ok(()),
        }
    }
}

/// Steps of comparing something with this: each value in it, and its texts.
fn weight(said: &Value) -> u64 {
    match said {
        Value::Array(values) => 1 + values.iter().map(weight).sum::<u64>(),
        Value::Object(members) => {
            1 + members.iter().map(|(name, one)| super::effort::of_text(name) + weight(one)).sum::<u64>()
        }
        Value::String(text) => 1 + super::effort::of_text(text),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

fn depth(value: &Value) -> usize {
    match value {
        Value::Array(values) => 1 + values.iter().map(depth).max().unwrap_or(0),
        Value::Object(members) => 1 + members.values().map(depth).max().unwrap_or(0),
        _ => 1,
    }
}
