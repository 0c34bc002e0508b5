//! The reasons why a packet is not created.

use handrail_access::AccessError;
use handrail_domain::field_error::FieldError;
use handrail_domain::packet::Packet;
use handrail_platform::fault::Fault;
use handrail_records::transition::TransitionError;

/// Reason why a packet was not created. With the last one its outcome may be unknown.
#[derive(Debug)]
pub enum PacketCreationError {
    /// The packet has this many bytes, more than a packet may have.
    TooLarge {
        bytes: u64,
    },
    /// The key may not ask the approver of the packet's checkpoint.
    ApproverNotAllowed(FieldError),
    /// The key is over a quota.
    Access(AccessError),
    Transition(TransitionError<Packet>),
}

impl From<TransitionError<Packet>> for PacketCreationError {
    fn from(error: TransitionError<Packet>) -> Self {
        Self::Transition(error)
    }
}

impl From<Fault> for PacketCreationError {
    fn from(fault: Fault) -> Self {
        Self::Transition(TransitionError::Fault(fault))
    }
}
