//! DynamoDB calls of each operation on a warm process, and of the workers for its effects.
//!
//! The counts are the same on every machine. tests/faults fails if a count grows.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use handrail_context::cx::Cx;
use handrail_effects::{
    Change, Handled, MailFault, Mailer, Message, Outbox, OutgoingMail, WorkerContext, dispatch, handle_message, sweep,
};
use handrail_engine::Engine;
use handrail_platform::boxed::BoxFuture;
use handrail_runner::TABLE;
use handrail_testkit::{Call, FaultInjector, Receiver, TestServer};
use handrail_web::endpoint::service;
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::numbers::print_table;

/// Requests after which the reserved block of the rate limit covers the next dozen. A block is as large as the use so
/// far.
const WARM_UP: usize = 20;
/// Polls every two seconds, as the published clients do.
const POLLS_PER_MINUTE: usize = 30;

pub(crate) async fn run() -> anyhow::Result<()> {
    let mut service = CountedService::new().await?;
    let (admin, receiver) = (service.admin.clone(), Receiver::start().await);
    let mut rows = Vec::new();

    let agent = json!({"name": "agent", "role": "writer", "approvers": ["*"]});
    let (_, created) = service.call(Method::POST, "/auth/api-keys", &admin, Some(&agent)).await?;
    let agent = created["key"].as_str().context("no key")?.to_owned();
    let decision_body =
        json!({"action": "Refund order 1234", "approver": "ann@example.com", "callback_url": receiver.url});
    let (calls, created) = service.call(Method::POST, "/decisions", &agent, Some(&decision_body)).await?;
    rows.push(row("create, the first request of a process", &calls));
    service.run_workers("create", &mut rows).await?;
    for _ in 0..WARM_UP {
        service.call(Method::POST, "/decisions", &agent, Some(&decision_body)).await?;
    }
    let (calls, _) = service.call(Method::POST, "/decisions", &agent, Some(&decision_body)).await?;
    rows.push(row("create", &calls));
    let large = json!({"action": "Refund", "approver": "ann@example.com", "context": incompressible()});
    let (calls, _) = service.call(Method::POST, "/decisions", &agent, Some(&large)).await?;
    rows.push(row("create, with a spec too large for the head", &calls));
    service.run_workers("create with a large spec", &mut rows).await?;

    let decision = format!("/decisions/{}", created["id"].as_str().context("no id")?);
    let mut polls = Vec::new();
    for _ in 0..POLLS_PER_MINUTE {
        polls.extend(service.call(Method::GET, &decision, &agent, None).await?.0);
    }
    let (calls, _) = service.call(Method::GET, &decision, &agent, None).await?;
    rows.push(row("get", &calls));
    rows.push(row(&format!("get, {POLLS_PER_MINUTE} times in one minute"), &polls));

    for _ in 0..WARM_UP {
        service.call(Method::GET, "/decisions?limit=20", &admin, None).await?;
        service.call(Method::GET, &format!("{decision}/deliveries"), &admin, None).await?;
    }
    let (calls, _) = service.call(Method::GET, "/decisions?limit=20", &admin, None).await?;
    rows.push(row("list, 20 decisions", &calls));
    let (calls, _) = service.call(Method::GET, &format!("{decision}/deliveries"), &admin, None).await?;
    rows.push(row("list the deliveries", &calls));
    let resolve = format!("{decision}/resolve");
    let (calls, _) = service.call(Method::POST, &resolve, &admin, Some(&json!({"action": "approve"}))).await?;
    rows.push(row("resolve", &calls));
    service.run_workers("resolve", &mut rows).await?;
    packets(&mut service, &admin, &mut rows).await?;
    service.fault_injector.take();
    sweep(&service.worker_context).await?;
    rows.push(row("sweep, with nothing overdue", &service.take_calls()));

    print_table(&["operation", "calls", "which"], &rows);
    Ok(())
}

async fn packets(service: &mut CountedService, key: &str, rows: &mut Vec<Vec<String>>) -> anyhow::Result<()> {
    const PACKETS: &str = "/api/v1/packets";
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Refund order 1234"},
    });
    let claim = json!({"agent_id": "b", "agent_name": "B"});
    let lists = [
        ("list, 20 packets", "?limit=20"),
        ("list, 20 open packets of an agent", "?status=created&target_agent=b&limit=20"),
    ];
    for _ in 0..WARM_UP {
        let created = service.call(Method::POST, PACKETS, key, Some(&packet)).await?.1;
        let id = created["id"].as_str().context("no id")?;
        service.call(Method::POST, &format!("{PACKETS}/{id}/claim"), key, Some(&claim)).await?;
        for (_, query) in lists {
            service.call(Method::GET, &format!("{PACKETS}{query}"), key, None).await?;
        }
    }
    let (calls, created) = service.call(Method::POST, PACKETS, key, Some(&packet)).await?;
    rows.push(row("create a packet", &calls));
    service.run_workers("packet was made", rows).await?;
    let path = format!("{PACKETS}/{}", created["id"].as_str().context("no id")?);
    rows.push(row("claim", &service.call(Method::POST, &format!("{path}/claim"), key, Some(&claim)).await?.0));
    service.run_workers("claim", rows).await?;
    let completed = json!({"status": "completed"});
    rows.push(row("complete", &service.call(Method::PATCH, &path, key, Some(&completed)).await?.0));
    for (name, query) in lists {
        rows.push(row(name, &service.call(Method::GET, &format!("{PACKETS}{query}"), key, None).await?.0));
    }
    Ok(())
}

/// Returns text that is too large for the head even when compressed.
fn incompressible() -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 28).unwrap_or_default())
    };
    (0..8_000).map(|_| next()).collect()
}

fn row(name: &str, calls: &[Call]) -> Vec<String> {
    let mut operations: Vec<(String, usize)> = Vec::new();
    for call in calls {
        let index = call.index.as_ref().map(|index| format!(" on {index}")).unwrap_or_default();
        let name = format!("{}{index}", call.operation);
        match operations.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => operations.push((name, 1)),
        }
    }
    let operations: Vec<String> =
        operations.into_iter().map(|(name, count)| if count == 1 { name } else { format!("{count} {name}") }).collect();
    vec![name.to_owned(), calls.len().to_string(), operations.join(", ")]
}

/// Service without a worker loop: every database call comes from a request or an explicit worker run.
struct CountedService {
    router: Router,
    admin: String,
    engine: Engine,
    fault_injector: FaultInjector,
    worker_context: WorkerContext,
    sent: Arc<RecordingOutbox>,
    position: Option<String>,
}

impl CountedService {
    async fn new() -> anyhow::Result<Self> {
        let server = TestServer::new().await;
        let (cx, fault_injector): (Cx, FaultInjector) = (server.running.cx.clone(), server.fault_injector.clone());
        let (admin, engine) = (server.running.key.clone(), server.engine.clone());
        server.kill().await;
        let sent = Arc::new(RecordingOutbox::default());
        let mut worker_context = WorkerContext::new(cx.clone(), handrail_kinds::KINDS);
        worker_context.outbox = Some(Arc::clone(&sent) as Arc<dyn Outbox>);
        worker_context.mailer = Some(Arc::clone(&sent) as Arc<dyn Mailer>);
        let endpoints = handrail_runner::endpoints();
        let fallback = endpoints.first().context("no operation")?.door;
        let router = service(&endpoints, fallback, cx);
        let mut service = Self { router, admin, engine, fault_injector, worker_context, sent, position: None };
        service.changes()?;
        Ok(service)
    }

    async fn call(
        &mut self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Vec<Call>, Value)> {
        self.fault_injector.take();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("x-api-key", key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string()))?,
            None => request.body(Body::empty())?,
        };
        let response = self.router.clone().oneshot(request).await?;
        let (status, body) = (response.status(), response.into_body().collect().await?.to_bytes());
        ensure!(status.is_success(), "{path} returned {status}: {}", String::from_utf8_lossy(&body));
        Ok((self.take_calls(), serde_json::from_slice(&body)?))
    }

    /// Returns the calls to the main table since the previous call.
    fn take_calls(&self) -> Vec<Call> {
        self.fault_injector.take().into_iter().filter(|call| call.table == TABLE).collect()
    }

    fn changes(&mut self) -> anyhow::Result<Vec<Change>> {
        let read = self.engine.changes_after(TABLE, self.position.as_deref(), 1_000)?;
        if let Some(last) = read.last() {
            self.position = Some(last.sequence.clone());
        }
        Ok(read.into_iter().map(|change| Change { old: change.old, new: change.new }).collect())
    }

    /// Runs the workers for the newest change of a record, and adds their calls to the table.
    async fn run_workers(&mut self, what: &str, rows: &mut Vec<Vec<String>>) -> anyhow::Result<()> {
        let changes = self.changes()?;
        let newest = changes.iter().rev().find(|change| change.new.as_ref().is_some_and(|new| new.contains_key("log")));
        self.sent.take();
        self.fault_injector.take();
        dispatch(&self.worker_context, newest.context("nothing changed")?).await?;
        rows.push(row(&format!("dispatch, after a {what}"), &self.take_calls()));
        for message in self.sent.take() {
            let handled = handle_message(&self.worker_context, &message).await?;
            ensure!(handled == Handled::Done, "a message waits for a paused webhook");
            let worker = match message {
                Message::Deliver { .. } => "deliver, one attempt",
                Message::Notify { .. } => "notify, one mail",
                Message::RetainFiles { .. } => "keep, the files of an event",
                Message::Timer { .. } | Message::Delayed { .. } => "timer, come early",
            };
            rows.push(row(worker, &self.take_calls()));
        }
        self.changes().map(drop)
    }
}

/// Outbox and mailer that make no database calls.
#[derive(Default)]
struct RecordingOutbox(Mutex<Vec<Message>>);

impl RecordingOutbox {
    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outbox for RecordingOutbox {
    fn send<'a>(&'a self, message: &'a Message, _: handrail_domain::time::Timestamp) -> BoxFuture<'a, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Box::pin(async { Ok(()) })
    }
}

impl Mailer for RecordingOutbox {
    fn send<'a>(
        &'a self,
        _: &'a OutgoingMail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}
