//! Channels that filter the live events of a connection.

use handrail_domain::ids::RecordId;
use uuid::Uuid;

use super::event::Event;

/// Channels per connection.
const CHANNELS_MAX: usize = 100;
/// `agent:` and the longest id of an agent, each of its characters four bytes.
const CHANNEL_BYTES_MAX: usize = 6 + 4 * handrail_domain::packet::AGENT_CHARS_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Status(String),
    Packet(RecordId),
    /// Id of the packet's source agent or of the agent that holds its claim.
    Agent(String),
}

impl Channel {
    /// Parses a channel name. The error is a message for the client.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str = "Channels are status:<status>, packet:<id> and agent:<id>";
        if text.len() > CHANNEL_BYTES_MAX {
            return Err("The channel name is too long");
        }
        match text.split_once(':').filter(|(_, value)| !value.is_empty()).ok_or(FORMS)? {
            // An unknown status is accepted and matches no packet, as in lists.
            ("status", status) => Ok(Self::Status(status.to_owned())),
            ("packet", id) => Uuid::try_parse(id)
                .map(|id| Self::Packet(RecordId::from_bytes(id.into_bytes())))
                .map_err(|_| "The packet id must be a UUID"),
            ("agent", id) => Ok(Self::Agent(id.to_owned())),
            _ => Err(FORMS),
        }
    }

    fn matches(&self, event: &Event) -> bool {
        match self {
            Self::Status(status) => event.status() == Some(status),
            Self::Packet(id) => event.packet_id == *id,
            Self::Agent(id) => event.agent_ids().any(|agent| agent == id),
        }
    }
}

/// Channels of a connection. An event matches if any channel matches, or if there are none.
#[derive(Clone, Debug, Default)]
pub struct Channels(Vec<Channel>);

impl Channels {
    pub fn add(&mut self, channel: Channel) -> Result<(), &'static str> {
        if self.0.contains(&channel) {
            return Ok(());
        }
        if self.0.len() >= CHANNELS_MAX {
            return Err("Too many channels on one connection");
        }
        self.0.push(channel);
        Ok(())
    }

    pub fn remove(&mut self, channel: &Channel) {
        self.0.retain(|added| added != channel);
    }

    pub fn matches(&self, event: &Event) -> bool {
        self.0.is_empty() || self.0.iter().any(|channel| channel.matches(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channel_is_status_packet_or_agent() {
        assert_eq!(Channel::parse("status:created"), Ok(Channel::Status("created".to_owned())));
        assert_eq!(Channel::parse("agent:a:b"), Ok(Channel::Agent("a:b".to_owned())));
        let id = RecordId::from_bytes([7; 16]);
        for form in [format!("packet:{id}"), format!("packet:{}", id.to_string().to_uppercase())] {
            assert_eq!(Channel::parse(&form), Ok(Channel::Packet(id)));
        }
        for invalid in ["", "status", "status:", "packet:x", "tenant:x", ":", &format!("agent:{}", "x".repeat(2_000))] {
            assert!(Channel::parse(invalid).is_err(), "{invalid}");
        }
    }

    #[test]
    fn channels_per_connection_are_limited() {
        let mut channels = Channels::default();
        for number in 0..CHANNELS_MAX {
            channels.add(Channel::Agent(number.to_string())).unwrap();
        }
        assert!(channels.add(Channel::Agent("7".to_owned())).is_ok(), "a repeated channel is accepted");
        assert!(channels.add(Channel::Agent("one more".to_owned())).is_err());
        channels.remove(&Channel::Agent("7".to_owned()));
        assert!(channels.add(Channel::Agent("one more".to_owned())).is_ok());
    }
}
