//! Skeletons: text reduced to what a reader sees, so that look-alike spellings of one word are equal.
//!
//! A skeleton has compatibility forms resolved, no marks and no invisible characters, one case, and the prototypes of
//! Unicode TS 39 in place of confusable characters. It is only compared, never shown or stored.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;
use unicode_security::confusable_detection::skeleton as prototypes;

use crate::deceptive_text::is_unseen;

/// A prototype may have another case or marks of its own. A test tries each character.
const ROUNDS_MAX: usize = 4;

/// Ways to read a text. Case and look-alikes have to be folded in more than one order: a capital `I` looks like `l` but is
/// an `i`, and Cyrillic `Н` looks like `H` although `н` looks like no Latin letter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Skeletons(Vec<String>);

impl Skeletons {
    /// Skeletons of a text in which an author may have hidden a word.
    pub fn of_text(text: &str) -> Self {
        let mut skeletons = Self::of_word(text);
        skeletons.add(skeleton(text));
        skeletons
    }

    /// Skeletons of a word that is looked for, whatever its case.
    pub fn of_word(word: &str) -> Self {
        let mut skeletons = Self(vec![skeleton(&word.replace('I', "i"))]);
        skeletons.add(skeleton(&word.to_lowercase()));
        skeletons.add(skeleton(&word.to_uppercase().replace('I', "i")));
        skeletons
    }

    /// Returns `true` if a reader may find the word in this text. A word without visible characters is never found.
    pub fn contain(&self, word: &Self) -> bool {
        let words = || word.0.iter().filter(|word| !word.is_empty());
        self.0.iter().any(|text| words().any(|word| text.contains(word.as_str())))
    }

    /// Returns `true` if a reader may take the text for the word. A word without visible characters is never found.
    pub fn equal(&self, word: &Self) -> bool {
        let words = || word.0.iter().filter(|word| !word.is_empty());
        self.0.iter().any(|text| words().any(|word| text == word))
    }

    /// Returns `true` if a reader may find the word at the start of the text.
    pub fn begin_with(&self, word: &Self) -> bool {
        let words = || word.0.iter().filter(|word| !word.is_empty());
        self.0.iter().any(|text| words().any(|word| text.starts_with(word.as_str())))
    }

    /// Returns `true` if the text has no visible character.
    pub fn are_empty(&self) -> bool {
        self.0.iter().all(String::is_empty)
    }

    fn add(&mut self, skeleton: String) {
        if !self.0.contains(&skeleton) {
            self.0.push(skeleton);
        }
    }
}

fn skeleton(text: &str) -> String {
    let mut folded = fold_once(text);
    for _ in 1..ROUNDS_MAX {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn fold_once(text: &str) -> String {
    let visible =
        text.nfkd().filter(|c| !is_combining_mark(*c) && !is_unseen(*c) && (!c.is_control() || c.is_whitespace()));
    let mut folded = String::with_capacity(text.len());
    // Composed again, so that the letters of a Hangul syllable are not taken one by one.
    for c in visible.nfc() {
        match c {
            c if c.is_whitespace() => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            '\u{ac00}'..='\u{d7a3}' => folded.push(c),
            c => folded.extend(prototypes(c.encode_utf8(&mut [0; 4])).flat_map(char::to_lowercase)),
        }
    }
    folded
}

#[cfg(test)]
mod tests {
    use super::*;

    fn occurs(word: &str, text: &str) -> bool {
        Skeletons::of_text(text).contain(&Skeletons::of_word(word))
    }

    #[test]
    fn spellings_that_look_alike_are_found() {
        for text in [
            "pay\u{200b}roll 900",
            "p\u{430}yroll 900",
            "\u{440}\u{430}\u{443}\u{433}\u{43e}\u{4cf}\u{4cf} 900",
            "ｐａｙｒｏｌｌ 900",
            "p\u{301}a\u{338}yroll\u{20dd} 900",
            "pay\u{ad}roll 900",
            "\u{202e}pay\u{202c}roll 900",
            "PAYROLL... 900",
            "payroII 900",
            "payro11 900",
            "pAyR0ll 900",
            "𝐩𝐚𝐲𝐫𝐨𝐥𝐥 900",
            "ⓟⓐⓨⓡⓞⓛⓛ 900",
            "РАYRОLL 900",
            "pay\u{3164}roll",
            "pay\u{2800}roll",
        ] {
            assert!(occurs("payroll", text), "{text:?}");
            assert!(occurs("PAYROLL", text), "{text:?}");
        }
        assert!(occurs("purchase", "PURCНASE") && occurs("hide", "НIDE") && occurs("Invoice", "INVOIСE"));
        assert!(occurs("wire transfer", "a wire\u{a0}\n transfer") && occurs("payments", "рaуrnents"));
    }

    #[test]
    fn words_are_found_in_any_case_of_any_script() {
        for (word, text) in [
            ("оплата", "ОПЛАТА счёта"),
            ("НОТА", "нота"),
            ("нота", "HOTA"),
            ("нота", "Hота"),
            ("ΠΛΗΡΩΜΉ", "πληρωμή"),
            ("straße", "STRASSE"),
            ("STRASSE", "straße"),
            ("İstanbul", "istanbul"),
            ("refund", "Réfund"),
            ("退款", "申请退款。"),
            ("返金", "返金"),
            ("환불", "환불 요청"),
        ] {
            assert!(occurs(word, text), "{word} {text}");
        }
    }

    #[test]
    fn other_words_are_not_found() {
        for (word, text) in [
            ("payroll", "pay roll"),
            ("fall", "it may fail"),
            ("가", "각"),
            ("refund", "fund"),
            ("оплата", "отплата"),
            ("\u{200b}", "anything"),
            ("\u{301}", "e\u{301}"),
        ] {
            assert!(!occurs(word, text), "{word} {text}");
        }
        assert!(Skeletons::of_word("\u{200b}\u{301}").are_empty() && !Skeletons::of_word("x").are_empty());
    }

    #[test]
    fn skeleton_of_a_skeleton_is_itself() {
        for c in (0..=0x0002_ffff).filter_map(char::from_u32) {
            let folded = skeleton(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold_once(&folded), folded, "{c:?}");
        }
    }
}
