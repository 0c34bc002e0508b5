//! From the table's stream to the queues. The only producer of effects: whatever a handler wrote before it died is found
//! here.

use handrail_domain::effect::Effect;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::{DeliveryKey, Item, head_key_of, kind_of, replay_asked};

use crate::announce::announce;
use crate::message::Message;
use crate::works::Works;

/// One item before and after a write.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub old: Option<Item>,
    pub new: Option<Item>,
}

/// Sends what follows from a change. Seeing a change twice sends everything twice, under the same ids.
pub async fn dispatch(works: &Works, change: &Change) -> Result<(), Fault> {
    let Some(new) = &change.new else { return Ok(()) };
    if let Some((kind, key)) = replay_asked(change.old.as_ref(), new) {
        return works.outbox()?.send(&Message::Deliver { kind, key }, works.cx.clock.now()).await;
    }
    let (Some(head), Some(kind)) = (head_key_of(new), kind_of(new)) else {
        return Ok(());
    };
    let news = works.door(kind)?.news(&works.cx, change.old.as_ref(), new).await?;
    let outbox = works.outbox()?;
    let now = works.cx.clock.now();
    for (seq, effect) in news.effects {
        let key = DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose: effect.purpose(), hook: None };
        let kind = kind.to_owned();
        let message = match effect {
            Effect::Callback(_) | Effect::CallbackAt(..) => Message::Deliver { kind, key },
            Effect::Mail(_) | Effect::MailAt(..) | Effect::Slack(_) => Message::Notify { kind, key },
            Effect::Keep(_) => Message::Keep { kind, key },
        };
        match effect.not_before().filter(|at| *at > now) {
            None => outbox.send(&message, now).await?,
            Some(at) => outbox.send(&Message::Later { message: Box::new(message), at }, at).await?,
        }
    }
    if let Some(due_at) = news.due {
        outbox.send(&Message::Timer { kind: kind.to_owned(), key: head, due_at }, due_at).await?;
    }
    // Last: nothing of the record's own waits for whoever wants to hear of it.
    announce(works, kind, head, &news.announced).await
}
