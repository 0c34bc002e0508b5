//! The filter in front of dispatch lets everything through that dispatch acts on.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_effects::{Change, dispatch};
use serde_json::Value;

use crate::replay::{happen, operation, stage_for};
use crate::samples::{invoke, sample};
use crate::stage::{Stage, TABLE};
use crate::template::Template;

/// The patterns as AWS reads them, in the few words that they use.
fn lets_through(pattern: &Value, change: &Change) -> bool {
    let Some(new) = &change.new else { return false };
    ["Keys", "NewImage"].iter().all(|part| {
        let wanted = pattern["dynamodb"][part].as_object().expect("each pattern names keys and attributes");
        wanted.iter().all(|(name, wanted)| fits(wanted, new.get(name)))
    })
}

fn fits(wanted: &Value, found: Option<&AttributeValue>) -> bool {
    if wanted["N"][0]["exists"] == true {
        return found.is_some_and(|found| found.as_n().is_ok());
    }
    let Some(text) = found.and_then(|found| found.as_s().ok()) else { return false };
    match (&wanted["S"][0], wanted["S"][0]["prefix"].as_str()) {
        (Value::String(whole), _) => whole == text,
        (_, Some(prefix)) => text.starts_with(prefix),
        (other, None) => panic!("say here what a filter means by {other}"),
    }
}

async fn acted_on(stage: &mut Stage) -> Vec<Change> {
    let mut acted_on = Vec::new();
    for change in stage.engine.changes_after(TABLE, None, 1_000).unwrap() {
        let change = Change { old: change.old, new: change.new };
        dispatch(&stage.works(), &change).await.unwrap();
        if !stage.sent.messages().is_empty() {
            acted_on.push(change);
        }
    }
    acted_on
}

#[tokio::test]
async fn what_dispatch_acts_on_passes_the_filter() {
    let template = Template::read();
    let filters = template.resource("DispatchSource")["FilterCriteria"]["Filters"].as_array().cloned().unwrap();
    let read = |filter: &Value| serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap();
    let patterns: Vec<Value> = filters.iter().map(read).collect();
    // Made and answered; replayed beside a record; made while a hook is there; replayed at a hook.
    for (function, more, at_least) in [
        ("decisions-page-answer", None, 2),
        ("decisions-callback-replay", None, 2),
        ("packets-hooks-create", Some("packets-create"), 1),
        ("packets-hooks-replay", None, 1),
    ] {
        let mut stage = stage_for(function).await;
        let endpoint = operation(function);
        let answer = invoke(&endpoint, &stage, &sample(function).event(&endpoint).to_string()).await;
        assert!(answer.is_success(), "{function}: {}", answer.text);
        if let Some(more) = more {
            happen(&mut stage, more).await;
        }
        let acted_on = acted_on(&mut stage).await;
        assert!(acted_on.len() >= at_least, "{function}: {}", acted_on.len());
        for change in acted_on {
            let passes = patterns.iter().any(|pattern| lets_through(pattern, &change));
            assert!(passes, "{function}: {:?} never reaches dispatch", change.new.as_ref().map(|new| &new["sk"]));
        }
    }
}
