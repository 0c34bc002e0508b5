//! What a function says that it does to the table is what it does: every call that it makes is granted, and every grant
//! is used by some call.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_lambda_events::event::{dynamodb, sqs};
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_effects::aws::{take_changes, take_messages};
use handrail_effects::{Change, Trigger, dispatch, sweep};
use handrail_engine::EngineConnector;
use handrail_kernel::endpoint::{Auth, Grant};
use handrail_runner::endpoints;
use handrail_testkit::Receiver;
use handrail_workers::WORKERS;
use serde_json::Value;

use crate::replay::{example, happen, operation, stage_for, story};
use crate::samples::{Body, Sample, invoke, sample, tapped};
use crate::stage::{ADMIN, NOW, SESSION, Stage, TABLE, packet_token, slack_reply, slack_tap};
use crate::{packets, routes};

/// One request to the table: the action, the index, and the partitions of the items where the request names them.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    action: String,
    index: Option<String>,
    partitions: Vec<String>,
}

impl Call {
    fn read(request: &HttpRequest) -> Self {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = format!("dynamodb:{}", target.rsplit('.').next().unwrap_or_default());
        let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let batch = body["RequestItems"][TABLE]["Keys"].as_array().cloned().unwrap_or_default();
        // A query of the table names its partition among its values.
        let queried = serde_json::json!({"pk": body["ExpressionAttributeValues"][":pk"]});
        let items = [body["Key"].clone(), body["Item"].clone(), queried].into_iter().chain(batch);
        let partitions = items.filter_map(|item| item["pk"]["S"].as_str().map(str::to_owned)).collect();
        Self { action, index: body["IndexName"].as_str().map(str::to_owned), partitions }
    }

    fn is_granted_by(&self, grant: &Grant) -> bool {
        let begins =
            |start: &str| !self.partitions.is_empty() && self.partitions.iter().all(|pk| pk.starts_with(start));
        self.action == grant.action
            && self.index.as_deref() == grant.index
            && grant.leading_key.is_none_or(|pattern| begins(pattern.trim_end_matches('*')))
    }
}

#[track_caller]
fn agree(function: &str, grants: &[Grant], calls: &[Call]) {
    for call in calls {
        assert!(grants.iter().any(|grant| call.is_granted_by(grant)), "{function} is not granted {call:?}");
    }
    for grant in grants {
        assert!(calls.iter().any(|call| call.is_granted_by(grant)), "{function} never uses {grant:?}");
    }
}

#[tokio::test]
async fn an_operation_touches_what_it_says_and_all_of_it() {
    for endpoint in endpoints() {
        let mut stage = stage_for(endpoint.function).await;
        let mut calls = Vec::new();
        let by_person = matches!(endpoint.auth, Auth::KeyOrSession(_)).then(|| {
            Sample { key: Some(SESSION.to_owned()), ..sample(endpoint.function) }.event(&endpoint).to_string()
        });
        let events = [example(endpoint.function)].into_iter().chain(by_person).chain(rarer(endpoint.function));
        for event in events {
            stage.forget();
            let answer = invoke(&endpoint, &stage, &event).await;
            assert!(answer.is_success(), "{}: {}", endpoint.function, answer.text);
            calls.extend(stage.calls.take());
        }
        let grants: Vec<Grant> = endpoint.touches.iter().flat_map(|touch| touch.grants()).copied().collect();
        agree(endpoint.function, &grants, &calls);
    }
}

/// Requests that do what the example does not.
fn rarer(function: &str) -> Vec<String> {
    let event = |sample: Sample| sample.event(&operation(function)).to_string();
    match function {
        // A repeat of a request whose text lies apart from the head.
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
        // Somebody taps a button that should be gone.
        "slack-interactions" => vec![event(tapped(&slack_tap("deny"))), event(tapped(&slack_reply()))],
        // Somebody whom a packet asks.
        "decisions-page-answer" => {
            let body = Some(Body::Form("choice=approve&text-0=Refund+it%2E".to_owned()));
            vec![event(Sample { parameter: Some(("token", packet_token())), body, ..sample(function) })]
        }
        // Somebody reloads the page.
        "slack-oauth-callback" => vec![event(sample(function))],
        // Only an admin sees the account's other keys.
        "auth-me" => vec![event(Sample { key: Some(ADMIN.to_owned()), ..sample(function) })],
        _ => packets::rarer(function).into_iter().chain(routes::rarer(function)).map(event).collect(),
    }
}

/// More than lies in a head, and nothing that compression makes small.
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
async fn a_worker_touches_what_it_says_and_all_of_it() {
    for worker in WORKERS {
        let calls = match (worker.function, worker.trigger) {
            ("dispatch", _) => calls_of_dispatch().await,
            ("deliver", _) => calls_of_deliver().await,
            ("keep", _) => {
                let stage = stage_for("files-get").await;
                take(&stage, worker.function).await
            }
            ("notify", _) => {
                let stage = story().await;
                take(&stage, worker.function).await
            }
            (_, Trigger::Queue(_)) => {
                let stage = story().await;
                stage.clock.move_to(NOW.plus_ms(60 * 60_000));
                take(&stage, worker.function).await
            }
            (_, Trigger::Schedule) => {
                let stage = story().await;
                stage.clock.move_to(NOW.plus_ms(60 * 60_000));
                sweep(&stage.works()).await.unwrap();
                stage.calls.take()
            }
            (other, Trigger::Stream) => panic!("{other} is new: say here what it is given"),
        };
        agree(worker.function, worker.grants, &calls);
    }
}

async fn take(stage: &Stage, function: &str) -> Vec<Call> {
    let event: sqs::SqsEvent = serde_json::from_str(&example(function)).unwrap();
    take_messages(&stage.works(), event).await;
    stage.calls.take()
}

async fn calls_of_deliver() -> Vec<Call> {
    // Nobody listens there: the attempt fails, and is recorded all the same.
    let closed = Receiver::start().await.url.clone();
    let mut stage = Stage::new().await;
    let create = operation("decisions-create");
    let mut sample = sample(create.function);
    if let Some(Body::Json(body)) = &mut sample.body {
        body["callback_url"] = closed.into();
    }
    assert!(invoke(&create, &stage, &sample.event(&create).to_string()).await.is_success());
    happen(&mut stage, "decisions-page-answer").await;
    take(&stage, "deliver").await
}

async fn calls_of_dispatch() -> Vec<Call> {
    let mut stage = Stage::new().await;
    let event: dynamodb::Event = serde_json::from_str(&example("dispatch")).unwrap();
    take_changes(&stage.works(), event).await;
    let mut calls = stage.calls.take();
    let create = operation("decisions-create");
    let large = rarer(create.function).remove(0);
    assert!(invoke(&create, &stage, &large).await.is_success());
    stage.forget();
    for change in stage.engine.changes_after(TABLE, None, 1_000).unwrap() {
        dispatch(&stage.works(), &Change { old: change.old, new: change.new }).await.unwrap();
    }
    calls.extend(stage.calls.take());
    calls
}

/// The calls of one stage, as they went over the wire.
#[derive(Clone, Default)]
pub(crate) struct Calls(Arc<Mutex<Vec<Call>>>);

impl Calls {
    /// Those since the last time this was asked.
    pub(crate) fn take(&self) -> Vec<Call> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The engine's connector, with somebody who takes notes.
#[derive(Clone)]
pub(crate) struct Watched {
    inner: EngineConnector,
    calls: Calls,
}

impl Watched {
    pub(crate) fn around(inner: EngineConnector, calls: &Calls) -> Self {
        Self { inner, calls: calls.clone() }
    }
}

impl HttpConnector for Watched {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        self.calls.0.lock().unwrap_or_else(PoisonError::into_inner).push(Call::read(&request));
        self.inner.call(request)
    }
}

impl HttpClient for Watched {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Watched {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Watched")
    }
}
