//! Messages of the queues. A message holds keys only, no user's text; the worker reads the record when it runs.

use std::fmt;

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use handrail_domain::webhook::WebhookId;
use handrail_store::{DeliveryKey, HeadKey};
use serde::{Deserialize, Serialize};

/// Message to a worker.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Message {
    /// Sends a callback or a webhook delivery.
    Deliver {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Sends a mail or a Slack message to a person.
    Notify {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Retains the files of an event.
    #[serde(rename = "keep")]
    RetainFiles {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Fires the due timers of a record.
    Timer {
        kind: String,
        #[serde(flatten)]
        key: HeadKey,
        due_at: Timestamp,
    },
    /// Moves a message to its own queue at the time `at`, because only the queue of timers supports long delays.
    #[serde(rename = "later")]
    Delayed { message: Box<Message>, at: Timestamp },
}

/// Queue of a worker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Queue {
    Deliveries,
    Notices,
    Timers,
    Files,
}

impl Queue {
    pub const ALL: [Self; 4] = [Self::Deliveries, Self::Notices, Self::Timers, Self::Files];

    pub fn name(self) -> &'static str {
        match self {
            Self::Deliveries => "deliveries",
            Self::Notices => "notices",
            Self::Timers => "timers",
            Self::Files => "files",
        }
    }
}

/// Deliveries that share a receiver, so that a slow receiver delays only them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DeliveryGroup {
    Webhook {
        tenant: TenantId,
        webhook: WebhookId,
    },
    /// Callbacks of a tenant's decisions.
    Callbacks {
        tenant: TenantId,
    },
}

impl DeliveryGroup {
    pub fn tenant(&self) -> TenantId {
        match self {
            Self::Webhook { tenant, .. } | Self::Callbacks { tenant } => *tenant,
        }
    }

    /// Parses the text of `Display`. Returns `None` for any other text.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('#');
        let (kind, tenant, webhook) = (parts.next()?, parts.next()?.parse().ok()?, parts.next());
        match (kind, webhook, parts.next()) {
            ("hook", Some(webhook), None) => Some(Self::Webhook { tenant, webhook: webhook.parse().ok()? }),
            ("callback", None, None) => Some(Self::Callbacks { tenant }),
            _ => None,
        }
    }
}

impl fmt::Display for DeliveryGroup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Webhook { tenant, webhook } => write!(f, "hook#{tenant}#{webhook}"),
            Self::Callbacks { tenant } => write!(f, "callback#{tenant}"),
        }
    }
}

impl Message {
    /// Returns the group of a callback or webhook delivery. `None` for every other message.
    pub fn delivery_group(&self) -> Option<DeliveryGroup> {
        let Self::Deliver { key, .. } = self else { return None };
        let tenant = key.tenant;
        Some(match key.webhook {
            Some(webhook) => DeliveryGroup::Webhook { tenant, webhook },
            None => DeliveryGroup::Callbacks { tenant },
        })
    }

    pub fn queue(&self) -> Queue {
        match self {
            Self::Deliver { .. } => Queue::Deliveries,
            Self::Notify { .. } => Queue::Notices,
            Self::RetainFiles { .. } => Queue::Files,
            Self::Timer { .. } | Self::Delayed { .. } => Queue::Timers,
        }
    }

    /// Returns an id that is equal for repeated messages about one task.
    pub fn id(&self) -> String {
        match self {
            Self::Deliver { key, .. } | Self::Notify { key, .. } | Self::RetainFiles { key, .. } => key.id(),
            Self::Timer { key, due_at, .. } => {
                format!("tmr_{}_{}", key.id.to_string().replace('-', ""), due_at.as_unix_ms())
            }
            Self::Delayed { message, .. } => format!("later_{}", message.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::decision::CallbackPurpose;
    use handrail_domain::ids::RecordId;

    #[test]
    fn messages_round_trip_and_have_a_queue() {
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let (tenant, record) = (TenantId::new(at, [1; 10]), RecordId::new(at, [2; 10]));
        let key = DeliveryKey { tenant, record, seq: 3, purpose: CallbackPurpose::Resolved.purpose(), webhook: None };
        let webhook_key = DeliveryKey { webhook: Some(WebhookId::new(at, [3; 10], 0)), ..key };
        for (message, queue) in [
            (Message::Deliver { kind: "decision".to_owned(), key }, Queue::Deliveries),
            (Message::Deliver { kind: "packet".to_owned(), key: webhook_key }, Queue::Deliveries),
            (Message::Notify { kind: "decision".to_owned(), key }, Queue::Notices),
            (Message::RetainFiles { kind: "decision".to_owned(), key }, Queue::Files),
            (
                Message::Timer { kind: "decision".to_owned(), key: HeadKey { tenant, id: record }, due_at: at },
                Queue::Timers,
            ),
            (
                Message::Delayed { message: Box::new(Message::Notify { kind: "decision".to_owned(), key }), at },
                Queue::Timers,
            ),
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message, "{text}");
            assert_eq!(message.queue(), queue);
        }
    }

    #[test]
    fn deliveries_are_grouped_by_webhook_and_callbacks_by_tenant() {
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let (tenant, record) = (TenantId::new(at, [1; 10]), RecordId::new(at, [2; 10]));
        let key = DeliveryKey { tenant, record, seq: 3, purpose: CallbackPurpose::Resolved.purpose(), webhook: None };
        let webhook = WebhookId::new(at, [3; 10], 0);
        let deliver = |key| Message::Deliver { kind: "packet".to_owned(), key };
        let callbacks = deliver(key).delivery_group().unwrap();
        let other_record = DeliveryKey { record: RecordId::new(at, [4; 10]), ..key };
        assert_eq!(callbacks, deliver(other_record).delivery_group().unwrap());
        let of_webhook = deliver(DeliveryKey { webhook: Some(webhook), ..key }).delivery_group().unwrap();
        assert_eq!(of_webhook, DeliveryGroup::Webhook { tenant, webhook });
        for group in [callbacks, of_webhook] {
            assert_eq!(DeliveryGroup::parse(&group.to_string()), Some(group));
            // Longest message group id of SQS.
            assert!(group.to_string().len() <= 128);
        }
        assert!(Message::Notify { kind: "decision".to_owned(), key }.delivery_group().is_none());
        for text in ["", "hook", "hook#x", &format!("{of_webhook}#1"), &format!("{callbacks}#1"), "0001790000000#msg_1"]
        {
            assert_eq!(DeliveryGroup::parse(text), None, "{text}");
        }
    }

    #[test]
    fn webhook_message_ids_differ_and_old_messages_parse() {
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let (tenant, record) = (TenantId::new(at, [1; 10]), RecordId::new(at, [2; 10]));
        let key = DeliveryKey { tenant, record, seq: 3, purpose: CallbackPurpose::Resolved.purpose(), webhook: None };
        let message = |key| Message::Deliver { kind: "decision".to_owned(), key };
        let older = format!(
            r#"{{"do":"deliver","kind":"decision","tenant":"{tenant}","record":"{record}","seq":3,"purpose":"announce-resolved"}}"#
        );
        assert_eq!(serde_json::from_str::<Message>(&older).unwrap(), message(key));
        assert_eq!(serde_json::to_string(&message(key)).unwrap(), older);
        let webhook_message = |slot| message(DeliveryKey { webhook: Some(WebhookId::new(at, [3; 10], slot)), ..key });
        assert_ne!(webhook_message(0).id(), webhook_message(1).id());
        assert_ne!(webhook_message(0).id(), message(key).id());
        assert_eq!(webhook_message(0).id(), webhook_message(0).id());
    }
}
