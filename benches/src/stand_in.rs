//! What a function finds around it on AWS, as far as it needs it to run: Lambda's runtime API, which hands it events, and
//! the services it calls. The table behind it is a real one, on the embedded engine.

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

/// What a function did, and when.
pub(crate) enum Mark {
    /// It asked for an event, and was handed one at once.
    Asked(Instant),
    /// It answered an event.
    Answered(Instant, String),
    /// It gave up.
    Failed(String),
}

/// The runtime API of one process: the same event each time.
pub(crate) struct Runtime {
    pub(crate) address: String,
    marks: mpsc::UnboundedReceiver<Mark>,
    task: JoinHandle<()>,
}

#[derive(Clone)]
struct Desk {
    event: Bytes,
    marks: mpsc::UnboundedSender<Mark>,
}

impl Runtime {
    pub(crate) async fn start(event: Bytes) -> anyhow::Result<Self> {
        let (sender, marks) = mpsc::unbounded_channel();
        let app = Router::new().fallback(runtime).with_state(Desk { event, marks: sender });
        let (address, task) = serve(app).await?;
        Ok(Self { address, marks, task })
    }

    pub(crate) async fn next(&mut self) -> anyhow::Result<Mark> {
        self.marks.recv().await.context("the stand-in is gone")
    }
}

impl Drop for Runtime {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn runtime(State(desk): State<Desk>, method: Method, uri: Uri, body: Bytes) -> Response {
    let now = Instant::now();
    let text = || String::from_utf8_lossy(&body).into_owned();
    let (mark, answer) = match (method, uri.path()) {
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
            (Mark::Asked(now), (headers, desk.event.clone()).into_response())
        }
        (Method::POST, path) if path.ends_with("/response") => {
            (Mark::Answered(now, text()), StatusCode::ACCEPTED.into_response())
        }
        (_, path) => (Mark::Failed(format!("{path}: {}", text())), StatusCode::ACCEPTED.into_response()),
    };
    // Nobody listens any more once the process has been measured.
    let _ = desk.marks.send(mark);
    answer
}

/// DynamoDB, SQS and EventBridge Scheduler at one address.
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
    let failed = |_| StatusCode::INTERNAL_SERVER_ERROR;
    let request =
        http::Request::post("http://engine.invalid/").header("x-amz-target", target).body(SdkBody::from(body.as_ref()));
    let request =
        HttpRequest::try_from(request.map_err(|_| StatusCode::BAD_REQUEST)?).map_err(|_| StatusCode::BAD_REQUEST)?;
    let answer = table.call(request).await.map_err(|_| StatusCode::INTERNAL_SERVER_ERROR)?;
    let status = StatusCode::from_u16(answer.status().as_u16()).map_err(failed)?;
    let body = answer.body().bytes().unwrap_or_default().to_vec();
    Ok((status, [("content-type", "application/x-amz-json-1.0")], body).into_response())
}

async fn serve(app: Router) -> anyhow::Result<(String, JoinHandle<()>)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?.to_string();
    let task = tokio::spawn(async move {
        // Ends with this program.
        let _ = axum::serve(listener, app).await;
    });
    Ok((address, task))
}
