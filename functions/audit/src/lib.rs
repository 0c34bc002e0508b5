//! The audit door: an account's journal for people outside of it, as an export, with signed checkpoints that an export is
//! checked against.
//!
//! The rows are those of records of every kind, but the operations read only their text, so they know no kind. See
//! docs/decisions/0034-a-journal-that-outsiders-check.md.

pub mod checkpoint;
mod door;
pub mod export;
pub mod key;
#[cfg(test)]
mod testing;

use handrail_web::operations;

operations! {
    ENDPOINTS, DESCRIPTIONS, problem: handrail_approvals::errors::ErrorBody,
    export,
    checkpoint,
    key,
}
