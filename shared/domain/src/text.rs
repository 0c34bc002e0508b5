//! Checks of text from clients: email addresses and invisible characters.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Bare mailbox address, without display name, comments or anything that could begin another header line.
#[derive(Clone, PartialEq, Eq, Hash, Debug, Serialize, Deserialize, schemars::JsonSchema)]
#[schemars(inline)]
#[serde(try_from = "String", into = "String")]
pub struct EmailAddress(String);

/// Reason why a text is not an email address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidEmail {
    #[error("must not be empty")]
    Empty,
    #[error("must be at most 254 characters")]
    TooLong,
    #[error("must not contain line breaks, spaces or control characters")]
    Unprintable,
    #[error("must be one bare email address such as name@example.com")]
    Shape,
}

impl EmailAddress {
    /// Parses an address. Accepts less than the RFC: no quoted local parts, address literals or comments, which attacks
    /// use more often than mail systems do.
    pub fn parse(text: &str) -> Result<Self, InvalidEmail> {
        if text.is_empty() {
            return Err(InvalidEmail::Empty);
        }
        if text.len() > 254 {
            return Err(InvalidEmail::TooLong);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace() || is_invisible(c)) {
            return Err(InvalidEmail::Unprintable);
        }
        let (local, domain) = text.rsplit_once('@').ok_or(InvalidEmail::Shape)?;
        if is_local_part(local) && is_domain(domain) { Ok(Self(text.to_owned())) } else { Err(InvalidEmail::Shape) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Compares two addresses, ignoring case: in practice `Ann@` and `ann@` are one mailbox.
    pub fn same_mailbox(&self, other: &Self) -> bool {
        equals_ignoring_case(&self.0, &other.0)
    }

    /// Returns `true` if the mailbox is at this domain.
    pub fn is_at(&self, domain: &str) -> bool {
        self.0.rsplit_once('@').is_some_and(|(_, own)| equals_ignoring_case(own, domain))
    }
}

/// Characters such as the Kelvin sign share their lower case with a letter, but only letters share both cases.
fn equals_ignoring_case(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase() && one.to_uppercase() == other.to_uppercase()
}

fn is_local_part(local: &str) -> bool {
    (1..=64).contains(&local.len())
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && local.chars().all(|c| c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~.".contains(c))
}

fn is_domain(domain: &str) -> bool {
    domain.contains('.')
        && domain.split('.').all(|label| {
            (1..=63).contains(&label.len())
                && !label.starts_with('-')
                && !label.ends_with('-')
                && label.chars().all(|c| c.is_alphanumeric() || c == '-')
        })
}

impl fmt::Display for EmailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for EmailAddress {
    type Error = InvalidEmail;

    fn try_from(text: String) -> Result<Self, InvalidEmail> {
        Self::parse(&text)
    }
}

impl From<EmailAddress> for String {
    fn from(address: EmailAddress) -> Self {
        address.0
    }
}

/// Removes characters that are invisible and could mislead: control characters, bidirectional overrides and zero-width
/// characters. Line breaks become spaces.
pub fn one_line(text: &str, chars_max: usize) -> String {
    let visible = text.chars().filter_map(|c| match c {
        c if c.is_whitespace() => Some(' '),
        c if c.is_control() || is_invisible(c) => None,
        c => Some(c),
    });
    visible.take(chars_max).collect::<String>().trim().to_owned()
}

/// Returns `true` if the text has control characters other than line breaks and tabs.
pub fn has_hidden_controls(text: &str) -> bool {
    text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
}

/// Returns `true` for an invisible character that changes how its neighbours look.
pub fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{00AD}' | '\u{061C}' | '\u{180E}' | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}'
        | '\u{2060}'..='\u{206F}' | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}'
        | '\u{E0000}'..='\u{E0FFF}')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn plain_addresses_are_accepted() {
        for text in ["ann@example.com", "a.b+tag@sub.example.co.uk", "o'neil@example.ie", "jörg@exämple.de"] {
            assert_eq!(EmailAddress::parse(text).map(|a| a.to_string()), Ok(text.to_owned()));
        }
    }

    #[test]
    fn malformed_and_multiple_addresses_are_refused() {
        for text in [
            "",
            "ann",
            "@example.com",
            "ann@",
            "ann@example",
            "Ann <ann@example.com>",
            "ann@example.com,bob@example.com",
            "ann@example.com\r\nBcc: all@example.com",
            "ann@example.com\n",
            "a b@example.com",
            "\"a b\"@example.com",
            "ann@[127.0.0.1]",
            "ann@@example.com",
            "ann@example..com",
            "ann@-example.com",
            ".ann@example.com",
            "ann..b@example.com",
            "ann\u{200b}@example.com",
            "ann\u{0}@example.com",
            "ann@exa\u{202e}mple.com",
            "ann;x@example.com",
            "ann@example.com;",
        ] {
            assert!(EmailAddress::parse(text).is_err(), "{text:?}");
        }
        assert_eq!(EmailAddress::parse(&format!("{}@example.com", "a".repeat(250))), Err(InvalidEmail::TooLong));
    }

    #[test]
    fn mailboxes_are_compared_without_case() {
        let (upper, lower) = (EmailAddress::parse("Ann@Example.com"), EmailAddress::parse("ann@example.com"));
        assert!(upper.is_ok_and(|upper| lower.is_ok_and(|lower| upper.same_mailbox(&lower))));
    }

    #[test]
    fn one_line_removes_invisible_characters() {
        assert_eq!(one_line("pay\r\nBcc: x\u{202e}\u{0}", 80), "pay  Bcc: x");
        assert_eq!(one_line(&"ä".repeat(100), 10), "ä".repeat(10));
    }

    #[test]
    fn parts_of_an_address_have_length_limits() {
        let label = "d".repeat(63);
        let is_accepted = |text: String| EmailAddress::parse(&text).is_ok();
        assert!(is_accepted(format!("{}@example.com", "a".repeat(64))));
        assert!(!is_accepted(format!("{}@example.com", "a".repeat(65))));
        assert!(is_accepted(format!("a@{label}.com")));
        assert!(!is_accepted(format!("a@{label}d.com")));
        assert!(is_accepted(format!("{}@{label}.{label}.{}", "a".repeat(64), "d".repeat(61))));
        assert!(!is_accepted(format!("{}@{label}.{label}.{}", "a".repeat(64), "d".repeat(62))));
    }

    #[test]
    fn stored_address_is_checked_on_read() {
        assert!(serde_json::from_str::<EmailAddress>(r#""ann@example.com""#).is_ok());
        assert!(serde_json::from_str::<EmailAddress>(r#""ann@example.com\nBcc: x""#).is_err());
    }

    fn almost_an_address() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[a-zäA-Z.+'\"<> @]{1,12}@[a-zé.-]{1,12}",
            ".{0,8}@.{0,8}",
            "[a-z]{1,70}@([a-z]{1,64}\\.){1,4}[a-z]{2}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn parsed_address_is_one_bare_address(text in almost_an_address()) {
            let Ok(address) = EmailAddress::parse(&text) else { return Ok(()) };
            prop_assert_eq!(address.as_str(), text.as_str());
            prop_assert!(text.len() <= 254 && text.matches('@').count() == 1);
            let is_unsafe = |c: char| c.is_control() || c.is_whitespace() || is_invisible(c) || "<>()[],;:\"\\".contains(c);
            prop_assert!(!text.contains(is_unsafe), "{:?}", text);
            prop_assert!(address.same_mailbox(&address));
            prop_assert_eq!(serde_json::from_value::<EmailAddress>(serde_json::json!(address)).unwrap(), address);
        }

        #[test]
        fn one_line_is_one_visible_line(text in any::<String>(), chars_max in 0..50_usize) {
            let line = one_line(&text, chars_max);
            prop_assert!(line.chars().count() <= chars_max);
            prop_assert!(!line.contains(|c: char| c.is_control() || is_invisible(c) || (c.is_whitespace() && c != ' ')));
            prop_assert_eq!(line.trim(), line.as_str());
            prop_assert_eq!(one_line(&line, chars_max), line);
        }
    }
}
