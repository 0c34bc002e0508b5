//! File names from outside: what is left of them for people to read.

pub const NAME_CHARS_MAX: usize = 200;
/// An extension that is longer is none.
const EXTENSION_CHARS_MAX: usize = 20;

/// The name without the path, without control characters and without those that turn the direction of what follows: with
/// one of them `invoice<U+202E>fdp.exe` reads `invoiceexe.pdf`. Everything else stays as it came. `None`: nothing is left.
pub fn clean_name(name: &str) -> Option<String> {
    let last = name.rsplit(['/', '\\']).next().unwrap_or_default();
    let kept: String = last.chars().filter(|c| !c.is_control() && !deceives(*c)).collect();
    // Where a name ends in dots or spaces, some systems drop them and so change its extension.
    let kept = kept.trim_end_matches(['.', ' ']).trim();
    if kept.is_empty() {
        return None;
    }
    let (stem, extension) = match kept.rsplit_once('.') {
        Some((stem, extension)) if extension.chars().count() <= EXTENSION_CHARS_MAX => (stem, extension),
        _ => (kept, ""),
    };
    let room = if extension.is_empty() { NAME_CHARS_MAX } else { NAME_CHARS_MAX - 1 - extension.chars().count() };
    let stem: String = stem.chars().take(room).collect();
    let stem = stem.trim_end_matches(['.', ' ']);
    let stem = if stem.is_empty() { "file" } else { stem };
    Some(if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") })
}

/// Turns the direction of writing, breaks a line, or can't be seen.
fn deceives(c: char) -> bool {
    matches!(c,
        '\u{061c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
        | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}
