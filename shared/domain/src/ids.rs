//! Ids of tenants, API keys, records and commands. Each has its own type, so an API key's id cannot pass as a record's.
//!
//! A new id has 128 bits that begin with the time of creation, so ids sort by age. The caller passes time and entropy.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;
use sha2::{Digest, Sha256};
use ulid::Ulid;
use uuid::Uuid;

use crate::canonical::canonical_json;
use crate::time::Timestamp;

/// Error for a text that is not an id of the expected type.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0} id")]
pub struct InvalidId(pub &'static str);

/// Defines an id with the text `<prefix>_<ulid>`.
macro_rules! prefixed_id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Ulid);

        impl $name {
            pub const PREFIX: &'static str = $prefix;

            pub fn new(at: Timestamp, entropy: [u8; 10]) -> Self {
                Self(ulid_of(at, entropy))
            }

            pub fn from_bytes(bytes: [u8; 16]) -> Self {
                Self(Ulid::from_bytes(bytes))
            }

            pub fn to_bytes(self) -> [u8; 16] {
                self.0.to_bytes()
            }

            /// Time of creation, with which the id begins.
            pub fn made_at(self) -> Timestamp {
                Timestamp::from_unix_ms(i64::try_from(self.0.timestamp_ms()).unwrap_or(i64::MAX))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}_{}", $prefix, self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "_"))
                    .filter(|rest| rest.len() == 26)
                    .and_then(|rest| Ulid::from_string(rest).ok())
                    .map(Self)
                    .filter(|id| id.to_string() == text)
                    .ok_or(InvalidId($prefix))
            }
        }

        text_serde!($name, "An id that begins with its kind", concat!("^", $prefix, "_[0-9A-HJKMNP-TV-Z]{26}$"));
    };
}

/// Serialises an id as its text, and describes this text.
macro_rules! text_serde {
    ($name:ident, $description:literal, $pattern:expr) => {
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({"type": "string", "description": $description, "pattern": $pattern})
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

prefixed_id! {
    /// Id of a tenant.
    TenantId, "ten"
}
prefixed_id! {
    /// Id of an API key. Not secret, unlike the key itself.
    KeyId, "key"
}

/// Id of a record of any kind, published as a UUID.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(Uuid);

impl RecordId {
    /// Creates a new id, a UUID of version 7.
    pub fn new(at: Timestamp, entropy: [u8; 10]) -> Self {
        Self(uuid::Builder::from_unix_timestamp_millis(at.as_unix_ms().unsigned_abs(), &entropy).into_uuid())
    }

    /// Derives the id of a record from an idempotency key: a UUID of version 8, a hash of the tenant, the API key, the
    /// kind and the idempotency key.
    ///
    /// A repeated create therefore finds the first record in the database, without a stored reservation.
    pub fn from_idempotency_key(tenant: TenantId, key: KeyId, kind: &str, idempotency_key: &str) -> Self {
        let mut hash = Sha256::new();
        hash.update(tenant.to_bytes());
        hash.update(key.to_bytes());
        hash.update((kind.len() as u64).to_be_bytes());
        hash.update(kind);
        hash.update(idempotency_key);
        let mut bytes = [0; 16];
        bytes.copy_from_slice(&hash.finalize()[..16]);
        Self(uuid::Builder::from_custom_bytes(bytes).into_uuid())
    }

    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(Uuid::from_bytes(bytes))
    }

    pub fn to_bytes(self) -> [u8; 16] {
        self.0.into_bytes()
    }

    /// Returns the shard of the record, from 0 to `shards - 1`.
    ///
    /// Computed from the last byte, because the first bytes are the time and would send new records to one shard.
    pub fn shard(self, shards: u8) -> u8 {
        self.0.as_bytes()[15] % shards
    }
}

impl fmt::Display for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0.as_hyphenated(), f)
    }
}

impl fmt::Debug for RecordId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for RecordId {
    type Err = InvalidId;

    fn from_str(text: &str) -> Result<Self, InvalidId> {
        if text.len() != 36 {
            return Err(InvalidId("record"));
        }
        Uuid::try_parse(text).map(Self).map_err(|_| InvalidId("record"))
    }
}

text_serde!(RecordId, "A UUID", "^[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}$");

/// Name and version of the form in which a request's content is digested.
#[derive(Clone, Copy, Debug)]
pub struct RequestFormat {
    pub name: &'static str,
    pub version: u32,
}

/// Id of the command that caused an event, by which a repeated command is recognised.
///
/// The first part identifies the command. The second part is a digest of the content, so that a repeat with different
/// content is refused.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct CommandId(String);

impl CommandId {
    /// Creates the id of a command from its name and its content.
    pub fn new(name: &str, content: &[u8]) -> Self {
        Self(format!("{}.{}", short_hash(name.as_bytes()), short_hash(content)))
    }

    /// Creates the id of a command that came as a JSON request. `content` has everything that the caller requested,
    /// under public field names.
    ///
    /// The version in `format` must rise whenever an equal request would have a different `content`.
    pub fn from_request(name: &str, format: RequestFormat, content: &Value) -> Self {
        let text = format!("{}\n{}", format.name, canonical_json(content));
        let (name, format_name) = (short_hash(name.as_bytes()), &short_hash(format.name.as_bytes())[..8]);
        Self(format!("{name}.v{}-{format_name}-{}", format.version, short_hash(text.as_bytes())))
    }

    /// Returns `true` if both ids have one command name, regardless of the contents.
    pub fn same_command(&self, other: &Self) -> bool {
        self.name() == other.name()
    }

    /// Returns `false` if the two commands certainly have different contents: their formats have different names, or
    /// their digests differ within one version of a format.
    ///
    /// Digests of two versions of a format cannot be compared. The contents then count as equal, so a request that is
    /// repeated across an upgrade finds the record from before the upgrade.
    pub fn has_same_content(&self, other: &Self) -> bool {
        match (self.digest(), other.digest()) {
            (
                ContentDigest::WithFormat { name, version, digest },
                ContentDigest::WithFormat { name: other_name, version: other_version, digest: other_digest },
            ) => name == other_name && (version != other_version || digest == other_digest),
            (ContentDigest::BeforeFormats(digest), ContentDigest::BeforeFormats(other_digest)) => {
                digest == other_digest
            }
            _ => true,
        }
    }

    fn digest(&self) -> ContentDigest<'_> {
        let content = self.0.split_once('.').map_or("", |(_, content)| content);
        let mut parts = content.splitn(3, '-');
        match (parts.next(), parts.next(), parts.next()) {
            (Some(version), Some(name), Some(digest)) => ContentDigest::WithFormat { name, version, digest },
            _ => ContentDigest::BeforeFormats(content),
        }
    }

    fn name(&self) -> &str {
        self.0.split_once('.').map_or(self.0.as_str(), |(name, _)| name)
    }
}

/// Digest of the content in a [`CommandId`].
enum ContentDigest<'id> {
    /// Digest by [`CommandId::new`], which made all command ids before formats had names and versions.
    BeforeFormats(&'id str),
    WithFormat {
        name: &'id str,
        version: &'id str,
        digest: &'id str,
    },
}

/// Returns 96 bits of a hash in hexadecimal, enough to avoid collisions between commands on one record.
fn short_hash(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes)[..12])
}

/// Returns `bytes` in lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    use fmt::Write;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a `String` cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn ulid_of(at: Timestamp, entropy: [u8; 10]) -> Ulid {
    let mut random = [0; 16];
    random[6..].copy_from_slice(&entropy);
    Ulid::from_parts(at.as_unix_ms().unsigned_abs(), u128::from_be_bytes(random))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    #[test]
    fn ids_parse_back_and_sort_by_age() {
        let first = KeyId::new(NOON, [255; 10]);
        let second = KeyId::new(NOON.plus_ms(1), [0; 10]);
        assert!(first < second && first.to_string() < second.to_string());
        assert_eq!(first.to_string().parse(), Ok(first));
        let record = RecordId::new(NOON, [7; 10]);
        assert_eq!(record.to_string().parse(), Ok(record));
        assert_eq!(record.to_string().as_bytes()[14], b'7');
    }

    #[test]
    fn ids_of_another_type_or_form_are_refused() {
        let key = KeyId::new(NOON, [1; 10]).to_string();
        assert!(key.parse::<TenantId>().is_err());
        assert!(key.to_lowercase().parse::<KeyId>().is_err());
        for text in [
            "",
            "key_",
            "key_01",
            "../../etc",
            "018f0000-0000-7000-8000-00000000000g",
            "018f000000007000800000000000000g",
        ] {
            assert!(text.parse::<KeyId>().is_err() && text.parse::<RecordId>().is_err(), "{text}");
        }
    }

    #[test]
    fn idempotency_key_gives_one_id_per_key_and_kind() {
        let tenant = TenantId::new(NOON, [1; 10]);
        let key = KeyId::new(NOON, [2; 10]);
        let id = RecordId::from_idempotency_key(tenant, key, "decision", "order-7");
        assert_eq!(id, RecordId::from_idempotency_key(tenant, key, "decision", "order-7"));
        assert_ne!(id, RecordId::from_idempotency_key(tenant, key, "decision", "order-8"));
        assert_ne!(id, RecordId::from_idempotency_key(tenant, key, "packet", "order-7"));
        assert_ne!(id, RecordId::from_idempotency_key(tenant, KeyId::new(NOON, [3; 10]), "decision", "order-7"));
    }

    #[test]
    fn commands_with_one_name_are_same_command() {
        let approve = CommandId::new("tap", b"approve");
        let deny = CommandId::new("tap", b"deny");
        assert!(approve.same_command(&deny));
        assert_ne!(approve, deny);
        assert!(!approve.same_command(&CommandId::new("other", b"approve")));
    }

    #[test]
    fn request_digest_depends_on_values_alone() {
        let format = |version| RequestFormat { name: "test.create", version };
        let id = |version, content| CommandId::from_request("tap", format(version), &content);
        let first = id(1, json!({"a": 1, "b": [2]}));
        assert_eq!(first, id(1, json!({"b": [2], "a": 1})));
        assert!(!first.has_same_content(&id(1, json!({"a": 1, "b": [3]}))));
        for version in [1, 2] {
            let other = RequestFormat { name: "test.change", version };
            assert!(!first.has_same_content(&CommandId::from_request("tap", other, &json!({"a": 1, "b": [2]}))));
        }
    }

    #[test]
    fn digests_of_two_versions_count_as_same_content() {
        let content = json!({"a": 1});
        let format = |version| RequestFormat { name: "test.create", version };
        let first = CommandId::from_request("tap", format(1), &content);
        for other in [CommandId::from_request("tap", format(2), &content), CommandId::new("tap", b"a = 1")] {
            assert!(first.same_command(&other) && first != other);
            assert!(first.has_same_content(&other) && other.has_same_content(&first));
        }
        assert!(!CommandId::new("tap", b"a").has_same_content(&CommandId::new("tap", b"b")));
    }

    /// Ids are stored in every log and in the keys of the database.
    #[test]
    fn stored_form_of_ids_is_stable() {
        let (tenant, key) = (TenantId::new(NOON, [1; 10]), KeyId::new(NOON, [2; 10]));
        assert_eq!(tenant.to_string(), "ten_01M3250V00040G2081040G2081");
        assert_eq!(key.to_string(), "key_01M3250V00081040G2081040G2");
        assert_eq!(RecordId::new(NOON, [3; 10]).to_string(), "01a0c450-6c00-7303-8303-030303030303");
        assert_eq!(
            RecordId::from_idempotency_key(tenant, key, "decision", "order-7").to_string(),
            "a8becfc2-74c1-87d5-837a-a57a8695f5df"
        );
        assert_eq!(
            serde_json::to_string(&CommandId::new("tap", b"approve")).ok().as_deref(),
            Some(r#""729cd87c6329408e2bbfea0e.74e21680eac7385ca408cb01""#),
        );
        let format = RequestFormat { name: "test.create", version: 1 };
        assert_eq!(
            serde_json::to_string(&CommandId::from_request("tap", format, &json!({"b": 1, "a": null}))).ok().as_deref(),
            Some(r#""729cd87c6329408e2bbfea0e.v1-a6a551a8-ee207823da4952e363dee2c7""#),
        );
    }

    #[test]
    fn kind_and_idempotency_key_are_separated_in_hash() {
        let (tenant, key) = (TenantId::new(NOON, [1; 10]), KeyId::new(NOON, [2; 10]));
        let id = |kind, idempotency_key| RecordId::from_idempotency_key(tenant, key, kind, idempotency_key);
        assert_ne!(id("decision", "s"), id("decisions", ""));
        assert_eq!(id("decision", "s").to_string().as_bytes()[14], b'8');
    }

    #[test]
    fn record_id_parses_both_cases_and_displays_lower() {
        let id = RecordId::new(NOON, [0xab; 10]);
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        assert_eq!(id.to_string(), id.to_string().to_lowercase());
    }

    fn almost_an_id() -> impl Strategy<Value = String> {
        let hex = "[0-9a-fA-F]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-gé]{12}";
        prop_oneof![
            any::<String>(),
            "(ten|key|rec)_[0-9A-Za-zé]{24,28}",
            hex,
            "[{(]?[0-9a-f-]{32,38}[)}]?",
            "urn:uuid:.{27}"
        ]
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn parsed_id_displays_as_its_text(text in almost_an_id()) {
            prop_assert!(text.parse::<KeyId>().ok().is_none_or(|id| id.to_string() == text));
            prop_assert!(text.parse::<TenantId>().ok().is_none_or(|id| id.to_string() == text));
            prop_assert!(text.parse::<RecordId>().ok().is_none_or(|id| id.to_string() == text.to_lowercase()));
        }

        #[test]
        fn any_id_parses_back(bytes in any::<[u8; 16]>()) {
            let (tenant, key, record) = (TenantId::from_bytes(bytes), KeyId::from_bytes(bytes), RecordId::from_bytes(bytes));
            prop_assert_eq!(tenant.to_string().parse(), Ok(tenant));
            prop_assert_eq!(key.to_string().parse(), Ok(key));
            prop_assert_eq!(record.to_string().parse(), Ok(record));
            prop_assert_eq!((tenant.to_bytes(), key.to_bytes(), record.to_bytes()), (bytes, bytes, bytes));
            let json = serde_json::to_string(&(tenant, key, record)).unwrap();
            prop_assert_eq!(serde_json::from_str::<(TenantId, KeyId, RecordId)>(&json).unwrap(), (tenant, key, record));
        }

        #[test]
        fn ids_sort_by_age_with_any_entropy(
            at in 0..253_402_300_799_000_i64, later in 1..1_000_000_i64, a in any::<[u8; 10]>(), b in any::<[u8; 10]>(),
        ) {
            let (old, new) = (Timestamp::from_unix_ms(at), Timestamp::from_unix_ms(at + later));
            prop_assert!(KeyId::new(old, a).to_string() < KeyId::new(new, b).to_string());
            prop_assert!(RecordId::new(old, a).to_string() < RecordId::new(new, b).to_string());
        }

        #[test]
        fn shard_is_below_number_of_shards(bytes in any::<[u8; 16]>(), shards in 1..=u8::MAX) {
            prop_assert!(RecordId::from_bytes(bytes).shard(shards) < shards);
        }
    }
}
