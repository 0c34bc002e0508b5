//! A record: what was asked, where it stands, and the log that explains how it came to stand there.

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::actor::Actor;
use crate::ids::{CommandId, RecordId, TenantId, hex};
use crate::lifecycle::{Lifecycle, TimerRule, settle};
use crate::time::Timestamp;

/// When the log would hold more entries than this it is cut to the newest [`LOG_ENTRIES_KEPT`]. The older ones live on as items
/// of their own, written from the table's stream.
pub const LOG_ENTRIES_MAX: usize = 64;
pub const LOG_ENTRIES_KEPT: usize = 32;
/// When it would hold more than this it is cut to what fits in half of it: the log lies in the record's item, which holds
/// 400 KB at most, beside an ask and a standing. The newest entry always stays.
pub const LOG_BYTES_MAX: usize = 128 * 1024;

#[derive(Clone, Debug, PartialEq)]
pub struct Record<L: Lifecycle> {
    pub tenant: TenantId,
    pub id: RecordId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Counts the events: the first is 1.
    pub seq: u64,
    pub ask: L::Ask,
    pub standing: L::Standing,
    /// The newest entries, oldest of them first.
    pub log: Vec<LogLine<L>>,
    pub chain: ChainHash,
}

/// One event with its circumstances.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct Entry<L: Lifecycle> {
    pub seq: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub command: CommandId,
    pub event: L::Event,
}

/// An entry and the exact text it is stored and hashed as.
#[derive(Clone, Debug, PartialEq)]
pub struct LogLine<L: Lifecycle> {
    pub text: String,
    pub entry: Entry<L>,
}

/// The next deadline of a record.
#[derive(Clone, Copy, Debug)]
pub struct Due<L: Lifecycle> {
    pub at: Timestamp,
    pub rule: &'static TimerRule<L::State, L::Trigger>,
}

impl<L: Lifecycle> Record<L> {
    /// A record with its first event.
    pub fn open(tenant: TenantId, id: RecordId, ask: L::Ask, by: Actor, command: CommandId, now: Timestamp) -> Self {
        let entry = Entry { seq: 1, at: now, by, command, event: L::opening(&ask) };
        let line = LogLine::new(entry);
        Self {
            tenant,
            id,
            created_at: now,
            updated_at: now,
            seq: 1,
            ask,
            standing: L::after(None, &line.entry),
            chain: ChainHash::genesis(tenant, id).then(&line.text),
            log: vec![line],
        }
    }

    /// The record after one more event.
    #[must_use]
    pub fn with(&self, event: L::Event, by: Actor, command: CommandId, now: Timestamp) -> Self {
        let line = LogLine::new(Entry { seq: self.seq + 1, at: now, by, command, event });
        let mut log = self.log.clone();
        let standing = L::after(Some(&self.standing), &line.entry);
        let chain = self.chain.then(&line.text);
        log.push(line);
        log.drain(..log.len() - kept(&log));
        Self { seq: self.seq + 1, updated_at: now, standing, chain, log, ask: self.ask.clone(), ..*self }
    }

    pub fn state(&self) -> L::State {
        L::state(&self.standing)
    }

    pub fn is_settled(&self) -> bool {
        L::TABLE.is_terminal(self.state())
    }

    /// The earliest deadline among the timers that run in this state.
    pub fn due(&self) -> Option<Due<L>> {
        let state = self.state();
        L::TABLE
            .timers
            .iter()
            .filter(|rule| rule.armed_in.contains(&state))
            .filter_map(|rule| L::deadline(&self.ask, &self.standing, rule).map(|at| Due { at, rule }))
            .min_by_key(|due| due.at)
    }

    /// The record as it is at this moment, with everything that is due done, whether or not a timer fired.
    ///
    /// This is what a reader sees. Nothing is written: reading never changes state.
    #[must_use]
    pub fn seen_at(&self, now: Timestamp) -> Self {
        let mut seen = self.clone();
        // Each timer can settle at most once per state it is armed in.
        let steps_max = L::TABLE.timers.iter().map(|rule| rule.armed_in.len()).sum();
        for _ in 0..steps_max {
            match settle(&seen, now) {
                Some(verdict) => seen = verdict.next,
                None => break,
            }
        }
        seen
    }

    pub fn newest(&self) -> Option<&Entry<L>> {
        self.log.last().map(|line| &line.entry)
    }

    /// The event that this command made earlier, if it did.
    pub fn made_by(&self, command: &CommandId) -> Option<&Entry<L>> {
        self.log.iter().map(|line| &line.entry).find(|entry| entry.command.same_command(command))
    }

    pub fn event(&self, seq: u64) -> Option<&Entry<L>> {
        self.log.iter().map(|line| &line.entry).find(|entry| entry.seq == seq)
    }
}

/// How many of the newest lines stay.
fn kept<L: Lifecycle>(log: &[LogLine<L>]) -> usize {
    let by_count = if log.len() > LOG_ENTRIES_MAX { LOG_ENTRIES_KEPT } else { log.len() };
    let bytes: usize = log.iter().map(|line| line.text.len()).sum();
    if bytes <= LOG_BYTES_MAX {
        return by_count;
    }
    let mut room = LOG_BYTES_MAX / 2;
    let fits = log.iter().rev().map_while(|line| {
        room = room.checked_sub(line.text.len())?;
        Some(())
    });
    fits.count().clamp(1, by_count)
}

impl<L: Lifecycle> LogLine<L> {
    pub fn new(entry: Entry<L>) -> Self {
        Self { text: canonical(&entry), entry }
    }

    pub fn read(text: String) -> Result<Self, serde_json::Error> {
        let entry = serde_json::from_str(&text)?;
        Ok(Self { text, entry })
    }
}

fn canonical<T: Serialize>(entry: &T) -> String {
    #[expect(
        clippy::expect_used,
        reason = "events, asks and bodies are structs of texts and numbers: nothing in them can fail to serialise"
    )]
    serde_json::to_string(entry).expect("it is plain data")
}

/// Digest of a record's ask, for its first event.
pub fn digest_of<T: Serialize>(ask: &T) -> String {
    hex(&Sha256::digest(canonical(ask)))
}

/// Names one version of a body that lies beside the record, by its digest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ContentRef {
    /// In hexadecimal.
    pub sha256: String,
    /// As JSON, not packed.
    pub bytes: u64,
}

impl ContentRef {
    pub fn of<T: Serialize>(body: &T) -> Self {
        let text = canonical(body);
        Self { sha256: hex(&Sha256::digest(&text)), bytes: text.len() as u64 }
    }
}

/// Commits to every event so far: `h = sha256(h_before ‖ event)`. One changed byte in any of them changes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChainHash([u8; 32]);

impl ChainHash {
    /// Bound to the record, so that a chain can't be moved to another one.
    pub fn genesis(tenant: TenantId, id: RecordId) -> Self {
        Self(Sha256::digest(format!("{tenant}#{id}")).into())
    }

    #[must_use]
    pub fn then(self, event: &str) -> Self {
        Self(Sha256::new().chain_update(self.0).chain_update(event).finalize().into())
    }

    pub fn to_hex(self) -> String {
        hex(&self.0)
    }

    pub fn from_hex(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        // Only what `to_hex` writes: one hash has one text.
        if text.len() != 64 || !text.bytes().all(|c| matches!(c, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks(2)) {
            *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
        }
        Some(Self(bytes))
    }
}
