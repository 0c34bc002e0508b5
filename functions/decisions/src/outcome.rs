//! What became of a decision, for whoever comes to its link afterwards.

use handrail_asking::Spoken;
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::decision::{Answer, Ask, Decision, DecisionEvent, Outcome, Place, REPLY, ResponseType};
use handrail_domain::policy::RESOLVED_BY;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_kernel::cx::Cx;
use http::{Response, StatusCode};

use crate::pages::{self, DecidedView, How, Said, Verdict};
use crate::visit::file_views;

/// `None`: it has no answer.
pub(crate) fn page(
    cx: &Cx,
    seen: &Record<Decision>,
    visitor: &EmailAddress,
    looking: bool,
) -> Option<Response<String>> {
    let (verdict, outcome) = match &seen.standing.place {
        // What was said is neither yes nor no.
        Place::Approved(outcome) if matches!(seen.ask.response_type, Some(ResponseType::Reply { .. })) => {
            (Verdict::Answered, outcome)
        }
        Place::Approved(outcome) => (Verdict::Approved, outcome),
        Place::Denied(outcome) => (Verdict::Denied, outcome),
        Place::Modified(outcome) => (Verdict::Modified, outcome),
        Place::Scheduled(outcome) => (Verdict::Scheduled, outcome),
        Place::Pending | Place::Escalated | Place::Expired(_) => return None,
    };
    let by = answered_by(seen);
    let key = key_name(&seen.ask, by);
    let at = Spoken::of(outcome.at);
    let execute_at = outcome.answer.execute_at.map(Spoken::of);
    let said = match outcome.answer.files.as_slice() {
        [] => said(&seen.ask, &outcome.answer),
        files => Some(Said::Files(file_views(cx, seen, files, cx.clock.now()))),
    };
    let how = how(by, &key);
    let view = DecidedView {
        action: &seen.ask.action,
        asked_by: &seen.ask.asked_by_name,
        verdict,
        by: &outcome.answer.resolved_by,
        at: at.moment(),
        execute_at: execute_at.as_ref().map(Spoken::moment),
        notes: notes(outcome, said.as_ref(), how),
        said,
        how,
    };
    let own = matches!(by, Some(Actor::Person { email, .. }) if email.same_mailbox(visitor));
    if looking && own {
        return Some(pages::outcome(&view));
    }
    let mut page = pages::already_decided(&view);
    if looking {
        // Nobody tried anything: the outcome is what this visitor came for.
        *page.status_mut() = StatusCode::OK;
    }
    Some(page)
}

fn answered_by(seen: &Record<Decision>) -> Option<&Actor> {
    let is_answer = |event: &DecisionEvent| match event {
        DecisionEvent::Approved(_)
        | DecisionEvent::Denied(_)
        | DecisionEvent::Modified(_)
        | DecisionEvent::Scheduled(_) => true,
        DecisionEvent::Created { .. }
        | DecisionEvent::Attached { .. }
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => false,
    };
    seen.log.iter().map(|line| &line.entry).find(|entry| is_answer(&entry.event)).map(|entry| &entry.by)
}

/// A record knows the name of the key that asked; another one is known by its id and what it may do.
fn key_name(ask: &Ask, by: Option<&Actor>) -> String {
    match by {
        Some(Actor::Key { key, .. }) if *key == ask.asked_by => ask.asked_by_name.clone(),
        Some(Actor::Key { key, role }) => format!("{key} ({})", role.name()),
        Some(Actor::Person { .. } | Actor::Policy { .. } | Actor::Visitor | Actor::Timer) | None => String::new(),
    }
}

fn how<'a>(by: Option<&'a Actor>, key: &'a str) -> How<'a> {
    match by {
        Some(Actor::Person { by: ProofOfPerson::MailedLink, .. }) => How::Link,
        Some(Actor::Person { by: ProofOfPerson::Slack, .. }) => How::Slack,
        Some(Actor::Policy { rule }) => How::Rule { rule },
        Some(Actor::Key { .. } | Actor::Visitor | Actor::Timer) | None => How::Api { key },
    }
}

fn said<'a>(ask: &'a Ask, answer: &'a Answer) -> Option<Said<'a>> {
    let data = answer.response_data.as_ref()?;
    let shaped = match &ask.response_type {
        Some(ResponseType::Reply { .. }) => data.get(REPLY).and_then(|words| words.as_str()).map(Said::Reply),
        Some(ResponseType::Choose { .. }) => data.get("chosen").and_then(|chosen| chosen.as_str()).map(Said::Chosen),
        Some(ResponseType::NumberInput { .. }) => data.get("value").map(|value| Said::Value(value.to_string())),
        Some(ResponseType::TextInput { fields, .. }) => {
            let text = |name: &str| data.get(name).and_then(|text| text.as_str());
            let texts = fields.iter().map(|field| text(&field.name).map(|text| (field.label.as_str(), text)));
            texts.collect::<Option<Vec<_>>>().map(Said::Texts)
        }
        None
        | Some(
            ResponseType::ApproveDeny
            | ResponseType::Confirm
            | ResponseType::FileUpload { .. }
            | ResponseType::Schedule { .. },
        ) => None,
    };
    // A denial, or a program, may say something else.
    Some(shaped.unwrap_or_else(|| Said::Data(serde_json::to_string_pretty(data).unwrap_or_default())))
}

/// Notes that only repeat what stands beside them are none.
fn notes<'a>(outcome: &'a Outcome, said: Option<&Said<'_>>, how: How<'_>) -> &'a str {
    let notes = outcome.answer.notes.as_deref().unwrap_or_default();
    let repeats = match said {
        Some(Said::Chosen(chosen)) => notes == *chosen,
        Some(Said::Value(value)) => notes == value,
        Some(Said::Texts(_) | Said::Files(_) | Said::Reply(_) | Said::Data(_)) | None => false,
    };
    let by_rule = matches!(how, How::Rule { .. }) && outcome.answer.resolved_by == RESOLVED_BY;
    if repeats || by_rule { "" } else { notes }
}
