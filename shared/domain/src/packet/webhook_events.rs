//! Webhook event types of packets, and the request to create a webhook.

use std::fmt;

use serde_json::Value;

use super::event::PacketEvent;
use super::state::State;
use super::string_enum::string_enum;
use crate::body_reader::BodyReader;
use crate::field_error::FieldError;
use crate::outbound::{AddressPolicy, OutboundUrl};

/// Shortest secret. The secret keys the signatures, and a shorter secret could be guessed.
pub const SECRET_CHARS_MIN: usize = 16;
pub const SECRET_CHARS_MAX: usize = 256;
/// Most entries in `events`, with repeats.
const EVENTS_MAX: usize = 100;

string_enum! {
    /// Event type of a webhook, under its published name.
    pub enum WebhookEventType {
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

impl WebhookEventType {
    /// Event types of a webhook that is created without `events`.
    pub const DEFAULTS: [Self; 4] = [Self::Created, Self::Claimed, Self::Completed, Self::Failed];

    /// Webhook event type of a packet event. Returns `None` for events that are not delivered.
    ///
    /// Each event has at most one type. A packet that waits for a person from the start is only `Created`, an answer is
    /// only `ResponseReady`, and chaining is delivered as the `Created` of the new packet. No published type fits an
    /// expired lease, which returns the packet to the state `created`.
    pub fn of(event: &PacketEvent) -> Option<Self> {
        match event {
            PacketEvent::Created { .. } => Some(Self::Created),
            PacketEvent::Claimed { .. } => Some(Self::Claimed),
            PacketEvent::Moved { to, .. } => match to {
                // The state table has no move to this state.
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

/// Validated request to create a webhook.
pub struct NewWebhook {
    pub url: String,
    pub events: Vec<WebhookEventType>,
    pub secret: String,
}

impl fmt::Debug for NewWebhook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Besides the secret, the URL is left out: it may contain credentials.
        f.debug_struct("NewWebhook").field("events", &self.events).finish_non_exhaustive()
    }
}

impl NewWebhook {
    /// Reads a request body. `address_policy` is the installation's setting for addresses that calls may reach.
    pub fn read(body: &Value, address_policy: AddressPolicy) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let url = reader.required(members, "url", |r, value| {
                let url = r.text(value)?;
                match OutboundUrl::parse(&url, address_policy) {
                    // Stored as sent, so that the tenant recognises the URL.
                    Ok(_) => Some(url),
                    Err(error) => r.error(error.to_string(), "url_parsing"),
                }
            });
            let events = reader.optional(members, "events", |r, value| {
                if value.as_array().is_some_and(|events| events.len() > EVENTS_MAX) {
                    return r.error(format!("List should have at most {EVENTS_MAX} items"), "too_long");
                }
                r.list(value, |r, event| r.one_of(event, WebhookEventType::ALL, WebhookEventType::name))
            });
            let secret = reader.required(members, "secret", |r, value| {
                let secret = r.text_within(value, SECRET_CHARS_MAX)?;
                if secret.chars().count() < SECRET_CHARS_MIN {
                    let message = format!("String should have at least {SECRET_CHARS_MIN} characters");
                    return r.error(message, "string_too_short");
                }
                Some(secret)
            });
            let requested = events?.unwrap_or_else(|| WebhookEventType::DEFAULTS.to_vec());
            let mut events = Vec::new();
            for event in requested {
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

    fn read(body: &Value) -> Result<NewWebhook, Vec<FieldError>> {
        NewWebhook::read(body, AddressPolicy::PublicOnly)
    }

    fn webhook_body() -> Value {
        json!({"url": "https://example.com/hook", "secret": "sixteen letters!"})
    }

    #[test]
    fn webhook_without_events_gets_the_defaults() {
        for events in [None, Some(Value::Null)] {
            let mut body = webhook_body();
            if let Some(events) = events {
                body["events"] = events;
            }
            assert_eq!(read(&body).unwrap().events, WebhookEventType::DEFAULTS);
        }
        let mut body = webhook_body();
        body["events"] = json!([]);
        assert_eq!(read(&body).unwrap().events, []);
        body["events"] = json!(["hitl.response_ready", "packet.created", "hitl.response_ready"]);
        assert_eq!(read(&body).unwrap().events, [WebhookEventType::ResponseReady, WebhookEventType::Created]);
    }

    #[test]
    fn webhook_body_reports_all_field_errors() {
        let errors =
            read(&json!({"url": "ftp://example.com", "events": ["packet.moved", 5], "secret": "short"})).unwrap_err();
        let found: Vec<_> = errors.iter().map(|error| (error.field(), error.kind)).collect();
        let expected =
            [("url", "url_parsing"), ("events.0", "enum"), ("events.1", "enum"), ("secret", "string_too_short")];
        assert_eq!(found, expected.map(|(field, kind)| (field.to_owned(), kind)));
        assert!(errors[1].message.contains("'packet.created'") && errors[1].message.contains("'hitl.response_ready'"));
        let missing: Vec<_> = read(&json!({})).unwrap_err().iter().map(FieldError::field).collect();
        assert_eq!(missing, ["url", "secret"]);
    }

    #[test]
    fn webhook_limits_count_characters() {
        let accepts_secret = |secret: String| {
            let mut body = webhook_body();
            body["secret"] = secret.into();
            read(&body).is_ok()
        };
        assert!(
            !accepts_secret("ä".repeat(15))
                && accepts_secret("ä".repeat(16))
                && accepts_secret("ä".repeat(256))
                && !accepts_secret("ä".repeat(257))
        );
        let mut too_many = webhook_body();
        too_many["events"] = vec!["packet.created"; 101].into();
        assert_eq!(read(&too_many).unwrap_err()[0].kind, "too_long");
    }

    #[test]
    fn webhook_url_to_private_address_is_refused() {
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
            let mut body = webhook_body();
            body["url"] = url.into();
            assert_eq!(read(&body).unwrap_err()[0].field(), "url", "{url}");
        }
    }

    #[test]
    fn webhook_debug_output_hides_secret_and_url() {
        assert_eq!(
            format!("{:?}", read(&webhook_body()).unwrap()),
            "NewWebhook { events: [Created, Claimed, Completed, Failed], .. }"
        );
    }
}
