//! Search terms: the normalised words of a text.
//!
//! A word is a run of letters and digits in lower case. In scripts without spaces, each character is a word.
//! English endings are removed, so that `migrations` finds `migration`.

use std::collections::HashSet;

/// Maximum number of search terms of a record; later words are not indexed. Stored as six bytes each, the terms fit
/// beside the largest body.
pub const WORDS_OF_A_RECORD_MAX: usize = 6_000;
/// Maximum number of search terms in a query, so that they fit into one condition.
pub const WORDS_OF_A_QUERY_MAX: usize = 16;
/// Maximum length of a term. A longer run, such as an encoded blob, is cut in records and queries alike.
const WORD_CHARS_MAX: usize = 64;

/// Distinct search terms in the order of the text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SearchTerms(Vec<String>);

impl SearchTerms {
    /// Returns the terms of a record. The first words of the texts take precedence.
    pub fn of_record<'a>(texts: impl IntoIterator<Item = &'a str>) -> Self {
        Self::from_texts(texts, WORDS_OF_A_RECORD_MAX)
    }

    /// Returns the terms of a query, all of which a record must have, or `None` if the query has too many.
    pub fn of_query(text: &str) -> Option<Self> {
        let words = Self::from_texts([text], WORDS_OF_A_QUERY_MAX + 1);
        (words.0.len() <= WORDS_OF_A_QUERY_MAX).then_some(words)
    }

    fn from_texts<'a>(texts: impl IntoIterator<Item = &'a str>, max: usize) -> Self {
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

/// Iterates over the runs of letters and digits, in lower case.
fn runs(text: &str) -> impl Iterator<Item = String> {
    let mut rest = text.chars().flat_map(char::to_lowercase).peekable();
    std::iter::from_fn(move || {
        while rest.next_if(|c| !c.is_alphanumeric()).is_some() {}
        let first = rest.next()?;
        let mut word = String::from(first);
        if !is_word_alone(first) {
            let mut chars = 1;
            while let Some(next) = rest.next_if(|c| c.is_alphanumeric() && !is_word_alone(*c)) {
                chars += 1;
                if chars <= WORD_CHARS_MAX {
                    word.push(next);
                }
            }
        }
        Some(word)
    })
}

/// Returns `true` for kana and for Chinese, Japanese and Korean ideographs, each of which is a word.
fn is_word_alone(c: char) -> bool {
    matches!(c, '\u{3040}'..='\u{30ff}' | '\u{3400}'..='\u{9fff}' | '\u{f900}'..='\u{faff}' | '\u{20000}'..='\u{3ffff}')
}

/// Removes the commonest English endings: plural, past and `-ing`. The stem need not be a word, only equal for all
/// forms of a word.
fn stem(word: String) -> String {
    if !word.bytes().all(|c| c.is_ascii_lowercase()) {
        return word;
    }
    let singular = without_plural(&word);
    let stem = ["ing", "ed"].into_iter().find_map(|ending| {
        let stem = singular.strip_suffix(ending)?;
        (stem.len() >= 3 && has_vowel(stem)).then(|| without_double(stem))
    });
    let stem = stem.unwrap_or(singular);
    // `migrate` equals `migrating`.
    let stem = stem.strip_suffix('e').filter(|stem| stem.len() >= 3).unwrap_or(stem);
    match stem.strip_suffix('y').filter(|stem| stem.len() >= 3 && !has_vowel(&stem[stem.len() - 1..])) {
        Some(stem) => format!("{stem}i"),
        None => stem.to_owned(),
    }
}

fn without_plural(word: &str) -> &str {
    // `queries` and `query` both become `queri`.
    match word.strip_suffix("ies").filter(|stem| stem.len() >= 3) {
        Some(stem) => &word[..=stem.len()],
        None => {
            let is_singular = ["ss", "us", "is"].into_iter().any(|ending| word.ends_with(ending));
            let has_sibilant = ["sses", "xes", "ches", "shes"].into_iter().any(|ending| word.ends_with(ending));
            match word {
                _ if word.len() < 4 || is_singular => word,
                _ if has_sibilant => &word[..word.len() - 2],
                _ => word.strip_suffix('s').unwrap_or(word),
            }
        }
    }
}

/// Removes a doubled consonant, so that `planned` equals `plan`. `ll`, `ss` and `zz` stay, as in `call`.
fn without_double(stem: &str) -> &str {
    let bytes = stem.as_bytes();
    let last = bytes[bytes.len() - 1];
    let is_doubled = bytes.len() >= 4 && bytes[bytes.len() - 2] == last && !b"lsz".contains(&last);
    if is_doubled && !has_vowel(&stem[stem.len() - 1..]) { &stem[..stem.len() - 1] } else { stem }
}

fn has_vowel(text: &str) -> bool {
    text.bytes().any(|c| b"aeiouy".contains(&c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        SearchTerms::of_record([text]).0
    }

    #[test]
    fn words_are_runs_of_letters_and_digits() {
        assert_eq!(words("C++, a-b foo:bar \"x\" %_* it's"), ["c", "a", "b", "foo", "bar", "x", "it", "s"]);
        assert_eq!(words("  \u{0}\t--- "), [""; 0]);
        assert_eq!(words("Zürich ZÜRICH zürich"), ["zürich"]);
        assert_eq!(words("東京 2026"), ["東", "京", "2026"]);
    }

    #[test]
    fn forms_of_a_word_have_one_stem() {
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
    fn different_words_have_different_stems() {
        for different in ["status state", "sing sin", "red reed", "bus bu", "analysis analyst"] {
            let count = different.split(' ').count();
            assert_eq!(words(different).len(), count, "{different}");
        }
    }

    #[test]
    fn number_and_length_of_terms_are_limited() {
        let many: String = (0..WORDS_OF_A_RECORD_MAX + 9).map(|index| format!("n{index} ")).collect();
        assert_eq!(words(&many).len(), WORDS_OF_A_RECORD_MAX);
        assert_eq!(words(&"x1".repeat(1_000))[0].chars().count(), WORD_CHARS_MAX);
        assert!(SearchTerms::of_query(&many).is_none());
        assert!(SearchTerms::of_query("++").unwrap().is_empty());
    }
}
