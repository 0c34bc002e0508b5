//! Finds records whose deadline passed and that no timer raised: the net under the timers.

use handrail_kernel::fault::Fault;

use crate::message::Message;
use crate::works::Works;

/// Of each shard, in one run. What is more waits for the next run, minutes later.
const SWEPT_PER_SHARD_MAX: i32 = 500;

/// How many records it found.
pub async fn sweep(works: &Works) -> Result<usize, Fault> {
    let now = works.cx.clock.now();
    let overdue = works.cx.store.overdue(now, SWEPT_PER_SHARD_MAX).await?;
    for found in &overdue {
        let message = Message::Timer { kind: found.kind.clone(), key: found.key, due_at: found.due_at };
        works.outbox()?.send(&message, now).await?;
    }
    if !overdue.is_empty() {
        tracing::info!(found = overdue.len(), "overdue records were swept");
    }
    Ok(overdue.len())
}
