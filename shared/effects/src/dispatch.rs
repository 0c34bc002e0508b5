//! Turns changes in the table's stream into queue messages. No other code produces effects, so a handler that dies
//! after its write loses none.

use handrail_domain::effect::Effect;
use handrail_platform::fault::Fault;
use handrail_store::{DeliveryKey, Item, head_key_of, kind_of, requested_replay};

use crate::fan_out::fan_out;
use crate::message::Message;
use crate::worker_context::WorkerContext;

/// Table item before and after a write.
#[derive(Clone, Debug, Default)]
pub struct Change {
    pub old: Option<Item>,
    pub new: Option<Item>,
}

/// Sends the messages that follow from a change. A repeated change sends the messages again, with equal ids.
pub async fn dispatch(context: &WorkerContext, change: &Change) -> Result<(), Fault> {
    let Some(new) = &change.new else { return Ok(()) };
    if let Some((kind, key)) = requested_replay(change.old.as_ref(), new) {
        return context.outbox()?.send(&Message::Deliver { kind, key }, context.cx.clock.now()).await;
    }
    let (Some(head), Some(kind)) = (head_key_of(new), kind_of(new)) else {
        return Ok(());
    };
    let follow_ups = (context.kind(kind)?.follow_ups)(&context.cx, change.old.as_ref(), new).await?;
    let outbox = context.outbox()?;
    let now = context.cx.clock.now();
    for (seq, effect) in follow_ups.effects {
        let key = DeliveryKey { tenant: head.tenant, record: head.id, seq, purpose: effect.purpose(), webhook: None };
        let kind = kind.to_owned();
        let message = match effect {
            Effect::Callback(_) | Effect::CallbackAt(..) => Message::Deliver { kind, key },
            Effect::Mail(_) | Effect::MailAt(..) | Effect::Slack(_) => Message::Notify { kind, key },
            Effect::RetainFiles(_) => Message::RetainFiles { kind, key },
        };
        match effect.not_before().filter(|at| *at > now) {
            None => outbox.send(&message, now).await?,
            Some(at) => outbox.send(&Message::Delayed { message: Box::new(message), at }, at).await?,
        }
    }
    if let Some(due_at) = follow_ups.new_deadline {
        outbox.send(&Message::Timer { kind: kind.to_owned(), key: head, due_at }, due_at).await?;
    }
    // Last, so that webhooks never delay the record's own callback, mail and timers.
    fan_out(context, kind, head, &follow_ups.webhook_events).await
}
