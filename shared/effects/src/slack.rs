//! Slack messages for approval requests: posting, and editing when the record changes.
//!
//! Called by the worker that notifies people. Slack has no idempotency keys, so a message whose reference is stored is
//! never posted again. A post with an unknown outcome may appear twice; the approver can answer either message.

use handrail_domain::effect::Purpose;
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_records::kind::SlackMessage;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::seal::open;
use handrail_slack_api::{BotToken, MessageRef, SlackFault};
use handrail_store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, HeadKey, SlackMessageRef};

use crate::message::Message;
use crate::worker_context::WorkerContext;

/// Waits after failed attempts. After the last attempt the person gets a mail instead, because the requester is
/// waiting.
const BACKOFF_MS: [i64; 4] = [2_000, 10_000, 30_000, 60_000];
/// Most edits of a message in one run. A record that changes even more often is edited again by its later transitions.
const EDITS_MAX: usize = 8;

/// Result of posting an approval request in Slack.
pub(crate) enum PostOutcome {
    Posted,
    /// Another attempt is scheduled.
    Scheduled,
    /// The person cannot be reached in Slack.
    UseMail,
}

enum PostError {
    /// A retry will not help.
    Permanent(String),
    Retryable {
        reason: String,
        wait_ms: i64,
    },
}

impl From<SlackFault> for PostError {
    fn from(fault: SlackFault) -> Self {
        match fault {
            SlackFault::Refused { error, .. } => Self::Permanent(explain_refusal(&error)),
            SlackFault::RateLimited { retry_after_s, .. } => {
                Self::Retryable { reason: "too many calls".to_owned(), wait_ms: i64::from(retry_after_s) * 1_000 }
            }
            SlackFault::Unavailable { reason, .. } => Self::Retryable { reason, wait_ms: 0 },
        }
    }
}

/// Adds advice to the refusals that an admin of the workspace can resolve.
fn explain_refusal(error: &str) -> String {
    let advice = match error {
        "users_not_found" | "user_not_found" => "nobody in the workspace has this address",
        "token_revoked" | "account_inactive" | "invalid_auth" | "not_authed" | "token_expired" => {
            "the app is not in the workspace any more: an admin can connect it again"
        }
        "missing_scope" => "the app lacks a scope: an admin can connect it again",
        _ => return error.to_owned(),
    };
    format!("{error}: {advice}")
}

/// Posts the approval request to this person. Returns `UseMail` if the person cannot be reached in Slack.
pub(crate) async fn post_request(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    person: &EmailAddress,
) -> Result<PostOutcome, Fault> {
    let unsent = new_delivery(key, person.as_str(), context.cx.clock.now());
    let mut delivery = context.cx.store.put_or_get_delivery(key, unsent).await?;
    if reschedule(context, kind, key, &delivery).await? {
        return Ok(PostOutcome::Scheduled);
    }
    match post_message(context, kind, key, person).await? {
        Ok((message_ref, shown)) => {
            let now = context.cx.clock.now();
            delivery.attempts.push(Attempt { at: now, status: Some(200), error: None, took_ms: 0 });
            (delivery.status, delivery.next_attempt_at) = (DeliveryStatus::Delivered, None);
            delivery.slack = Some(message_ref);
            log_outcome(kind, key, "posted");
            context.cx.store.record_attempt(key, &delivery).await?;
            refresh_if_changed(context, kind, key, &delivery, Some(shown)).await?;
            Ok(PostOutcome::Posted)
        }
        Err(error) => {
            let will_retry = record_failure(context, kind, key, delivery, error, "; asked by mail instead").await?;
            Ok(if will_retry { PostOutcome::Scheduled } else { PostOutcome::UseMail })
        }
    }
}

/// Edits a posted message if the record has changed. A transition during the post found no message to edit.
pub(crate) async fn refresh_if_changed(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    delivery: &Delivery,
    shown: Option<SlackMessage>,
) -> Result<(), Fault> {
    let Some(message_ref) = &delivery.slack else { return Ok(()) };
    let edited = match workspace_token(context, key).await? {
        Ok((_, token)) => refresh_message(context, kind, key, message_ref, &token, shown).await?,
        Err(error) => Err(error),
    };
    if let Err(PostError::Retryable { wait_ms, .. }) = edited {
        let message =
            Message::Notify { kind: kind.to_owned(), key: DeliveryKey { purpose: Purpose::UPDATE_SLACK, ..key } };
        let at = context.cx.clock.now().plus_ms(wait_ms.max(BACKOFF_MS[0]));
        context.outbox()?.send(&message, at).await?;
    }
    Ok(())
}

/// Edits all Slack messages of a record until they show its current state.
pub(crate) async fn update_messages(context: &WorkerContext, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    let deliveries = context.cx.store.deliveries(key.tenant, key.record).await?;
    let posted: Vec<_> = deliveries.iter().filter_map(|posted| Some((posted, posted.slack.as_ref()?))).collect();
    // A process that is posting now calls `refresh_if_changed` afterwards.
    let Some((first, _)) = posted.first() else { return Ok(()) };
    let unsent = new_delivery(key, &first.to, context.cx.clock.now());
    let mut delivery = context.cx.store.put_or_get_delivery(key, unsent).await?;
    if delivery.status != DeliveryStatus::Pending || reschedule(context, kind, key, &delivery).await? {
        return Ok(());
    }
    let mut worst = None;
    match workspace_token(context, key).await? {
        Ok((_, token)) => {
            for (posted, message_ref) in &posted {
                let posted_key = DeliveryKey { seq: posted.seq, purpose: posted.purpose, ..key };
                if let Err(error) = refresh_message(context, kind, posted_key, message_ref, &token, None).await? {
                    let is_retryable = matches!(error, PostError::Retryable { .. });
                    worst = if is_retryable || worst.is_none() { Some(error) } else { worst };
                }
            }
        }
        Err(error) => worst = Some(error),
    }
    match worst {
        None => {
            let now = context.cx.clock.now();
            delivery.attempts.push(Attempt { at: now, status: Some(200), error: None, took_ms: 0 });
            (delivery.status, delivery.next_attempt_at) = (DeliveryStatus::Delivered, None);
            log_outcome(kind, key, "edited");
        }
        Some(error) => {
            record_failure(context, kind, key, delivery, error, "").await?;
            return Ok(());
        }
    }
    context.cx.store.record_attempt(key, &delivery).await.map(drop)
}

/// Edits one message until it shows the record's current state, so that concurrent edits cannot leave an older state.
async fn refresh_message(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    message_ref: &SlackMessageRef,
    token: &BotToken,
    mut shown: Option<SlackMessage>,
) -> Result<Result<(), PostError>, Fault> {
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let slack_ref = MessageRef { channel: message_ref.channel.clone(), ts: message_ref.ts.clone() };
    for _ in 0..EDITS_MAX {
        let slack = context.kind(kind)?.slack()?;
        let current = (slack.message)(&context.cx, head, key.seq, key.purpose, &message_ref.user).await?;
        if shown.as_ref() == Some(&current) {
            break;
        }
        if let Err(fault) = context.slack.update_message(token, &slack_ref, &current.text, &current.blocks).await {
            return Ok(Err(fault.into()));
        }
        shown = Some(current);
    }
    Ok(Ok(()))
}

type PostedMessage = (SlackMessageRef, SlackMessage);

async fn post_message(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    person: &EmailAddress,
) -> Result<Result<PostedMessage, PostError>, Fault> {
    let (team, token) = match workspace_token(context, key).await? {
        Ok(found) => found,
        Err(error) => return Ok(Err(error)),
    };
    let slack = &context.slack;
    let user = match slack.user_by_email(&token, person).await {
        Ok(user) => user,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let channel = match slack.open_dm(&token, &user).await {
        Ok(channel) => channel,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let to = SlackUser { team, user };
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let shown = (context.kind(kind)?.slack()?.message)(&context.cx, head, key.seq, key.purpose, &to).await?;
    Ok(match slack.post_message(&token, &channel, &shown.text, &shown.blocks).await {
        Ok(posted) => Ok((SlackMessageRef { user: to, channel: posted.channel, ts: posted.ts }, shown)),
        Err(fault) => Err(fault.into()),
    })
}

/// Returns the id of the tenant's Slack workspace and its bot token.
async fn workspace_token(
    context: &WorkerContext,
    key: DeliveryKey,
) -> Result<Result<(String, BotToken), PostError>, Fault> {
    let Some(workspace) = context.cx.store.workspace(key.tenant).await? else {
        return Ok(Err(PostError::Permanent("no workspace is connected".to_owned())));
    };
    Ok(match open(context.cx.key(KeyPurpose::Slack)?, "slack", &key.tenant.to_string(), &workspace.sealed_token) {
        Ok(token) => Ok((workspace.team, BotToken::new(token))),
        Err(fault) => {
            tracing::error!(
                fault = fault.with_causes(),
                "cannot open the bot token; connect the Slack workspace again"
            );
            Err(PostError::Permanent("the workspace must be connected again".to_owned()))
        }
    })
}

/// Records a failed attempt; `fallback_note` is added to the last error. Returns `true` if another attempt is
/// scheduled.
async fn record_failure(
    context: &WorkerContext,
    kind: &str,
    key: DeliveryKey,
    mut delivery: Delivery,
    error: PostError,
    fallback_note: &str,
) -> Result<bool, Fault> {
    let now = context.cx.clock.now();
    let wait = BACKOFF_MS.get(delivery.attempts.len());
    let (reason, next) = match (error, wait) {
        (PostError::Retryable { reason, wait_ms }, Some(wait)) => (reason, Some(now.plus_ms(wait_ms.max(*wait)))),
        (PostError::Retryable { reason, .. }, None) | (PostError::Permanent(reason), _) => (reason, None),
    };
    let ending = if next.is_none() { fallback_note } else { "" };
    let error = Some(format!("Slack: {reason}{ending}"));
    delivery.attempts.push(Attempt { at: now, status: None, error, took_ms: 0 });
    delivery.next_attempt_at = next;
    if next.is_none() && fallback_note.is_empty() {
        delivery.status = DeliveryStatus::DeadLetter;
    }
    log_outcome(kind, key, if next.is_some() { "retry scheduled" } else { "failed" });
    context.cx.store.record_attempt(key, &delivery).await?;
    // If another process recorded this attempt, it may have died before it scheduled the next attempt.
    if next.is_some()
        && let Some(recorded) = context.cx.store.delivery(key).await?
    {
        reschedule(context, kind, key, &recorded).await?;
    }
    Ok(next.is_some())
}

/// Returns `true` if the next attempt is not due yet; its message is then sent again for that time.
async fn reschedule(context: &WorkerContext, kind: &str, key: DeliveryKey, delivery: &Delivery) -> Result<bool, Fault> {
    let next = delivery.next_attempt_at.filter(|next| *next > context.cx.clock.now());
    let Some(next) = next.filter(|_| delivery.status == DeliveryStatus::Pending) else { return Ok(false) };
    context.outbox()?.send(&Message::Notify { kind: kind.to_owned(), key }, next).await?;
    Ok(true)
}

fn new_delivery(key: DeliveryKey, to: &str, now: Timestamp) -> Delivery {
    // The body stays empty: each post shows the current state, so stored bytes would be out of date.
    Delivery::new(key, to, "", now)
}

fn log_outcome(kind: &str, key: DeliveryKey, outcome: &'static str) {
    tracing::info!(kind, delivery = key.id(), outcome, "slack");
}
