//! How a person is asked: the mail, the page behind its link, the message in Slack, and what each shows afterwards.
//!
//! Called by the doors that ask people, for the workers and for the operations at `/d/{token}` and in Slack. It knows one
//! shape of a question, that of a decision; a packet's checkpoint is seen as one
//! (docs/decisions/0018-a-checkpoint-is-seen-as-a-decision.md). It decides nothing, stores nothing and calls nobody.

mod by_mail;
pub mod mail;
pub mod pages;
mod question;
pub mod slack;

pub use by_mail::ask_by_mail;
pub use question::{Question, Spoken, asks_in_slack, deadline_of, in_slack, minutes_until};
