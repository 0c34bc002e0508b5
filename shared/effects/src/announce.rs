//! One event, told to every hook of the account that wants to hear of it.
//!
//! Each hook has its own call: written down with its bytes, then sent to the queue by its name. So a receiver that is slow or
//! broken keeps nobody else waiting, and all are told the same. Done twice, it finds the calls there and names them again.

use bytes::Bytes;
use futures_util::{StreamExt as _, TryStreamExt as _};
use handrail_domain::effect::Purpose;
use handrail_domain::time::Timestamp;
use handrail_kernel::door::Announcement;
use handrail_kernel::fault::Fault;
use handrail_kernel::hook::secret_of;
use handrail_kernel::store::{Call, Delivery, DeliveryKey, HeadKey, Hook};
use handrail_sender::{Outgoing, Sent};

use crate::message::Message;
use crate::signing::standard_webhooks;
use crate::works::Works;

/// Calls that are written down at the same time: the stream waits for all of them.
const AT_ONCE: usize = 10;

pub(crate) async fn announce(works: &Works, kind: &str, head: HeadKey, news: &[Announcement]) -> Result<(), Fault> {
    if news.is_empty() {
        return Ok(());
    }
    let hooks = works.cx.store.hooks(head.tenant, kind).await?;
    let mut calls = Vec::new();
    for told in news {
        calls
            .extend(hooks.iter().filter(|hook| hook.wants(told.event)).map(|hook| open(works, kind, head, told, hook)));
    }
    futures_util::stream::iter(calls).buffer_unordered(AT_ONCE).try_collect().await
}

async fn open(works: &Works, kind: &str, head: HeadKey, told: &Announcement, hook: &Hook) -> Result<(), Fault> {
    let (seq, purpose) = (told.seq, Purpose::Announce);
    let key = DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose, hook: Some(hook.id) };
    let now = works.cx.clock.now();
    let fresh = Delivery::fresh(key, &hook.url, &told.body, now);
    works.cx.store.open_call(kind, key, told.event, &fresh).await?;
    works.outbox()?.send(&Message::Deliver { kind: kind.to_owned(), key }, now).await
}

/// The receiver asks not to be called again.
const GONE: u16 = 410;

/// Makes one call, unless its hook was taken away in the meantime. A receiver that says that it is gone ends its hook.
pub(crate) async fn call_hook(works: &Works, kind: &str, call: &Call, now: Timestamp) -> Result<Sent, Fault> {
    let (tenant, body) = (call.key.tenant, Bytes::from(call.delivery.body.clone()));
    let hook = works.cx.store.hook(tenant, kind, call.hook).await?;
    let secret = hook.filter(Hook::is_active).map(|hook| secret_of(&works.cx, &hook)).transpose()?.flatten();
    let Some(secret) = secret else {
        return Ok(Sent::Refused { why: "the hook is not active any more".to_owned() });
    };
    let mut headers = works.door(kind)?.hook_headers(call, &secret);
    let standard = standard_webhooks(secret.expose(), &call.delivery.id, now.as_unix_seconds(), &body);
    headers.extend(standard.into_pairs());
    let sent = works.sender.post(&Outgoing { url: call.delivery.to.clone(), headers, body }).await;
    if let Sent::Answered { status: GONE, .. } = sent {
        // Before the attempt is recorded: then nobody would come here again.
        works.cx.store.close_hook(tenant, kind, call.hook, works.cx.clock.now()).await?;
    }
    Ok(sent)
}
