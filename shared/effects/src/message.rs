//! What lies in the queues: names of work, never the work itself. A message is small, holds no text of anybody's, and
//! reads its record when its turn comes.

use handrail_domain::time::Timestamp;
use handrail_kernel::store::{DeliveryKey, HeadKey};
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub enum Message {
    /// Call an address.
    Deliver {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Mail a person.
    Notify {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Keep the files of an event.
    Keep {
        kind: String,
        #[serde(flatten)]
        key: DeliveryKey,
    },
    /// Raise what is due on a record.
    Timer {
        kind: String,
        #[serde(flatten)]
        key: HeadKey,
        due_at: Timestamp,
    },
    /// Put another message into its queue, but not before this time: the other queues hold nothing back for long.
    Later { message: Box<Message>, at: Timestamp },
}

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

impl Message {
    pub fn queue(&self) -> Queue {
        match self {
            Self::Deliver { .. } => Queue::Deliveries,
            Self::Notify { .. } => Queue::Notices,
            Self::Keep { .. } => Queue::Files,
            Self::Timer { .. } | Self::Later { .. } => Queue::Timers,
        }
    }

    /// The same work has the same id, however often it is asked for.
    pub fn id(&self) -> String {
        match self {
            Self::Deliver { key, .. } | Self::Notify { key, .. } | Self::Keep { key, .. } => key.id(),
            Self::Timer { key, due_at, .. } => {
                format!("tmr_{}_{}", key.id.to_string().replace('-', ""), due_at.as_unix_ms())
            }
            Self::Later { message, .. } => format!("later_{}", message.id()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use handrail_domain::effect::Purpose;
    use handrail_domain::hook::HookId;
    use handrail_domain::ids::{RecordId, TenantId};

    #[test]
    fn messages_read_back_and_name_their_queue() {
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let (tenant, record) = (TenantId::new(at, [1; 10]), RecordId::new(at, [2; 10]));
        let key = DeliveryKey { tenant, record, seq: 3, purpose: Purpose::AnnounceResolved, hook: None };
        let of_a_hook = DeliveryKey { hook: Some(HookId::new(at, [3; 10], 0)), ..key };
        for (message, queue) in [
            (Message::Deliver { kind: "decision".to_owned(), key }, Queue::Deliveries),
            (Message::Deliver { kind: "packet".to_owned(), key: of_a_hook }, Queue::Deliveries),
            (Message::Notify { kind: "decision".to_owned(), key }, Queue::Notices),
            (Message::Keep { kind: "decision".to_owned(), key }, Queue::Files),
            (
                Message::Timer { kind: "decision".to_owned(), key: HeadKey { tenant, id: record }, due_at: at },
                Queue::Timers,
            ),
            (
                Message::Later { message: Box::new(Message::Notify { kind: "decision".to_owned(), key }), at },
                Queue::Timers,
            ),
        ] {
            let text = serde_json::to_string(&message).unwrap();
            assert_eq!(serde_json::from_str::<Message>(&text).unwrap(), message, "{text}");
            assert_eq!(message.queue(), queue);
        }
    }

    #[test]
    fn each_hook_has_its_message_and_what_has_none_reads_as_ever() {
        let at = Timestamp::from_unix_ms(1_790_000_000_000);
        let (tenant, record) = (TenantId::new(at, [1; 10]), RecordId::new(at, [2; 10]));
        let key = DeliveryKey { tenant, record, seq: 3, purpose: Purpose::AnnounceResolved, hook: None };
        let message = |key| Message::Deliver { kind: "decision".to_owned(), key };
        let older = format!(
            r#"{{"do":"deliver","kind":"decision","tenant":"{tenant}","record":"{record}","seq":3,"purpose":"announce-resolved"}}"#
        );
        assert_eq!(serde_json::from_str::<Message>(&older).unwrap(), message(key));
        assert_eq!(serde_json::to_string(&message(key)).unwrap(), older);
        let of = |slot| message(DeliveryKey { hook: Some(HookId::new(at, [3; 10], slot)), ..key });
        assert!(of(0).id() != of(1).id() && of(0).id() != message(key).id() && of(0).id() == of(0).id());
    }
}
