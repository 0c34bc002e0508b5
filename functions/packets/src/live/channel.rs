//! What somebody wants to hear of.

use handrail_domain::ids::RecordId;
use uuid::Uuid;

use super::Event;

/// Of one connection.
const CHANNELS_MAX: usize = 100;
/// `agent:` and the longest id of an agent, each of its characters four bytes.
const CHANNEL_BYTES_MAX: usize = 6 + 4 * handrail_domain::packet::AGENT_CHARS_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Channel {
    Status(String),
    Packet(RecordId),
    /// Where it comes from, or who has it.
    Agent(String),
}

impl Channel {
    /// Says what is wrong with it.
    pub fn read(text: &str) -> Result<Self, &'static str> {
        const FORMS: &str = "Channels are status:<status>, packet:<id> and agent:<id>";
        if text.len() > CHANNEL_BYTES_MAX {
            return Err("No channel has so long a name");
        }
        match text.split_once(':').filter(|(_, what)| !what.is_empty()).ok_or(FORMS)? {
            // A status that does not exist fits no packet, as in lists.
            ("status", status) => Ok(Self::Status(status.to_owned())),
            ("packet", id) => Uuid::try_parse(id)
                .map(|id| Self::Packet(RecordId::from_bytes(id.into_bytes())))
                .map_err(|_| "The id of a packet is a UUID"),
            ("agent", id) => Ok(Self::Agent(id.to_owned())),
            _ => Err(FORMS),
        }
    }

    fn fits(&self, event: &Event) -> bool {
        match self {
            Self::Status(status) => event.status() == Some(status),
            Self::Packet(id) => event.packet == *id,
            Self::Agent(id) => event.agents().any(|agent| agent == id),
        }
    }
}

/// Any of these; everything, where there is none.
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
        self.0.retain(|one| one != channel);
    }

    pub fn fits(&self, event: &Event) -> bool {
        self.0.is_empty() || self.0.iter().any(|channel| channel.fits(event))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_channel_is_one_of_three() {
        assert_eq!(Channel::read("status:created"), Ok(Channel::Status("created".to_owned())));
        assert_eq!(Channel::read("agent:a:b"), Ok(Channel::Agent("a:b".to_owned())));
        let id = RecordId::from_bytes([7; 16]);
        for form in [format!("packet:{id}"), format!("packet:{}", id.to_string().to_uppercase())] {
            assert_eq!(Channel::read(&form), Ok(Channel::Packet(id)));
        }
        for wrong in ["", "status", "status:", "packet:x", "tenant:x", ":", &format!("agent:{}", "x".repeat(2_000))] {
            assert!(Channel::read(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn channels_have_a_limit() {
        let mut channels = Channels::default();
        for number in 0..CHANNELS_MAX {
            channels.add(Channel::Agent(number.to_string())).unwrap();
        }
        assert!(channels.add(Channel::Agent("7".to_owned())).is_ok(), "it is there already");
        assert!(channels.add(Channel::Agent("one more".to_owned())).is_err());
        channels.remove(&Channel::Agent("7".to_owned()));
        assert!(channels.add(Channel::Agent("one more".to_owned())).is_ok());
    }
}
