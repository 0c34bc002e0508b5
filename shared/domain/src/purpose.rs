//! Purposes of effects. Each kind of record has purposes of its own; the names are all that the other crates see.

use std::fmt;

use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Longest name of a purpose.
const NAME_BYTES_MAX: usize = 24;

/// Purpose of an effect. Identifies a delivery, together with the record's id and the event's sequence number.
///
/// A kind declares its purposes as an enum and finds its own value again by the name, which is stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Purpose {
    /// Name, filled up with zeros.
    name: [u8; NAME_BYTES_MAX],
}

impl Purpose {
    /// Delivers an event to a webhook.
    pub const WEBHOOK: Self = Self::new("announce");
    /// Updates a Slack message to the current state.
    pub const UPDATE_SLACK: Self = Self::new("update-slack");
    /// Retains the files of an event.
    pub const RETAIN_FILES: Self = Self::new("keep-files");

    /// Creates a purpose. The name consists of 1 to 24 small letters and hyphens; any other name stops the build or the
    /// process.
    #[expect(clippy::panic, reason = "the names of purposes are constants, so a wrong one stops the build")]
    pub const fn new(name: &'static str) -> Self {
        match Self::checked(name.as_bytes()) {
            Some(purpose) => purpose,
            None => panic!("the name of a purpose consists of 1 to 24 small letters and hyphens"),
        }
    }

    /// Parses the name of a purpose. Returns `None` if no purpose can have this name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::checked(name.as_bytes())
    }

    const fn checked(text: &[u8]) -> Option<Self> {
        if text.is_empty() || text.len() > NAME_BYTES_MAX {
            return None;
        }
        let mut name = [0; NAME_BYTES_MAX];
        let mut at = 0;
        while at < text.len() {
            if !matches!(text[at], b'a'..=b'z' | b'-') {
                return None;
            }
            name[at] = text[at];
            at += 1;
        }
        Some(Self { name })
    }

    pub fn name(&self) -> &str {
        let length = self.name.iter().position(|byte| *byte == 0).unwrap_or(NAME_BYTES_MAX);
        // The name is ASCII, so this never fails.
        str::from_utf8(&self.name[..length]).unwrap_or_default()
    }
}

impl fmt::Debug for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl schemars::JsonSchema for Purpose {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Purpose".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({"type": "string", "pattern": "^[a-z-]{1,24}$"})
    }
}

impl Serialize for Purpose {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl<'de> Deserialize<'de> for Purpose {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Self::from_name(&name).ok_or_else(|| D::Error::custom("no purpose has this name"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn purposes_are_stored_by_name() {
        for purpose in
            [Purpose::WEBHOOK, Purpose::UPDATE_SLACK, Purpose::RETAIN_FILES, Purpose::new("abcdefghijklmnopqrstuvwx")]
        {
            let text = serde_json::to_string(&purpose).unwrap();
            assert_eq!(text, format!("\"{}\"", purpose.name()));
            assert_eq!(serde_json::from_str::<Purpose>(&text).unwrap(), purpose);
            assert_eq!(Purpose::from_name(purpose.name()), Some(purpose));
        }
        assert_eq!(
            [Purpose::WEBHOOK, Purpose::UPDATE_SLACK, Purpose::RETAIN_FILES].map(|purpose| format!("{purpose:?}")),
            ["announce", "update-slack", "keep-files"]
        );
    }

    #[test]
    fn names_of_other_form_are_refused() {
        for name in ["", "Announce", "announce#1", "announce 1", "a\u{0}", "\u{e9}", &"x".repeat(25)] {
            assert_eq!(Purpose::from_name(name), None, "{name}");
            assert!(serde_json::from_value::<Purpose>(name.into()).is_err(), "{name}");
        }
    }

    #[test]
    fn purposes_sort_by_name() {
        let names = ["a", "ab", "a-b", "b"].map(Purpose::new);
        let mut sorted = names;
        sorted.sort_unstable();
        assert_eq!(sorted.map(|purpose| purpose.name().to_owned()), ["a", "a-b", "ab", "b"]);
    }
}
