//! Every example in `infra/events/` is handed to its function, and does there what it is an example of.

use aws_lambda_events::event::{dynamodb, sqs};
use handrail_domain::access::Role;
use handrail_domain::decision::{Decision, State};
use handrail_effects::aws::{Failures, take_changes, take_messages};
use handrail_effects::{Message, sweep};
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::store::{Delivery, DeliveryKey, DeliveryStatus};
use handrail_runner::endpoints;
use handrail_testkit::Receiver;
use serde_json::{Value, json};

use crate::examples::message;
use crate::project::read;
use crate::samples::{Body, Sample, invoke, sample};
use crate::stage::{FILE, NOW, Stage, approver, blob_key, key_id, record_id, tenant, token};
use crate::{packets, routes, tenants};

pub(crate) fn example(function: &str) -> String {
    read(&format!("infra/events/{function}.json"))
}

/// The stage on which the examples play: the refund was asked for.
pub(crate) async fn story() -> Stage {
    let mut stage = Stage::new().await;
    happen(&mut stage, "decisions-create").await;
    stage
}

/// The sample of an operation, as something that just happens.
pub(crate) async fn happen(stage: &mut Stage, function: &str) {
    happen_with(stage, function, |_| {}).await;
}

pub(crate) async fn happen_with(stage: &mut Stage, function: &str, change: impl FnOnce(&mut Value)) {
    let endpoint = operation(function);
    let mut sample = sample(function);
    if let Some(Body::Json(body)) = &mut sample.body {
        change(body);
    }
    let answer = invoke(&endpoint, stage, &sample.event(&endpoint).to_string()).await;
    assert!(answer.is_success(), "{function}: {} {}", answer.status, answer.text);
    stage.forget();
}

/// A refund that is approved with its receipt, and the form that brings it.
pub(crate) async fn asked_for_a_file() -> (Stage, String) {
    let mut stage = Stage::new().await;
    let wanted = |body: &mut Value| {
        body["response_type"] = json!({"type": "file_upload", "max_files": 1});
        body["options"] = json!(["approve", "deny"]);
    };
    happen_with(&mut stage, "decisions-create", wanted).await;
    let function = "decisions-page-answer";
    let body = Body::File { name: "receipt.csv", bytes: "order,sum\n4711,129.50\n", choice: Some("approve") };
    let event = Sample { body: Some(body), ..sample(function) }.event(&operation(function));
    (stage, event.to_string())
}

pub(crate) fn operation(function: &str) -> Endpoint {
    let endpoint = endpoints().into_iter().find(|endpoint| endpoint.function == function);
    endpoint.unwrap_or_else(|| panic!("there is no operation {function}"))
}

/// The stage that the example of this operation needs.
pub(crate) async fn stage_for(function: &str) -> Stage {
    match function {
        "decisions-create" => Stage::new().await,
        "decisions-callback-replay" => {
            let stage = story().await;
            give_a_callback_up(&stage).await;
            stage
        }
        // Only where it is about that: elsewhere the story is the refund's alone.
        "auth-login-show" | "auth-login-use" => {
            let stage = story().await;
            stage.login_is_requested().await;
            stage
        }
        // Both take the answer of whoever a packet asks, too.
        "decisions-page-answer" | "slack-interactions" => {
            let mut stage = story().await;
            packets::somebody_is_asked(&mut stage).await;
            stage
        }
        "decisions-attachments-complete" => {
            let stage = story().await;
            stage.files.lie(&blob_key(), FILE);
            stage
        }
        "files-get" => {
            let mut stage = Box::pin(stage_for("decisions-attachments-complete")).await;
            happen(&mut stage, "decisions-attachments-complete").await;
            stage
        }
        function if function.starts_with("packets-") => {
            let mut stage = Stage::new().await;
            packets::set(&mut stage, function).await;
            stage
        }
        function if function.starts_with("tenants-") => {
            let mut stage = Stage::new().await;
            tenants::set(&mut stage, function).await;
            stage
        }
        function if function.starts_with("routes-") => {
            let mut stage = Stage::new().await;
            routes::set(&mut stage, function).await;
            stage
        }
        _ => story().await,
    }
}

async fn give_a_callback_up(stage: &Stage) {
    let key = DeliveryKey {
        tenant: tenant(),
        record: record_id(),
        seq: 2,
        purpose: handrail_domain::effect::Purpose::AnnounceResolved,
        hook: None,
    };
    let dead = Delivery {
        signed_by: Some(key_id(Role::Agent)),
        status: DeliveryStatus::Dead,
        ..Delivery::fresh(key, "https://agent.example.com/hooks/decisions", "{}", NOW)
    };
    stage.cx.store.open_delivery(key, dead).await.unwrap();
}

#[tokio::test]
async fn the_example_of_every_operation_is_answered_with_success() {
    for endpoint in endpoints() {
        let stage = stage_for(endpoint.function).await;
        let answer = invoke(&endpoint, &stage, &example(endpoint.function)).await;
        assert!(answer.is_success(), "{}: {} {}", endpoint.function, answer.status, answer.text);
    }
}

fn events<E: serde::de::DeserializeOwned>(function: &str) -> E {
    serde_json::from_str(&example(function)).unwrap_or_else(|error| panic!("{function}: {error}"))
}

#[tokio::test]
async fn dispatch_sends_what_the_other_workers_take_in_their_examples() {
    let stage = Stage::new().await;
    let event: dynamodb::Event = events("dispatch");
    assert_eq!(take_changes(&stage.works(), event).await, Failures::default());
    let (waiting, sent): (Vec<_>, Vec<_>) =
        stage.sent.messages().into_iter().partition(|message| matches!(message, Message::Later { .. }));
    assert_eq!(sent, ["notify", "timer", "deliver"].map(message));
    let at = |minutes: i64| NOW.plus_ms(minutes * 60_000);
    let times: Vec<_> = waiting
        .iter()
        .filter_map(|message| match message {
            Message::Later { at, .. } => Some(*at),
            _ => None,
        })
        .collect();
    assert_eq!(times, [at(30), at(50)], "two reminders wait");
}

#[tokio::test]
async fn notify_mails_the_link_that_the_page_examples_open() {
    let stage = story().await;
    let event: sqs::SqsEvent = events("notify");
    assert_eq!(take_messages(&stage.works(), event).await, Failures::default());
    let mails = stage.sent.mails();
    assert_eq!(mails.len(), 1);
    assert_eq!(mails[0].to, approver());
    assert!(mails[0].text.contains(&format!("/d/{}", token())), "{}", mails[0].text);
    for page in ["decisions-page-show", "decisions-page-answer"] {
        assert!(example(page).contains(&format!("/d/{}", token())), "{page}");
    }
}

#[tokio::test]
async fn deliver_calls_the_agent_back() {
    let receiver = Receiver::start().await;
    let mut stage = Stage::new().await;
    happen_with(&mut stage, "decisions-create", |body| body["callback_url"] = receiver.url.as_str().into()).await;
    happen(&mut stage, "decisions-page-answer").await;
    let event: sqs::SqsEvent = events("deliver");
    assert_eq!(take_messages(&stage.works(), event).await, Failures::default());
    let calls = receiver.take();
    assert_eq!(calls.len(), 1);
    assert_eq!(calls[0].json()["event"], "decision.resolved");
    assert_eq!(calls[0].json()["decision"]["status"], "approved");
    assert_eq!(stage.sent.messages(), [], "a delivered call is tried again");
}

#[tokio::test]
async fn timer_raises_what_is_due() {
    let stage = story().await;
    stage.clock.move_to(NOW.plus_ms(60 * 60_000));
    let event: sqs::SqsEvent = events("timer");
    assert_eq!(take_messages(&stage.works(), event).await, Failures::default());
    let record = stage.cx.store.record::<Decision>(tenant(), record_id()).await.unwrap().unwrap();
    assert_eq!(record.state(), State::Expired);
}

#[tokio::test]
async fn sweep_finds_the_timer_that_did_not_come() {
    let stage = story().await;
    let _: Value = events("sweep");
    assert_eq!(sweep(&stage.works()).await.unwrap(), 0);
    stage.clock.move_to(NOW.plus_ms(60 * 60_000));
    assert_eq!(sweep(&stage.works()).await.unwrap(), 1);
    assert_eq!(stage.sent.messages(), [message("timer")]);
}
