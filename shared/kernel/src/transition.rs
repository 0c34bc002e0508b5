//! The one write path. A record is created here, and changes state here and nowhere else.

use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Lifecycle, Verdict, decide, settle};
use handrail_domain::record::Record;

use crate::cx::Cx;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::store::{Commit, Put};

/// Every lost race means that somebody else won one, and a record has few moves in it: whoever loses this often meets a
/// record that is moved all the time.
const ATTEMPTS_MAX: usize = 8;

/// A record that a command moved, now or earlier.
#[derive(Debug)]
pub struct Applied<L: Lifecycle> {
    pub record: Record<L>,
    /// The same command had done it before; nothing was written now.
    pub replayed: bool,
}

/// Why nothing was done.
#[derive(Debug)]
pub enum Stop<L: Lifecycle> {
    NotFound,
    Refused(L::Refusal),
    /// A command of this name did something else before.
    OtherContent,
    /// Others move this record faster than we can decide.
    Busy,
    Fault(Fault),
}

impl<L: Lifecycle> From<Fault> for Stop<L> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<L: Lifecycle> Stop<L> {
    /// Nobody knows: it may have been done.
    pub fn is_unknown(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.is_unknown())
    }

    /// The parts of a stop that are the same for every door; the refusal is the door's to word.
    pub fn into_problem(self, what: &'static str, refused: impl FnOnce(L::Refusal) -> Problem) -> Problem {
        match self {
            Self::NotFound => Problem::NotFound { what },
            Self::Refused(refusal) => refused(refusal),
            Self::OtherContent => Problem::refused(
                http::StatusCode::CONFLICT,
                "IDEMPOTENCY_KEY_REUSED",
                "This Idempotency-Key was used for another request: use a new one",
            ),
            Self::Busy => Problem::Busy { retry_after_s: 1 },
            Self::Fault(fault) => fault.into(),
        }
    }
}

/// Writes a new record, once however often the command comes.
pub async fn create<L: Lifecycle>(cx: &Cx, record: Record<L>, command: &CommandId) -> Result<Applied<L>, Stop<L>> {
    let mut last = None;
    for attempt in 0..ATTEMPTS_MAX {
        match cx.store.put_record(&record, command).await {
            Ok(Put::Done) => return Ok(Applied { record, replayed: false }),
            // After an attempt whose outcome nobody knew, what is found is our own.
            Ok(Put::SameCommand(found)) => return Ok(Applied { record: *found, replayed: attempt == 0 }),
            Ok(Put::OtherContent) => return Err(Stop::OtherContent),
            // What may have been done stays so, whatever fails afterwards.
            Err(fault) if fault.may_pass() => last = last.filter(Fault::is_unknown).or(Some(fault)),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(last.map_or(Stop::Busy, Stop::Fault))
}

/// Moves a record by a command: reads it, decides, writes under the condition that it is still what was read.
pub async fn transition<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    command: &Command<L>,
) -> Result<Applied<L>, Stop<L>> {
    let current = cx.store.record::<L>(tenant, id).await?.ok_or(Stop::NotFound)?;
    transition_from(cx, current, command).await
}

/// The same from a copy of the record that was read before: the write's condition finds out whether it is still true.
pub async fn transition_from<L: Lifecycle>(
    cx: &Cx,
    mut current: Record<L>,
    command: &Command<L>,
) -> Result<Applied<L>, Stop<L>> {
    for _ in 0..ATTEMPTS_MAX {
        if let Some(earlier) = current.made_by(&command.id) {
            // Our own win is not a refusal.
            let same = earlier.command == command.id;
            return if same { Ok(Applied { record: current, replayed: true }) } else { Err(Stop::OtherContent) };
        }
        let verdict = decide(&current, command, cx.clock.now()).map_err(Stop::Refused)?;
        match write(cx, &current, &verdict).await? {
            Written::Done if verdict.settles_first => current = verdict.next,
            Written::Done => return Ok(Applied { record: verdict.next, replayed: false }),
            Written::Found(found) => current = *found,
        }
    }
    Err(Stop::Busy)
}

/// Raises what is due on a record, if anything is. Safe to call late, early and often.
pub async fn raise_due<L: Lifecycle>(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<bool, Stop<L>> {
    let Some(mut current) = cx.store.record::<L>(tenant, id).await? else {
        return Ok(false);
    };
    let mut raised = false;
    for _ in 0..ATTEMPTS_MAX {
        let Some(verdict) = settle(&current, cx.clock.now()) else {
            return Ok(raised);
        };
        match write(cx, &current, &verdict).await? {
            Written::Done => {
                raised = true;
                current = verdict.next;
            }
            Written::Found(found) => current = *found,
        }
    }
    Err(Stop::Busy)
}

enum Written<L: Lifecycle> {
    Done,
    Found(Box<Record<L>>),
}

async fn write<L: Lifecycle>(cx: &Cx, current: &Record<L>, verdict: &Verdict<L>) -> Result<Written<L>, Stop<L>> {
    match cx.store.commit(current, verdict).await {
        Ok(Commit::Done) => {
            cx.doorbell.ring(current.id);
            log_transition(current, verdict);
            Ok(Written::Done)
        }
        Ok(Commit::Lost(found)) => Ok(Written::Found(found)),
        Ok(Commit::Gone) => Err(Stop::NotFound),
        // Nobody knows whether it was written: the log in the record does.
        Err(fault @ Fault::Unknown(_)) => {
            tracing::warn!(fault = fault.chain(), "reading again to learn the outcome of a write");
            match cx.store.record::<L>(current.tenant, current.id).await? {
                Some(found) => Ok(Written::Found(Box::new(found))),
                None => Err(Stop::NotFound),
            }
        }
        Err(fault) => Err(Stop::Fault(fault)),
    }
}

/// One wide line per transition. No texts and no addresses: only what a later question needs.
fn log_transition<L: Lifecycle>(before: &Record<L>, verdict: &Verdict<L>) {
    let Some(entry) = verdict.next.newest() else { return };
    tracing::info!(
        kind = L::KIND,
        tenant = %before.tenant,
        record = %before.id,
        seq = entry.seq,
        from = L::state_name(before.state()),
        to = L::state_name(verdict.next.state()),
        event = L::event_name(&entry.event),
        by = match &entry.by {
            handrail_domain::actor::Actor::Key { .. } => "key",
            handrail_domain::actor::Actor::Person { .. } => "person",
            handrail_domain::actor::Actor::Policy { .. } => "policy",
            handrail_domain::actor::Actor::Visitor => "visitor",
            handrail_domain::actor::Actor::Timer => "timer",
        },
        "transition"
    );
}
