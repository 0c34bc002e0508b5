//! Tokens in Slack buttons: the approver's link token, bound by a signature to the Slack user who got the message.
//!
//! Slack returns the token with the click. The signature makes the token useless to other Slack users, so a click needs
//! no lookup of the message's recipient.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::slack_user::SlackUser;
use handrail_secrets::purpose_key::PurposeKey;
use subtle::ConstantTimeEq;

const SIGNATURE_BYTES: usize = 16;
/// Most characters of a button token. The link token has 68.
const BUTTON_TOKEN_CHARS_MAX: usize = 200;

/// Parsed button token. The link token must not be used before [`ButtonToken::is_valid_for`] has returned `true`.
pub struct ButtonToken {
    pub link_token: String,
    signature: Vec<u8>,
}

impl ButtonToken {
    pub fn issue(master: &PurposeKey, token: &str, to: &SlackUser) -> String {
        format!("{token}.{}", BASE64_URL_SAFE_NO_PAD.encode(sign(master, token, to)))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (token, signature) = text.split_once('.').filter(|_| text.len() <= BUTTON_TOKEN_CHARS_MAX)?;
        Some(Self { link_token: token.to_owned(), signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()? })
    }

    /// Returns `true` if the message with this button was sent to this user.
    pub fn is_valid_for(&self, master: &PurposeKey, user: &SlackUser) -> bool {
        sign(master, &self.link_token, user).ct_eq(&self.signature).into()
    }
}

fn sign(master: &PurposeKey, token: &str, to: &SlackUser) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    let signed = master.sign_slack(&[b"button", token.as_bytes(), to.team.as_bytes(), to.user.as_bytes()]);
    signature.copy_from_slice(&signed[..SIGNATURE_BYTES]);
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn button_token_is_valid_only_for_its_user() {
        let user = |team: &str, user: &str| SlackUser { team: team.to_owned(), user: user.to_owned() };
        let (master, ann) = (PurposeKey::new("m"), user("T1", "U1"));
        let text = ButtonToken::issue(&master, "token", &ann);
        let button_token = ButtonToken::parse(&text).unwrap();
        assert!(button_token.link_token == "token" && button_token.is_valid_for(&master, &ann));
        for other in [user("T1", "U2"), user("T2", "U1"), user("T1U", "1"), user("", "T1U1")] {
            assert!(!button_token.is_valid_for(&master, &other));
        }
        assert!(!button_token.is_valid_for(&PurposeKey::new("other"), &ann));
        assert!(!ButtonToken::parse(&text.replacen("token", "tokem", 1)).unwrap().is_valid_for(&master, &ann));
        assert!(!ButtonToken::parse("token.").unwrap().is_valid_for(&master, &ann));
        for text in ["", "token", "token.!", &"a.".repeat(200)] {
            assert!(ButtonToken::parse(text).is_none(), "{text}");
        }
    }
}
