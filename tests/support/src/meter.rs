//! Sits between the SDK and the engine: counts the calls, and breaks the one it is told to.

use std::fmt;
use std::future::pending;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_engine::EngineConnector;
use serde_json::Value;
use tokio::sync::watch;

/// One call to the database, as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `UpdateItem`
    pub operation: String,
    pub table: String,
    pub index: Option<String>,
    pub consistent: bool,
    /// The partition keys that it names.
    pub partitions: Vec<String>,
}

/// What to do to the calls of one table, counted from now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Plan {
    #[default]
    LetPass,
    /// The k-th call is not done, and looks as if nobody knew.
    FailBefore(usize),
    /// The k-th call is done, and looks as if nobody knew.
    FailAfter(usize),
    /// The k-th call is done twice; the second answer counts.
    Twice(usize),
    /// The process ends before the k-th call is done: neither that call nor a later one to any table ever returns.
    DieBefore(usize),
    /// The process ends when the k-th call is done and not yet answered.
    DieAfter(usize),
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    plan: Plan,
    counted: Counted,
    seen: usize,
    broken: Option<Call>,
    dead: bool,
}

/// Which calls count for a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    /// `None`: those to every table.
    pub table: Option<String>,
    /// Not those that only read.
    pub writes_only: bool,
}

/// Shared by a test and the client that it watches.
#[derive(Clone)]
pub struct Meter {
    inner: EngineConnector,
    state: Arc<Mutex<State>>,
    died: Arc<watch::Sender<bool>>,
}

impl Meter {
    pub fn around(inner: EngineConnector) -> Self {
        Self { inner, state: Arc::default(), died: Arc::new(watch::Sender::new(false)) }
    }

    /// The calls since the last time this was asked.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// From now on, for the calls to `table`. The first call is number 1.
    pub fn plan(&self, table: &str, plan: Plan) {
        self.plan_for(Counted { table: Some(table.to_owned()), writes_only: false }, plan);
    }

    /// From now on, for the calls that count. The first is number 1.
    pub fn plan_for(&self, counted: Counted, plan: Plan) {
        let mut state = self.lock();
        (state.plan, state.counted, state.seen, state.broken) = (plan, counted, 0, None);
    }

    /// Calls that counted since the plan was made.
    pub fn seen(&self) -> usize {
        self.lock().seen
    }

    /// Did the planned fault happen?
    pub fn fired(&self) -> bool {
        self.lock().broken.is_some()
    }

    /// The call that the planned fault happened to.
    pub fn broken(&self) -> Option<Call> {
        self.lock().broken.clone()
    }

    /// Returns when the process has ended, if the plan ends it.
    pub async fn died(&self) {
        // The sender lives as long as this does.
        let _ = self.died.subscribe().wait_for(|died| *died).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the call and says what is to happen to it. `None`: nothing, because the process has ended.
    fn note(&self, call: Call) -> Option<Plan> {
        let mut state = self.lock();
        if state.dead {
            return None;
        }
        let counts = state.counted.counts(&call);
        state.calls.push(call.clone());
        if !counts {
            return Some(Plan::LetPass);
        }
        state.seen += 1;
        let at = match state.plan {
            Plan::LetPass => return Some(Plan::LetPass),
            Plan::FailBefore(at) | Plan::FailAfter(at) | Plan::Twice(at) | Plan::DieBefore(at) | Plan::DieAfter(at) => {
                at
            }
        };
        if state.seen != at {
            return Some(Plan::LetPass);
        }
        state.broken = Some(call);
        state.dead = matches!(state.plan, Plan::DieBefore(_) | Plan::DieAfter(_));
        Some(state.plan)
    }
}

impl Counted {
    fn counts(&self, call: &Call) -> bool {
        let reads = matches!(call.operation.as_str(), "GetItem" | "Query" | "BatchGetItem" | "Scan");
        self.table.as_ref().is_none_or(|table| *table == call.table) && !(self.writes_only && reads)
    }
}

fn read_call(request: &HttpRequest) -> Call {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let batched = || body["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
    let table = body["TableName"].as_str().map(str::to_owned).or_else(batched).unwrap_or_default();
    let index = body["IndexName"].as_str().map(str::to_owned);
    let batch_consistent = body["RequestItems"][&table]["ConsistentRead"].as_bool();
    let consistent = body["ConsistentRead"].as_bool().or(batch_consistent).unwrap_or(false);
    let partitions = partitions(&body, &table);
    Call { operation, table, index, consistent, partitions }
}

fn partitions(body: &Value, table: &str) -> Vec<String> {
    let batched = body["RequestItems"][table]["Keys"].as_array().into_iter().flatten().map(|key| &key["pk"]);
    let named = [&body["Key"]["pk"], &body["Item"]["pk"], &body["ExpressionAttributeValues"][":pk"]];
    named.into_iter().chain(batched).filter_map(|pk| pk["S"].as_str().map(str::to_owned)).collect()
}

impl HttpConnector for Meter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(plan) = self.note(read_call(&request)) else {
            return HttpConnectorFuture::new(pending());
        };
        let lost = || ConnectorError::timeout("the network broke, as the test asked".into());
        match plan {
            Plan::LetPass => self.inner.call(request),
            Plan::FailBefore(_) => HttpConnectorFuture::ready(Err(lost())),
            Plan::FailAfter(_) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move { done.await.and_then(|_| Err(lost())) })
            }
            Plan::DieBefore(_) => {
                self.died.send_replace(true);
                HttpConnectorFuture::new(pending())
            }
            Plan::DieAfter(_) => {
                let (done, died) = (self.inner.call(request), Arc::clone(&self.died));
                HttpConnectorFuture::new(async move {
                    // Whatever it said, nobody is left to hear it.
                    let _ = done.await;
                    died.send_replace(true);
                    pending().await
                })
            }
            Plan::Twice(_) => {
                let again = request.try_clone();
                let (first, inner) = (self.inner.call(request), self.inner.clone());
                HttpConnectorFuture::new(async move {
                    let answer = first.await?;
                    match again {
                        Some(again) => inner.call(again).await,
                        None => Ok(answer),
                    }
                })
            }
        }
    }
}

impl HttpClient for Meter {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Meter")
    }
}
