//! Pages of the approver's link `/d/{token}`: the request form, and the pages of a closed request.
//!
//! Every function is pure and returns a full response with its status. The caller checks the link and passes the state.
//! Guarantees: outside text is escaped, deceptive characters are visible, the agent's text stands in a labelled box
//! without links, and the pages work without their only script, the countdown.

mod agent;
mod answer;
mod attachments;
mod buttons;
mod closed;
mod countdown;
mod error_pages;
mod form_values;
mod format;
#[cfg(test)]
mod hostile_input;
mod inputs;
mod reply;
mod request_page;
mod time_text;

pub use answer::{AnswerChannel, AnswerContent, DecidedView, ResultKind, UseEnd, UsedView};
pub use attachments::{FileView, Picture};
pub use buttons::{Button, choice_label, mail_buttons, page_buttons};
pub use closed::{CancelledView, EscalatedView, ExpiredView, already_decided, cancelled, escalated, expired, outcome};
pub use countdown::AtDeadline;
pub use error_pages::{not_found, rate_limited, too_large, unavailable, unreadable};
pub use form_values::{FormButton, FormError, FormField, FormValues};
pub use format::duration;
pub use inputs::{DateRange, OWN_WORDS_VALUE, number_bounds};
pub use reply::{AMBIGUOUS_REPLY_MESSAGE, ReplyError, parse_reply};
pub use request_page::{RequestPageView, request_page};
pub use time_text::TimeText;
