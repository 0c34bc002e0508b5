//! The one write path. A record is created here, and changes state here and nowhere else.

use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Lifecycle, Verdict, decide, settle};
use handrail_domain::record::Record;

use crate::cx::Cx;
use crate::fault::Fault;
use crate::problem::Problem;
use crate::store::{BODY_PACKED_BYTES_MAX, Body, BodyName, Commit, Put, PutBody, Whole};

/// Every lost race means that somebody else won one, and a record has few moves in it: whoever loses this often meets a
/// record that is moved all the time.
const ATTEMPTS_MAX: usize = 8;

/// Who changes a body has to go through all the others who do: each round one of them wins.
const REWORKS_MAX: usize = 32;

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
    /// The body is larger than what the table holds.
    TooLarge,
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
            Self::TooLarge => Problem::TooLarge { limit_bytes: BODY_PACKED_BYTES_MAX },
            Self::Busy => Problem::Busy { retry_after_s: 1 },
            Self::Fault(fault) => fault.into(),
        }
    }
}

/// Writes a new record, once however often the command comes.
pub async fn create<L: Lifecycle>(cx: &Cx, record: Record<L>, command: &CommandId) -> Result<Applied<L>, Stop<L>> {
    put(cx, record, command, None).await
}

/// The same with a body. What is handed back has the body that the record has now: after a repeat perhaps another one.
pub async fn create_whole<L: Lifecycle>(
    cx: &Cx,
    whole: Whole<L>,
    command: &CommandId,
) -> Result<(Applied<L>, Option<Body>), Stop<L>> {
    let Whole { record, body } = whole;
    let name = match &body {
        Some(body) => Some(put_body(cx, &record, body).await?),
        None => None,
    };
    let applied = put(cx, record, command, name).await?;
    if !applied.replayed {
        return Ok((applied, body));
    }
    let Record { tenant, id, .. } = applied.record;
    let found = cx.store.whole::<L>(tenant, id).await?.ok_or(Stop::NotFound)?;
    Ok((Applied { record: found.record, replayed: true }, found.body))
}

async fn put<L: Lifecycle>(
    cx: &Cx,
    record: Record<L>,
    command: &CommandId,
    body: Option<BodyName>,
) -> Result<Applied<L>, Stop<L>> {
    let mut last = None;
    for attempt in 0..ATTEMPTS_MAX {
        match cx.store.put_record(&record, command, body.clone()).await {
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

/// What this command made before, with the body that it has now. `None`: there is nothing under this id.
///
/// For whoever would make it from what may have changed since, and could not make the same again.
pub async fn made_before<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    command: &CommandId,
) -> Result<Option<Whole<L>>, Stop<L>> {
    match cx.store.whole_and_maker::<L>(tenant, id).await? {
        Some((whole, maker)) if maker.same_command(command) && maker.has_same_content(command) => Ok(Some(whole)),
        Some(_) => Err(Stop::OtherContent),
        None => Ok(None),
    }
}

/// The body that this record will name. It lies there and is not true yet.
async fn put_body<L: Lifecycle>(cx: &Cx, next: &Record<L>, body: &Body) -> Result<BodyName, Stop<L>> {
    let mut last = None;
    for _ in 0..ATTEMPTS_MAX {
        match cx.store.put_body(next, body, cx.clock.now()).await {
            Ok(PutBody::Done(name)) => return Ok(name),
            Ok(PutBody::TooLarge) => return Err(Stop::TooLarge),
            // Nothing is true yet, so an unknown outcome is as good as none.
            Err(fault) if fault.may_pass() => last = Some(fault),
            Err(fault) => return Err(fault.into()),
        }
    }
    Err(last.map_or(Stop::Busy, |fault| Stop::Fault(Fault::Busy(Box::new(fault)))))
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
            let same = earlier.command.has_same_content(&command.id);
            return if same { Ok(Applied { record: current, replayed: true }) } else { Err(Stop::OtherContent) };
        }
        let verdict = decide(&current, command, cx.clock.now()).map_err(Stop::Refused)?;
        match write(cx, &current, &verdict, None).await? {
            Written::Done if verdict.settles_first => current = verdict.next,
            Written::Done => return Ok(Applied { record: verdict.next, replayed: false }),
            Written::Found(found) => current = *found,
        }
    }
    Err(Stop::Busy)
}

/// What to do to a record and its body, decided on what was read.
#[derive(Clone, Debug)]
pub struct Proposed<L: Lifecycle> {
    pub command: Command<L>,
    /// `None`: the body stays as it is.
    pub body: Option<Body>,
}

/// Moves a record together with its body. `propose` is asked anew whenever somebody was faster, so what it makes of the
/// body never undoes what another one made of it.
pub async fn rework<L: Lifecycle>(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    mut propose: impl FnMut(&Whole<L>) -> Result<Proposed<L>, Stop<L>> + Send,
) -> Result<(Applied<L>, Option<Body>), Stop<L>> {
    let mut tried: Option<CommandId> = None;
    for _ in 0..REWORKS_MAX {
        let mut current = cx.store.whole::<L>(tenant, id).await?.ok_or(Stop::NotFound)?;
        // Nobody knew whether it was done, and it was. What would be proposed now may well be refused.
        if tried.as_ref().and_then(|own| current.record.made_by(own)).is_some() {
            return Ok((Applied { record: current.record, replayed: true }, current.body));
        }
        if let Some(due) = settle(&current.record, cx.clock.now()) {
            match write(cx, &current.record, &due, None).await? {
                // No timer changes a body.
                Written::Done => current.record = due.next,
                Written::Found(_) => continue,
            }
        }
        let Proposed { command, body } = propose(&current)?;
        if let Some(earlier) = current.record.made_by(&command.id) {
            let same = earlier.command.has_same_content(&command.id);
            let applied = Applied { record: current.record, replayed: true };
            return if same { Ok((applied, current.body)) } else { Err(Stop::OtherContent) };
        }
        let verdict = decide(&current.record, &command, cx.clock.now()).map_err(Stop::Refused)?;
        tried = Some(command.id.clone());
        // What is due is settled without the body, and then read again.
        let body = body.filter(|_| !verdict.settles_first);
        let name = match &body {
            Some(body) => Some(put_body(cx, &verdict.next, body).await?),
            None => None,
        };
        match write(cx, &current.record, &verdict, name).await? {
            Written::Done if !verdict.settles_first => {
                return Ok((Applied { record: verdict.next, replayed: false }, body.or(current.body)));
            }
            Written::Done | Written::Found(_) => {}
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
        match write(cx, &current, &verdict, None).await? {
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

async fn write<L: Lifecycle>(
    cx: &Cx,
    current: &Record<L>,
    verdict: &Verdict<L>,
    body: Option<BodyName>,
) -> Result<Written<L>, Stop<L>> {
    match cx.store.commit_with(current, verdict, body).await {
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
