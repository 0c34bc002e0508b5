//! The pieces of Slack's messages, each within Slack's limits whatever it is given.
//!
//! Outside text goes into `plain_text` wherever Slack takes it: there nothing is a mention, a link or a mark. The few texts
//! of ours that are marked up escape what they carry.

use handrail_domain::time::Timestamp;
use handrail_kernel::pages::{one_line, shown};
use serde_json::{Value, json};

const HEADER_MAX: usize = 150;
const SECTION_MAX: usize = 3_000;
const BUTTON_MAX: usize = 75;

/// Outside text on as many lines as it has, cut to this many characters.
pub(super) fn plain(text: &str, max: usize) -> Value {
    let text = shown(text);
    let text = text.trim();
    // Slack takes no empty text.
    let text = if text.is_empty() { "-".to_owned() } else { cut(text, max) };
    json!({"type": "plain_text", "text": text, "emoji": false})
}

pub(super) fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let kept: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", kept.trim_end())
}

pub(super) fn header(text: &str) -> Value {
    json!({"type": "header", "text": plain(&one_line(text, HEADER_MAX), HEADER_MAX)})
}

pub(super) fn words(text: &str, max: usize) -> Value {
    json!({"type": "section", "text": plain(text, max.min(SECTION_MAX))})
}

/// Small print of outside text.
pub(super) fn small(text: &str) -> Value {
    json!({"type": "context", "elements": [plain(text, 2_000)]})
}

/// Small print of ours, marked up: what it carries was escaped by who made it.
pub(super) fn small_marked(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}

pub(super) fn fields(pairs: &[(&str, String)]) -> Value {
    let field = |(name, value): &(&str, String)| json!({"type": "mrkdwn", "text": format!("*{name}*\n{value}"), "verbatim": true});
    json!({"type": "section", "fields": pairs.iter().map(field).collect::<Vec<_>>()})
}

/// `style`: Slack knows `primary` and `danger`.
pub(super) fn button(action: &str, label: &str, style: Option<&str>, value: &str) -> Value {
    let mut button = json!({
        "type": "button", "action_id": action, "text": plain(&one_line(label, BUTTON_MAX), BUTTON_MAX), "value": value,
    });
    if let Some(style) = style {
        button["style"] = style.into();
    }
    button
}

pub(super) fn page_button(label: &str, url: &str) -> Value {
    json!({"type": "button", "action_id": "page", "text": plain(label, BUTTON_MAX), "url": url})
}

/// For marked-up text: nothing in it is a mention, a link or a mark any more.
pub(super) fn escaped(text: &str) -> String {
    one_line(text, 300)
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            // Would end a link's address.
            '|' => "/".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// A link of ours to an address that was checked when it came.
pub(super) fn link(url: &str, label: &str) -> String {
    let address: String = url
        .chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '|' => "%7C".to_owned(),
            c => c.to_string(),
        })
        .collect();
    format!("<{address}|{}>", escaped(label))
}

/// In the reader's own time zone; in UTC where Slack can't tell.
pub(super) fn time(at: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}}, {{time}}|{}>", at.as_unix_seconds(), at.readable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_marked_up_text_is_a_command() {
        let hostile = "<!channel> <@U1> <https://evil.example|Sign in> *bold* `code` a|b & c\nd\u{202e}";
        let safe = escaped(hostile);
        assert_eq!(safe, "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example/Sign in&gt; bold code a/b &amp; c d");
        let linked = link("https://x.example/a|b>?c=<d>&e", hostile);
        assert!(linked.starts_with("<https://x.example/a%7Cb%3E?c=%3Cd%3E&amp;e|") && linked.matches('<').count() == 1);
    }

    #[test]
    fn texts_are_cut_between_characters_and_never_empty() {
        assert_eq!(plain("äöü", 2)["text"], "ä…");
        assert_eq!(plain(" \u{202e} ", 50)["text"], "[U+202E]");
        assert_eq!(plain("\n", 50)["text"], "-");
    }
}
