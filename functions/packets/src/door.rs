//! What the workers need of this door: its hooks are told what happens to packets, and a parent of what goes on from it.

use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Awaited, Callback, Door, Mail, News, news_told, raise_due_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::slack::Secret;
use handrail_kernel::store::{AskFrom, Call, HeadKey, Item, head_key_of, read_head};
use handrail_kernel::transition::Stop;

use crate::hooks::announcement::{RETRY_GAPS_MS, announcement, headers};
use crate::shelf;

pub struct PacketsDoor;

impl Door for PacketsDoor {
    fn kind(&self) -> &'static str {
        Packet::KIND
    }

    fn news<'a>(&'a self, cx: &'a Cx, old: Option<&'a Item>, new: &'a Item) -> Awaited<'a, News> {
        Box::pin(async move {
            if old.is_none() {
                tell_parent(cx, new).await?;
            }
            news_told::<Packet>(cx, old, new, announcement).await
        })
    }

    fn raise_due<'a>(&'a self, cx: &'a Cx, key: HeadKey) -> Awaited<'a, bool> {
        Box::pin(raise_due_of::<Packet>(cx, key.tenant, key.id))
    }

    fn callback<'a>(&'a self, _: &'a Cx, _: HeadKey, _: u64, _: Purpose) -> Awaited<'a, Option<Callback>> {
        Box::pin(std::future::ready(Ok(None)))
    }

    fn hook_headers(&self, call: &Call, secret: &Secret) -> Vec<(String, String)> {
        headers(call, secret)
    }

    fn retry_gaps_ms(&self) -> &'static [i64] {
        &RETRY_GAPS_MS
    }

    fn mail<'a>(&'a self, _: &'a Cx, _: HeadKey, _: u64, _: Purpose) -> Awaited<'a, Option<Mail>> {
        Box::pin(std::future::ready(Ok(None)))
    }
}

/// A packet that goes on from another is told of there. The operation did it already, unless it died before that.
async fn tell_parent(cx: &Cx, new: &Item) -> Result<(), Fault> {
    let Some(child) = just_made(cx, new).await? else { return Ok(()) };
    match shelf::tell_parent(cx, &child).await {
        // A parent that can't be told is none of the child's business.
        Ok(()) | Err(Stop::NotFound | Stop::Refused(_) | Stop::OtherContent | Stop::TooLarge) => Ok(()),
        Err(Stop::Busy) => Err(Fault::Busy("a packet is moved all the time".into())),
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// The packet of this image, if it goes on from another.
async fn just_made(cx: &Cx, new: &Item) -> Result<Option<Record<Packet>>, Fault> {
    let record = match new.get("ask") {
        Some(_) => Some(read_head::<Packet>(new, AskFrom::Head)?),
        None => {
            let key = head_key_of(new).ok_or_else(|| Fault::broken("news of something that is no head"))?;
            cx.store.record::<Packet>(key.tenant, key.id).await?
        }
    };
    Ok(record.filter(|record| {
        let first = record.log.first().map(|line| &line.entry.event);
        matches!(first, Some(PacketEvent::Created { chained_to: Some(_), .. }))
    }))
}
