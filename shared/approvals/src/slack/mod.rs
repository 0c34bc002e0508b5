//! Approval requests in Slack: the message with buttons, the message after the answer, and the dialog for a typed
//! answer.
//!
//! Called by the workers, which post and edit messages, and by the operations in `functions/slack`, which handle
//! clicks. Guarantees: an agent's text is never interpreted as markup, and no text exceeds Slack's limits.

mod blocks;
mod button_token;
mod dialog_answer;
mod message;
mod modal;

pub use button_token::ButtonToken;
pub use dialog_answer::{DialogAnswer, FieldErrors, field_error_sentence, parse_dialog};
pub use message::{MessageKeys, build_message, closed_message, closed_text, recipient, role_of};
pub use modal::{DialogMetadata, answer_dialog, needs_dialog, notice_dialog};
