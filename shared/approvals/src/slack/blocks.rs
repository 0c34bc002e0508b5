//! Blocks of Slack messages, each within Slack's limits.
//!
//! Text of agents and people uses `plain_text` blocks where Slack allows them, so mentions, links and markup in the
//! text have no effect. Texts in Slack's markup escape the values that they contain.

use handrail_domain::time::Timestamp;
use handrail_web::pages::{one_line, visible_text};
use serde_json::{Value, json};

const HEADER_CHARS_MAX: usize = 150;
const SECTION_CHARS_MAX: usize = 3_000;
const BUTTON_CHARS_MAX: usize = 75;

/// Returns a `plain_text` object with at most `max` characters, on any number of lines.
pub(super) fn plain_text(text: &str, max: usize) -> Value {
    let text = visible_text(text);
    let text = text.trim();
    // Slack rejects empty texts.
    let text = if text.is_empty() { "-".to_owned() } else { truncate(text, max) };
    json!({"type": "plain_text", "text": text, "emoji": false})
}

/// Cuts a text to `max` characters, with an ellipsis at the end.
pub(super) fn truncate(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    let start: String = text.chars().take(max.saturating_sub(1)).collect();
    format!("{}…", start.trim_end())
}

pub(super) fn header_block(text: &str) -> Value {
    json!({"type": "header", "text": plain_text(&one_line(text, HEADER_CHARS_MAX), HEADER_CHARS_MAX)})
}

pub(super) fn text_section(text: &str, max: usize) -> Value {
    json!({"type": "section", "text": plain_text(text, max.min(SECTION_CHARS_MAX))})
}

/// Returns a block of small plain text.
pub(super) fn context_block(text: &str) -> Value {
    json!({"type": "context", "elements": [plain_text(text, 2_000)]})
}

/// Returns a block of small text in Slack's markup. The caller has escaped the values in the text.
pub(super) fn markdown_context_block(text: &str) -> Value {
    json!({"type": "context", "elements": [{"type": "mrkdwn", "text": text, "verbatim": true}]})
}

pub(super) fn fields_section(pairs: &[(&str, String)]) -> Value {
    let field = |(name, value): &(&str, String)| json!({"type": "mrkdwn", "text": format!("*{name}*\n{value}"), "verbatim": true});
    json!({"type": "section", "fields": pairs.iter().map(field).collect::<Vec<_>>()})
}

/// Returns a button. Slack's styles are `primary` and `danger`.
pub(super) fn button(action: &str, label: &str, style: Option<&str>, value: &str) -> Value {
    let mut button = json!({
        "type": "button", "action_id": action, "text": plain_text(&one_line(label, BUTTON_CHARS_MAX), BUTTON_CHARS_MAX), "value": value,
    });
    if let Some(style) = style {
        button["style"] = style.into();
    }
    button
}

pub(super) fn page_button(label: &str, url: &str) -> Value {
    json!({"type": "button", "action_id": "page", "text": plain_text(label, BUTTON_CHARS_MAX), "url": url})
}

/// Escapes a text for Slack's markup, so that the result contains no mention, link or formatting.
pub(super) fn escape_markdown(text: &str) -> String {
    one_line(text, 300)
        .chars()
        .filter(|c| !matches!(c, '*' | '_' | '~' | '`'))
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "&lt;".to_owned(),
            '>' => "&gt;".to_owned(),
            // The separator of URL and label in a link.
            '|' => "/".to_owned(),
            c => c.to_string(),
        })
        .collect()
}

/// Returns a link to a URL that was validated earlier.
pub(super) fn markdown_link(url: &str, label: &str) -> String {
    let escaped_url: String = url
        .chars()
        .map(|c| match c {
            '&' => "&amp;".to_owned(),
            '<' => "%3C".to_owned(),
            '>' => "%3E".to_owned(),
            '|' => "%7C".to_owned(),
            c => c.to_string(),
        })
        .collect();
    format!("<{escaped_url}|{}>", escape_markdown(label))
}

/// Returns a time that Slack shows in the reader's time zone, with UTC as the fallback.
pub(super) fn format_time(at: Timestamp) -> String {
    format!("<!date^{}^{{date_short_pretty}}, {{time}}|{}>", at.as_unix_seconds(), at.readable())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_contains_no_slack_markup() {
        let hostile = "<!channel> <@U1> <https://evil.example|Sign in> *bold* `code` a|b & c\nd\u{202e}";
        let escaped = escape_markdown(hostile);
        assert_eq!(
            escaped,
            "&lt;!channel&gt; &lt;@U1&gt; &lt;https://evil.example/Sign in&gt; bold code a/b &amp; c d"
        );
        let link = markdown_link("https://x.example/a|b>?c=<d>&e", hostile);
        assert!(link.starts_with("<https://x.example/a%7Cb%3E?c=%3Cd%3E&amp;e|") && link.matches('<').count() == 1);
    }

    #[test]
    fn plain_text_is_truncated_and_never_empty() {
        assert_eq!(plain_text("äöü", 2)["text"], "ä…");
        assert_eq!(plain_text(" \u{202e} ", 50)["text"], "[U+202E]");
        assert_eq!(plain_text("\n", 50)["text"], "-");
    }
}
