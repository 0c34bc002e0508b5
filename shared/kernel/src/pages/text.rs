//! Makes outside text safe to look at. Escaping is `maud`'s work; this is about characters that
//! are harmless as markup and still deceive a reader: the ones that hide, reorder or break lines.
//!
//! Called by every page and mail before outside text is put in. It guarantees that such
//! characters are seen or gone. It does not judge look-alike letters.

use std::borrow::Cow;

/// The text with each deceiving character replaced by its visible code, such as `[U+202E]`, and
/// with plain line ends. What a person approves is what they see.
#[must_use]
pub fn shown(text: &str) -> Cow<'_, str> {
    if !text.contains(|c| c == '\r' || deceives(c)) {
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
            c if deceives(c) => out.push_str(&format!("[U+{:04X}]", u32::from(c))),
            c => out.push(c),
        }
    }
    Cow::Owned(out)
}

/// The text on one line of at most `max` characters, for mail headers and titles: line ends and
/// runs of space become one space, deceiving characters go. What is cut ends in `...`.
#[must_use]
pub fn one_line(text: &str, max: usize) -> String {
    let spaced: String = text
        .chars()
        .map(|c| if matches!(c, '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}') { ' ' } else { c })
        .filter(|&c| c.is_whitespace() || !(deceives(c) || directs(c)))
        .collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= max {
        return line;
    }
    let kept: String = line.chars().take(max.saturating_sub(3)).collect();
    format!("{}...", kept.trim_end())
}

/// Controls other than tab and newline, explicit directions, zero-width marks that no script
/// needs, separators that some readers take for a line end, and tags.
fn deceives(c: char) -> bool {
    matches!(c,
        '\0'..='\u{8}' | '\u{b}' | '\u{c}' | '\u{e}'..='\u{1f}' | '\u{7f}'..='\u{9f}'
        | '\u{180e}' | '\u{200b}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// The gentle direction marks: needed inside Hebrew and Arabic text, unwanted in a header.
fn directs(c: char) -> bool {
    matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_left_alone() {
        for text in ["", "Deploy\n\t4.2", "日本語 👩‍👩‍👧 ‏שלום"] {
            assert!(matches!(shown(text), Cow::Borrowed(same) if same == text));
        }
    }

    #[test]
    fn deceiving_characters_are_seen() {
        assert_eq!(shown("a\0b"), "a[U+0000]b");
        assert_eq!(shown("invoice\u{202e}fdp.exe"), "invoice[U+202E]fdp.exe");
        assert_eq!(shown("a\u{200b}b\u{2066}c\u{e0041}"), "a[U+200B]b[U+2066]c[U+E0041]");
        assert_eq!(shown("a\u{2028}b\u{85}c"), "a[U+2028]b[U+0085]c");
        assert_eq!(shown("one\r\ntwo\rthree\n"), "one\ntwo\nthree\n");
    }

    #[test]
    fn a_line_is_one_line() {
        assert_eq!(one_line("Pay\r\nBcc: eve@example.com", 150), "Pay Bcc: eve@example.com");
        assert_eq!(one_line("  a\t\t b\u{2028}c\u{b}d \n", 150), "a b c d");
        assert_eq!(one_line("a\0\u{202e}\u{200f}\u{feff}b", 150), "ab");
        assert_eq!(one_line("", 10), "");
    }

    #[test]
    fn a_long_line_is_cut_between_characters() {
        assert_eq!(one_line("ééééé ééééé", 9), "ééééé...");
        assert_eq!(one_line(&"x".repeat(500), 150).chars().count(), 150);
    }
}
