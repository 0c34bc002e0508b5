//! The AWS side of the workers: queues, schedules, mail, and the event loop of the worker functions.

mod lambda_events;
mod outbox;
mod ses;

pub use lambda_events::{BatchResponse, handle_changes, handle_messages, serve};
pub use outbox::SqsOutbox;
pub use ses::SesMailer;
