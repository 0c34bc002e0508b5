//! Validation of blocks and dialogs by the limits published at docs.slack.dev: types, required fields, lengths.

use std::collections::HashSet;

use serde_json::Value;

type CheckResult = Result<(), String>;

pub(super) fn check_blocks(blocks: &Value, count_max: usize) -> CheckResult {
    let blocks = blocks.as_array().ok_or("the blocks are no list")?;
    if blocks.is_empty() || blocks.len() > count_max {
        return Err(format!("there are {} blocks", blocks.len()));
    }
    let mut ids = HashSet::new();
    for block in blocks {
        if let Some(id) = block.get("block_id") {
            length(id, "a block_id", 255)?;
            if !ids.insert(id.to_string()) {
                return Err(format!("two blocks are called {id}"));
            }
        }
        check_block(block).map_err(|error| format!("{error} in {block}"))?;
    }
    Ok(())
}

fn check_block(block: &Value) -> CheckResult {
    match block["type"].as_str().unwrap_or_default() {
        "divider" => Ok(()),
        "header" => plain(&block["text"], "a header", 150),
        "section" => {
            let fields = block["fields"].as_array();
            match (&block["text"], fields) {
                (Value::Null, None) => Err("a section has neither text nor fields".to_owned()),
                (text, fields) => {
                    if !text.is_null() {
                        any_text(text, "a section", 3_000)?;
                    }
                    if fields.is_some_and(|fields| fields.is_empty() || fields.len() > 10) {
                        return Err("a section has too many fields".to_owned());
                    }
                    fields.into_iter().flatten().try_for_each(|field| any_text(field, "a field", 2_000))
                }
            }
        }
        "context" => {
            let elements = list(&block["elements"], "context", 10)?;
            elements.iter().try_for_each(|element| any_text(element, "a context", 2_000))
        }
        "actions" => {
            let elements = list(&block["elements"], "actions", 25)?;
            let ids: HashSet<_> = elements.iter().map(|element| element["action_id"].to_string()).collect();
            if ids.len() != elements.len() {
                return Err("two elements share an action_id".to_owned());
            }
            elements.iter().try_for_each(check_element)
        }
        "input" => {
            plain(&block["label"], "a label", 2_000)?;
            if !block["hint"].is_null() {
                plain(&block["hint"], "a hint", 2_000)?;
            }
            check_element(&block["element"])
        }
        other => Err(format!("{other:?} is no block")),
    }
}

fn check_element(element: &Value) -> CheckResult {
    length(&element["action_id"], "an action_id", 255)?;
    if !element["placeholder"].is_null() {
        plain(&element["placeholder"], "a placeholder", 150)?;
    }
    match element["type"].as_str().unwrap_or_default() {
        "button" => {
            plain(&element["text"], "a button", 75)?;
            if !element["value"].is_null() {
                length(&element["value"], "a button's value", 2_000)?;
            }
            if !element["url"].is_null() {
                length(&element["url"], "a button's url", 3_000)?;
            }
            match element["style"].as_str() {
                None | Some("primary" | "danger") => Ok(()),
                Some(other) => Err(format!("{other} is no style")),
            }
        }
        "plain_text_input" => match element["max_length"].as_u64() {
            None | Some(1..=3_000) => Ok(()),
            Some(other) => Err(format!("{other} is no max_length")),
        },
        "number_input" => {
            if !element["is_decimal_allowed"].is_boolean() {
                return Err("a number_input does not say whether it takes decimals".to_owned());
            }
            let text = |name: &str| element[name].is_null() || element[name].is_string();
            if text("min_value") && text("max_value") { Ok(()) } else { Err("bounds are texts".to_owned()) }
        }
        "datetimepicker" => Ok(()),
        "static_select" | "radio_buttons" => {
            let max = if element["type"] == "static_select" { 100 } else { 10 };
            list(&element["options"], "options", max)?.iter().try_for_each(|option| {
                plain(&option["text"], "an option", 75)?;
                length(&option["value"], "an option's value", 150)
            })
        }
        other => Err(format!("{other:?} is no element")),
    }
}

pub(super) fn check_view(view: &Value) -> CheckResult {
    if view["type"] != "modal" {
        return Err("the view is no modal".to_owned());
    }
    plain(&view["title"], "a title", 24)?;
    for button in ["submit", "close"].into_iter().filter(|name| !view[*name].is_null()) {
        plain(&view[button], button, 24)?;
    }
    let has_input = view["blocks"].as_array().into_iter().flatten().any(|block| block["type"] == "input");
    if has_input && view["submit"].is_null() {
        return Err("a modal with inputs has no submit".to_owned());
    }
    for (name, max) in [("callback_id", 255), ("private_metadata", 3_000)] {
        if !view[name].is_null() {
            length(&view[name], name, max)?;
        }
    }
    check_blocks(&view["blocks"], 100)
}

fn list<'a>(value: &'a Value, name: &str, max: usize) -> Result<&'a Vec<Value>, String> {
    let items = value.as_array().ok_or_else(|| format!("{name} is no list"))?;
    let is_in_range = (1..=max).contains(&items.len());
    if is_in_range { Ok(items) } else { Err(format!("{name} has {} items", items.len())) }
}

fn plain(text: &Value, name: &str, max: usize) -> CheckResult {
    if text["type"] != "plain_text" {
        return Err(format!("{name} is no plain_text"));
    }
    length(&text["text"], name, max)
}

/// Validates a text of either type. Rejects mentions, which untrusted text must not cause.
fn any_text(text: &Value, name: &str, max: usize) -> CheckResult {
    match text["type"].as_str() {
        Some("plain_text") => length(&text["text"], name, max),
        Some("mrkdwn") => {
            let markdown = text["text"].as_str().unwrap_or_default();
            if markdown.replace("<!date^", "").contains("<!") || markdown.contains("<@") || markdown.contains("<#") {
                return Err(format!("{name} contains a mention"));
            }
            length(&text["text"], name, max)
        }
        _ => Err(format!("{name} is no text")),
    }
}

fn length(text: &Value, name: &str, max: usize) -> CheckResult {
    let count = text.as_str().ok_or_else(|| format!("{name} is missing"))?.chars().count();
    if (1..=max).contains(&count) { Ok(()) } else { Err(format!("{name} has {count} characters")) }
}
