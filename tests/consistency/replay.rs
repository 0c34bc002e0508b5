//! Runs every example of `events/` with its function and checks the result.

use aws_lambda_events::event::{dynamodb, sqs};
use handrail_domain::access::Role;
use handrail_domain::decision::{Decision, State};
use handrail_effects::{Message, sweep};
use handrail_effects_aws::{BatchResponse, handle_changes, handle_messages};
use handrail_runner::endpoints;
use handrail_store::{Delivery, DeliveryKey, DeliveryStatus};
use handrail_testkit::Receiver;
use handrail_web::endpoint::Endpoint;
use serde_json::{Value, json};

use crate::examples::message;
use crate::project::read;
use crate::replay_app::{FILE, NOW, ReplayApp, approver, blob_key, key_id, record_id, tenant, token};
use crate::samples::{Body, Sample, invoke, sample};
use crate::{packets, routes, tenants};

pub(crate) fn example(function: &str) -> String {
    read(&format!("events/{function}.json"))
}

/// Returns the app of the examples, with the refund decision created.
pub(crate) async fn run_examples() -> ReplayApp {
    let mut app = ReplayApp::new().await;
    run_example(&mut app, "decisions-create").await;
    app
}

/// Runs the sample of an operation and asserts success.
pub(crate) async fn run_example(app: &mut ReplayApp, function: &str) {
    run_example_with(app, function, |_| {}).await;
}

pub(crate) async fn run_example_with(app: &mut ReplayApp, function: &str, change: impl FnOnce(&mut Value)) {
    let endpoint = operation(function);
    let mut sample = sample(function);
    if let Some(Body::Json(body)) = &mut sample.body {
        change(body);
    }
    let response = invoke(&endpoint, app, &sample.event(&endpoint).to_string()).await;
    assert!(response.is_success(), "{function}: {} {}", response.status, response.text);
    app.cold_start();
}

/// Returns an app with a `file_upload` decision, and the event of the form that answers it with a file.
pub(crate) async fn file_upload_app() -> (ReplayApp, String) {
    let mut app = ReplayApp::new().await;
    let change = |body: &mut Value| {
        body["response_type"] = json!({"type": "file_upload", "max_files": 1});
        body["options"] = json!(["approve", "deny"]);
    };
    run_example_with(&mut app, "decisions-create", change).await;
    let function = "decisions-page-answer";
    let body = Body::File { name: "receipt.csv", bytes: "order,sum\n4711,129.50\n", choice: Some("approve") };
    let event = Sample { body: Some(body), ..sample(function) }.event(&operation(function));
    (app, event.to_string())
}

pub(crate) fn operation(function: &str) -> Endpoint {
    let endpoint = endpoints().into_iter().find(|endpoint| endpoint.function == function);
    endpoint.unwrap_or_else(|| panic!("there is no operation {function}"))
}

/// Returns the app that the example of this operation needs.
pub(crate) async fn app_for(function: &str) -> ReplayApp {
    match function {
        "decisions-create" => ReplayApp::new().await,
        "decisions-callback-replay" => {
            let app = run_examples().await;
            add_dead_letter(&app).await;
            app
        }
        "decisions-execution" => {
            let mut app = Box::pin(app_for("decisions-consume")).await;
            run_example(&mut app, "decisions-consume").await;
            app
        }
        "decisions-receipt" | "decisions-consume" => {
            let mut app = run_examples().await;
            run_example(&mut app, "decisions-page-answer").await;
            app
        }
        // Only the login pages need a requested login.
        "auth-login-show" | "auth-login-use" => {
            let app = run_examples().await;
            app.create_login().await;
            app
        }
        // Both accept answers to a packet's checkpoint, too.
        "decisions-page-answer" | "slack-interactions" => {
            let mut app = run_examples().await;
            packets::create_packet_with_checkpoint(&mut app).await;
            app
        }
        "decisions-attachments-complete" => {
            let app = run_examples().await;
            app.files.add_uploaded(&blob_key(), FILE);
            app
        }
        "files-get" => {
            let mut app = Box::pin(app_for("decisions-attachments-complete")).await;
            run_example(&mut app, "decisions-attachments-complete").await;
            app
        }
        function if function.starts_with("packets-") => {
            let mut app = ReplayApp::new().await;
            packets::set_up(&mut app, function).await;
            app
        }
        function if function.starts_with("tenants-") => {
            let mut app = ReplayApp::new().await;
            tenants::set_up(&mut app, function).await;
            app
        }
        function if function.starts_with("routes-") => {
            let mut app = ReplayApp::new().await;
            routes::set_up(&mut app, function).await;
            app
        }
        _ => run_examples().await,
    }
}

async fn add_dead_letter(app: &ReplayApp) {
    let key = DeliveryKey {
        tenant: tenant(),
        record: record_id(),
        seq: 2,
        purpose: handrail_domain::decision::CallbackPurpose::Resolved.purpose(),
        webhook: None,
    };
    let dead_letter = Delivery {
        signed_by: Some(key_id(Role::Agent)),
        status: DeliveryStatus::DeadLetter,
        ..Delivery::new(key, "https://agent.example.com/hooks/decisions", "{}", NOW)
    };
    app.cx.store.put_or_get_delivery(key, dead_letter).await.unwrap();
}

#[tokio::test]
async fn every_operation_example_succeeds() {
    for endpoint in endpoints() {
        let app = app_for(endpoint.function).await;
        let response = invoke(&endpoint, &app, &example(endpoint.function)).await;
        assert!(response.is_success(), "{}: {} {}", endpoint.function, response.status, response.text);
    }
}

fn events<E: serde::de::DeserializeOwned>(function: &str) -> E {
    serde_json::from_str(&example(function)).unwrap_or_else(|error| panic!("{function}: {error}"))
}

#[tokio::test]
async fn dispatch_example_sends_messages_of_other_examples() {
    let app = ReplayApp::new().await;
    let event: dynamodb::Event = events("dispatch");
    assert_eq!(handle_changes(&app.worker_context(), event).await, BatchResponse::default());
    let (delayed, sent): (Vec<_>, Vec<_>) =
        app.sent.messages().into_iter().partition(|message| matches!(message, Message::Delayed { .. }));
    assert_eq!(sent, ["notify", "timer", "deliver"].map(message));
    let at = |minutes: i64| NOW.plus_ms(minutes * 60_000);
    let times: Vec<_> = delayed
        .iter()
        .filter_map(|message| match message {
            Message::Delayed { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    assert_eq!(times, [at(30), at(50)], "two reminders are delayed");
}

#[tokio::test]
async fn notify_example_mails_the_page_link() {
    let app = run_examples().await;
    let event: sqs::SqsEvent = events("notify");
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    let mails = app.sent.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, approver());
    assert!(mails[0].text.contains(&format!("/d/{}", token())), "{}", mails[0].text);
    for page in ["decisions-page-show", "decisions-page-answer"] {
        assert!(example(page).contains(&format!("/d/{}", token())), "{page}");
    }
}

#[tokio::test]
async fn deliver_example_calls_the_callback_url() {
    let receiver = Receiver::start().await;
    let mut app = ReplayApp::new().await;
    run_example_with(&mut app, "decisions-create", |body| body["callback_url"] = receiver.url.as_str().into()).await;
    run_example(&mut app, "decisions-page-answer").await;
    let event: sqs::SqsEvent = events("deliver");
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    let calls = receiver.take();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].json()["event"], "decision.resolved");
    assert_eq!(calls[0].json()["decision"]["status"], "approved");
    assert_eq!(app.sent.messages(), [], "a delivered callback is not retried");
}

#[tokio::test]
async fn timer_example_expires_the_decision() {
    let app = run_examples().await;
    app.clock.move_to(NOW.plus_ms(60 * 60_000));
    let event: sqs::SqsEvent = events("timer");
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    let record = app.cx.store.record::<Decision>(tenant(), record_id()).await.unwrap().unwrap();
    assert_eq!(record.state(), State::Expired);
}

#[tokio::test]
async fn sweep_example_finds_the_overdue_timer() {
    let app = run_examples().await;
    let _: Value = events("sweep");
    assert_eq!(sweep(&app.worker_context()).await.unwrap(), 0);
    app.clock.move_to(NOW.plus_ms(60 * 60_000));
    assert_eq!(sweep(&app.worker_context()).await.unwrap(), 1);
    assert_eq!(app.sent.messages(), [message("timer")]);
}
