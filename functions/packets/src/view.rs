//! JSON view of a packet. Every field is present, and null when unset.

use handrail_context::cx::Cx;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Content, Packet, Priority, State, current_agent};
use handrail_domain::read_time::read_time;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_packet_records::PacketWithContent;
use schemars::JsonSchema;
use serde::Serialize;

/// Version of the packet format, not of this service.
const FORMAT_VERSION: &str = "1.0.0";

/// JSON view of a packet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Packet")]
pub(crate) struct PacketView {
    id: RecordId,
    version: &'static str,
    parent_packet_id: Option<RecordId>,
    metadata: Metadata,
    #[serde(flatten)]
    content: Content,
    status: State,
    schema_id: Option<String>,
    created_at: Timestamp,
    updated_at: Timestamp,
    expires_at: Timestamp,
    lease_expires_at: Option<Timestamp>,
}

impl PacketView {
    /// Returns the view of a packet as of now.
    pub(crate) fn as_of_now(cx: &Cx, packet: &PacketWithContent) -> Self {
        Self::new(&packet.record.as_of(cx.clock.now()), &packet.content)
    }

    /// The caller passes `record` as of now.
    pub(crate) fn new(record: &Record<Packet>, content: &Content) -> Self {
        let (spec, state_data) = (&record.spec, &record.state_data);
        Self {
            id: record.id,
            version: FORMAT_VERSION,
            parent_packet_id: spec.parent,
            metadata: Metadata::new(record),
            content: content.clone(),
            status: record.state(),
            schema_id: spec.schema_id.clone(),
            created_at: record.created_at,
            updated_at: record.updated_at,
            expires_at: spec.expires_at,
            lease_expires_at: state_data.lease.as_ref().map(|lease| lease.until),
        }
    }
}

/// Agents and times of a packet.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "PacketMetadata")]
pub(crate) struct Metadata {
    source_agent: SourceAgent,
    target_agent: TargetAgent,
    created_at: String,
    claimed_at: Option<String>,
    completed_at: Option<String>,
    priority: Priority,
    tags: Vec<String>,
}

/// Agent that created a packet.
#[derive(Serialize, JsonSchema)]
struct SourceAgent {
    id: String,
    name: String,
    framework: Option<String>,
    version: Option<String>,
}

/// Agent that a packet is for, or that has claimed it.
#[derive(Serialize, JsonSchema)]
struct TargetAgent {
    id: String,
    name: String,
    framework: Option<String>,
}

impl Metadata {
    pub(crate) fn new(record: &Record<Packet>) -> Self {
        let (spec, state_data) = (&record.spec, &record.state_data);
        let (source, target) = (&spec.source, current_agent(record));
        let stated = |stated: &Option<String>| stated.as_deref().map(with_time_zone);
        Self {
            source_agent: SourceAgent {
                id: source.id.clone(),
                name: source.name.clone(),
                framework: source.framework.clone(),
                version: source.version.clone(),
            },
            target_agent: TargetAgent {
                id: target.id.clone(),
                name: target.name.clone(),
                framework: target.framework.clone(),
            },
            // Clients do not accept null here.
            created_at: stated(&spec.stated_at).unwrap_or_else(|| record.created_at.to_string()),
            claimed_at: time_or_stated(state_data.claimed_at, stated(&spec.claimed_at_given)),
            completed_at: time_or_stated(state_data.completed_at, stated(&spec.completed_at_given)),
            priority: spec.priority,
            tags: spec.tags.clone(),
        }
    }
}

fn time_or_stated(recorded: Option<Timestamp>, stated: Option<String>) -> Option<String> {
    recorded.map(|at| at.to_string()).or(stated)
}

/// Returns the sender's time unchanged if it has a time zone, else in this service's format.
fn with_time_zone(text: &str) -> String {
    match Timestamp::parse(text) {
        Some(_) => text.to_owned(),
        None => read_time(text).map_or_else(|| text.to_owned(), |at| at.to_string()),
    }
}
