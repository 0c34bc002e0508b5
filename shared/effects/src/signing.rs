//! Signatures by which the receiver of a callback or webhook delivery can verify its origin and its bytes.
//!
//! Both signatures are HMAC-SHA256 and cover the exact bytes of the body that is sent.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_PAD_INDIFFERENT};
use handrail_secrets::purpose_key::hmac_sha256;

/// Signature headers after <https://www.standardwebhooks.com>.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandardWebhookHeaders {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
}

impl StandardWebhookHeaders {
    /// Returns the names and values for [`handrail_sender::OutboundRequest`].
    pub fn into_pairs(self) -> [(String, String); 3] {
        [
            ("webhook-id".to_owned(), self.id),
            ("webhook-timestamp".to_owned(), self.timestamp),
            ("webhook-signature".to_owned(), self.signature),
        ]
    }
}

/// Signs the id, the time and the body, so that the receiver can reject repeated and old deliveries. The id must not
/// contain a full stop, which separates the signed parts.
pub fn standard_webhook_headers(secret: &str, id: &str, timestamp_seconds: i64, body: &[u8]) -> StandardWebhookHeaders {
    let timestamp = timestamp_seconds.to_string();
    let mac = hmac_sha256(&signing_key(secret), &[id.as_bytes(), b".", timestamp.as_bytes(), b".", body]);
    StandardWebhookHeaders { id: id.to_owned(), timestamp, signature: format!("v1,{}", STANDARD.encode(mac)) }
}

/// Returns `sha256=` and the HMAC of the body in lower-case hex, with the secret's plain bytes as the key.
pub fn sha256_header(secret: &str, body: &[u8]) -> String {
    use std::fmt::Write;

    let mut header = "sha256=".to_owned();
    for byte in hmac_sha256(secret.as_bytes(), &[body]) {
        // Writing to a String cannot fail.
        let _ = write!(header, "{byte:02x}");
    }
    header
}

/// Decodes a secret of the form `whsec_<base64>`; any other secret is used as plain bytes. A bare `whsec_` counts as
/// plain, because an empty key would let anybody sign.
fn signing_key(secret: &str) -> Vec<u8> {
    secret
        .strip_prefix("whsec_")
        .and_then(|key| STANDARD_PAD_INDIFFERENT.decode(key).ok())
        .filter(|key| !key.is_empty())
        .unwrap_or_else(|| secret.as_bytes().to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sha256_header_signs_with_the_raw_secret() {
        // RFC 4231, test case 2.
        assert_eq!(
            sha256_header("Jefe", b"what do ya want for nothing?"),
            "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
        );
        // GitHub's documented example of the same header.
        assert_eq!(
            sha256_header("It's a Secret to Everybody", b"Hello, World!"),
            "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
        );
        // The prefix is not stripped for this header.
        assert_ne!(sha256_header("whsec_SmVmZQ==", b"x"), sha256_header("Jefe", b"x"));
    }

    #[test]
    fn standard_webhook_signature_matches_published_vector() {
        let headers = standard_webhook_headers(
            "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
            "msg_p5jXN8AQM9LWM0D4loKWxJek",
            1_614_265_330,
            br#"{"test": 2432232314}"#,
        );
        let expected = [
            ("webhook-id", "msg_p5jXN8AQM9LWM0D4loKWxJek"),
            ("webhook-timestamp", "1614265330"),
            ("webhook-signature", "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="),
        ];
        assert_eq!(headers.into_pairs(), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    }

    #[test]
    fn webhook_secret_decodes_with_or_without_padding() {
        assert_eq!(signing_key("whsec_SmVmZQ=="), b"Jefe");
        assert_eq!(signing_key("whsec_SmVmZQ"), b"Jefe");
    }

    #[test]
    fn unprefixed_secret_is_used_unchanged() {
        for secret in ["plain", "SmVmZQ==", "whsec_", "whsec_not base64", "WHSEC_SmVmZQ==", ""] {
            assert_eq!(signing_key(secret), secret.as_bytes(), "{secret:?}");
        }
    }

    #[test]
    fn signature_covers_id_timestamp_and_body() {
        let sign = |id, at, body| standard_webhook_headers("secret", id, at, body).signature;
        let signature = sign("evt_1", 1, b"body");
        assert_ne!(signature, sign("evt_2", 1, b"body"));
        assert_ne!(signature, sign("evt_1", 2, b"body"));
        assert_ne!(signature, sign("evt_1", 1, b"bodY"));
        assert_eq!(signature, sign("evt_1", 1, b"body"));
    }
}
