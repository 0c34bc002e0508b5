//! By which words a packet is found: its summary, and everything that its context says.

use handrail_domain::packet::{Content, Context};
use handrail_domain::words::Words;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::Body;
use serde_json::{Map, Value};

/// Deeper than anybody nests what a person should find.
const DEPTH_MAX: usize = 32;
/// Orders and customers have numbers, and more than a hundred of them are data.
const NUMBERS_MAX: usize = 100;

/// What a packet carries, with the words by which it is found.
pub(crate) fn body_of(content: &Content) -> Result<Body, Fault> {
    let said = Said::by(&content.context);
    // Numbers come last, so that none takes the place of a word.
    let texts = said.texts.iter().copied().chain(said.numbers.iter().map(String::as_str));
    Body::of(content, Words::of_record(texts))
}

#[derive(Default)]
struct Said<'a> {
    texts: Vec<&'a str>,
    /// Whole ones. Nobody looks for a price by its digits, or for a list of weights.
    numbers: Vec<String>,
}

impl<'a> Said<'a> {
    fn by(context: &'a Context) -> Self {
        let mut said = Self { texts: vec![&context.summary], numbers: Vec::new() };
        said.texts.extend(context.conversation_state.iter().map(|turn| turn.content.as_str()));
        for artifact in &context.artifacts {
            said.texts.push(&artifact.key);
            said.collect(&artifact.value, DEPTH_MAX);
        }
        said.collect_members(&context.custom, DEPTH_MAX);
        said
    }

    fn collect(&mut self, value: &'a Value, depth: usize) {
        let Some(depth) = depth.checked_sub(1) else { return };
        match value {
            Value::String(text) => self.texts.push(text),
            Value::Array(values) => values.iter().for_each(|value| self.collect(value, depth)),
            Value::Object(members) => self.collect_members(members, depth),
            Value::Number(number) => {
                if !number.is_f64() && self.numbers.len() < NUMBERS_MAX {
                    self.numbers.push(number.to_string());
                }
            }
            Value::Null | Value::Bool(_) => {}
        }
    }

    fn collect_members(&mut self, members: &'a Map<String, Value>, depth: usize) {
        for (name, value) in members {
            self.texts.push(name);
            self.collect(value, depth);
        }
    }
}
