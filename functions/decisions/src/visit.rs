//! A person at the link of a decision: who they are, and which page they get.

use axum::response::{IntoResponse, Response as AxumResponse};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Choice, Decision, DecisionEvent, Outcome, Place, asked_now, last_deadline};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Dialect;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::problem::{Problem, RequestId};
use http::{Response, StatusCode};

use crate::get::NOT_FOUND;
use crate::pages::{self, AskView, AtDeadline, DecidedView, ExpiredView, How, Moment, MovedView};

/// Problems as pages: whoever follows a link is a person.
pub(crate) const PAGE_DIALECT: Dialect = Dialect(worded);

fn worded(problem: &Problem, _: Option<&RequestId>) -> AxumResponse {
    match problem {
        Problem::NotFound { .. } | Problem::NoRoute | Problem::MethodNotAllowed => pages::not_found(),
        Problem::RateLimited { retry_after_s } => pages::rate_limited(Some(*retry_after_s)),
        Problem::TooLarge { .. } => pages::too_large(),
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
    pub record: Record<Decision>,
    pub person: EmailAddress,
}

/// What the person typed before, and why it was not taken.
#[derive(Clone, Debug, Default)]
pub(crate) struct Typed {
    pub choice: Option<Choice>,
    pub notes: String,
    pub problem: Option<String>,
}

impl Visit {
    /// The visitor whom this link was made for. A wrong signature and an absent record answer the same.
    pub async fn by(cx: &Cx, token: &str) -> Result<Self, Problem> {
        let link = Link::parse(token).ok_or(NOT_FOUND)?;
        let record = cx.store.record::<Decision>(link.tenant, link.record).await?.ok_or(NOT_FOUND)?;
        let person = match (link.seat, &record.ask.backup) {
            (Seat::Approver, _) => record.ask.approver.clone(),
            (Seat::Backup, Some(backup)) => backup.approver.clone(),
            (Seat::Backup, None) => return Err(NOT_FOUND),
        };
        if !link.is_for(cx.master()?, &person) {
            return Err(NOT_FOUND);
        }
        Ok(Self { record, person })
    }

    /// The page as it is now, for a look: the question, or what became of it.
    pub(crate) fn page(&self, now: Timestamp, typed: &Typed) -> Response<String> {
        let seen = self.record.seen_at(now);
        match asked_now(&seen) {
            Some(asked) if asked.same_mailbox(&self.person) => ask_page(&seen, &self.person, now, typed),
            Some(asked) => moved_page(&seen, asked),
            None => self.ended(&seen, true),
        }
    }

    /// The page for an answer that came too late.
    pub(crate) fn too_late(&self, now: Timestamp) -> Response<String> {
        let seen = self.record.seen_at(now);
        match asked_now(&seen) {
            Some(asked) => moved_page(&seen, asked),
            None => self.ended(&seen, false),
        }
    }

    fn ended(&self, seen: &Record<Decision>, looking: bool) -> Response<String> {
        let (choice, outcome) = match &seen.standing.place {
            Place::Approved(outcome) | Place::Scheduled(outcome) => (Choice::Approve, outcome),
            Place::Denied(outcome) => (Choice::Deny, outcome),
            Place::Modified(outcome) => (Choice::Modify, outcome),
            Place::Pending | Place::Escalated | Place::Expired(_) => return expired_page(seen),
        };
        let at = Spoken::of(outcome.at);
        let view = decided(seen, choice, outcome, &at);
        if looking && answered_by(seen, &self.person) {
            return pages::outcome(&view);
        }
        let mut page = pages::already_decided(&view);
        if looking {
            // Nobody tried anything: the outcome is what this visitor came for.
            *page.status_mut() = StatusCode::OK;
        }
        page
    }
}

/// A time in both of its forms, so that a [`Moment`] can borrow them.
pub(crate) struct Spoken {
    text: String,
    machine: String,
}

impl Spoken {
    pub(crate) fn of(at: Timestamp) -> Self {
        Self { text: at.readable(), machine: at.to_string() }
    }

    pub(crate) fn moment(&self) -> Moment<'_> {
        Moment { text: &self.text, machine: &self.machine }
    }
}

/// Who is asked now answers until when, and what happens then.
pub(crate) fn deadline_of(seen: &Record<Decision>) -> (Timestamp, AtDeadline<'_>) {
    match (&seen.standing.place, &seen.ask.backup) {
        (Place::Pending, Some(backup)) => (seen.ask.expires_at, AtDeadline::GoesTo(backup.approver.as_str())),
        _ => (last_deadline(&seen.ask), AtDeadline::Expires),
    }
}

pub(crate) fn minutes_until(deadline: Timestamp, now: Timestamp) -> i64 {
    deadline.ms_since(now).max(0) / 60_000
}

fn ask_page(seen: &Record<Decision>, person: &EmailAddress, now: Timestamp, typed: &Typed) -> Response<String> {
    let ask = &seen.ask;
    let (deadline, at_deadline) = deadline_of(seen);
    let (requested, until) = (Spoken::of(seen.created_at), Spoken::of(deadline));
    let amount = ask.amount.as_ref().map(ToString::to_string);
    pages::ask(&AskView {
        action: &ask.action,
        context: ask.context.as_deref().unwrap_or_default(),
        amount: amount.as_deref(),
        urgency: ask.urgency,
        asked_by: &ask.asked_by_name,
        approver: person.as_str(),
        requested: requested.moment(),
        deadline: until.moment(),
        minutes_left: minutes_until(deadline, now),
        at_deadline,
        options: &ask.options,
        preselected: typed.choice.filter(|choice| ask.options.contains(choice)),
        notes: &typed.notes,
        problem: typed.problem.as_deref(),
    })
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

fn decided<'a>(seen: &'a Record<Decision>, choice: Choice, outcome: &'a Outcome, at: &'a Spoken) -> DecidedView<'a> {
    let by_link = matches!(answer_event(seen), Some(Actor::Person { .. }));
    DecidedView {
        action: &seen.ask.action,
        asked_by: &seen.ask.asked_by_name,
        choice,
        by: &outcome.answer.resolved_by,
        at: at.moment(),
        notes: outcome.answer.notes.as_deref().unwrap_or_default(),
        how: if by_link { How::Link } else { How::Api },
    }
}

fn answered_by(seen: &Record<Decision>, person: &EmailAddress) -> bool {
    matches!(answer_event(seen), Some(Actor::Person { email, .. }) if email.same_mailbox(person))
}

fn answer_event(seen: &Record<Decision>) -> Option<&Actor> {
    let is_answer = |event: &DecisionEvent| {
        matches!(
            event,
            DecisionEvent::Approved(_)
                | DecisionEvent::Denied(_)
                | DecisionEvent::Modified(_)
                | DecisionEvent::Scheduled(_)
        )
    };
    seen.log.iter().map(|line| &line.entry).find(|entry| is_answer(&entry.event)).map(|entry| &entry.by)
}
