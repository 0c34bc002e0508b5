//! Makes deceptive characters in outside text visible or removes them. `maud` escapes markup; this module handles
//! characters that are harmless as markup but hide text, reorder it or break lines.
//!
//! Used by every page and mail for outside text. Look-alike letters are not detected.

use std::borrow::Cow;

/// Replaces each deceptive character by its visible code, such as `[U+202E]`, and normalises line ends. So a person
/// approves what they see.
#[must_use]
pub fn visible_text(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c == '\r' || is_deceptive(c)) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' => {
                if chars.peek() != Some(&'\n') {
                    out.push('\n');
                }
            }
            c if is_deceptive(c) => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// Returns the text on one line of at most `max` characters, for mail headers and titles. Runs of white space become
/// one space, deceptive characters are removed, and a cut text ends in `...`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if matches!(c, '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|&c| c.is_whitespace() || !(is_deceptive(c) || is_direction_mark(c)))
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let cut: String = line.chars().take(max.saturating_sub(3)).collect();
    format!("{}...", cut.trim_end())
}

/// Returns `true` for controls other than tab and newline, explicit direction marks, zero-width marks that no script
/// needs, separators that some programs take for a line end, and tag characters.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{180e}' | '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Returns `true` for implicit direction marks, which Hebrew and Arabic text needs but a header does not.
fn is_direction_mark(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_unchanged() {
        for text in ["", "Deploy\n\t4.2", "日本語 👩‍👩‍👧 ‏שלום"] {
            assert!(matches!(visible_text(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn deceptive_characters_become_visible() {
        assert_eq!(visible_text("a\0b"), "a[U+0000]b");
        assert_eq!(visible_text("invoice\u{202e}fdp.exe"), "invoice[U+202E]fdp.exe");
        assert_eq!(visible_text("a\u{200b}b\u{2066}c\u{e0041}"), "a[U+200B]b[U+2066]c[U+E0041]");
        assert_eq!(visible_text("a\u{2028}b\u{85}c"), "a[U+2028]b[U+0085]c");
        assert_eq!(visible_text("one\r\ntwo\rthree\n"), "one\ntwo\nthree\n");
    }

    #[test]
    fn one_line_removes_line_breaks() {
        assert_eq!(one_line("Pay\r\nBcc: eve@example.com", 150), "Pay Bcc: eve@example.com");
        assert_eq!(one_line("  a\t\t b\u{2028}c\u{b}d \n", 150), "a b c d");
        assert_eq!(one_line("a\0\u{202e}\u{200f}\u{feff}b", 150), "ab");
        assert_eq!(one_line("", 10), "");
    }

    #[test]
    fn long_line_is_cut_between_characters() {
        assert_eq!(one_line("ééééé ééééé", 9), "ééééé...");
        assert_eq!(one_line(&"x".repeat(500), 150).chars().count(), 150);
    }
}
