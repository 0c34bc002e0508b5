//! The stream filter of dispatch passes every change that dispatch acts on.

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_effects::{Change, dispatch};
use serde_json::Value;

use crate::replay::{app_for, operation, run_example};
use crate::replay_app::{ReplayApp, TABLE};
use crate::samples::{invoke, sample};
use crate::template::Template;

/// Returns `true` if the filter pattern passes the change. Supports the operators that the template uses.
fn passes(pattern: &Value, change: &Change) -> bool {
    let Some(new) = &change.new else { return false };
    ["Keys", "NewImage"].iter().all(|part| {
        let expected = pattern["dynamodb"][part].as_object().expect("each pattern names keys and attributes");
        expected.iter().all(|(name, expected)| matches_value(expected, new.get(name)))
    })
}

fn matches_value(expected: &Value, found: Option<&AttributeValue>) -> bool {
    if expected["N"][0]["exists"] == true {
        return found.is_some_and(|found| found.as_n().is_ok());
    }
    let Some(text) = found.and_then(|found| found.as_s().ok()) else { return false };
    match (&expected["S"][0], expected["S"][0]["prefix"].as_str()) {
        (Value::String(whole), _) => whole == text,
        (_, Some(prefix)) => text.starts_with(prefix),
        (other, None) => panic!("the filter operator {other} is not supported here"),
    }
}

async fn acted_on(app: &mut ReplayApp) -> Vec<Change> {
    let mut acted_on = Vec::new();
    for change in app.engine.changes_after(TABLE, None, 1_000).unwrap() {
        let change = Change { old: change.old, new: change.new };
        dispatch(&app.worker_context(), &change).await.unwrap();
        if !app.sent.messages().is_empty() {
            acted_on.push(change);
        }
    }
    acted_on
}

#[tokio::test]
async fn stream_filter_passes_dispatched_changes() {
    let template = Template::root();
    let filters = template.resource("DispatchSource")["FilterCriteria"]["Filters"].as_array().cloned().unwrap();
    let read = |filter: &Value| serde_json::from_str(filter["Pattern"].as_str().unwrap()).unwrap();
    let patterns: Vec<Value> = filters.iter().map(read).collect();
    // Decision created and answered; callback replayed; packet created with a webhook; webhook delivery replayed.
    for (function, then, at_least) in [
        ("decisions-page-answer", None, 2),
        ("decisions-callback-replay", None, 2),
        ("packets-hooks-create", Some("packets-create"), 1),
        ("packets-hooks-replay", None, 1),
    ] {
        let mut app = app_for(function).await;
        let endpoint = operation(function);
        let response = invoke(&endpoint, &app, &sample(function).event(&endpoint).to_string()).await;
        assert!(response.is_success(), "{function}: {}", response.text);
        if let Some(then) = then {
            run_example(&mut app, then).await;
        }
        let acted_on = acted_on(&mut app).await;
        assert!(acted_on.len() >= at_least, "{function}: {}", acted_on.len());
        for change in acted_on {
            let passes = patterns.iter().any(|pattern| passes(pattern, &change));
            assert!(passes, "{function}: {:?} never reaches dispatch", change.new.as_ref().map(|new| &new["sk"]));
        }
    }
}
