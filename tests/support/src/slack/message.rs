//! Message of the fake Slack.

use serde_json::Value;

/// Message of the bot in its current state.
#[derive(Clone, Debug)]
pub struct SlackMessage {
    pub channel: String,
    pub ts: String,
    /// Recipient of the direct message.
    pub user: String,
    pub text: String,
    pub blocks: Value,
    pub edits: usize,
}

impl SlackMessage {
    /// Returns the text of all blocks, one line each.
    pub fn visible_text(&self) -> String {
        fn gather(value: &Value, into: &mut String) {
            match value {
                Value::Object(fields) => fields.iter().for_each(|(name, value)| match value {
                    Value::String(text) if name == "text" => {
                        into.push_str(text);
                        into.push('\n');
                    }
                    other => gather(other, into),
                }),
                Value::Array(items) => items.iter().for_each(|item| gather(item, into)),
                Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
            }
        }
        let mut text = String::new();
        gather(&self.blocks, &mut text);
        text
    }

    /// Returns the action ids of the buttons.
    pub fn buttons(&self) -> Vec<String> {
        self.elements().filter_map(|element| element["action_id"].as_str().map(str::to_owned)).collect()
    }

    pub(crate) fn elements(&self) -> impl Iterator<Item = &Value> {
        let blocks = self.blocks.as_array().into_iter().flatten();
        blocks.filter_map(|block| block["elements"].as_array()).flatten().filter(|element| element["type"] == "button")
    }
}
