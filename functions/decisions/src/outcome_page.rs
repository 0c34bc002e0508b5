//! The page of an answered decision.

use handrail_approvals::FormattedTime;
use handrail_approvals::pages::{self, AnswerChannel, AnswerContent, DecidedView, ResultKind, UseEnd, UsedView};
use handrail_context::cx::Cx;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::answer_origin::AnswerOrigin;
use handrail_domain::decision::{
    Answer, Decision, DecisionSpec, ExecutionOutcome, Outcome, Phase, REPLY, ResponseType, answer_origin,
    author_of_answer,
};
use handrail_domain::policy::RESOLVED_BY;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use http::{Response, StatusCode};

use crate::file_links::file_views;

/// Renders the outcome. Returns `None` if the decision has no answer.
pub(crate) fn render(
    cx: &Cx,
    record: &Record<Decision>,
    visitor: &EmailAddress,
    is_view: bool,
) -> Option<Response<String>> {
    let (result, outcome) = match &record.state_data.phase {
        // A reply is neither an approval nor a denial.
        Phase::Approved(outcome) if matches!(record.spec.response_type, Some(ResponseType::Reply { .. })) => {
            (ResultKind::Answered, outcome)
        }
        Phase::Approved(outcome) => (ResultKind::Approved, outcome),
        Phase::Denied(outcome) => (ResultKind::Denied, outcome),
        Phase::Modified(outcome) => (ResultKind::Modified, outcome),
        Phase::Scheduled(outcome) => (ResultKind::Scheduled, outcome),
        Phase::Pending | Phase::Escalated | Phase::Expired(_) => return None,
    };
    let actor = author_of_answer(record);
    let origin = answer_origin(record);
    let label = origin.as_ref().map(key_label).unwrap_or_default();
    let by_asker = origin.is_some_and(|origin| origin.answered_by_asker);
    let at = FormattedTime::new(outcome.at);
    let execute_at = outcome.answer.execute_at.map(FormattedTime::new);
    let content = match outcome.answer.files.as_slice() {
        [] => answer_content(&record.spec, &outcome.answer),
        files => Some(AnswerContent::Files(file_views(cx, record, files, cx.clock.now()))),
    };
    let channel = answer_channel(actor, &label, by_asker);
    let consumption = record.state_data.consumption.as_ref();
    let used_at = consumption.map(|consumption| FormattedTime::new(consumption.consumed_at));
    let end = consumption.and_then(|consumption| consumption.end.as_ref());
    let finished_at = end.map(|end| FormattedTime::new(end.finished_at));
    let view = DecidedView {
        action: &record.spec.action,
        requester: &record.spec.asked_by_name,
        result,
        answered_by: &outcome.answer.resolved_by,
        answered_at: at.time_text(),
        execute_at: execute_at.as_ref().map(FormattedTime::time_text),
        notes: notes_to_show(outcome, content.as_ref(), channel),
        content,
        channel,
        used: consumption.zip(used_at.as_ref()).map(|(consumption, at)| UsedView {
            key: &consumption.key_name,
            at: at.time_text(),
            end: end.zip(finished_at.as_ref()).map(|(end, at)| UseEnd {
                has_succeeded: end.outcome == ExecutionOutcome::Succeeded,
                at: at.time_text(),
                detail: end.detail.as_deref().unwrap_or_default(),
            }),
        }),
    };
    let is_own_answer = matches!(actor, Some(Actor::Person { email, .. }) if email.same_mailbox(visitor));
    if is_view && is_own_answer {
        return Some(pages::outcome(&view));
    }
    let mut page = pages::already_decided(&view);
    if is_view {
        // The visitor only opened the link, so showing the outcome is no conflict.
        *page.status_mut() = StatusCode::OK;
    }
    Some(page)
}

/// Label of the API key that answered: its name, or its id for an answer from before names were stored.
fn key_label(origin: &AnswerOrigin) -> String {
    let id = || origin.resolved_with_key.map(|key| key.to_string()).unwrap_or_default();
    origin.resolved_with_key_name.clone().unwrap_or_else(id)
}

fn answer_channel<'a>(author: Option<&'a Actor>, key_label: &'a str, by_asker: bool) -> AnswerChannel<'a> {
    match author {
        Some(Actor::Person { by: AuthMethod::MailedLink, .. }) => AnswerChannel::Link,
        Some(Actor::Person { by: AuthMethod::Session, .. }) => AnswerChannel::Session,
        Some(Actor::Person { by: AuthMethod::Passkey, .. }) => AnswerChannel::Passkey,
        Some(Actor::Person { by: AuthMethod::Slack, .. }) => AnswerChannel::Slack,
        Some(Actor::Policy { rule }) => AnswerChannel::Rule { rule },
        Some(Actor::Key { .. } | Actor::Anonymous | Actor::Timer | Actor::System) | None => {
            AnswerChannel::Api { key: key_label, by_asker }
        }
    }
}

fn answer_content<'a>(spec: &'a DecisionSpec, answer: &'a Answer) -> Option<AnswerContent<'a>> {
    let data = answer.response_data.as_ref()?;
    let typed_content = match &spec.response_type {
        Some(ResponseType::Reply { .. }) => data.get(REPLY).and_then(|words| words.as_str()).map(AnswerContent::Reply),
        Some(ResponseType::Choose { .. }) => {
            data.get("chosen").and_then(|chosen| chosen.as_str()).map(AnswerContent::ChosenOption)
        }
        Some(ResponseType::NumberInput { .. }) => {
            data.get("value").map(|value| AnswerContent::Value(value.to_string()))
        }
        Some(ResponseType::TextInput { fields, .. }) => {
            let text = |name: &str| data.get(name).and_then(|text| text.as_str());
            let texts = fields.iter().map(|field| text(&field.name).map(|text| (field.label.as_str(), text)));
            texts.collect::<Option<Vec<_>>>().map(AnswerContent::Texts)
        }
        None
        | Some(
            ResponseType::ApproveDeny
            | ResponseType::Confirm
            | ResponseType::FileUpload { .. }
            | ResponseType::Schedule { .. },
        ) => None,
    };
    // A denial, or an answer through the API, may hold data of another form.
    Some(typed_content.unwrap_or_else(|| AnswerContent::Data(serde_json::to_string_pretty(data).unwrap_or_default())))
}

/// Notes of the answer, unless they only repeat its content or the rule.
fn notes_to_show<'a>(outcome: &'a Outcome, content: Option<&AnswerContent<'_>>, channel: AnswerChannel<'_>) -> &'a str {
    let notes = outcome.answer.notes.as_deref().unwrap_or_default();
    let repeats = match content {
        Some(AnswerContent::ChosenOption(chosen)) => notes == *chosen,
        Some(AnswerContent::Value(value)) => notes == value,
        Some(AnswerContent::Texts(_) | AnswerContent::Files(_) | AnswerContent::Reply(_) | AnswerContent::Data(_))
        | None => false,
    };
    let by_rule = matches!(channel, AnswerChannel::Rule { .. }) && outcome.answer.resolved_by == RESOLVED_BY;
    if repeats || by_rule { "" } else { notes }
}
