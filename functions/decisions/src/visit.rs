//! A person at the link of a question: who they are, which page they get, and where their answer goes.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_asking::{Spoken, deadline_of};
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{
    Cancelled, Decision, EXECUTE_WITHIN_DAYS_MAX, Place, ResponseType, asked_now, last_deadline,
};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::{OutboundUrl, Reach};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::problem::{Problem, RequestId};
use handrail_kernel::transition::{Stop, transition_from};
use handrail_packets::checkpoint::Checkpoint;
use http::Response;

use crate::file_links::token;
use crate::get::NOT_FOUND;
use crate::outcome;
use crate::pages::{self, AskView, CancelledView, Days, ExpiredView, FileView, MovedView, Picture, Typed};

/// Problems as pages: whoever follows a link is a person.
pub(crate) const PAGE_DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => pages::not_found(),
        Problem::RateLimited { retry_after_s } => pages::rate_limited(Some(*retry_after_s)),
        Problem::TooLarge { limit_bytes } => pages::too_large(*limit_bytes),
        Problem::Invalid { .. } => pages::unreadable(),
        Problem::NoCredentials
        | Problem::UnknownKey
        | Problem::KeyMayNot { .. }
        | Problem::Refused { .. }
        | Problem::Busy { .. }
        | Problem::Broken => pages::unavailable(),
    }
    .into_response()
}

pub struct Visit {
    /// A decision, or a packet's checkpoint seen as one.
    pub question: Record<Decision>,
    pub person: EmailAddress,
    checkpoint: Option<Checkpoint>,
}

impl Visit {
    /// The visitor whom this link was made for. A wrong signature and an absent record answer the same.
    pub async fn by(cx: &Cx, token: &str) -> Result<Self, Problem> {
        let link = Link::parse(token).ok_or(NOT_FOUND)?;
        let (question, checkpoint) = match link.question {
            None => (cx.store.record::<Decision>(link.tenant, link.record).await?.ok_or(NOT_FOUND)?, None),
            Some(number) => {
                let found = Checkpoint::find(cx, link.tenant, link.record, number).await?.ok_or(NOT_FOUND)?;
                (found.question.record.clone(), Some(found))
            }
        };
        let person = match (link.seat, &question.ask.backup) {
            (Seat::Approver, _) => question.ask.approver.clone(),
            (Seat::Backup, Some(backup)) => backup.approver.clone(),
            (Seat::Backup, None) => return Err(NOT_FOUND),
        };
        if !link.is_for(cx.master()?, &person) {
            return Err(NOT_FOUND);
        }
        Ok(Self { question, person, checkpoint })
    }

    /// The one write that makes an answer true, in the record that asked.
    pub async fn answer(&self, cx: &Cx, command: &Command<Decision>) -> Result<(), Stop<Decision>> {
        match &self.checkpoint {
            None => transition_from(cx, self.question.clone(), command).await.map(drop),
            Some(checkpoint) => checkpoint.answer(cx, command).await,
        }
    }

    /// The page as it is now, for a look: the question, or what became of it.
    pub(crate) fn page(&self, cx: &Cx, typed: &Typed) -> Response<String> {
        let now = cx.clock.now();
        let seen = self.question.seen_at(now);
        match asked_now(&seen) {
            Some(asked) if asked.same_mailbox(&self.person) => ask_page(cx, &seen, &self.person, now, typed),
            Some(asked) => moved_page(&seen, asked),
            // Who tried something is told what it came to.
            None => self.ended(cx, &seen, typed.problem.is_none()),
        }
    }

    /// The page for an answer that came too late.
    pub(crate) fn too_late(&self, cx: &Cx) -> Response<String> {
        let seen = self.question.seen_at(cx.clock.now());
        match asked_now(&seen) {
            Some(asked) => moved_page(&seen, asked),
            None => self.ended(cx, &seen, false),
        }
    }

    fn ended(&self, cx: &Cx, seen: &Record<Decision>, looking: bool) -> Response<String> {
        outcome::page(cx, seen, &self.person, looking).unwrap_or_else(|| match seen.standing.cancelled() {
            Some(cancelled) => cancelled_page(seen, cancelled),
            None => expired_page(seen),
        })
    }
}

const DAY_MS: i64 = 24 * 60 * 60_000;

fn ask_page(
    cx: &Cx,
    seen: &Record<Decision>,
    person: &EmailAddress,
    now: Timestamp,
    typed: &Typed,
) -> Response<String> {
    let ask = &seen.ask;
    let (deadline, at_deadline) = deadline_of(seen);
    let (requested, until) = (Spoken::of(seen.created_at), Spoken::of(deadline));
    let amount = ask.amount.as_ref().map(ToString::to_string);
    let days = (now.readable(), now.date(), now.plus_ms(EXECUTE_WITHIN_DAYS_MAX * DAY_MS).date());
    pages::ask(&AskView {
        action: &ask.action,
        context: ask.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        pictures: &pictures(&ask.context_images, cx.settings.reach),
        files: &file_views(cx, seen, &seen.standing.attachments, now),
        urgency: ask.urgency,
        asked_by: &ask.asked_by_name,
        approver: person.as_str(),
        instead_of: matches!(seen.standing.place, Place::Escalated).then_some(ask.approver.as_str()),
        requested: requested.moment(),
        deadline: until.moment(),
        ms_left: deadline.ms_since(now),
        at_deadline,
        asked: ask.response_type.as_ref().unwrap_or(&ResponseType::ApproveDeny),
        days: Days { now: &days.0, first: &days.1, last: &days.2 },
        options: &ask.options,
        typed,
    })
}

/// Each address was checked when it was given; what would not be taken today is not shown today.
fn pictures(addresses: &[String], reach: Reach) -> Vec<Picture> {
    let urls = addresses.iter().filter_map(|address| OutboundUrl::parse(address, reach).ok());
    urls.map(|url| Picture { url: url.as_str().to_owned(), host: url.host().to_owned(), origin: url.origin() })
        .collect()
}

/// Relative to the page, so that they work under any prefix, and for a while only.
pub(crate) fn file_views(cx: &Cx, seen: &Record<Decision>, files: &[Attachment], now: Timestamp) -> Vec<FileView> {
    // Without it no page is shown either: its link could not be read.
    let Ok(master) = cx.master() else { return Vec::new() };
    let view = |file: &Attachment| FileView {
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
        href: format!("../files/{}", token(master, seen, file, now)),
    };
    files.iter().map(view).collect()
}

fn moved_page(seen: &Record<Decision>, asked: &EmailAddress) -> Response<String> {
    let moved = Spoken::of(seen.ask.expires_at);
    pages::moved(&MovedView { action: &seen.ask.action, moved: moved.moment(), to: asked.as_str() })
}

fn expired_page(seen: &Record<Decision>) -> Response<String> {
    let expired = Spoken::of(last_deadline(&seen.ask));
    pages::expired(&ExpiredView {
        action: &seen.ask.action,
        asked_by: &seen.ask.asked_by_name,
        expired: expired.moment(),
    })
}

fn cancelled_page(seen: &Record<Decision>, cancelled: &Cancelled) -> Response<String> {
    let at = Spoken::of(cancelled.at);
    pages::cancelled(&CancelledView {
        action: &seen.ask.action,
        asked_by: &seen.ask.asked_by_name,
        at: at.moment(),
        reason: cancelled.reason.as_deref().unwrap_or_default(),
    })
}

#[cfg(test)]
mod tests;
