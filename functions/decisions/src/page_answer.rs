//! `POST /d/{token}`: the approver's tap. The first one counts; the same tap twice is one answer.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::decision::{Act, Choice, Decision, Given, Invalid, InvalidKind, Refusal};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, decide};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Segment, limited_body};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::transition::Stop;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::page_form;
use crate::pages::{Input, Trouble, Typed};
use crate::uploads::{self, Upload};
use crate::visit::{PAGE_DIALECT, Visit};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-answer",
    method: Verb::Post,
    path: "/d/{token}",
    auth: Auth::Link,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::FilesBucket],
    touches: &[Touch::Read, Touch::Move, Touch::PutBody, Touch::PutFile],
    summary: "The approver's answer, from the page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(State(cx): State<Cx>, Segment(token): Segment, request: Request) -> Result<Response, Problem> {
    let visit = match Visit::by(&cx, &token).await {
        Ok(visit) => visit,
        Err(problem) => {
            // Read to its end, or the browser, still sending, shows a broken connection instead of the page.
            let _ = limited_body(request, 0).await;
            return Err(problem);
        }
    };
    let ask = &visit.question.ask;
    let sent = page_form::read(&cx, ask, request).await?;
    let typed = page_form::typed(ask, &sent)?;
    let again = |problem: Trouble| {
        let typed = Typed { problem: Some(problem), ..typed.clone() };
        Ok(visit.page(&cx, &typed).into_response())
    };
    let filled = page_form::given(ask, &typed, cx.clock.now())
        .and_then(|(choice, given)| Ok((choice, given, page_form::files(ask, &sent, choice)?)));
    let (choice, mut given, files) = match filled {
        Ok(filled) => filled,
        Err(problem) => return again(problem),
    };
    given.files = uploads::described(&cx, &files);
    let command = Command::<Decision> {
        id: command_id(&token, choice, &given),
        actor: Actor::Person { email: visit.person.clone(), by: ProofOfPerson::MailedLink },
        act: Act::Answer(choice, given),
    };
    match answer(&cx, &visit, &command, &files).await {
        Ok(()) => Ok(see(&token)),
        Err(Stop::Refused(
            Refusal::AlreadyAnswered { .. } | Refusal::Expired { .. } | Refusal::Cancelled { .. } | Refusal::NotAsked,
        )) => {
            let visit = Visit::by(&cx, &token).await?;
            Ok(visit.too_late(&cx).into_response())
        }
        Err(Stop::Refused(Refusal::DoesNotFit { field, message })) => {
            let invalid = Invalid { kind: InvalidKind::Value, field, message };
            again(page_form::not_fitting(ask, &typed, &invalid))
        }
        Err(Stop::Refused(Refusal::NotOffered { .. })) => {
            again(Trouble { at: Input::Form, words: "That answer was not offered.".to_owned() })
        }
        Err(stop) => Err(stop.into_problem("Decision", crate::dialect::refused)),
    }
}

/// The one write, after the bytes lie where it says. What would be refused moves none.
async fn answer(cx: &Cx, visit: &Visit, command: &Command<Decision>, files: &[Upload]) -> Result<(), Stop<Decision>> {
    let record = &visit.question;
    if let (Act::Answer(_, given), false) = (&command.act, files.is_empty())
        && record.made_by(&command.id).is_none()
    {
        let now = cx.clock.now();
        decide(&record.seen_at(now), command, now).map_err(Stop::Refused)?;
        uploads::put(cx, record.tenant, record.id, files, &given.files).await.map_err(Stop::Fault)?;
    }
    visit.answer(cx, command).await
}

/// The link and all that was filled in: the same form sent twice finds its own answer.
fn command_id(token: &str, choice: Choice, given: &Given) -> CommandId {
    let files: Vec<_> = given.files.iter().map(|file| (&file.sha256, &file.name)).collect();
    let filled = json!([token, choice, given.notes, given.response_data, given.execute_at, files]);
    CommandId::new(&filled.to_string(), &[])
}

/// To the outcome by GET, so that a reload asks nothing again. Relative, so that it works under any prefix.
fn see(token: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(place) = HeaderValue::from_str(token) {
        response.headers_mut().insert(LOCATION, place);
    }
    response
}

#[cfg(test)]
mod tests {
    use handrail_domain::decision::{Answer, DecisionEvent, State as DecisionState};
    use handrail_domain::effect::{Effect, Purpose};

    use super::*;
    use crate::testing::{APP, Desk, ann, effects};

    #[tokio::test]
    async fn a_tap_is_the_persons_answer_however_often_it_comes() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let link = desk.link(id);
        for _ in 0..2 {
            let tapped = desk.browse(ENDPOINT, &link, "choice=approve&notes=go%0D%0Aahead").await;
            assert_eq!(tapped.status, 303);
            // Relative to the page itself.
            assert_eq!(format!("/d/{}", tapped.headers[LOCATION].to_str().unwrap()), link);
        }
        let record = desk.record(id).await;
        assert_eq!(record.seq, 2);
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Person { email: ann(), by: ProofOfPerson::MailedLink });
        let answer = Answer {
            resolved_by: "ann@example.com".to_owned(),
            notes: Some("go\nahead".to_owned()),
            ..Answer::default()
        };
        assert_eq!(entry.event, DecisionEvent::Approved(answer));
        assert_eq!(effects(&record), [Effect::Callback(Purpose::AnnounceResolved)]);
    }

    #[tokio::test]
    async fn a_form_that_is_not_complete_is_asked_again_with_what_was_typed() {
        let desk = Desk::new().await;
        let id = desk.asked().await;
        let long = format!("choice=deny&notes={}", "x".repeat(5_001));
        for form in ["notes=keep+me", "choice=burn&notes=keep+me", "choice=modify&notes=+", &long] {
            let page = desk.browse(ENDPOINT, &desk.link(id), form).await;
            assert!(page.text.contains("<form") && page.text.contains("role=\"alert\""), "{form}: {}", page.text);
            assert_eq!(page.text.contains("keep me"), form.contains("keep+me"), "{form}");
        }
        assert_eq!(desk.record(id).await.seq, 1);
    }

    #[tokio::test]
    async fn who_comes_late_sees_who_was_first_or_that_time_is_over() {
        let desk = Desk::new().await;
        let (answered, forgotten) = (desk.asked().await, desk.asked().await);
        let body = serde_json::json!({"action": "deny", "resolved_by": "Bob"});
        desk.call(crate::resolve::ENDPOINT, &format!("/decisions/{answered}/resolve"), APP, body).await;
        let page = desk.browse(ENDPOINT, &desk.link(answered), "choice=approve").await;
        assert_eq!(page.status, 409);
        assert!(page.text.contains("Bob"), "{}", page.text);
        desk.advance(60);
        assert_eq!(desk.browse(ENDPOINT, &desk.link(forgotten), "choice=approve").await.status, 410);
        assert_eq!(desk.record(answered).await.state(), DecisionState::Denied);
        assert_eq!(desk.record(forgotten).await.state(), DecisionState::Expired);
    }
}
