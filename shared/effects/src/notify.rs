//! Messages to people, by mail or in Slack.

use handrail_domain::effect::Purpose;
use handrail_platform::fault::Fault;
use handrail_records::kind::SentOutcome;
use handrail_store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, HeadKey};

use crate::ports::{MailFault, OutgoingMail};
use crate::slack::{self, PostOutcome};
use crate::worker_context::WorkerContext;

/// Sends the approval request or notice of this delivery, unless it was sent before or is no longer needed.
///
/// A process that dies between sending and recording makes the mail arrive twice, with equal ids.
pub async fn notify(context: &WorkerContext, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    if key.purpose == Purpose::UPDATE_SLACK {
        context.kind(kind)?.slack()?;
        return slack::update_messages(context, kind, key).await;
    }
    let earlier = context.cx.store.delivery(key).await?;
    if let Some(delivery) = earlier.filter(|delivery| delivery.status != DeliveryStatus::Pending) {
        slack::refresh_if_changed(context, kind, key, &delivery, None).await?;
        return apply_outcome(context, kind, key, delivery.status).await;
    }
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let mails = context.kind(kind)?.mails()?;
    if let Some(slack) = &context.kind(kind)?.slack
        && let Some(person) = (slack.recipient)(&context.cx, head, key.seq, key.purpose).await?
    {
        match slack::post_request(context, kind, key, &person).await? {
            PostOutcome::Posted => return apply_outcome(context, kind, key, DeliveryStatus::Delivered).await,
            PostOutcome::Scheduled => return Ok(()),
            PostOutcome::UseMail => {}
        }
    }
    let Some(mail) = (mails.build)(&context.cx, head, key.seq, key.purpose).await? else {
        return Ok(());
    };
    let now = context.cx.clock.now();
    // The body stays empty: the mail contains the link that settles the record, so its text is not stored.
    let unsent = Delivery::new(key, mail.to.to_string(), "", now);
    let mut delivery = context.cx.store.put_or_get_delivery(key, unsent).await?;
    let outgoing = OutgoingMail { id: key.id(), to: mail.to, subject: mail.subject, text: mail.text, html: mail.html };
    let error = match context.mailer()?.send(&outgoing).await {
        Ok(()) => None,
        Err(MailFault::Refused(reason)) => Some(reason),
        Err(MailFault::Unavailable(source)) => return Err(Fault::Busy(source)),
    };
    delivery.status = if error.is_none() { DeliveryStatus::Delivered } else { DeliveryStatus::DeadLetter };
    tracing::info!(kind, delivery = key.id(), outcome = delivery.status.name(), "mail");
    delivery.attempts.push(Attempt { at: now, status: None, error, took_ms: 0 });
    context.cx.store.record_attempt(key, &delivery).await?;
    apply_outcome(context, kind, key, delivery.status).await
}

/// Lets the record's kind follow up on a message that was sent or has failed for good.
async fn apply_outcome(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    status: DeliveryStatus,
) -> Result<(), Fault> {
    let Some(after_sent) = &context.kind(kind)?.after_sent else { return Ok(()) };
    let outcome = match status {
        DeliveryStatus::Delivered => SentOutcome::Accepted,
        DeliveryStatus::DeadLetter => SentOutcome::Failed,
        DeliveryStatus::Pending => return Ok(()),
    };
    let head = HeadKey { tenant: key.tenant, id: key.record };
    (after_sent.apply)(&context.cx, head, key.seq, key.purpose, outcome).await
}
