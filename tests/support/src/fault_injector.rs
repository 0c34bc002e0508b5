//! Fault injection between the AWS SDK and the engine: records database calls and breaks a chosen one.

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

/// Database call as the SDK sent it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// DynamoDB operation, for example `UpdateItem`.
    pub operation: String,
    pub table: String,
    pub index: Option<String>,
    pub consistent: bool,
    /// Partition keys named in the request.
    pub partitions: Vec<String>,
}

/// Planned fault. Counts the calls that match a [`CallFilter`], from when the plan is set; `k` begins at 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FaultPlan {
    #[default]
    LetPass,
    /// The k-th call is not executed, and the client sees a timeout.
    FailBefore(usize),
    /// The k-th call is executed, and the client sees a timeout.
    FailAfter(usize),
    /// The k-th call is executed twice, and the client sees the second response.
    Duplicate(usize),
    /// The process crashes before the k-th call is executed: neither that call nor a later one to any table returns.
    CrashBefore(usize),
    /// The process crashes after the k-th call is executed and before its response arrives.
    CrashAfter(usize),
}

#[derive(Default)]
struct State {
    calls: Vec<Call>,
    plan: FaultPlan,
    filter: CallFilter,
    seen: usize,
    broken: Option<Call>,
    crashed: bool,
}

/// Selects the calls that count for a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Calls to every table if `None`.
    pub table: Option<String>,
    /// Leaves out calls that only read.
    pub writes_only: bool,
}

/// HTTP client of the SDK that records and breaks calls. Clones share one state.
#[derive(Clone)]
pub struct FaultInjector {
    inner: EngineConnector,
    state: Arc<Mutex<State>>,
    crash: Arc<watch::Sender<bool>>,
}

impl FaultInjector {
    pub fn around(inner: EngineConnector) -> Self {
        Self { inner, state: Arc::default(), crash: Arc::new(watch::Sender::new(false)) }
    }

    /// Returns the calls since the previous `take`.
    pub fn take(&self) -> Vec<Call> {
        std::mem::take(&mut self.lock().calls)
    }

    /// Sets the plan for calls to `table` and restarts the count.
    pub fn plan(&self, table: &str, plan: FaultPlan) {
        self.plan_for(CallFilter { table: Some(table.to_owned()), writes_only: false }, plan);
    }

    /// Sets the plan for calls that match `filter` and restarts the count.
    pub fn plan_for(&self, filter: CallFilter, plan: FaultPlan) {
        let mut state = self.lock();
        (state.plan, state.filter, state.seen, state.broken) = (plan, filter, 0, None);
    }

    /// Returns how many calls matched the filter since the plan was set.
    pub fn seen(&self) -> usize {
        self.lock().seen
    }

    /// Returns `true` if the planned fault happened.
    pub fn fired(&self) -> bool {
        self.lock().broken.is_some()
    }

    /// Returns the call that the planned fault broke.
    pub fn broken(&self) -> Option<Call> {
        self.lock().broken.clone()
    }

    /// Waits until the planned crash happened. Never returns if the plan has none.
    pub async fn crashed(&self) {
        // The sender is a field of `self`, so waiting cannot fail.
        let _ = self.crash.subscribe().wait_for(|crash| *crash).await;
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records the call and returns the fault to apply to it. Returns `None` if the process has crashed.
    fn record(&self, call: Call) -> Option<FaultPlan> {
        let mut state = self.lock();
        if state.crashed {
            return None;
        }
        let is_counted = state.filter.matches(&call);
        state.calls.push(call.clone());
        if !is_counted {
            return Some(FaultPlan::LetPass);
        }
        state.seen += 1;
        let k = match state.plan {
            FaultPlan::LetPass => return Some(FaultPlan::LetPass),
            FaultPlan::FailBefore(k)
            | FaultPlan::FailAfter(k)
            | FaultPlan::Duplicate(k)
            | FaultPlan::CrashBefore(k)
            | FaultPlan::CrashAfter(k) => k,
        };
        if state.seen != k {
            return Some(FaultPlan::LetPass);
        }
        state.broken = Some(call);
        state.crashed = matches!(state.plan, FaultPlan::CrashBefore(_) | FaultPlan::CrashAfter(_));
        Some(state.plan)
    }
}

impl CallFilter {
    fn matches(&self, call: &Call) -> bool {
        let reads = matches!(call.operation.as_str(), "GetItem" | "Query" | "BatchGetItem" | "Scan");
        self.table.as_ref().is_none_or(|table| *table == call.table) && !(self.writes_only && reads)
    }
}

fn read_call(request: &HttpRequest) -> Call {
    let target = request.headers().get("x-amz-target").unwrap_or_default();
    let operation = target.rsplit('.').next().unwrap_or_default().to_owned();
    let body: Value = request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
    let batch = || body["RequestItems"].as_object().and_then(|tables| tables.keys().next().cloned());
    let in_transaction =
        || transaction_writes(&body).next().and_then(|write| write["TableName"].as_str().map(str::to_owned));
    let table =
        body["TableName"].as_str().map(str::to_owned).or_else(batch).or_else(in_transaction).unwrap_or_default();
    let index = body["IndexName"].as_str().map(str::to_owned);
    let batch_consistent = body["RequestItems"][&table]["ConsistentRead"].as_bool();
    let consistent = body["ConsistentRead"].as_bool().or(batch_consistent).unwrap_or(false);
    let partitions = partitions(&body, &table);
    Call { operation, table, index, consistent, partitions }
}

fn partitions(body: &Value, table: &str) -> Vec<String> {
    let batch = body["RequestItems"][table]["Keys"].as_array().into_iter().flatten().map(|key| &key["pk"]);
    let single = [&body["Key"]["pk"], &body["Item"]["pk"], &body["ExpressionAttributeValues"][":pk"]];
    let in_transaction = transaction_writes(body).flat_map(|write| [&write["Key"]["pk"], &write["Item"]["pk"]]);
    single.into_iter().chain(batch).chain(in_transaction).filter_map(|pk| pk["S"].as_str().map(str::to_owned)).collect()
}

/// Returns the puts, updates and deletes of a transaction, or nothing for another call.
fn transaction_writes(body: &Value) -> impl Iterator<Item = &Value> {
    let writes = body["TransactItems"].as_array().into_iter().flatten().filter_map(Value::as_object);
    writes.filter_map(|write| write.values().next())
}

impl HttpConnector for FaultInjector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let Some(plan) = self.record(read_call(&request)) else {
            return HttpConnectorFuture::new(pending());
        };
        let timeout_error = || ConnectorError::timeout("the test broke the connection".into());
        match plan {
            FaultPlan::LetPass => self.inner.call(request),
            FaultPlan::FailBefore(_) => HttpConnectorFuture::ready(Err(timeout_error())),
            FaultPlan::FailAfter(_) => {
                let done = self.inner.call(request);
                HttpConnectorFuture::new(async move { done.await.and_then(|_| Err(timeout_error())) })
            }
            FaultPlan::CrashBefore(_) => {
                self.crash.send_replace(true);
                HttpConnectorFuture::new(pending())
            }
            FaultPlan::CrashAfter(_) => {
                let (done, crash) = (self.inner.call(request), Arc::clone(&self.crash));
                HttpConnectorFuture::new(async move {
                    // The crashed process never sees this response.
                    let _ = done.await;
                    crash.send_replace(true);
                    pending().await
                })
            }
            FaultPlan::Duplicate(_) => {
                let copy = request.try_clone();
                let (first, inner) = (self.inner.call(request), self.inner.clone());
                HttpConnectorFuture::new(async move {
                    let answer = first.await?;
                    match copy {
                        Some(copy) => inner.call(copy).await,
                        None => Ok(answer),
                    }
                })
            }
        }
    }
}

impl HttpClient for FaultInjector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for FaultInjector {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("FaultInjector")
    }
}
