//! Tests of the decision lifecycle: exhaustive where the cases are finite, property-based elsewhere.

#![expect(clippy::panic, clippy::unwrap_used, reason = "the helpers of a test may fail it")]

mod all_transitions;
mod answer_origin;
mod answer_validation;
mod answers;
mod argument_rules;
mod cancellation_and_attachments;
mod command_sequences;
mod delivery_targets;
mod due_timers;
mod event_effects;
mod expected_transitions;
mod fixtures;
mod lifecycle_table;
mod log_trimming;
mod new_decision;
mod personal_values;
mod policies;
mod reminders;
mod response_types;
mod stored_format;
mod stored_format_additions;
mod typed_action;
