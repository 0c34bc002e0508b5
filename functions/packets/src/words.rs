//! By which words a packet is found: its summary, and everything that its context says.

use handrail_domain::packet::{Content, Context};
use handrail_domain::words::Words;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::Body;
use serde_json::{Map, Value};

/// Deeper than anybody nests what a person should find.
const DEPTH_MAX: usize = 32;

/// What a packet carries, with the words by which it is found.
pub(crate) fn body_of(content: &Content) -> Result<Body, Fault> {
    Body::of(content, Words::of_record(texts(&content.context)))
}

fn texts(context: &Context) -> Vec<&str> {
    let mut texts = vec![context.summary.as_str()];
    texts.extend(context.conversation_state.iter().map(|turn| turn.content.as_str()));
    for artifact in &context.artifacts {
        texts.push(&artifact.key);
        collect(&artifact.value, DEPTH_MAX, &mut texts);
    }
    collect_members(&context.custom, DEPTH_MAX, &mut texts);
    texts
}

fn collect<'a>(value: &'a Value, depth: usize, texts: &mut Vec<&'a str>) {
    let Some(depth) = depth.checked_sub(1) else { return };
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(values) => values.iter().for_each(|value| collect(value, depth, texts)),
        Value::Object(members) => collect_members(members, depth, texts),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

fn collect_members<'a>(members: &'a Map<String, Value>, depth: usize, texts: &mut Vec<&'a str>) {
    for (name, value) in members {
        texts.push(name);
        collect(value, depth, texts);
    }
}
