//! A decision: an agent asks, a person answers before a deadline, exactly once.

mod answer;
mod ask;
mod files;
mod following;
mod response;
mod rules;

pub use answer::{
    Answer, EXECUTE_WITHIN_DAYS_MAX, Given, NOTES_CHARS_MAX, REPLY, RESOLVED_BY_CHARS_MAX, RESPONSE_DATA_BYTES_MAX,
    RESPONSE_DATA_DEPTH_MAX, TEXT_CHARS_MAX, check_given,
};
pub use ask::{
    ACTION_CHARS_MAX, Ask, Asker, Backup, CONTEXT_CHARS_MAX, CONTEXT_IMAGES_MAX, Channel, Choice, Invalid, InvalidKind,
    Proposal, TIMEOUT_MINUTES_MAX, Urgency, check_listed,
};
pub use files::files_of;
pub(crate) use following::reminders;
pub(crate) use response::check_choices;
pub use response::{ResponseType, TextField};
pub use rules::{
    Act, Cancelled, Decision, DecisionEvent, Expiry, Outcome, Place, Refusal, Standing, State, TABLE, Trigger,
    asked_now, last_deadline, policy_event,
};
