//! Declared table grants match the calls that functions make: every call is granted, and every grant is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::{dynamodb, sqs};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_effects::{Change, EventSource, Message, WORKERS, Worker, dispatch, handle_message, sweep};
use handrail_effects_aws::{handle_changes, handle_messages};
use handrail_engine::EngineConnector;
use handrail_runner::endpoints;
use handrail_testkit::Receiver;
use handrail_web::endpoint::{Auth, Grant};
use serde_json::Value;

use crate::messages::put_webhook;
use crate::replay::{app_for, example, operation, run_example};
use crate::replay_app::{ADMIN, NOW, ReplayApp, SESSION, TABLE, packet_token, slack_click, slack_dialog};
use crate::samples::{Body, Sample, invoke, sample, slack_sample};
use crate::{packets, routes};

/// Request to the table: action, index, and partition keys of the items that the request names.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    action: String,
    index: Option<String>,
    partitions: Vec<String>,
}

impl Call {
    /// Returns the request as one call. A transaction is a call for each of its writes, as permissions see it.
    fn read(request: &HttpRequest) -> Vec<Self> {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let operation = target.rsplit('.').next().unwrap_or_default();
        let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let Some(writes) = body["TransactItems"].as_array() else { return vec![Self::of_operation(operation, &body)] };
        let writes = writes.iter().filter_map(Value::as_object).flatten();
        writes.map(|(write, body)| Self::of_operation(&format!("{write}Item"), body)).collect()
    }

    fn of_operation(operation: &str, body: &Value) -> Self {
        let action = format!("dynamodb:{operation}");
        let batch = body["RequestItems"][TABLE]["Keys"].as_array().cloned().unwrap_or_default();
        // A query names its partition key in the expression values.
        let queried = serde_json::json!({"pk": body["ExpressionAttributeValues"][":pk"]});
        let items = [body["Key"].clone(), body["Item"].clone(), queried].into_iter().chain(batch);
        let partitions = items.filter_map(|item| item["pk"]["S"].as_str().map(str::to_owned)).collect();
        Self { action, index: body["IndexName"].as_str().map(str::to_owned), partitions }
    }

    fn is_granted_by(&self, grant: &Grant) -> bool {
        let all_begin_with =
            |start: &str| !self.partitions.is_empty() && self.partitions.iter().all(|pk| pk.starts_with(start));
        self.action == grant.action
            && self.index.as_deref() == grant.index
            && grant.leading_key.is_none_or(|pattern| all_begin_with(pattern.trim_end_matches('*')))
    }
}

/// Returns the calls that are not granted, and the grants that no call uses.
fn mismatches(function: &str, grants: &[Grant], calls: &[Call]) -> Vec<String> {
    let is_granted = |call: &&Call| grants.iter().any(|grant| call.is_granted_by(grant));
    let is_used = |grant: &&Grant| calls.iter().any(|call| call.is_granted_by(grant));
    let refused = calls.iter().filter(|call| !is_granted(call)).map(|call| format!("{function} may not {call:?}"));
    let unused = grants.iter().filter(|grant| !is_used(grant)).map(|grant| format!("{function} never uses {grant:?}"));
    refused.chain(unused).collect()
}

#[tokio::test]
async fn declared_grants_match_operation_calls() {
    let mut found = Vec::new();
    for endpoint in endpoints() {
        let mut app = app_for(endpoint.function).await;
        let mut calls = Vec::new();
        let session_request = matches!(endpoint.auth, Auth::ApiKeyOrSession(_)).then(|| {
            Sample { key: Some(SESSION.to_owned()), ..sample(endpoint.function) }.event(&endpoint).to_string()
        });
        let events =
            [example(endpoint.function)].into_iter().chain(session_request).chain(extra_requests(endpoint.function));
        for event in events {
            app.cold_start_as(endpoint.required_settings);
            let response = invoke(&endpoint, &app, &event).await;
            assert!(response.is_success(), "{}: {}", endpoint.function, response.text);
            calls.extend(app.calls.take());
        }
        let grants: Vec<Grant> = endpoint.accesses.iter().flat_map(|access| access.grants()).copied().collect();
        found.extend(mismatches(endpoint.function, &grants, &calls));
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Returns requests that cover calls which the example does not make.
fn extra_requests(function: &str) -> Vec<String> {
    let event = |sample: Sample| sample.event(&operation(function)).to_string();
    match function {
        // A large decision and its repeat: the spec is an item of its own.
        "decisions-create" => {
            let mut large = sample(function);
            large.headers = vec![("idempotency-key", "a large one".to_owned())];
            make_large(&mut large);
            let mut in_slack = sample(function);
            in_slack.headers = Vec::new();
            if let Some(Body::Json(body)) = &mut in_slack.body {
                body["channel"] = "slack".into();
            }
            vec![event(large.clone()), event(large), event(in_slack)]
        }
        "decisions-list" => vec![event(Sample { query: Vec::new(), ..sample(function) })],
        // A click on an outdated button, and a submitted dialog.
        "slack-interactions" => vec![event(slack_sample(&slack_click("deny"))), event(slack_sample(&slack_dialog()))],
        // The answer to a packet's checkpoint.
        "decisions-page-answer" => {
            let body = Some(Body::Form("choice=approve&text-0=Refund+it%2E".to_owned()));
            vec![event(Sample { parameter: Some(("token", packet_token())), body, ..sample(function) })]
        }
        // A reload of the page.
        "slack-oauth-callback" => vec![event(sample(function))],
        // Only an admin sees the tenant's other keys.
        "auth-me" => vec![event(Sample { key: Some(ADMIN.to_owned()), ..sample(function) })],
        _ => packets::extra_requests(function).into_iter().chain(routes::extra_requests(function)).map(event).collect(),
    }
}

/// Makes the spec too large for the head, with incompressible text.
fn make_large(sample: &mut Sample) {
    if let Some(Body::Json(body)) = &mut sample.body {
        let mut state = 1_u32;
        let mut noise = || {
            state ^= state << 13;
            state ^= state >> 17;
            state ^= state << 5;
            char::from(b' ' + u8::try_from(state >> 26).unwrap_or(0))
        };
        body["context"] = (0..10_000).map(|_| noise()).collect::<String>().into();
    }
}

#[tokio::test]
async fn declared_grants_match_worker_calls() {
    let mut calls = calls_of_workers().await;
    for worker in WORKERS.iter().filter(|worker| matches!(worker.event_source, EventSource::Queue(_))) {
        let app = app_for("files-get").await;
        app.clock.move_to(NOW.plus_ms(60 * 60_000));
        let event: sqs::SqsEvent = serde_json::from_str(&example(worker.function)).unwrap();
        app.calls.take();
        handle_messages(&app.worker_context(), event).await;
        calls.entry(worker.function).or_default().extend(app.calls.take());
    }
    let found = WORKERS.iter().flat_map(|worker| {
        let calls = calls.remove(worker.function).unwrap_or_default();
        assert!(!calls.is_empty(), "{} is a new worker: let it work in calls_of_workers", worker.function);
        mismatches(worker.function, worker.grants, &calls)
    });
    let found: Vec<String> = found.collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// Lets the workers handle what follows from requests that have every kind of effect. Returns the calls of each worker.
async fn calls_of_workers() -> BTreeMap<&'static str, Vec<Call>> {
    // Receivers that don't answer: attempts fail and are recorded.
    let stopped_receiver_url = Receiver::start().await.url.clone();
    let mut app = ReplayApp::new().await;
    put_webhook(&app, &stopped_receiver_url, 1).await;
    let closing_receiver = Receiver::start().await;
    closing_receiver.answer_with(&[410]);
    put_webhook(&app, &closing_receiver.url, 2).await;
    let create = operation("decisions-create");
    let mut with_callback = Sample { headers: Vec::new(), ..sample(create.function) };
    if let Some(Body::Json(body)) = &mut with_callback.body {
        body["callback_url"] = stopped_receiver_url.into();
    }
    // A large decision and one in Slack are among the extra requests.
    let decisions = extra_requests(create.function).into_iter().chain([with_callback.event(&create).to_string()]);
    for event in decisions {
        let response = invoke(&create, &app, &event).await;
        assert!(response.is_success(), "{}", response.text);
    }
    packets::create_packet_with_checkpoint(&mut app).await;
    run_example(&mut app, "packets-chain").await;
    run_example(&mut app, "decisions-create").await;
    run_example(&mut app, "decisions-page-answer").await;
    let mut calls: BTreeMap<&'static str, Vec<Call>> = BTreeMap::new();
    let event: dynamodb::Event = serde_json::from_str(&example("dispatch")).unwrap();
    app.calls.take();
    handle_changes(&app.worker_context(), event).await;
    calls.entry("dispatch").or_default().extend(app.calls.take());
    // An answer by mail, and then the deadlines of the others.
    let mut position = None;
    for after_ms in [0, 2 * 60 * 60_000] {
        app.clock.move_to(NOW.plus_ms(after_ms));
        app.calls.take();
        sweep(&app.worker_context()).await.unwrap();
        calls.entry("sweep").or_default().extend(app.calls.take());
        handle_everything(&mut app, &mut position, &mut calls).await;
    }
    calls
}

fn worker(function: &str) -> &'static Worker {
    WORKERS.iter().find(|worker| worker.function == function).unwrap()
}

/// Dispatches all changes and handles all messages, until nothing new happens.
async fn handle_everything(
    app: &mut ReplayApp,
    position: &mut Option<String>,
    calls: &mut BTreeMap<&'static str, Vec<Call>>,
) {
    const ROUNDS_MAX: usize = 20;
    let mut handled = BTreeSet::new();
    for _ in 0..ROUNDS_MAX {
        let changes = app.engine.changes_after(TABLE, position.as_deref(), 1_000).unwrap();
        *position = changes.last().map(|change| change.sequence.clone()).or(position.take());
        app.cold_start_as(worker("dispatch").required_settings);
        for change in changes {
            dispatch(&app.worker_context(), &Change { old: change.old, new: change.new }).await.unwrap();
        }
        calls.entry("dispatch").or_default().extend(app.calls.take());
        let messages = app.sent.messages();
        if messages.is_empty() {
            return;
        }
        let now = app.cx.clock.now();
        for message in &messages {
            let is_due = match message {
                Message::Timer { due_at, .. } => *due_at <= now,
                Message::Delayed { at, .. } => *at <= now,
                Message::Deliver { .. } | Message::Notify { .. } | Message::RetainFiles { .. } => true,
            };
            // What failed comes again, and its next attempt is due later.
            if !is_due || !handled.insert(message.id()) {
                continue;
            }
            let queue = EventSource::Queue(message.queue());
            let worker = WORKERS.iter().find(|worker| worker.event_source == queue).unwrap();
            app.cold_start_as(worker.required_settings);
            let _ = handle_message(&app.worker_context(), message).await.unwrap();
            calls.entry(worker.function).or_default().extend(app.calls.take());
        }
    }
    panic!("the workers never come to an end");
}

/// Recorded calls of one app.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Returns the calls since the previous `take`.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Connector of the engine that records calls.
#[derive(Clone)]
pub(crate) struct RecordingConnector {
    inner: EngineConnector,
    calls: Calls,
}

impl RecordingConnector {
    pub(crate) fn around(inner: EngineConnector, calls: &Calls) -> Self {
        Self { inner, calls: calls.clone() }
    }
}

impl HttpConnector for RecordingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).extend(Call::read(&request));
        self.inner.call(request)
    }
}

impl HttpClient for RecordingConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for RecordingConnector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("RecordingConnector")
    }
}
