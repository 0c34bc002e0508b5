//! Is it Slack that calls? Its v0 signature over the bytes as they came, no older than five minutes.

use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_kernel::master::hmac_sha256;
use http::HeaderMap;
use subtle::ConstantTimeEq;

/// On either side: clocks differ, and what is older may be somebody's recording.
const WINDOW_SECONDS: u64 = 5 * 60;

pub(crate) fn is_slacks(headers: &HeaderMap, body: &[u8], signing_secret: &str, now: Timestamp) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (Some(at), Some(signature)) = (text("x-slack-request-timestamp"), text("x-slack-signature")) else {
        return false;
    };
    let Ok(at_seconds) = at.parse::<i64>() else { return false };
    let expected = format!("v0={}", hex(&hmac_sha256(signing_secret.as_bytes(), &[b"v0:", at.as_bytes(), b":", body])));
    let genuine: bool = expected.as_bytes().ct_eq(signature.as_bytes()).into();
    genuine && now.as_unix_seconds().abs_diff(at_seconds) <= WINDOW_SECONDS
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Slack's own documentation.
    const SECRET: &str = "8f742231b10e8888abcd99yyyzzz85a5";
    const BODY: &str = "token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&\
        channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&response_url=https%3A\
        %2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F96rGlfmibIGlgcZRskXaIFfN&trigger_id=\
        398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c";
    const SIGNATURE: &str = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503";
    const AT_SECONDS: i64 = 1_531_420_618;

    fn headers(at: &str, signature: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert("x-slack-request-timestamp", at.parse().unwrap());
        headers.insert("x-slack-signature", signature.parse().unwrap());
        headers
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_unix_ms(seconds * 1000)
    }

    #[test]
    fn slacks_own_example_is_slacks_for_five_minutes() {
        let headers = headers(&AT_SECONDS.to_string(), SIGNATURE);
        let genuine = |seconds| is_slacks(&headers, BODY.as_bytes(), SECRET, at(seconds));
        assert!(genuine(AT_SECONDS) && genuine(AT_SECONDS + 300) && genuine(AT_SECONDS - 300));
        assert!(!genuine(AT_SECONDS + 301) && !genuine(AT_SECONDS - 301));
    }

    #[test]
    fn whatever_differs_is_not_slacks() {
        let now = at(AT_SECONDS);
        let good = headers(&AT_SECONDS.to_string(), SIGNATURE);
        assert!(!is_slacks(&good, b"token=other", SECRET, now));
        assert!(!is_slacks(&good, BODY.as_bytes(), "another secret", now));
        assert!(!is_slacks(&headers(&(AT_SECONDS + 1).to_string(), SIGNATURE), BODY.as_bytes(), SECRET, now));
        for signature in ["", "v0=", "v1=a2114d57", &SIGNATURE.to_uppercase(), &SIGNATURE[3..]] {
            assert!(!is_slacks(&headers(&AT_SECONDS.to_string(), signature), BODY.as_bytes(), SECRET, now));
        }
        for time in ["", "now", "-1", "99999999999999999999"] {
            assert!(!is_slacks(&headers(time, SIGNATURE), BODY.as_bytes(), SECRET, now));
        }
        assert!(!is_slacks(&HeaderMap::new(), BODY.as_bytes(), SECRET, now));
    }
}
