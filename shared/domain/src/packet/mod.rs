//! Packets: an agent hands its context to another agent. At most one agent at a time holds the claim, and a checkpoint
//! can stop the packet until a person has answered.

mod checkpoint_request;
mod checkpoint_view;
mod content;
mod effects;
mod event;
mod lifecycle;
mod patch;
mod priority;
mod read_content;
mod requests;
mod schema;
mod spec;
mod state;
mod state_data;
mod string_enum;
mod webhook_events;

pub use checkpoint_request::{CheckpointRequest, CheckpointRequester, OpenCheckpoint};
pub use checkpoint_view::checkpoint_as_decision;
pub use content::{
    Actions, Artifact, CONTENT_BYTES_MAX, CheckpointAnswer, CompletedAction, Content, Context, Dependency,
    DependencyKind, DependencyStatus, FailedAction, Hitl, PendingAction, PriorDecision, Speaker, Turn,
};
pub use event::{Act, Edit, Edited, PacketEvent, Refusal};
pub use lifecycle::{Packet, answer_origin_of_entry, asker_of_checkpoint, check_claim_active, current_agent};
pub use patch::{ActionsPatch, Patch, Responder};
pub use priority::Priority;
pub use requests::{
    AGENT_CHARS_MAX, BATCH_MAX, BatchClaim, BatchEntry, CLAIM_FORMAT, CREATE_FORMAT, Claim, LEASE_SECONDS_MAX,
    NewPacket, RESPONSE_CHARS_MAX, SCHEMA_ID_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX, TooLarge, read_batch, read_batch_ids,
};
pub use schema::{SCHEMA_NAME_CHARS_MAX, SchemaProposal};
pub use spec::{AgentRef, PacketSpec};
pub use state::{State, TABLE, TTL_MS, Trigger};
pub use state_data::{Lease, StateData};
pub use webhook_events::{NewWebhook, SECRET_CHARS_MAX, SECRET_CHARS_MIN, WebhookEventType};

pub use crate::record::ContentRef;
