//! Finds text that may read differently from what it is: invisible or bidirectional characters, and words that mix scripts.
//!
//! No rule approves such text; a person has to look at it. Text in any one script is as good as Latin text.

use icu_properties::props::{BidiControl, DefaultIgnorableCodePoint, ExtendedPictographic};
use icu_properties::{CodePointSetData, CodePointSetDataBorrowed};
use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_script::{Script, UnicodeScript};
use unicode_security::mixed_script::AugmentedScriptSet;

const IGNORABLE: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<DefaultIgnorableCodePoint>();
const BIDI_CONTROLS: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<BidiControl>();
const PICTURES: CodePointSetDataBorrowed<'static> = CodePointSetData::new::<ExtendedPictographic>();

const ZERO_WIDTH_NON_JOINER: char = '\u{200c}';
const ZERO_WIDTH_JOINER: char = '\u{200d}';
const KEYCAP: char = '\u{20e3}';

/// Scripts in which a joiner changes the shape of its neighbours, so it is part of ordinary spelling.
const SCRIPTS_WITH_JOINERS: [Script; 21] = [
    Script::Adlam,
    Script::Arabic,
    Script::Bengali,
    Script::Devanagari,
    Script::Gujarati,
    Script::Gurmukhi,
    Script::Hanifi_Rohingya,
    Script::Kannada,
    Script::Khmer,
    Script::Malayalam,
    Script::Mandaic,
    Script::Mongolian,
    Script::Myanmar,
    Script::Nko,
    Script::Oriya,
    Script::Phags_Pa,
    Script::Sinhala,
    Script::Syriac,
    Script::Tamil,
    Script::Telugu,
    Script::Tibetan,
];

/// Returns `true` if the text has an invisible or bidirectional character, or a word in mixed scripts.
pub fn is_deceptive(text: &str) -> bool {
    !text.is_ascii() && (has_hidden_characters(text) || has_mixed_word(text))
}

/// Returns `true` for a character that shows nothing, or that only changes how its neighbours look.
pub(crate) fn is_unseen(c: char) -> bool {
    // The blank Braille pattern and the annotation marks are not default-ignorable, but fonts show nothing for them.
    IGNORABLE.contains(c) || matches!(c, '\u{2800}' | '\u{fff9}'..='\u{fffb}')
}

fn has_hidden_characters(text: &str) -> bool {
    let mut before: Option<char> = None;
    // The last character that is more than a mark, a skin tone or a variation of the one before it.
    let mut base: Option<char> = None;
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        if BIDI_CONTROLS.contains(c) || (is_unseen(c) && !is_spelling(c, before, base, rest.peek().copied())) {
            return true;
        }
        before = Some(c);
        if !is_combining_mark(c) && !matches!(c, '\u{1f3fb}'..='\u{1f3ff}') {
            base = before;
        }
    }
    false
}

/// Returns `true` for an unseen character that its neighbours need: a joiner, or the variation of a character.
fn is_spelling(c: char, before: Option<char>, base: Option<char>, next: Option<char>) -> bool {
    let script_before = before.map(|before| before.script());
    let is_picture = |c: Option<char>| c.is_some_and(|c| !c.is_ascii() && PICTURES.contains(c));
    match c {
        ZERO_WIDTH_JOINER | ZERO_WIDTH_NON_JOINER => {
            let joins_pictures = c == ZERO_WIDTH_JOINER && is_picture(base) && is_picture(next);
            joins_pictures || base.is_some_and(|base| SCRIPTS_WITH_JOINERS.contains(&base.script()))
        }
        '\u{fe0e}' | '\u{fe0f}' => {
            let is_key = before.is_some_and(|before| matches!(before, '0'..='9' | '#' | '*'));
            is_picture(before) || (is_key && next == Some(KEYCAP))
        }
        '\u{fe00}'..='\u{fe0d}' | '\u{e0100}'..='\u{e01ef}' => script_before == Some(Script::Han),
        '\u{180b}'..='\u{180f}' => script_before == Some(Script::Mongolian),
        _ => false,
    }
}

/// Compatibility characters count as what they stand for, or a word could mix scripts by letters of mathematics.
fn has_mixed_word(text: &str) -> bool {
    let text: String = text.nfkc().collect();
    let is_part_of_word = |c: char| c.is_alphanumeric() || is_combining_mark(c) || is_unseen(c);
    text.split(|c| !is_part_of_word(c)).any(mixes_scripts)
}

/// Returns `true` if no writing system has all characters of the word. Chinese, Japanese and Korean are written with Latin
/// letters among their own and without spaces, and no Latin letter looks like one of theirs.
fn mixes_scripts(word: &str) -> bool {
    if word.is_ascii() || !AugmentedScriptSet::for_str(word).is_empty() {
        return false;
    }
    let mut others = AugmentedScriptSet::default();
    for c in word.chars().filter(|c| c.script() != Script::Latin) {
        others.intersect_with(c.into());
    }
    !(others.hanb || others.jpan || others.kore)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_found() {
        for text in [
            "pay\u{200b}roll",
            "pay\u{ad}roll",
            "pay\u{2060}roll",
            "pay\u{feff}roll",
            "pay\u{34f}roll",
            "pay\u{3164}roll",
            "pay\u{2800}roll",
            "pay\u{fff9}roll",
            "pay\u{e0061}roll",
            "pay\u{fe0f}roll",
            "pay\u{200d}roll",
            "pay\u{200c}roll",
            "Refund \u{202e}llor\u{202c}",
            "Refund \u{2066}x\u{2069}",
            "שלום\u{200f}",
            "1\u{fe0f}0",
            "👍\u{200d}pay",
            "👍\u{200c}👍",
            "می\u{200c}\u{200c}خواهم",
            "🏴\u{e0067}\u{e007f}",
        ] {
            assert!(is_deceptive(text), "{text:?}");
        }
    }

    #[test]
    fn words_in_mixed_scripts_are_found() {
        for text in ["p\u{430}yroll", "рayment", "pαy", "p𝛼yroll", "оплатa счёта", "pay кno", "scорe", "Ꭺnn", "はйト"]
        {
            assert!(is_deceptive(text), "{text:?}");
        }
    }

    #[test]
    fn plain_text_of_any_script_is_as_good_as_latin() {
        for text in [
            "Refund order 1234 (80 €): naïve café, “fine”\u{a0}…",
            "Вернуть 80 € за заказ 1234, USB-кабель",
            "Επιστροφή χρημάτων",
            "استرداد المبلغ",
            "می\u{200c}خواهم",
            "עברית",
            "क्\u{200d}ष और क\u{94d}\u{200c}ष",
            "র\u{200d}\u{9cd}যাব",
            "退款1234号订单，使用API退款",
            "注文の返金、Tシャツ、ロゴ入り",
            "葛\u{e0100}城",
            "API를 다시 시작",
            "คืนเงิน",
            "👩\u{200d}💻 👍🏽 👨🏽\u{200d}🚀 ❤\u{fe0f} 1\u{fe0f}\u{20e3} ❤\u{fe0f}\u{200d}🔥 ™\u{fe0f}",
            "e\u{301}te\u{301}",
        ] {
            assert!(!is_deceptive(text), "{text:?}");
        }
    }
}
