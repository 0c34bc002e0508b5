//! A packet: an agent hands its context to another, at most once at a time, sometimes past a person who has to answer first.

mod announced;
mod ask;
mod asking;
mod content;
mod event;
mod following;
mod named;
mod patch;
mod question;
mod read_content;
mod reading;
mod rules;
mod schema;
mod standing;
mod state;
mod time;
mod wire;

pub use announced::{Announced, HookProposal, SECRET_CHARS_MAX, SECRET_CHARS_MIN};
pub use ask::{AgentRef, Ask, Priority, TTL_MS};
pub use asking::{Asked, Asker, Question};
pub use content::{
    Actions, Artifact, CONTENT_BYTES_MAX, Completed, Content, Context, Decided, Dependency, DependencyKind,
    DependencyStatus, Failed, Hitl, Pending, Speaker, Turn,
};
pub use event::{Act, Edit, Edited, PacketEvent, Refusal};
pub use patch::{ActionsPatch, Patch};
pub use question::question;
pub use reading::{FLAWS_MAX, Flaw, Step};
pub use rules::{Packet, still_holds, target};
pub use schema::{SCHEMA_NAME_CHARS_MAX, SchemaProposal};
pub use standing::{Lease, Standing};
pub use state::{State, TABLE, Trigger};
pub use time::read_time;
pub use wire::{
    AGENT_CHARS_MAX, BATCH_MAX, BatchClaim, CLAIM_FORMAT, CREATE_FORMAT, Claim, LEASE_SECONDS_MAX, Proposal,
    RESPONSE_CHARS_MAX, Response, SCHEMA_ID_CHARS_MAX, TAG_CHARS_MAX, TAGS_MAX, TooLarge, read_batch, read_batch_ids,
};

pub use crate::record::ContentRef;
