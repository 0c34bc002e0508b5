//! The words of a text, as a search understands them.
//!
//! A word is a run of letters and digits, without regard to case; of scripts that put no space between words each character
//! is one. English endings are taken off, so that `migrations` finds `migration`.

use std::collections::HashSet;

/// A record is found by so many of its words; later ones are not kept. Six bytes each, they fit beside the largest body.
pub const WORDS_OF_A_RECORD_MAX: usize = 6_000;
/// More than anybody types, and few enough for one condition.
pub const WORDS_OF_A_QUERY_MAX: usize = 16;
/// A longer run is a key or a blob. It is found by its beginning, given in full or cut.
const WORD_CHARS_MAX: usize = 64;

/// Different words, in the order in which they came.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words(Vec<String>);

impl Words {
    /// The words by which a record is found. What comes first is kept first.
    pub fn of_record<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::of(texts, WORDS_OF_A_RECORD_MAX)
    }

    /// The words that a record must all have. `None`: too many.
    pub fn of_query(text: &str) -> Option<Self> {
        let words = Self::of([text], WORDS_OF_A_QUERY_MAX + 1);
        (words.0.len() <= WORDS_OF_A_QUERY_MAX).then_some(words)
    }

    fn of<'a>(texts: impl IntoIterator<Item = &'a str>, max: usize) -> Self {
        let mut seen = HashSet::new();
        let mut words = Vec::new();
        for word in texts.into_iter().flat_map(runs) {
            if words.len() == max {
                break;
            }
            let word = stem(word);
            if seen.insert(word.clone()) {
                words.push(word);
            }
        }
        Self(words)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }
}

/// Runs of letters and digits in lower case, one after the other.
fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text.chars().flat_map(char::to_lowercase).peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|c| !c.is_alphanumeric()).is_some() {}
        let first = rest.next()?;
        let mut word = String::from(first);
        if !stands_alone(first) {
            let mut chars = 1;
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() && !stands_alone(*c)) {
                chars += 1;
                if chars <= WORD_CHARS_MAX {
                    word.push(next);
                }
            }
        }
        Some(word)
    })
}

/// Kana, and the ideographs of Chinese, Japanese and Korean.
fn stands_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Takes off the commonest English endings: plural, past and `-ing`. What is left need not be a word, only the same for
/// all forms of one.
fn stem(word: String) -> String {
    if !word.bytes().all(|c| c.is_ascii_lowercase()) {
        return word;
    }
    let singular = without_plural(&word);
    let stem = ["ing", "ed"].into_iter().find_map(|ending| {
        let stem = singular.strip_suffix(ending)?;
        (stem.len() >= 3 && has_vowel(stem)).then(|| undoubled(stem))
    });
    let stem = stem.unwrap_or(singular);
    // `migrate` and `migrating`, `deploy` and `deployed`.
    let stem = stem.strip_suffix('e').filter(|stem| stem.len() >= 3).unwrap_or(stem);
    match stem.strip_suffix('y').filter(|stem| stem.len() >= 3 && !has_vowel(&stem[stem.len() - 1..])) {
        Some(stem) => format!("{stem}i"),
        None => stem.to_owned(),
    }
}

fn without_plural(word: &str) -> &str {
    // `queries` and `query` meet in `queri`.
    match word.strip_suffix("ies").filter(|stem| stem.len() >= 3) {
        Some(stem) => &word[..=stem.len()],
        None => {
            let kept = ["ss", "us", "is"].into_iter().any(|ending| word.ends_with(ending));
            let sibilant = ["sses", "xes", "ches", "shes"].into_iter().any(|ending| word.ends_with(ending));
            match word {
                _ if word.len() < 4 || kept => word,
                _ if sibilant => &word[..word.len() - 2],
                _ => word.strip_suffix('s').unwrap_or(word),
            }
        }
    }
}

/// `planned` and `plan`; but `call` keeps its `ll`, as do `pass` and `buzz`.
fn undoubled(stem: &str) -> &str {
    let bytes = stem.as_bytes();
    let last = bytes[bytes.len() - 1];
    let doubled = bytes.len() >= 4 && bytes[bytes.len() - 2] == last && !b"lsz".contains(&last);
    if doubled && !has_vowel(&stem[stem.len() - 1..]) { &stem[..stem.len() - 1] } else { stem }
}

fn has_vowel(text: &str) -> bool {
    text.bytes().any(|c| b"aeiouy".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::of_record([text]).0
    }

    #[test]
    fn a_word_is_a_run_of_letters_and_digits() {
        assert_eq!(words("C++, a-b foo:bar \"x\" %_* it's"), ["c", "a", "b", "foo", "bar", "x", "it", "s"]);
        assert_eq!(words("  \u{0}\t--- "), [""; 0]);
        assert_eq!(words("Zürich ZÜRICH zürich"), ["zürich"]);
        assert_eq!(words("東京 2026"), ["東", "京", "2026"]);
    }

    #[test]
    fn forms_of_a_word_are_one() {
        for forms in [
            "migration migrations",
            "migrate migrated migrating migrates",
            "deploy deployed deploying deploys",
            "query queries",
            "plan planned planning plans",
            "fix fixes fixed fixing",
            "patch patches patched",
            "class classes",
            "call calls called calling",
            "retry retries retried",
            "database databases",
        ] {
            assert_eq!(words(forms).len(), 1, "{forms}: {:?}", words(forms));
        }
    }

    #[test]
    fn other_words_stay_others() {
        for different in ["status state", "sing sin", "red reed", "bus bu", "analysis analyst"] {
            let count = different.split(' ').count();
            assert_eq!(words(different).len(), count, "{different}");
        }
    }

    #[test]
    fn nothing_grows_without_end() {
        let many: String = (0..WORDS_OF_A_RECORD_MAX + 9).map(|at| format!("n{at} ")).collect();
        assert_eq!(words(&many).len(), WORDS_OF_A_RECORD_MAX);
        assert_eq!(words(&"x1".repeat(1_000))[0].chars().count(), WORD_CHARS_MAX);
        assert!(Words::of_query(&many).is_none());
        assert!(Words::of_query("++").unwrap().is_empty());
    }
}
