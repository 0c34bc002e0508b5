//! Text that the search indexes: the packet's summary and all texts of its context.

use handrail_domain::packet::{Content, Context};
use handrail_domain::search_terms::SearchTerms;
use handrail_platform::fault::Fault;
use handrail_store::Body;
use serde_json::{Map, Value};

/// Nesting of the custom context that is indexed.
const DEPTH_MAX: usize = 32;
/// Indexed integers per packet, such as order numbers. Longer lists are data that people do not search for.
const NUMBERS_MAX: usize = 100;

/// Builds the stored body of a packet with its search terms.
pub fn searchable_body(content: &Content) -> Result<Body, Fault> {
    let collector = TextCollector::from_context(&content.context);
    // Numbers come last, so that the limit of terms drops numbers before words.
    let texts = collector.texts.iter().copied().chain(collector.numbers.iter().map(String::as_str));
    Body::new(content, SearchTerms::of_record(texts))
}

#[derive(Default)]
struct TextCollector<'a> {
    texts: Vec<&'a str>,
    /// Integers only, as people do not search for prices or measurements.
    numbers: Vec<String>,
}

impl<'a> TextCollector<'a> {
    fn from_context(context: &'a Context) -> Self {
        let mut collector = Self { texts: vec![&context.summary], numbers: Vec::new() };
        collector.texts.extend(context.conversation_state.iter().map(|turn| turn.content.as_str()));
        for artifact in &context.artifacts {
            collector.texts.push(&artifact.key);
            collector.collect(&artifact.value, DEPTH_MAX);
        }
        collector.collect_members(&context.custom, DEPTH_MAX);
        collector
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
