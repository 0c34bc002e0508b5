//! Passes a message to its worker.

use handrail_platform::fault::Fault;

use crate::deliver::deliver;
use crate::message::Message;
use crate::notify::notify;
use crate::retain_files::retain_files;
use crate::timer::{requeue, timer};
use crate::worker_context::{Handled, WorkerContext};

/// Runs the worker of the message's queue.
pub async fn handle_message(context: &WorkerContext, message: &Message) -> Result<Handled, Fault> {
    match message {
        Message::Deliver { kind, key } => return deliver(context, kind, *key).await,
        Message::Notify { kind, key } => notify(context, kind, *key).await?,
        Message::RetainFiles { kind, key } => retain_files(context, kind, *key).await?,
        Message::Timer { kind, key, due_at } => timer(context, kind, *key, *due_at).await?,
        Message::Delayed { message: delayed, at } => requeue(context, message, delayed, *at).await?,
    }
    Ok(Handled::Done)
}
