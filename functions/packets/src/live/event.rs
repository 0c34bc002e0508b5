//! One live event, from an entry of the feed.

use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::LogLine;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::FeedEntry;
use serde_json::{Map, Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// Whoever has seen it goes on behind this.
    pub number: u64,
    pub packet: RecordId,
    /// `packet.claimed`: one of ours, never a client's text.
    pub name: String,
    data: Map<String, Value>,
    at: handrail_domain::time::Timestamp,
}

impl Event {
    /// `None`: it is not shown live.
    pub fn of(entry: FeedEntry) -> Result<Option<Self>, Fault> {
        let Some(Value::Object(mut data)) = entry.live else { return Ok(None) };
        let Some(Value::String(name)) = data.shift_remove("type") else {
            return Err(Fault::broken("a live event has no type"));
        };
        let line = LogLine::<Packet>::read(entry.event);
        let line = line.map_err(|error| Fault::broken_by("a feed's event can't be read", error))?;
        if let PacketEvent::Answered { response, .. } = line.entry.event {
            data.insert("hitl_response".to_owned(), response.into());
        }
        Ok(Some(Self { number: entry.number, packet: entry.record, name, data, at: entry.at }))
    }

    /// As both kinds of connection send it.
    pub fn frame(&self) -> Value {
        json!({"type": self.name, "packet_id": self.packet, "data": self.data, "timestamp": self.at})
    }

    pub(super) fn status(&self) -> Option<&str> {
        self.data.get("status")?.as_str()
    }

    pub(super) fn agents(&self) -> impl Iterator<Item = &str> {
        let metadata = self.data.get("metadata");
        ["source_agent", "target_agent"].into_iter().filter_map(move |which| metadata?.get(which)?.get("id")?.as_str())
    }
}
