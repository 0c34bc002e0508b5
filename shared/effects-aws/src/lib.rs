//! The workers on AWS: their queues, schedules and mail, and the event loops of the worker functions.
//!
//! A crate of its own, because a laptop needs none of these clients.

mod lambda_events;
mod outbox;
mod ses;

pub use lambda_events::{BatchResponse, handle_changes, handle_messages, serve};
pub use outbox::SqsOutbox;
pub use ses::SesMailer;
