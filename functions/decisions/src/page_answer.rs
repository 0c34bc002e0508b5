//! `POST /d/{token}`: records the approver's answer from the page. A repeated form counts as one answer.

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_approvals::LinkAccess;
use handrail_approvals::pages::{FormError, FormField, FormValues};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::decision::{Act, Choice, Decision, Refusal, SubmittedAnswer};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, decide};
use handrail_records::transition::TransitionError;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Content, Description, FORM, MULTIPART, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, read_limited_body};
use handrail_web::problem::Problem;
use http::header::LOCATION;
use http::{HeaderValue, StatusCode};
use serde_json::json;

use crate::door::DOOR;
use crate::link_pages::{self, HTML_ERROR_RENDERER};
use crate::page_form;
use crate::uploads::{self, Upload};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-page-answer",
    method: HttpMethod::Post,
    path: "/d/{token}",
    auth: Auth::Link,
    door: DOOR.with_error_renderer(HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApprovalLinks),
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::FilesBucket,
    ],
    accesses: &[DataAccess::Read, DataAccess::Transition, DataAccess::PutBody, DataAccess::PutFile],
    summary: "Answer a decision on the page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
        .body(&[Content::any(FORM), Content::any(MULTIPART)])
        .empty(303)
        .page(200)
        .page(400)
        .page(409)
        .page(422)
        .page(410)
        .problem_format(ProblemFormat::Page)
}

async fn handler(State(cx): State<Cx>, PathParam(token): PathParam, request: Request) -> Result<Response, Problem> {
    let access = match link_pages::open_link(&cx, &token).await {
        Ok(access) => access,
        Err(problem) => {
            // Reads the whole body, or a browser that still sends shows a broken connection instead of the page.
            let _ = read_limited_body(request, 0).await;
            return Err(problem);
        }
    };
    let spec = &access.decision().spec;
    let form = page_form::read_form(&cx, spec, request).await?;
    let form_values = page_form::form_values(spec, &form)?;
    let show_form_again = |form_error: FormError| {
        let form_values = FormValues { field_error: Some(form_error), ..form_values.clone() };
        Ok(link_pages::current_page(&cx, &access, &form_values).into_response())
    };
    let parsed = page_form::parse_answer(spec, &form_values, cx.clock.now())
        .and_then(|(choice, answer)| Ok((choice, answer, page_form::submitted_files(spec, &form, choice)?)));
    let (choice, mut answer, files) = match parsed {
        Ok(parsed) => parsed,
        Err(form_error) => return show_form_again(form_error),
    };
    answer.files = uploads::to_attachments(&cx, &files);
    let command = Command::<Decision> {
        id: command_id(&token, choice, &answer),
        actor: Actor::Person { email: access.approver.clone(), by: AuthMethod::MailedLink },
        act: Act::Answer(choice, answer),
    };
    match submit_answer(&cx, &access, &command, &files).await {
        Ok(()) => Ok(redirect_to_page(&token)),
        Err(TransitionError::Refused(
            Refusal::AlreadyAnswered { .. }
            | Refusal::Expired { .. }
            | Refusal::Cancelled { .. }
            | Refusal::NotCurrentApprover,
        )) => {
            let access = link_pages::open_link(&cx, &token).await?;
            Ok(link_pages::too_late_page(&cx, &access).into_response())
        }
        Err(TransitionError::Refused(Refusal::AnswerMismatch(error))) => {
            show_form_again(page_form::field_error(spec, &form_values, &error))
        }
        Err(TransitionError::Refused(Refusal::NotOffered { .. })) => show_form_again(FormError {
            field: FormField::WholeForm,
            message: "That answer was not offered.".to_owned(),
        }),
        Err(error) => Err(Problem::from_transition(error, "Decision", handrail_approvals::errors::refusal_to_problem)),
    }
}

/// Uploads the files, then records the answer that names them. An answer that would be refused uploads nothing.
async fn submit_answer(
    cx: &Cx,
    access: &LinkAccess,
    command: &Command<Decision>,
    files: &[Upload],
) -> Result<(), TransitionError<Decision>> {
    let record = access.decision();
    if let (Act::Answer(_, answer), false) = (&command.act, files.is_empty())
        && record.entry_of_command(&command.id).is_none()
    {
        let now = cx.clock.now();
        decide(&record.as_of(now), command, now).map_err(TransitionError::Refused)?;
        uploads::put(cx, record.tenant, record.id, files, &answer.files).await.map_err(TransitionError::Fault)?;
    }
    access.answer(cx, command).await
}

/// Command id made of the link and all form values, so that a repeated form finds its own answer.
fn command_id(token: &str, choice: Choice, answer: &SubmittedAnswer) -> CommandId {
    let files: Vec<_> = answer.files.iter().map(|file| (&file.sha256, &file.name)).collect();
    let content = json!([token, choice, answer.notes, answer.response_data, answer.execute_at, files]);
    CommandId::new(&content.to_string(), &[])
}

/// Redirects to the GET of the page, so that a reload submits nothing. A relative location works under any prefix.
fn redirect_to_page(token: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(token) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

#[cfg(test)]
mod tests {
    use handrail_domain::decision::CallbackPurpose;
    use handrail_domain::decision::{Answer, DecisionEvent, State as DecisionState};
    use handrail_domain::effect::Effect;

    use super::*;
    use crate::testing::{APP, TestApp, ann, effects_of_newest_event};

    #[tokio::test]
    async fn repeated_form_records_one_answer() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let link = app.approver_link(id);
        for _ in 0..2 {
            let response = app.submit_form(ENDPOINT, &link, "choice=approve&notes=go%0D%0Aahead").await;
            assert_eq!(response.status, 303);
            assert_eq!(format!("/d/{}", response.headers[LOCATION].to_str().unwrap()), link);
        }
        let record = app.record(id).await;
        assert_eq!(record.seq, 2);
        let entry = record.newest().unwrap();
        assert_eq!(entry.by, Actor::Person { email: ann(), by: AuthMethod::MailedLink });
        let answer = Answer {
            resolved_by: "ann@example.com".to_owned(),
            notes: Some("go\nahead".to_owned()),
            ..Answer::default()
        };
        assert_eq!(entry.event, DecisionEvent::Approved(answer));
        assert_eq!(effects_of_newest_event(&record), [Effect::Callback(CallbackPurpose::Resolved.purpose())]);
    }

    #[tokio::test]
    async fn incomplete_form_is_shown_again_with_its_values() {
        let app = TestApp::new().await;
        let id = app.create_decision().await;
        let long = format!("choice=deny&notes={}", "x".repeat(5_001));
        for form in ["notes=keep+me", "choice=burn&notes=keep+me", "choice=modify&notes=+", &long] {
            let page = app.submit_form(ENDPOINT, &app.approver_link(id), form).await;
            assert!(page.text.contains("<form") && page.text.contains("role=\"alert\""), "{form}: {}", page.text);
            assert_eq!(page.text.contains("keep me"), form.contains("keep+me"), "{form}");
        }
        assert_eq!(app.record(id).await.seq, 1);
    }

    #[tokio::test]
    async fn late_answer_shows_earlier_answer_or_expiry() {
        let app = TestApp::new().await;
        let (answered, unanswered) = (app.create_decision().await, app.create_decision().await);
        let body = serde_json::json!({"action": "deny", "resolved_by": "Bob"});
        app.call(crate::resolve::ENDPOINT, &format!("/decisions/{answered}/resolve"), APP, body).await;
        let page = app.submit_form(ENDPOINT, &app.approver_link(answered), "choice=approve").await;
        assert_eq!(page.status, 409);
        assert!(page.text.contains("Bob"), "{}", page.text);
        app.advance(60);
        assert_eq!(app.submit_form(ENDPOINT, &app.approver_link(unanswered), "choice=approve").await.status, 410);
        assert_eq!(app.record(answered).await.state(), DecisionState::Denied);
        assert_eq!(app.record(unanswered).await.state(), DecisionState::Expired);
    }
}
