//! A decision: an agent asks, a person answers before a deadline, exactly once.

mod ask;
mod rules;

pub use ask::{
    ACTION_CHARS_MAX, Asker, Ask, Backup, CONTEXT_CHARS_MAX, Channel, Choice, Invalid, InvalidKind, Proposal, TIMEOUT_MINUTES_MAX, Urgency,
};
pub use rules::{
    Act, Answer, Decision, DecisionEvent, Given, NOTES_CHARS_MAX, Outcome, RESPONSE_DATA_BYTES_MAX, RESOLVED_BY_CHARS_MAX, Refusal, Standing, State, TABLE,
    Trigger, asked_now, check_given, last_deadline,
};
