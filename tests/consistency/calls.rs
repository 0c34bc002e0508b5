//! Declared table grants match the calls that functions make: every call is granted, and every grant is used.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::{dynamodb, sqs};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_effects::{Change, EventSource, WORKERS, dispatch, sweep};
use handrail_effects_aws::{handle_changes, handle_messages};
use handrail_engine::EngineConnector;
use handrail_runner::endpoints;
use handrail_testkit::Receiver;
use handrail_web::endpoint::{Auth, Grant};
use serde_json::Value;

use crate::replay::{app_for, example, operation, run_example, run_examples};
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

#[track_caller]
fn assert_grants_match(function: &str, grants: &[Grant], calls: &[Call]) {
    for call in calls {
        assert!(grants.iter().any(|grant| call.is_granted_by(grant)), "{function} is not granted {call:?}");
    }
    for grant in grants {
        assert!(calls.iter().any(|call| call.is_granted_by(grant)), "{function} never uses {grant:?}");
    }
}

#[tokio::test]
async fn declared_grants_match_operation_calls() {
    for endpoint in endpoints() {
        let mut app = app_for(endpoint.function).await;
        let mut calls = Vec::new();
        let session_request = matches!(endpoint.auth, Auth::ApiKeyOrSession(_)).then(|| {
            Sample { key: Some(SESSION.to_owned()), ..sample(endpoint.function) }.event(&endpoint).to_string()
        });
        let events =
            [example(endpoint.function)].into_iter().chain(session_request).chain(extra_requests(endpoint.function));
        for event in events {
            app.cold_start();
            let response = invoke(&endpoint, &app, &event).await;
            assert!(response.is_success(), "{}: {}", endpoint.function, response.text);
            calls.extend(app.calls.take());
        }
        let grants: Vec<Grant> = endpoint.accesses.iter().flat_map(|access| access.grants()).copied().collect();
        assert_grants_match(endpoint.function, &grants, &calls);
    }
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
    for worker in WORKERS {
        let calls = match (worker.function, worker.event_source) {
            ("dispatch", _) => calls_of_dispatch().await,
            ("deliver", _) => calls_of_deliver().await,
            ("keep", _) => {
                let app = app_for("files-get").await;
                calls_of_messages(&app, worker.function).await
            }
            ("notify", _) => {
                let app = run_examples().await;
                calls_of_messages(&app, worker.function).await
            }
            (_, EventSource::Queue(_)) => {
                let app = run_examples().await;
                app.clock.move_to(NOW.plus_ms(60 * 60_000));
                calls_of_messages(&app, worker.function).await
            }
            (_, EventSource::Schedule) => {
                let app = run_examples().await;
                app.clock.move_to(NOW.plus_ms(60 * 60_000));
                sweep(&app.worker_context()).await.unwrap();
                app.calls.take()
            }
            (other, EventSource::Stream) => panic!("{other} is a new worker: add its event here"),
        };
        assert_grants_match(worker.function, worker.grants, &calls);
    }
}

async fn calls_of_messages(app: &ReplayApp, function: &str) -> Vec<Call> {
    let event: sqs::SqsEvent = serde_json::from_str(&example(function)).unwrap();
    handle_messages(&app.worker_context(), event).await;
    app.calls.take()
}

async fn calls_of_deliver() -> Vec<Call> {
    // The receiver is stopped: the attempt fails and is recorded.
    let stopped_receiver_url = Receiver::start().await.url.clone();
    let mut app = ReplayApp::new().await;
    let create = operation("decisions-create");
    let mut sample = sample(create.function);
    if let Some(Body::Json(body)) = &mut sample.body {
        body["callback_url"] = stopped_receiver_url.into();
    }
    assert!(invoke(&create, &app, &sample.event(&create).to_string()).await.is_success());
    run_example(&mut app, "decisions-page-answer").await;
    calls_of_messages(&app, "deliver").await
}

async fn calls_of_dispatch() -> Vec<Call> {
    let mut app = ReplayApp::new().await;
    let event: dynamodb::Event = serde_json::from_str(&example("dispatch")).unwrap();
    handle_changes(&app.worker_context(), event).await;
    let mut calls = app.calls.take();
    let create = operation("decisions-create");
    let large = extra_requests(create.function).remove(0);
    assert!(invoke(&create, &app, &large).await.is_success());
    run_example(&mut app, "packets-create").await;
    app.cold_start();
    for change in app.engine.changes_after(TABLE, None, 1_000).unwrap() {
        dispatch(&app.worker_context(), &Change { old: change.old, new: change.new }).await.unwrap();
    }
    calls.extend(app.calls.take());
    calls
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
