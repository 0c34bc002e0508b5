//! Packets as records: a packet with its content, and how one is created. Every door that makes packets uses these
//! functions, and words their errors itself.

mod creation;
mod creation_error;
mod idempotent_request;
mod packet_with_content;
mod search_text;

pub use creation::{CheckedPacket, checkpoint_request, create, reserve_checkpoint_quota};
pub use creation_error::PacketCreationError;
pub use idempotent_request::{IdempotentRequest, find_created};
pub use packet_with_content::PacketWithContent;
pub use search_text::searchable_body;
