//! A record's log beyond its head: events that the head no longer holds are read from their items.
//!
//! The head keeps only the newest events, and a worker may run long after the event that it works on. Each event is
//! stored as an item before the messages of its effects are sent, so a worker always finds its event.

use handrail_context::cx::Cx;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::record::{ChainHash, EncodedLogEntry, Record};
use handrail_platform::fault::Fault;
use handrail_store::HeadKey;

/// Reads a record for an effect of the event `seq`. The log of the result has this event even if the head no longer
/// holds it.
pub async fn record_with_event<L: Lifecycle>(cx: &Cx, key: HeadKey, seq: u64) -> Result<Record<L>, Fault> {
    let record = cx.store.record::<L>(key.tenant, key.id).await?;
    let mut record: Record<L> =
        record.ok_or_else(|| Fault::internal("an effect belongs to a record that does not exist"))?;
    if record.event(seq).is_none() {
        let stored = cx.store.events_from::<L>(key.tenant, key.id, seq, seq.saturating_add(1)).await?;
        let entry = stored.into_iter().next();
        record
            .log
            .insert(0, entry.ok_or_else(|| Fault::internal("an effect belongs to an event that does not exist"))?);
    }
    Ok(record)
}

/// Returns the hash of a record's log up to the event `seq`. `events` are all events of the record.
pub fn chain_up_to<L: Lifecycle>(record: &Record<L>, events: &[EncodedLogEntry<L>], seq: u64) -> ChainHash {
    let genesis = ChainHash::genesis(record.tenant, record.id);
    events
        .iter()
        .filter(|logged| logged.entry.seq <= seq)
        .fold(genesis, |chain, logged| chain.then(&logged.hashed().text))
}

/// Returns all events of a record, oldest first.
pub async fn all_events<L: Lifecycle>(cx: &Cx, record: &Record<L>) -> Result<Vec<EncodedLogEntry<L>>, Fault> {
    // `record_with_event` may have put an older event before the newest ones.
    let newest = record.log.iter().rev().zip((1..=record.seq).rev());
    let in_log = newest.take_while(|(logged, seq)| logged.entry.seq == *seq).count();
    let first_in_log = record.seq + 1 - in_log as u64;
    let mut events = cx.store.events_from::<L>(record.tenant, record.id, 1, first_in_log).await?;
    events.extend(record.log[record.log.len() - in_log..].iter().cloned());
    match events.iter().map(|logged| logged.entry.seq).eq(1..=record.seq) {
        true => Ok(events),
        false => Err(Fault::internal("an event of a record is neither in its log nor stored as an item")),
    }
}

/// Returns the events of a record after `last_seq`, oldest first. A missing event is a fault, so that none is skipped
/// unnoticed.
pub(crate) async fn events_after<L: Lifecycle>(
    cx: &Cx,
    record: &Record<L>,
    last_seq: u64,
) -> Result<Vec<EncodedLogEntry<L>>, Fault> {
    let first_in_log = record.log.first().map_or(record.seq + 1, |logged| logged.entry.seq);
    let mut events = cx.store.events_from::<L>(record.tenant, record.id, last_seq + 1, first_in_log).await?;
    events.extend(record.log.iter().filter(|logged| logged.entry.seq > last_seq).cloned());
    if !events.iter().map(|logged| logged.entry.seq).eq(last_seq + 1..=record.seq) {
        return Err(Fault::internal("an event of a record is neither in its log nor stored as an item"));
    }
    Ok(events)
}
