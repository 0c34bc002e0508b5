//! Raises what is due on a record. Three producers feed it (a delayed message, a schedule, the sweep); it does no harm
//! late, early, repeated or on a record that moved on.

use handrail_domain::time::Timestamp;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::HeadKey;

use crate::message::Message;
use crate::works::Works;

pub async fn timer(works: &Works, kind: &str, key: HeadKey, due_at: Timestamp) -> Result<(), Fault> {
    if works.cx.clock.now() < due_at {
        // Early: the queue's longest delay is shorter than the wait, or a clock is ahead of ours.
        return works.outbox()?.send(&Message::Timer { kind: kind.to_owned(), key, due_at }, due_at).await;
    }
    works.door(kind)?.raise_due(&works.cx, key).await.map(drop)
}

/// Puts a message that waited into its queue.
pub async fn release(works: &Works, waiting: &Message, held: &Message, at: Timestamp) -> Result<(), Fault> {
    let now = works.cx.clock.now();
    if now < at {
        return works.outbox()?.send(waiting, at).await;
    }
    works.outbox()?.send(held, now).await
}
