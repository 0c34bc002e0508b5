//! `POST /d/{token}`: the approver's tap. The first one counts; the same tap twice is one answer.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::decision::{Act, Choice, Decision, Refusal, check_given};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Form, Segment};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::transition::{Stop, transition_from};
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde::Deserialize;

use crate::visit::{PAGE_DIALECT, Typed, Visit};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-answer",
    method: Verb::Post,
    path: "/d/{token}",
    auth: Auth::Link,
    dialect: PAGE_DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::Read, Touch::Move],
    summary: "The approver's answer, from the page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

#[derive(Deserialize)]
struct Answered {
    choice: Option<String>,
    notes: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    Segment(token): Segment,
    Form(answered): Form<Answered>,
) -> Result<Response, Problem> {
    let visit = Visit::by(&cx, &token).await?;
    let now = cx.clock.now();
    // Browsers send the line breaks of a text area as CRLF.
    let notes = answered.notes.unwrap_or_default().replace("\r\n", "\n");
    let choice = answered.choice.as_deref().and_then(Choice::from_name);
    let typed = |problem: &str| Typed { choice, notes: notes.clone(), problem: Some(problem.to_owned()) };
    let Some(choice) = choice else {
        return Ok(visit.page(now, &typed("Please choose one of the buttons.")).into_response());
    };
    if choice == Choice::Modify && notes.trim().is_empty() {
        return Ok(visit.page(now, &typed("Say in the notes what should be different.")).into_response());
    }
    let given = match check_given(None, Some(notes.clone()), None, None) {
        Ok(given) => given,
        Err(invalid) => {
            return Ok(visit.page(now, &typed(&format!("Your notes {}.", invalid.message))).into_response());
        }
    };
    let command = Command::<Decision> {
        // The link and what was tapped: the same form sent twice finds its own answer.
        id: CommandId::new(&format!("{token} {} {notes}", choice.name()), &[]),
        actor: Actor::Person { email: visit.person.clone(), by: ProofOfPerson::MailedLink },
        act: Act::Answer(choice, given),
    };
    match transition_from(&cx, visit.record.clone(), &command).await {
        Ok(_) => Ok(see(&token)),
        Err(Stop::Refused(
            Refusal::AlreadyAnswered { .. } | Refusal::Expired { .. } | Refusal::Cancelled { .. } | Refusal::NotAsked,
        )) => {
            let visit = Visit::by(&cx, &token).await?;
            Ok(visit.too_late(cx.clock.now()).into_response())
        }
        Err(Stop::Refused(Refusal::DoesNotFit { message, .. })) => {
            Ok(visit.page(now, &typed(&format!("Your answer {message}."))).into_response())
        }
        Err(Stop::Refused(Refusal::NotOffered { .. })) => {
            Ok(visit.page(now, &typed("That answer was not offered.")).into_response())
        }
        Err(stop) => Err(stop.into_problem("Decision", crate::dialect::refused)),
    }
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
