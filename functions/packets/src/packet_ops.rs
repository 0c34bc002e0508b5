//! Operations on packets, which the endpoints of the packets API share: get, transition and edit.

use schemars::JsonSchema;
use serde::Serialize;
use std::sync::{Mutex, PoisonError};

use futures_util::StreamExt;
use handrail_context::cx::Cx;
use handrail_domain::ids::{CommandId, RecordId, RequestFormat, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::packet::{Act, Content, Packet, PacketEvent, check_claim_active};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_packet_records::{PacketWithContent, searchable_body};
use handrail_records::transition::{self, AppliedCommand, PlannedChange, TransitionError};
use handrail_store::{ApiKey, Body, HeadKey, RecordWithBody};
use handrail_web::problem::Problem;
use serde_json::Value;

use crate::packet_error::PacketError;
use crate::response_encoding::{ResponseEncoding, response_json};
use crate::view::PacketView;

/// Packets of a batch that are processed concurrently.
pub(crate) const BATCH_CONCURRENCY: usize = 8;

const DONE_NOT_SHOWN_MESSAGE: &str = "Done, but the response has no room for this packet. Get the packet by its id";
/// Bytes that a transition may add to the JSON view of a packet: names of agents and times.
const VIEW_GROWTH_BYTES_MAX: usize = 8 * 1024;
/// Largest error entry of a batch response. An entry may name an agent of 256 characters, each escaped.
const BATCH_ERROR_BYTES_MAX: usize = 3 * 1024;

/// Command id of a request, by which a repeat is recognised.
#[derive(Clone, Debug)]
pub(crate) struct CommandName(CommandId);

impl CommandName {
    /// Creates a unique id, for a request that cannot be repeated.
    pub(crate) fn random(cx: &Cx) -> Self {
        Self(CommandId::new(&cx.new_record_id().to_string(), &[]))
    }

    /// Derives the id from the caller's idempotency key and the request, or creates a random id without a key.
    pub(crate) fn from_idempotency_key(
        cx: &Cx,
        key: &ApiKey,
        idempotency_key: Option<String>,
        format: RequestFormat,
        content: &Value,
    ) -> Self {
        match idempotency_key {
            Some(text) => Self(CommandId::from_request(&format!("{} {text}", key.id), format, content)),
            None => Self::random(cx),
        }
    }
}

pub(crate) async fn get(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<PacketWithContent, Problem> {
    try_get(cx, tenant, id).await.map_err(|error| error.into_problem(id))
}

async fn try_get(cx: &Cx, tenant: TenantId, id: RecordId) -> Result<PacketWithContent, PacketError> {
    let record_with_body = cx.store.record_with_body::<Packet>(tenant, id).await?.ok_or(PacketError::NotFound)?;
    Ok(PacketWithContent::from_record(record_with_body)?)
}

/// Runs a command that does not change the content.
pub(crate) async fn run(
    cx: &Cx,
    key: &ApiKey,
    id: RecordId,
    act: Act,
    name: &CommandName,
) -> Result<PacketWithContent, Problem> {
    try_run(cx, key, id, act, name).await.map_err(|error| error.into_problem(id))
}

async fn try_run(
    cx: &Cx,
    key: &ApiKey,
    id: RecordId,
    act: Act,
    name: &CommandName,
) -> Result<PacketWithContent, PacketError> {
    let packet = try_get(cx, key.tenant, id).await?;
    run_on(cx, key, packet, act, name).await
}

async fn run_on(
    cx: &Cx,
    key: &ApiKey,
    packet: PacketWithContent,
    act: Act,
    name: &CommandName,
) -> Result<PacketWithContent, PacketError> {
    let (id, content_before) = (packet.record.id, packet.record.state_data.content.clone());
    let applied = transition::transition_from(cx, packet.record, &new_command(key, act, name)).await?;
    if applied.is_repeat {
        check_claim_active(&applied.record, &name.0, cx.clock.now()).map_err(PacketError::Refused)?;
    }
    if applied.record.state_data.content == content_before {
        return Ok(PacketWithContent { record: applied.record, content: packet.content });
    }
    // Another request changed the content in between.
    try_get(cx, key.tenant, id).await
}

/// Packet of a batch that was not changed, or has no room in the response.
#[derive(Serialize, JsonSchema)]
pub(crate) struct BatchError {
    packet_id: RecordId,
    error: String,
}

/// Runs a command on many packets, each separately. Returns the changed packets and the errors.
///
/// A packet for which the response has no room is left unchanged and listed under `errors`, so the response reports
/// every change.
pub(crate) async fn run_batch(
    cx: &Cx,
    key: &ApiKey,
    ids: &[RecordId],
    act: &Act,
    encoding: ResponseEncoding,
) -> Result<(Vec<PacketView>, Vec<BatchError>), Problem> {
    let overhead_bytes = BATCH_ERROR_BYTES_MAX * (1 + ids.len());
    let budget = Mutex::new(encoding.budget_after(overhead_bytes));
    let results = futures_util::stream::iter(ids.iter().copied()).map(|id| {
        let budget = &budget;
        async move {
            let result = async {
                let packet = try_get(cx, key.tenant, id).await?;
                let view = PacketView::as_of_now(cx, &packet);
                let text = response_json(&view)?;
                if !budget.lock().unwrap_or_else(PoisonError::into_inner).reserve(&text, VIEW_GROWTH_BYTES_MAX)? {
                    return Err(PacketError::ResponseFull);
                }
                run_on(cx, key, packet, act.clone(), &CommandName::random(cx)).await
            };
            (id, result.await)
        }
    });
    let (mut views, mut errors, mut budget) = (Vec::new(), Vec::new(), encoding.budget_after(overhead_bytes));
    for (id, result) in results.buffered(BATCH_CONCURRENCY).collect::<Vec<_>>().await {
        let view = result.map(|packet| PacketView::as_of_now(cx, &packet));
        match view {
            Ok(view) if budget.reserve_entry(&view)? => views.push(view),
            // Another request made the packet larger in between.
            Ok(_) => errors.push(BatchError { packet_id: id, error: DONE_NOT_SHOWN_MESSAGE.to_owned() }),
            Err(error) => errors.push(BatchError { packet_id: id, error: error.into_batch_error(id) }),
        }
    }
    Ok((views, errors))
}

/// Runs a command that changes the content. Calls `plan` again with the new content if another writer was first.
pub(crate) async fn run_with_content(
    cx: &Cx,
    key: &ApiKey,
    id: RecordId,
    plan: impl Fn(&Record<Packet>, &Content, Timestamp) -> Result<(Act, Content), Problem> + Send + Sync,
) -> Result<PacketWithContent, Problem> {
    let name = CommandName::random(cx);
    let result = transition::transition_with_body(cx, key.tenant, id, |record_with_body| {
        let now = cx.clock.now();
        let packet = PacketWithContent::from_record(record_with_body.clone())?;
        let (act, content) = plan(&packet.record.as_of(now), &packet.content, now).map_err(PacketError::Problem)?;
        let body = (content != packet.content).then(|| searchable_body(&content)).transpose()?;
        Ok(PlannedChange { command: new_command(key, act, &name), body })
    });
    packet_or_problem(result.await, id)
}

fn packet_or_problem(
    result: Result<(AppliedCommand<Packet>, Option<Body>), PacketError>,
    id: RecordId,
) -> Result<PacketWithContent, Problem> {
    let (applied, body) = result.map_err(|error| error.into_problem(id))?;
    Ok(PacketWithContent::from_record(RecordWithBody { record: applied.record, body })?)
}

/// Adds a chained packet to its parent's history. A repeat changes nothing.
pub(crate) async fn link_to_parent(cx: &Cx, child: &Record<Packet>) -> Result<(), TransitionError<Packet>> {
    let Some((parent, created)) = child.spec.parent.zip(child.log.first()) else { return Ok(()) };
    let PacketEvent::Created { source, .. } = &created.entry.event else { return Ok(()) };
    let command = Command::<Packet> {
        id: CommandId::new(&format!("chain {}", child.id), &[]),
        actor: created.entry.by.clone(),
        act: Act::Chained { child: child.id, child_source: source.clone() },
    };
    transition::transition(cx, child.tenant, parent, &command).await?;
    // The parent's own log is short and may lose the entry when a parent has many children, so a marker is stored.
    let key = HeadKey { tenant: child.tenant, id: child.id };
    Ok(cx.store.mark_parent_linked(key).await?)
}

fn new_command(key: &ApiKey, act: Act, name: &CommandName) -> Command<Packet> {
    Command { id: name.0.clone(), actor: key.actor(), act }
}
