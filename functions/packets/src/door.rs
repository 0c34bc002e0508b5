//! What the workers need of this door: whom a packet asks, who follows it, which hooks are told, and which packet it goes on
//! from.

use handrail_asking::{ask_by_mail, asks_in_slack, in_slack};
use handrail_domain::effect::Purpose;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Packet, PacketEvent};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::{Awaited, Callback, Door, Mail, News, Publicity, SlackText, public_news_of, raise_due_of};
use handrail_kernel::fault::Fault;
use handrail_kernel::slack::{Secret, SlackUser};
use handrail_kernel::store::{AskFrom, Call, HeadKey, Item, head_key_of, read_head};
use handrail_kernel::transition::Stop;

use crate::checkpoint::Checkpoint;
use crate::hooks::announcement::{RETRY_GAPS_MS, announcement, headers};
use crate::{headline, shelf};

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
            let publicity = Publicity { headlines: headline::of, announcements: announcement };
            public_news_of::<Packet>(cx, old, new, publicity).await
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

    /// Where the account has a workspace now: whoever connects one later has it for what is asked then.
    fn asks_in_slack<'a>(
        &'a self,
        cx: &'a Cx,
        key: HeadKey,
        seq: u64,
        purpose: Purpose,
    ) -> Awaited<'a, Option<EmailAddress>> {
        Box::pin(async move {
            let found = Checkpoint::find(cx, key.tenant, key.id, seq).await?;
            let Some(person) = found.and_then(|found| asks_in_slack(cx, &found.question, seq, purpose)) else {
                return Ok(None);
            };
            Ok(cx.store.workspace(key.tenant).await?.map(|_| person))
        })
    }

    fn in_slack<'a>(
        &'a self,
        cx: &'a Cx,
        key: HeadKey,
        seq: u64,
        purpose: Purpose,
        to: &'a SlackUser,
    ) -> Awaited<'a, SlackText> {
        Box::pin(async move {
            let found = Checkpoint::find(cx, key.tenant, key.id, seq).await?;
            let found = found.ok_or_else(|| Fault::broken("a message belongs to a question that nobody asked"))?;
            in_slack(cx, &found.question, seq, purpose, to)
        })
    }

    fn mail<'a>(&'a self, cx: &'a Cx, key: HeadKey, seq: u64, purpose: Purpose) -> Awaited<'a, Option<Mail>> {
        Box::pin(async move {
            match Checkpoint::find(cx, key.tenant, key.id, seq).await? {
                Some(found) => ask_by_mail(cx, &found.question, seq, purpose),
                None => Ok(None),
            }
        })
    }
}

/// A packet that goes on from another is told of there. The operation did it already, unless it died before that.
async fn tell_parent(cx: &Cx, new: &Item) -> Result<(), Fault> {
    let Some(child) = just_made(cx, new).await? else { return Ok(()) };
    if cx.store.parent_was_told(HeadKey { tenant: child.tenant, id: child.id }).await? {
        return Ok(());
    }
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
