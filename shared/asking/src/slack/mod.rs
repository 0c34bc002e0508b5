//! A decision in Slack: the message that asks, what became of it, the dialog for an answer that is typed, and the answer.
//!
//! Called by the workers, which post and edit, and by the operations in `functions/slack`, which take what people tap. It
//! guarantees that an agent's words are shown and do nothing, and that nothing is longer than Slack takes. It calls nobody.

mod answer;
mod blocks;
mod message;
mod modal;
mod ticket;

pub use answer::{Typed, Wrongs, read_answer, sentence};
pub use message::{asks, ended, ended_in_words, message, seat_of};
pub use modal::{Kept, dialog, needs_dialog, told};
pub use ticket::Ticket;
