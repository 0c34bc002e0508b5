//! Sits between the SDK and the engine: counts the calls, and breaks the one it is told to.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_engine::EngineConnector;

/// One call to the database, as it went over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// `UpdateItem`
    pub operation: String,
    pub table: String,
    pub index: Option<String>,
    pub consistent: bool,
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
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    plan: Plan,
    /// Only calls of this table count for the plan.
    table: String,
    seen: usize,
    fired: bool,
}

/// Shared by a test and the client that it watches.
#[derive(Clone)]
pub struct Meter {
    inner: EngineConnector,
    state: Arc<Mutex<State>>,
}

impl Meter {
    pub(crate) fn around(inner: EngineConnector) -> Self {
        Self { inner, state: Arc::default() }
    }

    /// The calls since the last time this was asked.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// From now on, for the calls to `table`. The first call is number 1.
    pub fn plan(&self, table: &str, plan: Plan) {
        let mut state = self.lock();
        (state.plan, state.table, state.seen, state.fired) = (plan, table.to_owned(), 0, false);
    }

    /// Calls to the planned table since the plan was made.
    pub fn seen(&self) -> usize {
        self.lock().seen
    }

    /// Did the planned fault happen?
    pub fn fired(&self) -> bool {
        self.lock().fired
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes the call and says what is to happen to it.
    fn note(&self, call: Call) -> Plan {
        let mut state = self.lock();
        let counts = call.table == state.table;
        state.calls.push(call);
        if !counts {
            return Plan::LetPass;
        }
        state.seen += 1;
        let at = match state.plan {
            Plan::LetPass => return Plan::LetPass,
            Plan::FailBefore(at) | Plan::FailAfter(at) | Plan::Twice(at) => at,
        };
        if state.seen == at {
            state.fired = true;
            state.plan
        } else {
            Plan::LetPass
        }
    }
}

fn read_call(request: &HttpRequest) -> Call {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body: serde_json::Value =
        request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let batched = || body["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
    let table = body["TableName"].as_str().map(str::to_owned).or_else(batched).unwrap_or_default();
    let index = body["IndexName"].as_str().map(str::to_owned);
    let batch_consistent = body["RequestItems"][&table]["ConsistentRead"].as_bool();
    let consistent = body["ConsistentRead"].as_bool().or(batch_consistent).unwrap_or(false);
    Call { operation, table, index, consistent }
}

impl HttpConnector for Meter {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let plan = self.note(read_call(&request));
        let lost = || ConnectorError::timeout("the network broke, as the test asked".into());
        match plan {
            Plan::LetPass => self.inner.call(request),
            Plan::FailBefore(_) => HttpConnectorFuture::ready(Err(lost())),
            Plan::FailAfter(_) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move { done.await.and_then(|_| Err(lost())) })
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
