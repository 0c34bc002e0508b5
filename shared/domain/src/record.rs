//! Records: an immutable spec, the state data, and the log of the events that led to the state.
//!
//! A kind of record is a [`Lifecycle`]. Its commands and timers are decided in `lifecycle.rs`.

use std::fmt::Debug;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::content_ref::to_stored_json;
use crate::effect::Effect;
use crate::ids::{CommandId, RecordId, TenantId};
use crate::personal_values::{self, HashedEntry, RecordSalt};
use crate::table::{Table, TimerRule};
use crate::time::Timestamp;

pub use crate::chain_hash::ChainHash;
pub use crate::content_ref::{ContentRef, digest_of};

/// Maximum number of entries in a record's log. A longer log is cut to the newest [`LOG_ENTRIES_KEPT`] entries.
///
/// Older entries stay readable as items of their own, which are written from the table's stream.
pub const LOG_ENTRIES_MAX: usize = 64;
/// Number of entries that stay when a log has grown beyond [`LOG_ENTRIES_MAX`].
pub const LOG_ENTRIES_KEPT: usize = 32;
/// Maximum size of a record's log. A larger log is cut to half of this size, but keeps at least its newest entry.
///
/// The log shares an item of at most 400 KB with the spec and the state data.
pub const LOG_BYTES_MAX: usize = 128 * 1024;

/// Pointer to the address of the person who is an entry's author.
const AUTHOR_ADDRESS: &str = "/by/email";

/// Kind of record that the kernel can store: its types, its table and its rules.
pub trait Lifecycle: Sized + Clone + Debug + Send + Sync + 'static {
    /// Name of the kind in the database. Must never change once records exist.
    const KIND: &'static str;
    const TABLE: Table<Self::State, Self::Trigger>;
    /// Seconds until a stored record expires from the database, or `None` if it never expires.
    const TTL_SECONDS: Option<i64> = None;

    type State: Copy + PartialEq + Debug + Send + Sync + 'static;
    type Trigger: Copy + PartialEq + Debug + Send + Sync + 'static;
    /// Immutable data that a record starts with.
    type Spec: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    /// State of a record with the data that belongs to that state.
    type StateData: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    type Event: Serialize + DeserializeOwned + Clone + PartialEq + Debug + Send + Sync;
    /// Change that a command requests.
    type Act: Clone + Debug + Send + Sync;
    /// Reasons to refuse an act.
    type Refusal: Debug + PartialEq + Send + Sync;

    fn state(state_data: &Self::StateData) -> Self::State;
    fn state_name(state: Self::State) -> &'static str;
    fn event_name(event: &Self::Event) -> &'static str;
    /// Trigger of an act at `now`. An approval for a later time schedules, one for a past time approves at once.
    fn trigger(spec: &Self::Spec, act: &Self::Act, now: Timestamp) -> Self::Trigger;

    /// First event of a record.
    fn initial_event(spec: &Self::Spec) -> Self::Event;
    /// Deadline of a timer. Returns `None` if the record does not have this timer at present.
    fn deadline(
        spec: &Self::Spec,
        state_data: &Self::StateData,
        timer: &TimerRule<Self::State, Self::Trigger>,
    ) -> Option<Timestamp>;
    /// Act that a timer performs once its deadline has passed.
    fn timer_command(timer: &TimerRule<Self::State, Self::Trigger>) -> Self::Act;

    /// Checks an act and returns its event. The order of the checks is published behaviour: the first that fails is the
    /// refusal that the caller sees.
    ///
    /// Called only if the table has a row for the state and trigger; for a timer's trigger only once the timer is due.
    fn guard(
        record: &Record<Self>,
        act: &Self::Act,
        actor: &Actor,
        now: Timestamp,
    ) -> Result<Self::Event, Self::Refusal>;
    /// Returns the act that follows an event of the same command, for a command with several events. All its events are
    /// written at once. Each act needs a row and passes its guard, as if a caller had sent it.
    fn following_act(_record: &Record<Self>, _event: &Self::Event) -> Option<Self::Act> {
        None
    }
    /// Returns `true` if the record is already as the act would make it. The caller then gets the record as it is, and
    /// no event is added.
    fn is_already_done(_record: &Record<Self>, _act: &Self::Act, _actor: &Actor) -> bool {
        false
    }
    /// Refusal of an act for which the table has no row, or only the row of a timer that is not due.
    fn refuse_no_transition(record: &Record<Self>, act: &Self::Act) -> Self::Refusal;

    /// State data after an event. Folding all events of a record rebuilds its state data.
    fn apply(before: Option<&Self::StateData>, entry: &LogEntry<Self>) -> Self::StateData;
    /// Effects of an event: messages to send and files to retain.
    fn effects(spec: &Self::Spec, entry: &LogEntry<Self>) -> Vec<Effect>;
    /// Reference to the body, for kinds whose content changes and is stored in items of its own.
    fn body(_state_data: &Self::StateData) -> Option<&ContentRef> {
        None
    }
    /// JSON pointers to the personal values of an event: addresses of people, what people wrote, and digests of such
    /// texts. The hashes of the log do not cover them as they are; see [`crate::personal_values`].
    fn personal_values(event: &Self::Event) -> &'static [&'static str];
    /// Fields, besides the state, that lists filter by. Either all records of a kind have filter fields or none do.
    fn filter_fields(_record: &Record<Self>) -> Option<FilterFields> {
        None
    }
}

/// Fields that lists filter by. Stored with the record, so that a list does not read the records that it leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterFields {
    /// Agent that created the record.
    pub source: String,
    /// Agent in charge of the record.
    pub holder: String,
    pub priority: &'static str,
    pub tags: Vec<String>,
}

/// Record with its state and its newest log entries.
#[derive(Clone, Debug, PartialEq)]
pub struct Record<L: Lifecycle> {
    pub tenant: TenantId,
    pub id: RecordId,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    /// Number of events so far, which is the sequence number of the newest.
    pub seq: u64,
    pub spec: L::Spec,
    pub state_data: L::StateData,
    /// Newest log entries, in ascending order of sequence numbers.
    pub log: Vec<EncodedLogEntry<L>>,
    pub chain: ChainHash,
    /// Secret by which the hashes do not show the personal values. `None`: the record is of a version that hashed them.
    pub salt: Option<RecordSalt>,
}

/// Event with its time, its author and the command that caused it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound = "")]
pub struct LogEntry<L: Lifecycle> {
    pub seq: u64,
    pub at: Timestamp,
    pub by: Actor,
    pub command: CommandId,
    pub event: L::Event,
}

/// Log entry with the exact text that is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct EncodedLogEntry<L: Lifecycle> {
    pub text: String,
    pub entry: LogEntry<L>,
}

/// Next deadline of a record, with its timer.
#[derive(Clone, Copy, Debug)]
pub struct DueTimer<L: Lifecycle> {
    pub at: Timestamp,
    pub rule: &'static TimerRule<L::State, L::Trigger>,
}

impl<L: Lifecycle> Record<L> {
    /// Creates a record with its first event.
    pub fn create(
        tenant: TenantId,
        id: RecordId,
        spec: L::Spec,
        by: Actor,
        command: CommandId,
        now: Timestamp,
        salt: RecordSalt,
    ) -> Self {
        let entry = LogEntry { seq: 1, at: now, by, command, event: L::initial_event(&spec) };
        let encoded = EncodedLogEntry::new(entry, Some(salt));
        Self {
            tenant,
            id,
            created_at: now,
            updated_at: now,
            seq: 1,
            spec,
            state_data: L::apply(None, &encoded.entry),
            chain: ChainHash::genesis(tenant, id).then(&encoded.hashed().text),
            log: vec![encoded],
            salt: Some(salt),
        }
    }

    /// Returns the record with one more event.
    #[must_use]
    pub fn append(&self, event: L::Event, by: Actor, command: CommandId, now: Timestamp) -> Self {
        self.append_untrimmed(event, by, command, now).with_trimmed_log(1)
    }

    /// Returns the record with one more event and a log of any length.
    pub(crate) fn append_untrimmed(&self, event: L::Event, by: Actor, command: CommandId, now: Timestamp) -> Self {
        let entry = LogEntry { seq: self.seq + 1, at: now, by, command, event };
        let encoded = EncodedLogEntry::new(entry, self.salt);
        let mut log = self.log.clone();
        let state_data = L::apply(Some(&self.state_data), &encoded.entry);
        let chain = self.chain.then(&encoded.hashed().text);
        log.push(encoded);
        Self { seq: self.seq + 1, updated_at: now, state_data, chain, log, spec: self.spec.clone(), ..*self }
    }

    /// Cuts a log that is too long, but keeps the `unwritten` newest entries: they are stored nowhere else yet.
    pub(crate) fn with_trimmed_log(mut self, unwritten: usize) -> Self {
        let kept = entries_to_keep(&self.log).max(unwritten).min(self.log.len());
        self.log.drain(..self.log.len() - kept);
        self
    }

    pub fn state(&self) -> L::State {
        L::state(&self.state_data)
    }

    pub fn is_terminal(&self) -> bool {
        L::TABLE.is_terminal(self.state())
    }

    /// Returns the earliest deadline of the timers that are armed in the current state.
    pub fn due(&self) -> Option<DueTimer<L>> {
        let state = self.state();
        L::TABLE
            .timers
            .iter()
            .filter(|rule| rule.armed_in.contains(&state))
            .filter_map(|rule| L::deadline(&self.spec, &self.state_data, rule).map(|at| DueTimer { at, rule }))
            .min_by_key(|due| due.at)
    }

    pub fn newest(&self) -> Option<&LogEntry<L>> {
        self.log.last().map(|encoded| &encoded.entry)
    }

    /// Returns the entry that `command` made earlier, or `None` if the log holds no such entry.
    pub fn entry_of_command(&self, command: &CommandId) -> Option<&LogEntry<L>> {
        self.log.iter().map(|encoded| &encoded.entry).find(|entry| entry.command.same_command(command))
    }

    /// Returns the log entry with this sequence number, or `None` if the log no longer holds the entry.
    pub fn event(&self, seq: u64) -> Option<&LogEntry<L>> {
        self.log.iter().map(|encoded| &encoded.entry).find(|entry| entry.seq == seq)
    }
}

/// Number of the newest entries that stay in the log.
fn entries_to_keep<L: Lifecycle>(log: &[EncodedLogEntry<L>]) -> usize {
    let by_count = if log.len() > LOG_ENTRIES_MAX { LOG_ENTRIES_KEPT } else { log.len() };
    let bytes: usize = log.iter().map(|encoded| encoded.text.len()).sum();
    if bytes <= LOG_BYTES_MAX {
        return by_count;
    }
    let mut room = LOG_BYTES_MAX / 2;
    let fits = log.iter().rev().map_while(|encoded| {
        room = room.checked_sub(encoded.text.len())?;
        Some(())
    });
    fits.count().clamp(1, by_count)
}

impl<L: Lifecycle> EncodedLogEntry<L> {
    /// Encodes an entry. Without a salt, its hash covers the personal values as they are.
    pub fn new(entry: LogEntry<L>, salt: Option<RecordSalt>) -> Self {
        let text = match salt {
            Some(salt) => {
                let pointers = [&[AUTHOR_ADDRESS], L::personal_values(&entry.event)].concat();
                personal_values::stored_text(&entry, &pointers, salt, entry.seq)
            }
            None => to_stored_json(&entry),
        };
        Self { text, entry }
    }

    /// Returns what the hashes cover of this entry, and the personal values beside it.
    pub fn hashed(&self) -> HashedEntry {
        HashedEntry::of_stored(&self.text)
    }

    /// Parses the stored text of a log entry.
    pub fn read(text: String) -> Result<Self, serde_json::Error> {
        let entry = serde_json::from_str(&text)?;
        Ok(Self { text, entry })
    }
}
