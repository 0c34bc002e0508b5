//! Verifies Slack's v0 signature of a request body.

use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_secrets::purpose_key::hmac_sha256;
use http::HeaderMap;
use subtle::ConstantTimeEq;

/// Largest difference between a request's time and the clock, in both directions. Older requests may be replayed ones.
const WINDOW_SECONDS: u64 = 5 * 60;

pub(crate) fn is_signed_by_slack(headers: &HeaderMap, body: &[u8], signing_secret: &str, now: Timestamp) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(at), Some(signature)) = (text("x-slack-request-timestamp"), text("x-slack-signature")) else {
        return false;
    };
    let Ok(at_seconds) = at.parse::<i64>() else { return false };
    let expected = format!("v0={}", hex(&hmac_sha256(signing_secret.as_bytes(), &[b"v0:", at.as_bytes(), b":", body])));
    let is_genuine: bool = expected.as_bytes().ct_eq(signature.as_bytes()).into();
    is_genuine && now.as_unix_seconds().abs_diff(at_seconds) <= WINDOW_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example in Slack's documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A\
        %2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=\
        398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const SIGNED_AT_SECONDS: i64 = 1_531_420_618;

    fn headers(at: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", at.parse().unwrap());
        headers.insert("x-slack-signature", signature.parse().unwrap());
        headers
    }

    fn timestamp(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    #[test]
    fn slack_example_signature_is_valid_for_five_minutes() {
        let headers = headers(&SIGNED_AT_SECONDS.to_string(), SIGNATURE);
        let is_valid = |seconds| is_signed_by_slack(&headers, BODY.as_bytes(), SECRET, timestamp(seconds));
        assert!(is_valid(SIGNED_AT_SECONDS) && is_valid(SIGNED_AT_SECONDS + 300) && is_valid(SIGNED_AT_SECONDS - 300));
        assert!(!is_valid(SIGNED_AT_SECONDS + 301) && !is_valid(SIGNED_AT_SECONDS - 301));
    }

    #[test]
    fn changed_signature_body_or_time_is_invalid() {
        let now = timestamp(SIGNED_AT_SECONDS);
        let good = headers(&SIGNED_AT_SECONDS.to_string(), SIGNATURE);
        assert!(!is_signed_by_slack(&good, b"token=other", SECRET, now));
        assert!(!is_signed_by_slack(&good, BODY.as_bytes(), "another secret", now));
        assert!(!is_signed_by_slack(
            &headers(&(SIGNED_AT_SECONDS + 1).to_string(), SIGNATURE),
            BODY.as_bytes(),
            SECRET,
            now
        ));
        for signature in ["", "v0=", "v1=a2114d57", &SIGNATURE.to_uppercase(), &SIGNATURE[3..]] {
            assert!(!is_signed_by_slack(
                &headers(&SIGNED_AT_SECONDS.to_string(), signature),
                BODY.as_bytes(),
                SECRET,
                now
            ));
        }
        for time in ["", "now", "-1", "99999999999999999999"] {
            assert!(!is_signed_by_slack(&headers(time, SIGNATURE), BODY.as_bytes(), SECRET, now));
        }
        assert!(!is_signed_by_slack(&HeaderMap::new(), BODY.as_bytes(), SECRET, now));
    }
}
