//! Packets as a record kind, for the workers: messages to approvers, journal details, webhook events and the link from a
//! parent to its chained packet.

use handrail_approvals::{ApprovalRequest, approval_purpose, request_mail, slack_message, slack_recipient};
use handrail_context::cx::Cx;
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::Record;
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_platform::fault::Fault;
use handrail_records::kind::{
    Approvals, EventMappers, FollowUps, Kind, Mail, Mails, SlackMessage, SlackMessages, Webhooks, fire_due_timers_of,
    follow_ups_of, unless_moved_on,
};
use handrail_secrets::link::Link;
use handrail_store::{HeadKey, Item, SpecSource, head_key_of, read_head};

use crate::hooks::payload::{RETRY_BACKOFF_MS, webhook_event, webhook_headers};
use crate::{checkpoint, journal_details, packet_ops};

pub const KIND: Kind = Kind {
    name: Packet::KIND,
    follow_ups: |cx, old, new| Box::pin(follow_ups(cx, old, new)),
    fire_due_timers: |cx, key| Box::pin(fire_due_timers_of::<Packet>(cx, key.tenant, key.id)),
    callbacks: None,
    webhooks: Some(Webhooks { headers: webhook_headers, backoff_ms: &RETRY_BACKOFF_MS }),
    mails: Some(Mails { build: |cx, key, seq, purpose| Box::pin(mail(cx, key, seq, purpose)) }),
    slack: Some(SlackMessages {
        recipient: |cx, key, seq, purpose| Box::pin(recipient_in_slack(cx, key, seq, purpose)),
        message: |cx, key, seq, purpose, to| Box::pin(message_in_slack(cx, key, seq, purpose, to)),
    }),
    files: None,
    approvals: Some(Approvals {
        find: |cx, link| Box::pin(find_request(cx, link)),
        answer: |cx, request, command| Box::pin(checkpoint::record_answer(cx, request, command)),
    }),
    after_sent: None,
};

async fn find_request(cx: &Cx, link: &Link) -> Result<Option<ApprovalRequest>, Fault> {
    match link.checkpoint_seq {
        Some(seq) => checkpoint::find(cx, link.tenant, link.record, seq).await,
        None => Ok(None),
    }
}

async fn follow_ups(cx: &Cx, old: Option<&Item>, new: &Item) -> Result<FollowUps, Fault> {
    if old.is_none() {
        link_to_parent(cx, new).await?;
    }
    let mappers = EventMappers { journal_details: journal_details::from_event, webhook_event };
    follow_ups_of::<Packet>(cx, old, new, mappers).await
}

async fn mail(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<Mail>, Fault> {
    let purpose = approval_purpose(purpose)?;
    match checkpoint::find(cx, key.tenant, key.id, seq).await? {
        Some(request) => request_mail(cx, &request, seq, purpose),
        None => Ok(None),
    }
}

/// Returns `None` unless the tenant has a Slack workspace now; one connected later gets only later requests.
async fn recipient_in_slack(cx: &Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Result<Option<EmailAddress>, Fault> {
    let purpose = approval_purpose(purpose)?;
    let request = checkpoint::find(cx, key.tenant, key.id, seq).await?;
    let Some(recipient) = request.and_then(|request| slack_recipient(cx, &request, seq, purpose)) else {
        return Ok(None);
    };
    Ok(cx.store.workspace(key.tenant).await?.map(|_| recipient))
}

async fn message_in_slack(
    cx: &Cx,
    key: HeadKey,
    seq: u64,
    purpose: Purpose,
    to: &SlackUser,
) -> Result<SlackMessage, Fault> {
    let request = checkpoint::find(cx, key.tenant, key.id, seq).await?;
    let request = request.ok_or_else(|| Fault::internal("message of a checkpoint that does not exist"))?;
    slack_message(cx, &request, seq, approval_purpose(purpose)?, to)
}

/// Adds a chained packet to its parent's history, in case the operation crashed before doing so.
async fn link_to_parent(cx: &Cx, new: &Item) -> Result<(), Fault> {
    let Some(child) = newly_created(cx, new).await? else { return Ok(()) };
    if cx.store.is_parent_linked(HeadKey { tenant: child.tenant, id: child.id }).await? {
        return Ok(());
    }
    // The child is complete even if its parent cannot be changed.
    unless_moved_on(packet_ops::link_to_parent(cx, &child).await).map(drop)
}

/// Reads the packet of a stream image. Returns `None` if the packet is not chained.
async fn newly_created(cx: &Cx, new: &Item) -> Result<Option<Record<Packet>>, Fault> {
    let record = match new.get("ask") {
        Some(_) => Some(read_head::<Packet>(new, SpecSource::Head)?),
        None => {
            let key = head_key_of(new).ok_or_else(|| Fault::internal("stream image is not a record"))?;
            // Only the spec is taken from the stored record: its log may have lost the first event by now.
            let stored = cx.store.record::<Packet>(key.tenant, key.id).await?;
            stored.map(|stored| read_head(new, SpecSource::Known(&stored.spec))).transpose()?
        }
    };
    Ok(record.filter(|record| {
        let first = record.log.first().map(|entry| &entry.entry.event);
        matches!(first, Some(PacketEvent::Created { chained_to: Some(_), .. }))
    }))
}
