//! The AWS side of the workers: queues, schedules, mail, and how a function takes its events.

mod consume;
mod outbox;
mod ses;

pub use consume::{Failures, on_messages, on_messages_with, on_schedule, on_stream, take_changes, take_messages};
pub use outbox::SqsOutbox;
pub use ses::SesMailer;
