//! Tests of the packet lifecycle: exhaustive where the cases are finite, property-based elsewhere.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod all_transitions;
mod answers;
mod body_reader;
mod chains;
mod checkpoint_requests;
mod claim_leases;
mod command_sequences;
mod document_round_trips;
mod expected_transitions;
mod fixtures;
mod lifecycle_table;
mod log_trimming;
mod patches;
mod personal_values;
mod refusals;
mod request_bodies;
mod stored_format;
mod timestamps;
