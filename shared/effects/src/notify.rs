//! One message to one person: by mail, or in Slack.

use handrail_domain::effect::Purpose;
use handrail_kernel::fault::Fault;
use handrail_kernel::store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, HeadKey};

use crate::ports::{MailFault, Posted};
use crate::slack::{self, Asked};
use crate::works::Works;

/// Asks the person if they were not asked and there is still something to ask.
///
/// A process that dies between sending and recording sends it again: with the same id, and better twice than never.
pub async fn notify(works: &Works, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    if key.purpose == Purpose::UpdateSlack {
        return slack::update(works, kind, key).await;
    }
    let earlier = works.cx.store.delivery(key).await?;
    if let Some(delivery) = earlier.filter(|delivery| delivery.status != DeliveryStatus::Pending) {
        return slack::catch_up(works, kind, key, &delivery, None).await;
    }
    let head = HeadKey { tenant: key.tenant, id: key.record };
    if let Some(person) = works.door(kind)?.asks_in_slack(&works.cx, head, key.seq, key.purpose).await?
        && let Asked::Done = slack::ask(works, kind, key, &person).await?
    {
        return Ok(());
    }
    let Some(mail) = works.door(kind)?.mail(&works.cx, head, key.seq, key.purpose).await? else {
        return Ok(());
    };
    let now = works.cx.clock.now();
    // The mail holds the link that decides: it is not kept.
    let fresh = Delivery::fresh(key, mail.to.to_string(), "", now);
    let mut delivery = works.cx.store.open_delivery(key, fresh).await?;
    let posted = Posted { id: key.id(), to: mail.to, subject: mail.subject, text: mail.text, html: mail.html };
    let error = match works.mailer()?.send(&posted).await {
        Ok(()) => None,
        Err(MailFault::Refused(why)) => Some(why),
        Err(MailFault::Later(source)) => return Err(Fault::Busy(source)),
    };
    delivery.status = if error.is_none() { DeliveryStatus::Delivered } else { DeliveryStatus::Dead };
    tracing::info!(kind, delivery = key.id(), outcome = delivery.status.name(), "mail");
    delivery.attempts.push(Attempt { at: now, status: None, error, took_ms: 0 });
    works.cx.store.record_attempt(key, &delivery).await.map(drop)
}
