//! Finds records whose deadline has passed without a fired timer, and sends a timer message for each of them.

use handrail_platform::fault::Fault;

use crate::message::Message;
use crate::worker_context::WorkerContext;

/// Most records of each shard in one run. The rest waits for the next run, a few minutes later.
const RECORDS_PER_SHARD_MAX: i32 = 500;

/// Sends a timer message for each overdue record and returns their number.
pub async fn sweep(context: &WorkerContext) -> Result<usize, Fault> {
    let now = context.cx.clock.now();
    let overdue = context.cx.store.overdue(now, RECORDS_PER_SHARD_MAX).await?;
    for found in &overdue {
        let message = Message::Timer { kind: found.kind.clone(), key: found.key, due_at: found.due_at };
        context.outbox()?.send(&message, now).await?;
    }
    if !overdue.is_empty() {
        tracing::info!(found = overdue.len(), "sent timer messages for overdue records");
    }
    Ok(overdue.len())
}
