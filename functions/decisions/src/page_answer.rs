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
use handrail_kernel::transition::{Stop, transition};
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

async fn handler(State(cx): State<Cx>, Segment(token): Segment, Form(answered): Form<Answered>) -> Result<Response, Problem> {
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
    let given = match check_given(None, Some(notes.clone()), None) {
        Ok(given) => given,
        Err(invalid) => return Ok(visit.page(now, &typed(&format!("Your notes {}.", invalid.message))).into_response()),
    };
    let command = Command::<Decision> {
        // The link and what was tapped: the same form sent twice finds its own answer.
        id: CommandId::new(&format!("{token} {} {notes}", choice.name()), &[]),
        actor: Actor::Person { email: visit.person.clone(), by: ProofOfPerson::MailedLink },
        act: Act::Answer(choice, given),
    };
    match transition(&cx, visit.record.tenant, visit.record.id, &command).await {
        Ok(_) => Ok(see(&token)),
        Err(Stop::Refused(Refusal::AlreadyAnswered { .. } | Refusal::Expired { .. } | Refusal::NotAsked)) => {
            let visit = Visit::by(&cx, &token).await?;
            Ok(visit.too_late(cx.clock.now()).into_response())
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
