//! Fires due timers. Timer messages come from delays, schedules and the sweep, and are harmless when they are late,
//! early, repeated or out of date.

use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::HeadKey;

use crate::message::Message;
use crate::worker_context::WorkerContext;

/// Fires the due timers of a record.
pub async fn timer(context: &WorkerContext, kind: &str, key: HeadKey, due_at: Timestamp) -> Result<(), Fault> {
    if context.cx.clock.now() < due_at {
        // Too early: the wait is longer than the queue's longest delay, or another clock is ahead.
        return context.outbox()?.send(&Message::Timer { kind: kind.to_owned(), key, due_at }, due_at).await;
    }
    (context.kind(kind)?.fire_due_timers)(&context.cx, key).await.map(drop)
}

/// Moves a delayed message to its own queue, or sends `wrapper` again if the time `at` has not come.
pub async fn requeue(
    context: &WorkerContext,
    wrapper: &Message,
    delayed: &Message,
    at: Timestamp,
) -> Result<(), Fault> {
    let now = context.cx.clock.now();
    if now < at {
        return context.outbox()?.send(wrapper, at).await;
    }
    context.outbox()?.send(delayed, now).await
}
