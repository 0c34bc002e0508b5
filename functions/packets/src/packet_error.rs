//! Error of an operation on a packet, as a problem or as an entry of a batch response.

use handrail_domain::field_error::FieldError;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, Refusal};
use handrail_packet_records::PacketCreationError;
use handrail_platform::fault::Fault;
use handrail_records::transition::TransitionError;
use handrail_store::BODY_PACKED_BYTES_MAX;
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::Map;

use crate::errors::{batch_error, error, error_detail, packet_not_found, refusal_to_problem};

const RESPONSE_FULL_MESSAGE: &str = "Nothing was done: the response has no room for this packet. Send a smaller batch";

/// Error of an operation that changed nothing.
#[derive(Debug)]
pub(crate) enum PacketError {
    NotFound,
    Refused(Refusal),
    /// The batch response has no room for the packet.
    ResponseFull,
    Problem(Problem),
}

impl PacketError {
    pub(crate) fn into_problem(self, id: RecordId) -> Problem {
        match self {
            Self::NotFound => packet_not_found(id),
            Self::Refused(refusal) => refusal_to_problem(id, &refusal),
            Self::ResponseFull => error(StatusCode::PAYLOAD_TOO_LARGE, RESPONSE_FULL_MESSAGE),
            Self::Problem(problem) => problem,
        }
    }

    /// Returns the message for the `errors` list of a batch response.
    pub(crate) fn into_batch_error(self, id: RecordId) -> String {
        match self {
            Self::Refused(refusal) => batch_error(id, &refusal),
            other => error_detail(&other.into_problem(id)),
        }
    }
}

impl From<TransitionError<Packet>> for PacketError {
    fn from(error: TransitionError<Packet>) -> Self {
        match error {
            TransitionError::NotFound => Self::NotFound,
            TransitionError::Refused(refusal) => Self::Refused(refusal),
            TransitionError::TooLarge => Self::Problem(packed_packet_too_large()),
            other => Self::Problem(Problem::from_transition(other, "Packet", |_| Problem::Internal)),
        }
    }
}

impl From<Fault> for PacketError {
    fn from(fault: Fault) -> Self {
        Self::Problem(fault.into())
    }
}

/// Returns the problem of a packet that was not created.
pub(crate) fn creation_problem(error: PacketCreationError) -> Problem {
    match error {
        PacketCreationError::TooLarge { bytes } => packet_too_large(&format!("{bytes} bytes")),
        PacketCreationError::ApproverNotAllowed(error) => approver_not_allowed(&error),
        PacketCreationError::Access(error) => error.into(),
        PacketCreationError::Transition(TransitionError::TooLarge) => packed_packet_too_large(),
        PacketCreationError::Transition(other) => Problem::from_transition(other, "Packet", |_| Problem::Internal),
    }
}

pub(crate) fn approver_not_allowed(error: &FieldError) -> Problem {
    let (code, field) = ("APPROVER_NOT_ALLOWED", error.field());
    let message = format!("{field}: {}", error.message);
    let details = Map::from_iter([("code".to_owned(), code.into()), ("field".to_owned(), field.into())]);
    Problem::Refused { status: StatusCode::FORBIDDEN, code, message, details }
}

fn packed_packet_too_large() -> Problem {
    packet_too_large(&format!("more than {BODY_PACKED_BYTES_MAX} bytes packed"))
}

fn packet_too_large(size: &str) -> Problem {
    error(StatusCode::PAYLOAD_TOO_LARGE, format!("The packet would be too large, with {size}"))
}
