//! What subscribers are told of a packet, and what somebody says who wants to be told.

use std::fmt;

use serde_json::Value;

use super::event::PacketEvent;
use super::named::words;
use super::reading::{Flaw, Reading};
use super::state::State;
use crate::outbound::{OutboundUrl, Reach};

/// The seed of a signature: a shorter one could be guessed.
pub const SECRET_CHARS_MIN: usize = 16;
pub const SECRET_CHARS_MAX: usize = 256;
/// Listed in a subscription, with repeats.
const EVENTS_MAX: usize = 100;

words! {
    /// The published names.
    pub enum Announced {
        Created = "packet.created",
        Claimed = "packet.claimed",
        InProgress = "packet.in_progress",
        AwaitingHuman = "packet.awaiting_human",
        Completed = "packet.completed",
        Failed = "packet.failed",
        Expired = "packet.expired",
        ResponseReady = "hitl.response_ready",
    }
}

impl Announced {
    /// What somebody hears who did not say.
    pub const USUAL: [Self; 4] = [Self::Created, Self::Claimed, Self::Completed, Self::Failed];

    /// Under which name an event is told. `None`: it is nobody's business.
    ///
    /// Each event has one name at most. So a packet that waits for a person from the start is only created, an answer is
    /// only a response that is ready, and a chain is told as the packet that it makes. A lease that lapsed has no name among
    /// the published ones: the packet is created again, and was told of as that.
    pub fn of(event: &PacketEvent) -> Option<Self> {
        match event {
            PacketEvent::Created { .. } => Some(Self::Created),
            PacketEvent::Claimed { .. } => Some(Self::Claimed),
            PacketEvent::Moved { to, .. } => match to {
                // No row leads there.
                State::Created => None,
                State::Claimed => Some(Self::Claimed),
                State::InProgress => Some(Self::InProgress),
                State::AwaitingHuman => Some(Self::AwaitingHuman),
                State::Completed => Some(Self::Completed),
                State::Failed => Some(Self::Failed),
                State::Expired => Some(Self::Expired),
            },
            PacketEvent::Answered { .. } => Some(Self::ResponseReady),
            PacketEvent::Deleted { .. } | PacketEvent::Expired { .. } | PacketEvent::Unanswered => Some(Self::Expired),
            PacketEvent::Edited { .. } | PacketEvent::Chained { .. } | PacketEvent::LeaseLapsed { .. } => None,
        }
    }
}

/// A subscription that somebody wants to make.
pub struct HookProposal {
    pub url: String,
    pub events: Vec<Announced>,
    pub secret: String,
}

impl fmt::Debug for HookProposal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address may hold a secret too.
        f.debug_struct("HookProposal").field("events", &self.events).finish_non_exhaustive()
    }
}

impl HookProposal {
    /// Where calls may go is the installation's to say.
    pub fn read(body: &Value, reach: Reach) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, |reading, body| {
            let members = reading.object(body)?;
            let url = reading.needed(members, "url", |r, value| {
                let url = r.text(value)?;
                match OutboundUrl::parse(&url, reach) {
                    // As it was given: so its owner knows it again.
                    Ok(_) => Some(url),
                    Err(fault) => r.flaw(fault.to_string(), "url_parsing"),
                }
            });
            let events = reading.optional(members, "events", |r, value| {
                if value.as_array().is_some_and(|events| events.len() > EVENTS_MAX) {
                    return r.flaw(format!("List should have at most {EVENTS_MAX} items"), "too_long");
                }
                r.list(value, |r, event| r.word(event, Announced::ALL, Announced::name))
            });
            let secret = reading.needed(members, "secret", |r, value| {
                let secret = r.text_within(value, SECRET_CHARS_MAX)?;
                if secret.chars().count() < SECRET_CHARS_MIN {
                    let message = format!("String should have at least {SECRET_CHARS_MIN} characters");
                    return r.flaw(message, "string_too_short");
                }
                Some(secret)
            });
            let wanted = events?.unwrap_or_else(|| Announced::USUAL.to_vec());
            let mut events = Vec::new();
            for event in wanted {
                if !events.contains(&event) {
                    events.push(event);
                }
            }
            Some(Self { url: url?, events, secret: secret? })
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn read(body: &Value) -> Result<HookProposal, Vec<Flaw>> {
        HookProposal::read(body, Reach::PublicOnly)
    }

    fn hook() -> Value {
        json!({"url": "https://example.com/hook", "secret": "sixteen letters!"})
    }

    #[test]
    fn who_says_nothing_hears_the_usual() {
        for events in [None, Some(Value::Null)] {
            let mut body = hook();
            if let Some(events) = events {
                body["events"] = events;
            }
            assert_eq!(read(&body).unwrap().events, Announced::USUAL);
        }
        let mut body = hook();
        body["events"] = json!([]);
        assert_eq!(read(&body).unwrap().events, []);
        body["events"] = json!(["hitl.response_ready", "packet.created", "hitl.response_ready"]);
        assert_eq!(read(&body).unwrap().events, [Announced::ResponseReady, Announced::Created]);
    }

    #[test]
    fn everything_that_is_wrong_is_told_at_once() {
        let flaws =
            read(&json!({"url": "ftp://example.com", "events": ["packet.moved", 5], "secret": "short"})).unwrap_err();
        let told: Vec<_> = flaws.iter().map(|flaw| (flaw.field(), flaw.kind)).collect();
        let expected =
            [("url", "url_parsing"), ("events.0", "enum"), ("events.1", "enum"), ("secret", "string_too_short")];
        assert_eq!(told, expected.map(|(field, kind)| (field.to_owned(), kind)));
        assert!(flaws[1].message.contains("'packet.created'") && flaws[1].message.contains("'hitl.response_ready'"));
        let missing: Vec<_> = read(&json!({})).unwrap_err().iter().map(Flaw::field).collect();
        assert_eq!(missing, ["url", "secret"]);
    }

    #[test]
    fn limits_are_counted_in_characters() {
        let secret = |secret: String| {
            let mut body = hook();
            body["secret"] = secret.into();
            read(&body).is_ok()
        };
        assert!(
            !secret("ä".repeat(15)) && secret("ä".repeat(16)) && secret("ä".repeat(256)) && !secret("ä".repeat(257))
        );
        let mut many = hook();
        many["events"] = vec!["packet.created"; 101].into();
        assert_eq!(read(&many).unwrap_err()[0].kind, "too_long");
    }

    #[test]
    fn no_address_leads_inside() {
        for url in [
            "http://localhost/",
            "http://127.0.0.1/",
            "http://10.0.0.1/",
            "http://169.254.169.254/latest",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://metadata.google.internal/",
            "http://metadata/",
            "http://100.64.0.1/",
            "http://0/",
            "http://2130706433/",
            "https://user@example.com/",
            "//example.com",
            "",
            "gopher://example.com/",
        ] {
            let mut body = hook();
            body["url"] = url.into();
            assert_eq!(read(&body).unwrap_err()[0].field(), "url", "{url}");
        }
    }

    #[test]
    fn no_secret_is_printed() {
        assert_eq!(
            format!("{:?}", read(&hook()).unwrap()),
            "HookProposal { events: [Created, Claimed, Completed, Failed], .. }"
        );
    }
}
