//! Asking somebody in Slack, and keeping what was posted true.
//!
//! Called by the worker that notifies people. Slack knows no key under which a repeat is recognised, so a message whose place is
//! known is never posted again; one whose outcome nobody knows may lie there twice, and either can be answered.

use handrail_domain::effect::Purpose;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::door::SlackText;
use handrail_kernel::fault::Fault;
use handrail_kernel::seal::open;
use handrail_kernel::slack::SlackUser;
use handrail_kernel::store::{Attempt, Delivery, DeliveryKey, DeliveryStatus, HeadKey, Posting};
use handrail_slack_api::{BotToken, Placed, SlackFault};

use crate::message::Message;
use crate::works::Works;

/// How long to wait after each trouble of Slack's. After one more the person is mailed instead: somebody waits for an answer.
const GAPS_MS: [i64; 4] = [2_000, 10_000, 30_000, 60_000];
/// A record has few moves in it: one that moves behind each of so many edits is edited again by what moved it.
const EDITS_MAX: usize = 8;

/// What became of asking somebody in Slack.
pub(crate) enum Asked {
    /// It lies there, or will be tried again.
    Done,
    /// This person is not reached there.
    ByMail,
}

enum Trouble {
    /// It will not pass.
    Never(String),
    Passing {
        why: String,
        wait_ms: i64,
    },
}

impl From<SlackFault> for Trouble {
    fn from(fault: SlackFault) -> Self {
        match fault {
            SlackFault::Refused { error, .. } => Self::Never(in_words(&error)),
            SlackFault::Limited { retry_after_s, .. } => {
                Self::Passing { why: "too many calls".to_owned(), wait_ms: i64::from(retry_after_s) * 1_000 }
            }
            SlackFault::Later { why, .. } => Self::Passing { why, wait_ms: 0 },
        }
    }
}

/// The refusals that somebody can do something about.
fn in_words(error: &str) -> String {
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

/// Posts the question to this person, if it does not lie there yet.
pub(crate) async fn ask(works: &Works, kind: &str, key: DeliveryKey, person: &EmailAddress) -> Result<Asked, Fault> {
    let fresh = opened(key, person.as_str(), works.cx.clock.now());
    let mut delivery = works.cx.store.open_delivery(key, fresh).await?;
    if put_back(works, kind, key, &delivery).await? {
        return Ok(Asked::Done);
    }
    match post(works, kind, key, person).await? {
        Ok((posting, shown)) => {
            let now = works.cx.clock.now();
            delivery.attempts.push(Attempt { at: now, status: Some(200), error: None, took_ms: 0 });
            (delivery.status, delivery.next_attempt_at) = (DeliveryStatus::Delivered, None);
            delivery.slack = Some(posting);
            log(kind, key, "posted");
            works.cx.store.record_attempt(key, &delivery).await?;
            catch_up(works, kind, key, &delivery, Some(shown)).await?;
            Ok(Asked::Done)
        }
        Err(trouble) => {
            let again = failed(works, kind, key, delivery, trouble, "; asked by mail instead").await?;
            Ok(if again { Asked::Done } else { Asked::ByMail })
        }
    }
}

/// What happened while a message was being posted found nothing to edit, so whoever posted looks again.
pub(crate) async fn catch_up(
    works: &Works,
    kind: &str,
    key: DeliveryKey,
    delivery: &Delivery,
    shown: Option<SlackText>,
) -> Result<(), Fault> {
    let Some(posting) = &delivery.slack else { return Ok(()) };
    let edited = match token(works, key).await? {
        Ok((_, token)) => refresh(works, kind, key, posting, &token, shown).await?,
        Err(trouble) => Err(trouble),
    };
    if let Err(Trouble::Passing { wait_ms, .. }) = edited {
        let message =
            Message::Notify { kind: kind.to_owned(), key: DeliveryKey { purpose: Purpose::UpdateSlack, ..key } };
        let at = works.cx.clock.now().plus_ms(wait_ms.max(GAPS_MS[0]));
        works.outbox()?.send(&message, at).await?;
    }
    Ok(())
}

/// Edits everything that was posted for a record until it shows how things stand.
pub(crate) async fn update(works: &Works, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    let deliveries = works.cx.store.deliveries(key.tenant, key.record).await?;
    let posted: Vec<_> = deliveries.iter().filter_map(|posted| Some((posted, posted.slack.as_ref()?))).collect();
    // Whoever posts one now looks again after it.
    let Some((first, _)) = posted.first() else { return Ok(()) };
    let fresh = opened(key, &first.to, works.cx.clock.now());
    let mut delivery = works.cx.store.open_delivery(key, fresh).await?;
    if delivery.status != DeliveryStatus::Pending || put_back(works, kind, key, &delivery).await? {
        return Ok(());
    }
    let mut worst = None;
    match token(works, key).await? {
        Ok((_, token)) => {
            for (of, posting) in &posted {
                let its = DeliveryKey { seq: of.seq, purpose: of.purpose, ..key };
                if let Err(trouble) = refresh(works, kind, its, posting, &token, None).await? {
                    let passes = matches!(trouble, Trouble::Passing { .. });
                    worst = if passes || worst.is_none() { Some(trouble) } else { worst };
                }
            }
        }
        Err(trouble) => worst = Some(trouble),
    }
    match worst {
        None => {
            let now = works.cx.clock.now();
            delivery.attempts.push(Attempt { at: now, status: Some(200), error: None, took_ms: 0 });
            (delivery.status, delivery.next_attempt_at) = (DeliveryStatus::Delivered, None);
            log(kind, key, "edited");
        }
        Some(trouble) => {
            failed(works, kind, key, delivery, trouble, "").await?;
            return Ok(());
        }
    }
    works.cx.store.record_attempt(key, &delivery).await.map(drop)
}

/// Edits one message, and again until the record stands still: two edits at once must not leave the older one.
async fn refresh(
    works: &Works,
    kind: &str,
    key: DeliveryKey,
    posting: &Posting,
    token: &BotToken,
    mut shown: Option<SlackText>,
) -> Result<Result<(), Trouble>, Fault> {
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let place = Placed { channel: posting.channel.clone(), ts: posting.ts.clone() };
    for _ in 0..EDITS_MAX {
        let now = works.door(kind)?.in_slack(&works.cx, head, key.seq, key.purpose, &posting.to).await?;
        if shown.as_ref() == Some(&now) {
            break;
        }
        if let Err(fault) = works.slack.update(token, &place, &now.text, &now.blocks).await {
            return Ok(Err(fault.into()));
        }
        shown = Some(now);
    }
    Ok(Ok(()))
}

type Post = (Posting, SlackText);

async fn post(
    works: &Works,
    kind: &str,
    key: DeliveryKey,
    person: &EmailAddress,
) -> Result<Result<Post, Trouble>, Fault> {
    let (team, token) = match token(works, key).await? {
        Ok(found) => found,
        Err(trouble) => return Ok(Err(trouble)),
    };
    let slack = &works.slack;
    let user = match slack.user_of(&token, person).await {
        Ok(user) => user,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let channel = match slack.dm_with(&token, &user).await {
        Ok(channel) => channel,
        Err(fault) => return Ok(Err(fault.into())),
    };
    let to = SlackUser { team, user };
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let shown = works.door(kind)?.in_slack(&works.cx, head, key.seq, key.purpose, &to).await?;
    Ok(match slack.post(&token, &channel, &shown.text, &shown.blocks).await {
        Ok(placed) => Ok((Posting { to, channel: placed.channel, ts: placed.ts }, shown)),
        Err(fault) => Err(fault.into()),
    })
}

/// The account's workspace, and what its bot shows to be let in.
async fn token(works: &Works, key: DeliveryKey) -> Result<Result<(String, BotToken), Trouble>, Fault> {
    let Some(workspace) = works.cx.store.workspace(key.tenant).await? else {
        return Ok(Err(Trouble::Never("no workspace is connected".to_owned())));
    };
    Ok(match open(works.cx.master()?, "slack", &key.tenant.to_string(), &workspace.sealed_token) {
        Ok(token) => Ok((workspace.team, BotToken::new(token))),
        Err(fault) => {
            tracing::error!(fault = fault.chain(), "a workspace has to be connected again");
            Err(Trouble::Never("the workspace has to be connected again".to_owned()))
        }
    })
}

/// Notes what went wrong. `true`: it will be tried again.
async fn failed(
    works: &Works,
    kind: &str,
    key: DeliveryKey,
    mut delivery: Delivery,
    trouble: Trouble,
    instead: &str,
) -> Result<bool, Fault> {
    let now = works.cx.clock.now();
    let gap = GAPS_MS.get(delivery.attempts.len());
    let (why, next) = match (trouble, gap) {
        (Trouble::Passing { why, wait_ms }, Some(gap)) => (why, Some(now.plus_ms(wait_ms.max(*gap)))),
        (Trouble::Passing { why, .. }, None) | (Trouble::Never(why), _) => (why, None),
    };
    let ending = if next.is_none() { instead } else { "" };
    let error = Some(format!("Slack: {why}{ending}"));
    delivery.attempts.push(Attempt { at: now, status: None, error, took_ms: 0 });
    delivery.next_attempt_at = next;
    if next.is_none() && instead.is_empty() {
        delivery.status = DeliveryStatus::Dead;
    }
    log(kind, key, if next.is_some() { "put off" } else { "given up" });
    works.cx.store.record_attempt(key, &delivery).await?;
    // Recorded by us or by another process: whoever it was may not have come to arrange the next try.
    if next.is_some()
        && let Some(recorded) = works.cx.store.delivery(key).await?
    {
        put_back(works, kind, key, &recorded).await?;
    }
    Ok(next.is_some())
}

/// `true`: its time has not come, and it was put back.
async fn put_back(works: &Works, kind: &str, key: DeliveryKey, delivery: &Delivery) -> Result<bool, Fault> {
    let next = delivery.next_attempt_at.filter(|next| *next > works.cx.clock.now());
    let Some(next) = next.filter(|_| delivery.status == DeliveryStatus::Pending) else { return Ok(false) };
    works.outbox()?.send(&Message::Notify { kind: kind.to_owned(), key }, next).await?;
    Ok(true)
}

fn opened(key: DeliveryKey, to: &str, now: Timestamp) -> Delivery {
    // What is posted shows how things stand, and that changes: no bytes are kept.
    Delivery::fresh(key, to, "", now)
}

fn log(kind: &str, key: DeliveryKey, outcome: &'static str) {
    tracing::info!(kind, delivery = key.id(), outcome, "slack");
}
