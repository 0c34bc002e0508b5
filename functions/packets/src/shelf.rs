//! Where packets lie: read with what they carry, made, moved, changed. What the operations of this door have in common.

use std::sync::{Mutex, PoisonError};

use axum::response::Response;
use futures_util::StreamExt;
use handrail_domain::actor::Actor;
use handrail_domain::ids::{CommandId, RecordId, RequestFormat, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::packet::{Act, Content, Packet, PacketEvent, Proposal, Refusal, still_holds};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::quota::{self, Counted};
use handrail_kernel::store::{BODY_PACKED_BYTES_MAX, Body, HeadKey, Key, Whole};
use handrail_kernel::transition::{self, Applied, Proposed, Stop};
use http::StatusCode;
use serde_json::{Value, json};

use crate::checkpoint;
use crate::dialect::{entry, not_found, refuse, refused};
use crate::given_name::GivenName;
use crate::packing::Packing;
use crate::view;
use crate::words;

/// Of a batch, worked on at the same time.
pub(crate) const AT_ONCE: usize = 8;

const NO_ROOM: &str = "Nothing was done: the answer has no room for this packet. Ask again with fewer at once";
const NOT_SHOWN: &str = "It is done, but the answer has no room for this packet: get it by its id";
/// What an act adds to what is shown of a packet: names of agents, times.
const GROWS_BYTES_MAX: usize = 8 * 1024;
/// An entry that says what went wrong. It may name an agent of 256 characters, each escaped.
const ENTRY_BYTES_MAX: usize = 3 * 1024;

/// A packet with what it carries.
#[derive(Clone, Debug)]
pub struct Held {
    pub record: Record<Packet>,
    pub content: Content,
}

impl Held {
    pub fn of(whole: Whole<Packet>) -> Result<Self, Fault> {
        let body = whole.body.ok_or_else(|| Fault::broken("a packet carries nothing"))?;
        Ok(Self { record: whole.record, content: body.read()? })
    }

    /// Did its newest event ask somebody?
    pub(crate) fn asked_just_now(&self) -> bool {
        let asked = self.record.standing.question.as_ref();
        asked.is_some_and(|question| question.number == self.record.seq)
    }

    pub(crate) fn view(&self, cx: &Cx) -> Value {
        view::whole(&self.record.seen_at(cx.clock.now()), &self.content)
    }
}

/// Why nothing was done.
#[derive(Debug)]
pub(crate) enum Stopped {
    NotFound,
    Refused(Refusal),
    /// An answer that tells of many at once is full.
    NoRoom,
    Problem(Problem),
}

impl Stopped {
    pub(crate) fn into_problem(self, id: RecordId) -> Problem {
        match self {
            Self::NotFound => not_found(id),
            Self::Refused(refusal) => refused(id, &refusal),
            Self::NoRoom => refuse(StatusCode::PAYLOAD_TOO_LARGE, NO_ROOM),
            Self::Problem(problem) => problem,
        }
    }

    /// As an entry of a batch's errors.
    fn entry(self, id: RecordId) -> String {
        match self {
            Self::Refused(refusal) => entry(id, &refusal),
            other => other.into_problem(id).message(),
        }
    }
}

impl From<Stop<Packet>> for Stopped {
    fn from(stop: Stop<Packet>) -> Self {
        match stop {
            Stop::NotFound => Self::NotFound,
            Stop::Refused(refusal) => Self::Refused(refusal),
            Stop::TooLarge => Self::Problem(too_large(&format!("more than {BODY_PACKED_BYTES_MAX} bytes packed"))),
            other => Self::Problem(other.into_problem("Packet", |_| Problem::Broken)),
        }
    }
}

impl From<Fault> for Stopped {
    fn from(fault: Fault) -> Self {
        Self::Problem(fault.into())
    }
}

/// Names what a request does, so that its repeat is recognised.
#[derive(Clone, Debug)]
pub(crate) struct Name(CommandId);

impl Name {
    /// Never the same twice.
    pub(crate) fn fresh(cx: &Cx) -> Self {
        Self(CommandId::new(&cx.new_record_id().to_string(), &[]))
    }

    /// By the caller's idempotency key, if there is one.
    pub(crate) fn given(cx: &Cx, key: &Key, name: Option<String>, format: RequestFormat, content: &Value) -> Self {
        match name {
            Some(name) => Self(CommandId::from_request(&format!("{} {name}", key.id), format, content)),
            None => Self::fresh(cx),
        }
    }
}

pub(crate) async fn read(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<Held, Problem> {
    find(cx, tenant, id).await.map_err(|stopped| stopped.into_problem(id))
}

async fn find(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<Held, Stopped> {
    let whole = cx.store.whole::<Packet>(tenant, id).await?.ok_or(Stopped::NotFound)?;
    Ok(Held::of(whole)?)
}

/// Makes a packet: once under a name, however often the request comes.
pub async fn create(cx: &Cx, key: &Key, proposal: Proposal, named: Option<&GivenName<'_>>) -> Result<Held, Problem> {
    let now = cx.clock.now();
    let (ask, content) = proposal.into_ask(key.id, now).map_err(|over| too_large(&format!("{} bytes", over.bytes)))?;
    let ask = ask.asking(checkpoint::asked(key, &content)?);
    let id = named.map_or_else(|| cx.new_record_id(), |named| named.id(key));
    let command = named.map_or_else(|| CommandId::new(&id.to_string(), &[]), GivenName::command);
    let by = Actor::Key { key: key.id, role: key.role };
    let record = Record::<Packet>::open(key.tenant, id, ask, by, command.clone(), now);
    let whole = Whole { record, body: Some(words::body_of(&content)?) };
    let counted = match &whole.record.ask.asks {
        Some(_) => checkpoint::count(cx, key, id, named.is_some()).await?,
        None => Counted::default(),
    };
    let made = transition::create_whole(cx, whole, &command).await;
    if made.as_ref().is_err_and(|stop| !stop.is_unknown()) {
        quota::give_back(cx, &counted, id).await;
    }
    held(made, id)
}

/// Does what leaves the content as it is.
pub(crate) async fn act(cx: &Cx, key: &Key, id: RecordId, act: Act, name: &Name) -> Result<Held, Problem> {
    try_act(cx, key, id, act, name).await.map_err(|stopped| stopped.into_problem(id))
}

async fn try_act(cx: &Cx, key: &Key, id: RecordId, act: Act, name: &Name) -> Result<Held, Stopped> {
    let found = find(cx, key.tenant, id).await?;
    act_on(cx, key, found, act, name).await
}

async fn act_on(cx: &Cx, key: &Key, found: Held, act: Act, name: &Name) -> Result<Held, Stopped> {
    let (id, carried) = (found.record.id, found.record.standing.content.clone());
    let applied = transition::transition_from(cx, found.record, &command(key, act, name)).await?;
    if applied.replayed {
        still_holds(&applied.record, &name.0, cx.clock.now()).map_err(Stopped::Refused)?;
    }
    if applied.record.standing.content == carried {
        return Ok(Held { record: applied.record, content: found.content });
    }
    // Somebody changed it in between.
    find(cx, key.tenant, id).await
}

/// The same to many packets, each for itself: answers what they are then, under `done`, and what went wrong.
///
/// Nothing is done to a packet that the answer has no room for: it is named among what went wrong, and can be asked for
/// again. So the answer tells of everything that was done.
pub(crate) async fn act_on_each(
    cx: &Cx,
    key: &Key,
    ids: &[RecordId],
    act: &Act,
    packing: Packing,
    done: &str,
) -> Result<Response, Problem> {
    let most = ENTRY_BYTES_MAX * (1 + ids.len());
    let room = Mutex::new(packing.room_beside(most));
    let ends = futures_util::stream::iter(ids.iter().copied()).map(|id| {
        let room = &room;
        async move {
            let end = async {
                let found = find(cx, key.tenant, id).await?;
                let shown = found.view(cx).to_string();
                if !room.lock().unwrap_or_else(PoisonError::into_inner).take(&shown, GROWS_BYTES_MAX)? {
                    return Err(Stopped::NoRoom);
                }
                act_on(cx, key, found, act.clone(), &Name::fresh(cx)).await
            };
            (id, end.await)
        }
    });
    let (mut views, mut errors, mut room) = (Vec::new(), Vec::new(), packing.room_beside(most));
    for (id, end) in ends.buffered(AT_ONCE).collect::<Vec<_>>().await {
        let view = end.map(|held| held.view(cx));
        match view {
            Ok(view) if room.take_entry(&view)? => views.push(view),
            // Somebody made it larger in between.
            Ok(_) => errors.push(json!({"packet_id": id, "error": NOT_SHOWN})),
            Err(stopped) => errors.push(json!({"packet_id": id, "error": stopped.entry(id)})),
        }
    }
    Ok(packing.answer_of(&json!({done: views, "errors": errors}))?)
}

/// Does what changes the content: `plan` says what becomes of what is there, and is asked again when that has changed.
pub(crate) async fn edit(
    cx: &Cx,
    key: &Key,
    id: RecordId,
    plan: impl Fn(&Record<Packet>, &Content, Timestamp) -> Result<(Act, Content), Problem> + Send + Sync,
) -> Result<Held, Problem> {
    let name = Name::fresh(cx);
    let mut refused = None;
    let reworked = transition::rework(cx, key.tenant, id, |whole| {
        let now = cx.clock.now();
        let found = Held::of(whole.clone())?;
        let (act, content) = plan(&found.record.seen_at(now), &found.content, now).map_err(|problem| {
            refused = Some(problem);
            // Whatever it is, the problem is what is answered.
            Stop::Busy
        })?;
        let body = (content != found.content).then(|| words::body_of(&content)).transpose()?;
        Ok(Proposed { command: command(key, act, &name), body })
    });
    let reworked = reworked.await;
    match refused {
        Some(problem) => Err(problem),
        None => held(reworked, id),
    }
}

fn held(done: Result<(Applied<Packet>, Option<Body>), Stop<Packet>>, id: RecordId) -> Result<Held, Problem> {
    let (applied, body) = done.map_err(|stop| Stopped::from(stop).into_problem(id))?;
    Ok(Held::of(Whole { record: applied.record, body })?)
}

/// Writes into the parent's history what goes on from it. A repeat finds it there.
pub(crate) async fn tell_parent(cx: &Cx, child: &Record<Packet>) -> Result<(), Stop<Packet>> {
    let Some((parent, made)) = child.ask.parent.zip(child.log.first()) else { return Ok(()) };
    let PacketEvent::Created { source, .. } = &made.entry.event else { return Ok(()) };
    let command = Command::<Packet> {
        id: CommandId::new(&format!("chain {}", child.id), &[]),
        actor: made.entry.by.clone(),
        act: Act::Chained { child: child.id, child_source: source.clone() },
    };
    transition::transition(cx, child.tenant, parent, &command).await?;
    // The parent's own log forgets it: it is short, and a parent may have many children at once.
    let key = HeadKey { tenant: child.tenant, id: child.id };
    Ok(cx.store.note_parent_told(key).await?)
}

fn command(key: &Key, act: Act, name: &Name) -> Command<Packet> {
    Command { id: name.0.clone(), actor: Actor::Key { key: key.id, role: key.role }, act }
}

fn too_large(size: &str) -> Problem {
    refuse(StatusCode::PAYLOAD_TOO_LARGE, format!("The packet would hold {size}, which is too much"))
}
