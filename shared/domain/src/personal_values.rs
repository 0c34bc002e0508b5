//! Personal values of a log entry: the addresses of people, and what they wrote.
//!
//! The text of an entry is stored with its personal values. What is hashed has one salted digest in their place. So the
//! values can be erased and the hashes still match, and without the salt nobody can guess a value from the digest.
//! See docs/decisions/0035-no-address-in-a-hash.md.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use crate::content_ref::to_stored_json;
use crate::ids::hex;

/// Member of an entry that names its personal values, each by a JSON pointer.
const NAMES: &str = "personal";
/// Member that holds the salt. Only the stored text has it.
const SALT: &str = "salt";
/// Member that holds the digest of the salt and the personal values, in place of the salt. The hashed text has it, and
/// so has the stored text of an entry whose personal values were erased.
const DIGEST: &str = "personal_sha256";

/// Secret of a record from which the salts of its entries are derived.
#[derive(Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSalt([u8; 16]);

impl RecordSalt {
    /// Creates a salt from random bytes.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes();
        if digits.len() != 32 || !digits.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        u128::from_str_radix(text, 16).ok().map(|number| Self(number.to_be_bytes()))
    }

    /// Returns the salt of the entry with this sequence number.
    fn of_entry(self, seq: u64) -> String {
        let digest = Sha256::new().chain_update(self.0).chain_update(seq.to_be_bytes()).finalize();
        hex(&digest[..16])
    }
}

/// Keeps the secret out of logs and messages.
impl std::fmt::Debug for RecordSalt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecordSalt")
    }
}

/// What the hash of an entry covers, and what lies beside it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HashedEntry {
    /// Text that is hashed.
    pub text: String,
    /// Salt and personal values as JSON, whose digest the text has. `None` if the entry has no personal values, or they
    /// were erased.
    pub personal: Option<String>,
}

/// Returns the text of an entry as it is stored. `pointers` lead to the personal values that such an entry may have.
pub(crate) fn stored_text<T: Serialize>(entry: &T, pointers: &[&str], salt: RecordSalt, seq: u64) -> String {
    let Ok(Value::Object(mut members)) = serde_json::to_value(entry) else { return to_stored_json(entry) };
    let present: Vec<Value> = pointers
        .iter()
        .filter(|pointer| find_member(&members, pointer).is_some())
        .map(|pointer| Value::from(*pointer))
        .collect();
    if present.is_empty() {
        return to_stored_json(entry);
    }
    members.insert(NAMES.to_owned(), Value::Array(present));
    members.insert(SALT.to_owned(), Value::from(salt.of_entry(seq)));
    to_stored_json(&members)
}

impl HashedEntry {
    /// Returns what is hashed of a stored text. A text without a salt is hashed as it is: it has no personal values, they
    /// were erased, or it is of a version that hashed them.
    pub fn of_stored(stored: &str) -> Self {
        split(stored).unwrap_or_else(|| Self::whole(stored))
    }

    /// Returns an entry whose hash covers the stored text as it is.
    pub fn whole(stored: &str) -> Self {
        Self { text: stored.to_owned(), personal: None }
    }

    /// Returns `true` if the personal values are those whose digest was hashed. They may also be missing: then they were
    /// erased.
    pub fn has_matching_personal_values(&self) -> bool {
        #[derive(Deserialize)]
        struct Stated {
            #[serde(rename = "personal_sha256")]
            digest: Option<String>,
        }
        let Some(personal) = &self.personal else { return true };
        let stated = serde_json::from_str::<Stated>(&self.text).ok().and_then(|stated| stated.digest);
        stated.is_some_and(|digest| digest == digest_of_text(personal))
    }
}

/// Splits a stored text into the hashed text and the personal values. Returns `None` if the whole text is hashed.
fn split(stored: &str) -> Option<HashedEntry> {
    let Ok(Value::Object(mut members)) = serde_json::from_str(stored) else { return None };
    let Some(Value::Array(names)) = members.get(NAMES).cloned() else { return None };
    let salt = members.shift_remove(SALT);
    let mut personal = Map::new();
    personal.extend(salt.map(|salt| (SALT.to_owned(), salt)));
    for name in names.iter().filter_map(Value::as_str) {
        let value = remove_member(&mut members, name);
        personal.extend(value.map(|value| (name.to_owned(), value)));
    }
    if !personal.contains_key(SALT) {
        // The values that stand in the place of erased ones are not hashed.
        return members.contains_key(DIGEST).then(|| HashedEntry { text: to_stored_json(&members), personal: None });
    }
    let personal = to_stored_json(&personal);
    members.insert(DIGEST.to_owned(), Value::from(digest_of_text(&personal)));
    Some(HashedEntry { text: to_stored_json(&members), personal: Some(personal) })
}

fn digest_of_text(text: &str) -> String {
    hex(&Sha256::digest(text))
}

/// Steps of a pointer to a member of nested objects, and the member's name.
fn steps(pointer: &str) -> Option<(impl Iterator<Item = &str>, &str)> {
    let (parents, name) = pointer.strip_prefix('/')?.rsplit_once('/').unwrap_or(("", pointer.get(1..)?));
    Some((parents.split('/').filter(|step| !step.is_empty()), name))
}

fn find_member<'a>(members: &'a Map<String, Value>, pointer: &str) -> Option<&'a Value> {
    let (mut parents, name) = steps(pointer)?;
    parents.try_fold(members, |object, step| object.get(step)?.as_object())?.get(name)
}

fn remove_member(members: &mut Map<String, Value>, pointer: &str) -> Option<Value> {
    let (mut parents, name) = steps(pointer)?;
    parents.try_fold(members, |object, step| object.get_mut(step)?.as_object_mut())?.shift_remove(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ENTRY: &str = r#"{"seq":2,"by":{"kind":"person","email":"ann@example.com","by":"slack"},"event":{"type":"t","notes":"n","edited":{"asks":{"a":1},"x":1}}}"#;
    const POINTERS: [&str; 4] = ["/by/email", "/event/notes", "/event/edited/asks", "/event/missing"];
    const SALT_OF_RECORD: RecordSalt = RecordSalt::from_bytes([7; 16]);

    fn entry() -> Value {
        serde_json::from_str(ENTRY).unwrap()
    }

    /// Stored texts and hashes must not change, so the expected ones are literal.
    #[test]
    fn stored_and_hashed_texts_are_stable() {
        let stored = stored_text(&entry(), &POINTERS, SALT_OF_RECORD, 2);
        let members = r#""personal":["/by/email","/event/notes","/event/edited/asks"]"#;
        let start = ENTRY.strip_suffix('}').unwrap();
        assert_eq!(stored, format!(r#"{start},{members},"salt":"c925ac25412cc3f2ad20ddd4cd31d8a7"}}"#));
        let hashed = HashedEntry::of_stored(&stored);
        let personal = r#"{"salt":"c925ac25412cc3f2ad20ddd4cd31d8a7","/by/email":"ann@example.com","/event/notes":"n","/event/edited/asks":{"a":1}}"#;
        assert_eq!(hashed.personal.as_deref(), Some(personal));
        assert_eq!(
            hashed.text,
            format!(
                r#"{{"seq":2,"by":{{"kind":"person","by":"slack"}},"event":{{"type":"t","edited":{{"x":1}}}},{members},"personal_sha256":"a1f46f817b74e6f06ad584c23abe894bd2b794f8883bb241eeebeb3fb6368ab2"}}"#
            )
        );
        assert!(hashed.has_matching_personal_values());
    }

    #[test]
    fn text_without_personal_values_is_hashed_whole() {
        let stored = stored_text(&entry(), &["/event/missing", "/by/email/deeper", "/by/missing/x"], SALT_OF_RECORD, 2);
        assert_eq!(stored, ENTRY);
        for text in [ENTRY, "", "[]", r#"{"personal":1}"#, r#"{"personal":["/a"],"a":1}"#] {
            assert_eq!(HashedEntry::of_stored(text), HashedEntry::whole(text));
        }
    }

    #[test]
    fn erased_entry_has_the_same_hashed_text() {
        let stored = stored_text(&entry(), &POINTERS, SALT_OF_RECORD, 2);
        let hashed = HashedEntry::of_stored(&stored);
        let mut erased: Value = serde_json::from_str(&stored).unwrap();
        erased["by"]["email"] = json!("erased@invalid");
        erased["event"]["notes"] = json!("(erased)");
        erased.as_object_mut().unwrap().shift_remove(SALT);
        erased[DIGEST] = json!(digest_of_text(hashed.personal.as_deref().unwrap()));
        // The values that replace the erased ones stand at the places of these.
        let of_erased = HashedEntry::of_stored(&erased.to_string());
        assert_eq!(of_erased, HashedEntry { personal: None, ..hashed });
        assert!(of_erased.has_matching_personal_values());
    }

    #[test]
    fn every_changed_byte_of_personal_values_is_found() {
        let hashed = HashedEntry::of_stored(&stored_text(&entry(), &POINTERS, SALT_OF_RECORD, 2));
        let personal = hashed.personal.clone().unwrap();
        for position in 0..personal.len() {
            let mut bytes = personal.clone().into_bytes();
            bytes[position] ^= 1;
            let changed = HashedEntry { personal: String::from_utf8(bytes).ok(), ..hashed.clone() };
            assert!(!changed.has_matching_personal_values(), "{changed:?}");
        }
        assert!(!HashedEntry { text: ENTRY.to_owned(), ..hashed }.has_matching_personal_values());
    }

    #[test]
    fn equal_values_have_other_digests_in_another_entry_or_record() {
        let digest = |salt, seq| HashedEntry::of_stored(&stored_text(&entry(), &POINTERS, salt, seq)).text;
        assert_ne!(digest(SALT_OF_RECORD, 2), digest(SALT_OF_RECORD, 3));
        assert_ne!(digest(SALT_OF_RECORD, 2), digest(RecordSalt::from_bytes([8; 16]), 2));
    }

    #[test]
    fn salt_is_read_as_it_was_written_and_never_shown() {
        let salt = RecordSalt::from_bytes([0xab; 16]);
        assert_eq!(RecordSalt::from_hex(&salt.to_hex()), Some(salt));
        for text in ["", "ab", &"g".repeat(32), &"A".repeat(32), &format!("+{}", "a".repeat(31))] {
            assert_eq!(RecordSalt::from_hex(text), None, "{text}");
        }
        assert!(!format!("{salt:?}").contains("ab"));
    }
}
