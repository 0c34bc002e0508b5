//! A decision: an agent asks, a person answers before a deadline, exactly once.

mod ask;
mod rules;

pub use ask::{
    ACTION_CHARS_MAX, Ask, Asker, Backup, CONTEXT_CHARS_MAX, Channel, Choice, Invalid, InvalidKind, Proposal,
    TIMEOUT_MINUTES_MAX, Urgency,
};
pub use rules::{
    Act, Answer, Decision, DecisionEvent, Given, NOTES_CHARS_MAX, Outcome, RESOLVED_BY_CHARS_MAX,
    RESPONSE_DATA_BYTES_MAX, RESPONSE_DATA_DEPTH_MAX, Refusal, Standing, State, TABLE, Trigger, asked_now, check_given,
    last_deadline,
};
