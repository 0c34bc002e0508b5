//! Live event, read from a journal entry.

use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent, answer_origin_of_entry};
use handrail_domain::record::EncodedLogEntry;
use handrail_platform::fault::Fault;
use handrail_store::JournalEntry;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Number of the journal entry. A client resumes after the last number that it received.
    pub number: u64,
    pub packet_id: RecordId,
    /// Event name such as `packet.claimed`; never text from a client.
    pub name: String,
    data: Map<String, Value>,
    at: handrail_domain::time::Timestamp,
}

impl Event {
    /// Returns `None` if live streams omit the entry, as those of other kinds of records.
    pub fn from_journal_entry(entry: JournalEntry) -> Result<Option<Self>, Fault> {
        if entry.kind != Packet::KIND {
            return Ok(None);
        }
        let Some(Value::Object(mut data)) = entry.live_data else { return Ok(None) };
        let Some(Value::String(name)) = data.shift_remove("type") else {
            return Err(Fault::internal("live event without a type"));
        };
        let decoded = EncodedLogEntry::<Packet>::read(entry.event);
        let decoded = decoded.map_err(|error| Fault::internal_with_source("journal entry cannot be decoded", error))?;
        if let PacketEvent::Answered { response, .. } = &decoded.entry.event {
            data.insert("hitl_response".to_owned(), response.as_str().into());
        }
        if let Some(origin) = answer_origin_of_entry(&decoded.entry) {
            origin.insert_into(&mut data);
        }
        Ok(Some(Self { number: entry.number, packet_id: entry.record, name, data, at: entry.at }))
    }

    /// Builds the message that event streams and WebSockets send.
    pub fn to_message(&self) -> Value {
        json!({"type": self.name, "packet_id": self.packet_id, "data": self.data, "timestamp": self.at})
    }

    pub(super) fn status(&self) -> Option<&str> {
        self.data.get("status")?.as_str()
    }

    /// Id of the packet's parent. `None` if it has none.
    pub(crate) fn parent_id(&self) -> Option<RecordId> {
        let text = self.data.get("parent_packet_id")?.as_str()?;
        uuid::Uuid::try_parse(text).ok().map(|id| RecordId::from_bytes(id.into_bytes()))
    }

    pub(crate) fn agent_ids(&self) -> impl Iterator<Item = &str> {
        let metadata = self.data.get("metadata");
        ["source_agent", "target_agent"].into_iter().filter_map(move |role| metadata?.get(role)?.get("id")?.as_str())
    }
}
