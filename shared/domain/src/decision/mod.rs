//! Decisions: requests of agents, each answered by a person at most once and before a deadline.

mod answer;
mod approval_use;
mod callback_purpose;
mod consumption;
mod effects;
mod event;
mod field_error;
mod files;
mod json_depth;
mod lifecycle;
mod receipt;
mod response;
mod spec;
mod state;
mod state_data;
mod typed_action;
mod validity;

pub use answer::{
    Answer, EXECUTE_WITHIN_DAYS_MAX, NOTES_CHARS_MAX, REPLY, RESOLVED_BY_CHARS_MAX, RESPONSE_DATA_BYTES_MAX,
    RESPONSE_DATA_DEPTH_MAX, SubmittedAnswer, TEXT_CHARS_MAX, validate_answer,
};
pub use callback_purpose::CallbackPurpose;
pub use consumption::{
    ConsumeRequest, Consumption, EXECUTION_DETAIL_CHARS_MAX, EXECUTION_ID_CHARS_MAX, ExecutionEnd, ExecutionOutcome,
    validate_action_hash, validate_execution_detail, validate_execution_id,
};
pub(crate) use effects::{mail, reminders};
pub use event::{Act, DecisionEvent, Refusal};
pub use field_error::{APPROVER_NOT_ALLOWED, UNSUPPORTED_CHANNEL};
pub use files::files_of;
pub use lifecycle::{
    Decision, answer_origin, answer_origin_of_entry, author_of_answer, current_approver, last_deadline, policy_event,
};
pub use receipt::{
    RECEIPT_TYPE, ReceiptAsker, ReceiptClaims, ReceiptEnv, ReceiptPolicy, ReceiptResponse, closing_seq, receipt_claims,
};
pub(crate) use response::check_choices;
pub use response::{ResponseType, TextField};
pub use spec::{
    ACTION_CHARS_MAX, Backup, CONTEXT_CHARS_MAX, CONTEXT_IMAGES_MAX, Channel, Choice, DecisionSpec, NewDecision,
    Requester, TIMEOUT_MINUTES_MAX, Urgency,
};
pub use state::{State, TABLE, Trigger};
pub use state_data::{Cancelled, Expiry, Outcome, Phase, StateData};
pub use typed_action::{
    ARGUMENTS_BYTES_MAX, ARGUMENTS_DEPTH_MAX, Arguments, TOOL_CHARS_MAX, VALID_FOR_SECONDS_MAX, VALID_FOR_SECONDS_MIN,
    action_hash, validate_arguments,
};
pub use validity::{is_action_permitted, valid_until};
