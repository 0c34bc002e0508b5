//! Cleaning of file names that clients send.

/// Maximum length of a cleaned name.
pub const NAME_CHARS_MAX: usize = 200;
/// Maximum length of an extension. A longer one counts as part of the stem.
const EXTENSION_CHARS_MAX: usize = 20;

/// Returns the name without its path, control characters and deceptive characters, or `None` if nothing is left.
///
/// A deceptive character changes how a name reads: `invoice<U+202E>fdp.exe` is shown as `invoiceexe.pdf`.
pub fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let cleaned: String = last.chars().filter(|c| !c.is_control() && !is_deceptive(*c)).collect();
    // Some systems drop dots and spaces at the end of a name, which would change its extension.
    let cleaned = cleaned.trim_end_matches(['.', ' ']).trim();
    if cleaned.is_empty() {
        return None;
    }
    let (stem, extension) = match cleaned.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= EXTENSION_CHARS_MAX => (stem, extension),
        _ => (cleaned, ""),
    };
    let room = if extension.is_empty() { NAME_CHARS_MAX } else { NAME_CHARS_MAX - 1 - extension.chars().count() };
    let stem: String = stem.chars().take(room).collect();
    let stem = stem.trim_end_matches(['.', ' ']);
    let stem = if stem.is_empty() { "file" } else { stem };
    Some(if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") })
}

/// Returns `true` if `c` changes the direction of writing, breaks a line or is invisible.
fn is_deceptive(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
