//! Creation of a packet for an API key.

use handrail_access::AccessError;
use handrail_access::quota::{self, QuotaReservation};
use handrail_context::cx::Cx;
use handrail_domain::field_error::FieldError;
use handrail_domain::ids::{CommandId, RecordId};
use handrail_domain::packet::{CheckpointRequest, CheckpointRequester, Content, NewPacket, Packet};
use handrail_domain::record::Record;
use handrail_records::transition;
use handrail_store::{ApiKey, RecordWithBody};

use crate::creation_error::PacketCreationError;
use crate::idempotent_request::IdempotentRequest;
use crate::packet_with_content::PacketWithContent;
use crate::search_text;

/// Creates a packet. Repeats of an idempotent request return the packet created first.
pub async fn create(
    cx: &Cx,
    key: &ApiKey,
    proposal: NewPacket,
    request: Option<&IdempotentRequest<'_>>,
) -> Result<PacketWithContent, PacketCreationError> {
    CheckedPacket::new(cx, key, proposal, request)?.create(cx, key).await
}

/// New packet that may be stored: its size and its approver are allowed.
pub struct CheckedPacket {
    packet: RecordWithBody<Packet>,
    command: CommandId,
    is_repeatable: bool,
}

impl CheckedPacket {
    pub fn new(
        cx: &Cx,
        key: &ApiKey,
        proposal: NewPacket,
        request: Option<&IdempotentRequest<'_>>,
    ) -> Result<Self, PacketCreationError> {
        let now = cx.clock.now();
        let (spec, content) =
            proposal.into_spec(key.id, now).map_err(|excess| PacketCreationError::TooLarge { bytes: excess.bytes })?;
        let asks = checkpoint_request(key, &content).map_err(PacketCreationError::ApproverNotAllowed)?;
        let spec = spec.with_checkpoint_request(asks);
        let id = request.map_or_else(|| cx.new_record_id(), |request| request.packet_id(key));
        let command = request.map_or_else(|| CommandId::new(&id.to_string(), &[]), IdempotentRequest::command_id);
        let (by, salt) = (key.actor(), cx.new_record_salt());
        let record = Record::<Packet>::create(key.tenant, id, spec, by, command.clone(), now, salt);
        let packet = RecordWithBody { record, body: Some(search_text::searchable_body(&content)?) };
        Ok(Self { packet, command, is_repeatable: request.is_some() })
    }

    pub async fn create(self, cx: &Cx, key: &ApiKey) -> Result<PacketWithContent, PacketCreationError> {
        let id = self.packet.record.id;
        let reservation = match &self.packet.record.spec.asks {
            Some(_) => reserve_checkpoint_quota(cx, key, id, self.is_repeatable).await,
            None => Ok(QuotaReservation::default()),
        };
        let reservation = reservation.map_err(PacketCreationError::Access)?;
        let result = transition::create_with_body(cx, self.packet, &self.command).await;
        if result.as_ref().is_err_and(|error| !error.is_outcome_unknown()) {
            quota::release(cx, &reservation, id).await;
        }
        let (applied, body) = result?;
        Ok(PacketWithContent::from_record(RecordWithBody { record: applied.record, body })?)
    }
}

/// Returns the request to the approver that the content's checkpoint names, if the key may ask this person.
pub fn checkpoint_request(key: &ApiKey, content: &Content) -> Result<Option<CheckpointRequest>, FieldError> {
    let requester =
        CheckpointRequester { name: &key.name, askable: key.askable(), in_slack: key.tier.includes_slack() };
    requester.request_for(content)
}

/// Reserves one request of the key's monthly quota, which decisions and checkpoints with an approver share.
pub async fn reserve_checkpoint_quota(
    cx: &Cx,
    key: &ApiKey,
    id: RecordId,
    has_idempotency_key: bool,
) -> Result<QuotaReservation, AccessError> {
    quota::reserve_monthly::<Packet>(cx, key, id, has_idempotency_key).await
}
