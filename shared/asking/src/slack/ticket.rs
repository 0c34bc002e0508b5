//! What a button carries: the link of the person who is asked, bound to the Slack user who got the message.
//!
//! Slack hands it back with the tap. It opens nothing in anybody else's hands, so no tap needs a look into the table for who
//! was asked where.

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_kernel::master::MasterKey;
use handrail_kernel::slack::SlackUser;
use subtle::ConstantTimeEq;

const SIGNATURE_BYTES: usize = 16;
/// A link's token is 68 characters.
const CHARS_MAX: usize = 200;

/// Worth nothing until [`Ticket::is_for`] said yes.
pub struct Ticket {
    pub token: String,
    signature: Vec<u8>,
}

impl Ticket {
    pub fn issue(master: &MasterKey, token: &str, to: &SlackUser) -> String {
        format!("{token}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature(master, token, to)))
    }

    pub fn parse(text: &str) -> Option<Self> {
        let (token, signature) = text.split_once('.').filter(|_| text.len() <= CHARS_MAX)?;
        Some(Self { token: token.to_owned(), signature: BASE64_URL_SAFE_NO_PAD.decode(signature).ok()? })
    }

    /// Was the message with this button sent to this user?
    pub fn is_for(&self, master: &MasterKey, user: &SlackUser) -> bool {
        signature(master, &self.token, user).ct_eq(&self.signature).into()
    }
}

fn signature(master: &MasterKey, token: &str, to: &SlackUser) -> [u8; SIGNATURE_BYTES] {
    let mut signature = [0; SIGNATURE_BYTES];
    let signed = master.sign_slack(&[b"button", token.as_bytes(), to.team.as_bytes(), to.user.as_bytes()]);
    signature.copy_from_slice(&signed[..SIGNATURE_BYTES]);
    signature
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ticket_is_for_its_user_alone() {
        let user = |team: &str, user: &str| SlackUser { team: team.to_owned(), user: user.to_owned() };
        let (master, ann) = (MasterKey::new("m"), user("T1", "U1"));
        let text = Ticket::issue(&master, "token", &ann);
        let ticket = Ticket::parse(&text).unwrap();
        assert!(ticket.token == "token" && ticket.is_for(&master, &ann));
        for other in [user("T1", "U2"), user("T2", "U1"), user("T1U", "1"), user("", "T1U1")] {
            assert!(!ticket.is_for(&master, &other));
        }
        assert!(!ticket.is_for(&MasterKey::new("other"), &ann));
        assert!(!Ticket::parse(&text.replacen("token", "tokem", 1)).unwrap().is_for(&master, &ann));
        assert!(!Ticket::parse("token.").unwrap().is_for(&master, &ann));
        for text in ["", "token", "token.!", &"a.".repeat(200)] {
            assert!(Ticket::parse(text).is_none(), "{text}");
        }
    }
}
