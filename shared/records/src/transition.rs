//! The only write path for records: creates them and commits their state transitions.

use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Lifecycle, PlannedTransition, decide, fire_due_timer, is_already_done};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;

use handrail_context::cx::Cx;
use handrail_platform::fault::Fault;
use handrail_store::{Body, BodyKey, CommitOutcome, PutBodyOutcome, PutOutcome, RecordWithBody};

/// Attempts per operation. Each lost race means that another writer succeeded, and a record allows few transitions.
const ATTEMPTS_MAX: usize = 8;

/// Attempts for a change of the body. Concurrent writers of a body succeed one per round, so this allows for more.
const BODY_ATTEMPTS_MAX: usize = 32;

/// A record to which a command was applied, now or earlier.
#[derive(Debug)]
pub struct AppliedCommand<L: Lifecycle> {
    pub record: Record<L>,
    /// `true` if the command had been applied before, or the record was already as the command would make it; this call
    /// wrote nothing.
    pub is_repeat: bool,
}

/// Reason why a command was not applied.
#[derive(Debug)]
pub enum TransitionError<L: Lifecycle> {
    NotFound,
    Refused(L::Refusal),
    /// The command id was used before with other content.
    IdempotencyConflict,
    /// The body is too large for the table.
    TooLarge,
    /// Other writers changed the record on every attempt.
    Busy,
    Fault(Fault),
}

impl<L: Lifecycle> From<Fault> for TransitionError<L> {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl<L: Lifecycle> TransitionError<L> {
    /// Returns `true` if the command may have been applied in spite of the error.
    pub fn is_outcome_unknown(&self) -> bool {
        matches!(self, Self::Fault(fault) if fault.is_outcome_unknown())
    }
}

/// Creates a record. A repeat of the command finds the record that exists already.
pub async fn create<L: Lifecycle>(
    cx: &Cx,
    record: Record<L>,
    command: &CommandId,
) -> Result<AppliedCommand<L>, TransitionError<L>> {
    put(cx, record, command, None).await
}

/// Creates a record with a body, and returns the body that the record has now. After a repeat that may be a later one.
pub async fn create_with_body<L: Lifecycle>(
    cx: &Cx,
    record_with_body: RecordWithBody<L>,
    command: &CommandId,
) -> Result<(AppliedCommand<L>, Option<Body>), TransitionError<L>> {
    let RecordWithBody { record, body } = record_with_body;
    let body_key = match &body {
        Some(body) => Some(put_body(cx, &record, body).await?),
        None => None,
    };
    let applied = put(cx, record, command, body_key).await?;
    if !applied.is_repeat {
        return Ok((applied, body));
    }
    let Record { tenant, id, .. } = applied.record;
    let found = cx.store.record_with_body::<L>(tenant, id).await?.ok_or(TransitionError::NotFound)?;
    Ok((AppliedCommand { record: found.record, is_repeat: true }, found.body))
}

async fn put<L: Lifecycle>(
    cx: &Cx,
    record: Record<L>,
    command: &CommandId,
    body: Option<BodyKey>,
) -> Result<AppliedCommand<L>, TransitionError<L>> {
    let mut last = None;
    for attempt in 0..ATTEMPTS_MAX {
        match cx.store.put_record(&record, command, body.clone()).await {
            Ok(PutOutcome::Done) => return Ok(AppliedCommand { record, is_repeat: false }),
            // After an attempt with an unknown outcome, the record found was written by this call.
            Ok(PutOutcome::SameCommand(found)) => {
                return Ok(AppliedCommand { record: *found, is_repeat: attempt == 0 });
            }
            Ok(PutOutcome::IdempotencyConflict) => return Err(TransitionError::IdempotencyConflict),
            // An unknown outcome stays unknown, whatever later attempts return.
            Err(fault) if fault.is_retryable() => last = last.filter(Fault::is_outcome_unknown).or(Some(fault)),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(last.map_or(TransitionError::Busy, TransitionError::Fault))
}

/// Finds the record that this command created before, with its current body. Returns `None` if no record has this id.
///
/// Needed where a new record depends on data that may have changed since, so a repeat could not build it again.
pub async fn find_created<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    command: &CommandId,
) -> Result<Option<RecordWithBody<L>>, TransitionError<L>> {
    match cx.store.record_with_body_and_command::<L>(tenant, id).await? {
        Some((found, creator)) if creator.same_command(command) && creator.has_same_content(command) => Ok(Some(found)),
        Some(_) => Err(TransitionError::IdempotencyConflict),
        None => Ok(None),
    }
}

/// Writes the body for the next version of the record, which does not refer to it yet.
async fn put_body<L: Lifecycle>(cx: &Cx, next: &Record<L>, body: &Body) -> Result<BodyKey, TransitionError<L>> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        match cx.store.put_body(next, body, cx.clock.now()).await {
            Ok(PutBodyOutcome::Done(body_key)) => return Ok(body_key),
            Ok(PutBodyOutcome::TooLarge) => return Err(TransitionError::TooLarge),
            // No record refers to the body yet, so it may be written again after an unknown outcome.
            Err(fault) if fault.is_retryable() => last = Some(fault),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(last.map_or(TransitionError::Busy, |fault| TransitionError::Fault(Fault::Busy(Box::new(fault)))))
}

/// Applies a command to a record: reads it, decides, and writes on condition that the record has not changed since.
pub async fn transition<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    command: &Command<L>,
) -> Result<AppliedCommand<L>, TransitionError<L>> {
    let current = cx.store.record::<L>(tenant, id).await?.ok_or(TransitionError::NotFound)?;
    transition_from(cx, current, command).await
}

/// Applies a command to a copy of the record that was read before. The condition of the write detects an outdated copy.
pub async fn transition_from<L: Lifecycle>(
    cx: &Cx,
    mut current: Record<L>,
    command: &Command<L>,
) -> Result<AppliedCommand<L>, TransitionError<L>> {
    for _ in 0..ATTEMPTS_MAX {
        let now = cx.clock.now();
        if needs_no_write(&current, command, now)? {
            return Ok(AppliedCommand { record: current, is_repeat: true });
        }
        let planned = decide(&current, command, now).map_err(TransitionError::Refused)?;
        match write(cx, &current, &planned, None).await? {
            WriteOutcome::Done if planned.by_timer => current = planned.next,
            WriteOutcome::Done => return Ok(AppliedCommand { record: planned.next, is_repeat: false }),
            WriteOutcome::Reread(found) => current = *found,
        }
    }
    Err(TransitionError::Busy)
}

/// Returns `true` if the command was applied before, or the record is already as the command would make it.
///
/// Checked before the state: a repeated command succeeds, although the new state would refuse it.
fn needs_no_write<L: Lifecycle>(
    record: &Record<L>,
    command: &Command<L>,
    now: Timestamp,
) -> Result<bool, TransitionError<L>> {
    match record.entry_of_command(&command.id) {
        Some(earlier) if earlier.command.has_same_content(&command.id) => Ok(true),
        Some(_) => Err(TransitionError::IdempotencyConflict),
        None => Ok(is_already_done(record, command, now)),
    }
}

/// Change of a record and its body, based on their content as read.
#[derive(Clone, Debug)]
pub struct PlannedChange<L: Lifecycle> {
    pub command: Command<L>,
    /// `None` leaves the body unchanged.
    pub body: Option<Body>,
}

/// Applies a command to a record together with its body. Calls `propose` again with the new content if another writer
/// was first, so no writer's change of the body is lost. An error of `propose` ends the transition without a write.
pub async fn transition_with_body<L: Lifecycle, E: From<TransitionError<L>>>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    mut propose: impl FnMut(&RecordWithBody<L>) -> Result<PlannedChange<L>, E> + Send,
) -> Result<(AppliedCommand<L>, Option<Body>), E> {
    let mut last_command: Option<CommandId> = None;
    for _ in 0..BODY_ATTEMPTS_MAX {
        let mut current = read_with_body(cx, tenant, id).await?;
        // The outcome of the last attempt was unknown, and the command was applied. A new proposal might be refused.
        if last_command.as_ref().and_then(|own| current.record.entry_of_command(own)).is_some() {
            return Ok((AppliedCommand { record: current.record, is_repeat: true }, current.body));
        }
        if let Some(fired) = fire_due_timer(&current.record, cx.clock.now()) {
            match write(cx, &current.record, &fired, None).await? {
                // No timer changes a body.
                WriteOutcome::Done => current.record = fired.next,
                WriteOutcome::Reread(_) => continue,
            }
        }
        let PlannedChange { command, body } = propose(&current)?;
        let now = cx.clock.now();
        if needs_no_write(&current.record, &command, now)? {
            return Ok((AppliedCommand { record: current.record, is_repeat: true }, current.body));
        }
        let planned = decide(&current.record, &command, now).map_err(TransitionError::Refused)?;
        last_command = Some(command.id.clone());
        // A due timer is committed without the body; the next round reads the record again.
        let body = body.filter(|_| !planned.by_timer);
        let body_key = match &body {
            Some(body) => Some(put_body(cx, &planned.next, body).await?),
            None => None,
        };
        match write(cx, &current.record, &planned, body_key).await? {
            WriteOutcome::Done if !planned.by_timer => {
                return Ok((AppliedCommand { record: planned.next, is_repeat: false }, body.or(current.body)));
            }
            WriteOutcome::Done | WriteOutcome::Reread(_) => {}
        }
    }
    Err(TransitionError::Busy.into())
}

async fn read_with_body<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
) -> Result<RecordWithBody<L>, TransitionError<L>> {
    cx.store.record_with_body::<L>(tenant, id).await?.ok_or(TransitionError::NotFound)
}

/// Fires the due timers of a record. Returns `true` if a timer fired; safe to call at any time and repeatedly.
pub async fn fire_due_timers<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
) -> Result<bool, TransitionError<L>> {
    let Some(mut current) = cx.store.record::<L>(tenant, id).await? else {
        return Ok(false);
    };
    let mut fired = false;
    for _ in 0..ATTEMPTS_MAX {
        let Some(planned) = fire_due_timer(&current, cx.clock.now()) else {
            return Ok(fired);
        };
        match write(cx, &current, &planned, None).await? {
            WriteOutcome::Done => {
                fired = true;
                current = planned.next;
            }
            WriteOutcome::Reread(found) => current = *found,
        }
    }
    Err(TransitionError::Busy)
}

enum WriteOutcome<L: Lifecycle> {
    Done,
    Reread(Box<Record<L>>),
}

async fn write<L: Lifecycle>(
    cx: &Cx,
    current: &Record<L>,
    planned: &PlannedTransition<L>,
    body: Option<BodyKey>,
) -> Result<WriteOutcome<L>, TransitionError<L>> {
    match cx.store.commit_with_body(current, planned, body).await {
        Ok(CommitOutcome::Done) => {
            cx.notifier.notify(current.id);
            log_transition(current, planned);
            Ok(WriteOutcome::Done)
        }
        Ok(CommitOutcome::Conflict(found)) => Ok(WriteOutcome::Reread(found)),
        Ok(CommitOutcome::NotFound) => Err(TransitionError::NotFound),
        // The log in the record tells whether the transition was written.
        Err(fault @ Fault::OutcomeUnknown(_)) => {
            tracing::warn!(fault = fault.with_causes(), "the outcome of a write is unknown: reading the record again");
            match cx.store.record::<L>(current.tenant, current.id).await? {
                Some(found) => Ok(WriteOutcome::Reread(Box::new(found))),
                None => Err(TransitionError::NotFound),
            }
        }
        Err(fault) => Err(TransitionError::Fault(fault)),
    }
}

/// Logs a transition on one line, without texts and addresses of the record.
fn log_transition<L: Lifecycle>(before: &Record<L>, planned: &PlannedTransition<L>) {
    let Some(entry) = planned.next.newest() else { return };
    tracing::info!(
        kind = L::KIND,
        tenant = %before.tenant,
        record = %before.id,
        seq = entry.seq,
        from = L::state_name(before.state()),
        to = L::state_name(planned.next.state()),
        event = L::event_name(&entry.event),
        by = match &entry.by {
            handrail_domain::actor::Actor::Key { .. } => "key",
            handrail_domain::actor::Actor::Person { .. } => "person",
            handrail_domain::actor::Actor::Policy { .. } => "policy",
            handrail_domain::actor::Actor::Anonymous => "visitor",
            handrail_domain::actor::Actor::Timer => "timer",
            handrail_domain::actor::Actor::System => "system",
        },
        "transition"
    );
}
