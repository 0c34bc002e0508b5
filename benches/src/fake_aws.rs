//! Fake AWS for a function process: Lambda's runtime API, which passes events, and the services that functions call.
//! The table is a real one, on the embedded engine.

use std::time::Instant;

use anyhow::Context;
use aws_smithy_runtime_api::client::http::HttpConnector;
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_types::body::SdkBody;
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use handrail_engine::{Engine, EngineConnector};
use http::{HeaderMap, Method, StatusCode, Uri};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// Step of a function process, with its time.
pub(crate) enum Mark {
    /// The function requested an event and got one.
    Asked(Instant),
    /// The function responded to an event.
    Answered(Instant, String),
    /// The function reported an error.
    Failed(String),
}

/// Runtime API for one process; passes the same event each time.
pub(crate) struct Runtime {
    pub(crate) address: String,
    marks: mpsc::UnboundedReceiver<Mark>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct RuntimeState {
    event: Bytes,
    marks: mpsc::UnboundedSender<Mark>,
}

impl Runtime {
    pub(crate) async fn start(event: Bytes) -> anyhow::Result<Self> {
        let (sender, marks) = mpsc::unbounded_channel();
        let app = Router::new().fallback(runtime).with_state(RuntimeState { event, marks: sender });
        let (address, task) = serve(app).await?;
        Ok(Self { address, marks, task })
    }

    pub(crate) async fn next(&mut self) -> anyhow::Result<Mark> {
        self.marks.recv().await.context("the fake runtime API has ended")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn runtime(State(state): State<RuntimeState>, method: Method, uri: Uri, body: Bytes) -> Response {
    let now = Instant::now();
    let text = || String::from_utf8_lossy(&body).into_owned();
    let (mark, response) = match (method, uri.path()) {
        (Method::GET, "/2018-06-01/runtime/invocation/next") => {
            let headers = [
                ("lambda-runtime-aws-request-id", "8476a536-e9f4-11e8-9739-2dfe598c3fcd"),
                ("lambda-runtime-deadline-ms", "4102444800000"),
                ("lambda-runtime-invoked-function-arn", "arn:aws:lambda:eu-west-1:123456789012:function:measured"),
                (
                    "lambda-runtime-trace-id",
                    "Root=1-5bef4de7-ad49b0e87f6ef6c87fc2e700;Parent=9a9197af755a6419;Sampled=0",
                ),
            ];
            (Mark::Asked(now), (headers, state.event.clone()).into_response())
        }
        (Method::POST, path) if path.ends_with("/response") => {
            (Mark::Answered(now, text()), StatusCode::ACCEPTED.into_response())
        }
        (_, path) => (Mark::Failed(format!("{path}: {}", text())), StatusCode::ACCEPTED.into_response()),
    };
    // The receiver is dropped once the process has been measured.
    let _ = state.marks.send(mark);
    response
}

/// Starts fake DynamoDB, SQS and EventBridge Scheduler at one URL.
pub(crate) async fn aws(engine: &Engine) -> anyhow::Result<String> {
    let app = Router::new().fallback(call).with_state(engine.connector());
    let (address, _) = serve(app).await?;
    Ok(format!("http://{address}"))
}

async fn call(State(table): State<EngineConnector>, headers: HeaderMap, body: Bytes) -> Result<Response, StatusCode> {
    let target = headers.get("x-amz-target").and_then(|target| target.to_str().ok()).unwrap_or_default();
    if !target.starts_with("DynamoDB_") {
        let text = r#"{"MessageId": "m", "ScheduleArn": "arn:aws:scheduler:eu-west-1:123456789012:schedule/s/s"}"#;
        return Ok(([("content-type", "application/x-amz-json-1.0")], text).into_response());
    }
    let internal_error = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let request =
        http::Request::post("http://engine.invalid/").header("x-amz-target", target).body(SdkBody::from(body.as_ref()));
    let request =
        HttpRequest::try_from(request.map_err(|_| StatusCode::BAD_REQUEST)?).map_err(|_| StatusCode::BAD_REQUEST)?;
    let response = table.call(request).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let status = StatusCode::from_u16(response.status().as_u16()).map_err(internal_error)?;
    let body = response.body().bytes().unwrap_or_default().to_vec();
    Ok((status, [("content-type", "application/x-amz-json-1.0")], body).into_response())
}

async fn serve(app: Router) -> anyhow::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let task = tokio::spawn(async move {
        // The task ends with this program.
        let _ = axum::serve(listener, app).await;
    });
    Ok((address, task))
}
