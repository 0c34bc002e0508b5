//! How many calls to DynamoDB each operation makes on a process that is warm, and each worker for what follows.
//!
//! A count, not a time: it is the same on every machine, and on AWS each call is a round trip that somebody waits for and
//! a line on the bill. tests/faults fails when one of them grows.

use std::sync::{Arc, Mutex, PoisonError};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Body;
use handrail_effects::{Change, MailFault, Mailer, Message, Outbox, Posted, Works, dispatch, handle, sweep};
use handrail_engine::Engine;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Awaited;
use handrail_kernel::endpoint::service;
use handrail_runner::TABLE;
use handrail_testkit::{Call, Meter, Receiver, World};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::numbers::print_table;

/// A process leases of a budget as much as it has spent of it in this minute: after so many requests the next dozen is free.
const WARM_UP: usize = 20;
/// Every two seconds, as the published clients do.
const POLLS_OF_A_MINUTE: usize = 30;

pub(crate) async fn run() -> anyhow::Result<()> {
    let mut desk = Desk::new().await?;
    let (admin, receiver) = (desk.admin.clone(), Receiver::start().await);
    let mut rows = Vec::new();

    let agent = json!({"name": "agent", "role": "agent"});
    let (_, made) = desk.ask(Method::POST, "/auth/api-keys", &admin, Some(&agent)).await?;
    let agent = made["key"].as_str().context("no key")?.to_owned();
    let ask = json!({"action": "Refund order 1234", "approver": "ann@example.com", "callback_url": receiver.url});
    let (calls, created) = desk.ask(Method::POST, "/decisions", &agent, Some(&ask)).await?;
    rows.push(row("create, the first request of a process", &calls));
    desk.follow("create", &mut rows).await?;
    for _ in 0..WARM_UP {
        desk.ask(Method::POST, "/decisions", &agent, Some(&ask)).await?;
    }
    let (calls, _) = desk.ask(Method::POST, "/decisions", &agent, Some(&ask)).await?;
    rows.push(row("create", &calls));
    let large = json!({"action": "Refund", "approver": "ann@example.com", "context": incompressible()});
    let (calls, _) = desk.ask(Method::POST, "/decisions", &agent, Some(&large)).await?;
    rows.push(row("create, with an ask too large for the head", &calls));
    desk.follow("create with a large ask", &mut rows).await?;

    let decision = format!("/decisions/{}", created["id"].as_str().context("no id")?);
    let mut polls = Vec::new();
    for _ in 0..POLLS_OF_A_MINUTE {
        polls.extend(desk.ask(Method::GET, &decision, &agent, None).await?.0);
    }
    let (calls, _) = desk.ask(Method::GET, &decision, &agent, None).await?;
    rows.push(row("get", &calls));
    rows.push(row(&format!("get, {POLLS_OF_A_MINUTE} times in one minute"), &polls));

    for _ in 0..WARM_UP {
        desk.ask(Method::GET, "/decisions?limit=20", &admin, None).await?;
        desk.ask(Method::GET, &format!("{decision}/deliveries"), &admin, None).await?;
    }
    let (calls, _) = desk.ask(Method::GET, "/decisions?limit=20", &admin, None).await?;
    rows.push(row("list, 20 decisions", &calls));
    let (calls, _) = desk.ask(Method::GET, &format!("{decision}/deliveries"), &admin, None).await?;
    rows.push(row("list the deliveries", &calls));
    let resolve = format!("{decision}/resolve");
    let (calls, _) = desk.ask(Method::POST, &resolve, &admin, Some(&json!({"action": "approve"}))).await?;
    rows.push(row("resolve", &calls));
    desk.follow("resolve", &mut rows).await?;
    packets(&mut desk, &admin, &mut rows).await?;
    desk.meter.take();
    sweep(&desk.works).await?;
    rows.push(row("sweep, with nothing overdue", &desk.taken()));

    print_table(&["operation", "calls", "which"], &rows);
    Ok(())
}

async fn packets(desk: &mut Desk, key: &str, rows: &mut Vec<Vec<String>>) -> anyhow::Result<()> {
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
        let made = desk.ask(Method::POST, PACKETS, key, Some(&packet)).await?.1;
        let id = made["id"].as_str().context("no id")?;
        desk.ask(Method::POST, &format!("{PACKETS}/{id}/claim"), key, Some(&claim)).await?;
        for (_, query) in lists {
            desk.ask(Method::GET, &format!("{PACKETS}{query}"), key, None).await?;
        }
    }
    let (calls, made) = desk.ask(Method::POST, PACKETS, key, Some(&packet)).await?;
    rows.push(row("create a packet", &calls));
    desk.follow("packet was made", rows).await?;
    let path = format!("{PACKETS}/{}", made["id"].as_str().context("no id")?);
    rows.push(row("claim", &desk.ask(Method::POST, &format!("{path}/claim"), key, Some(&claim)).await?.0));
    desk.follow("claim", rows).await?;
    let completed = json!({"status": "completed"});
    rows.push(row("complete", &desk.ask(Method::PATCH, &path, key, Some(&completed)).await?.0));
    for (name, query) in lists {
        rows.push(row(name, &desk.ask(Method::GET, &format!("{PACKETS}{query}"), key, None).await?.0));
    }
    Ok(())
}

/// Compresses to more than the head takes.
fn incompressible() -> String {
    let mut state = 1_u32;
    let mut next = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        char::from(b'a' + u8::try_from(state >> 28).unwrap_or_default())
    };
    (0..8_000).map(|_| next()).collect()
}

fn row(name: &str, calls: &[Call]) -> Vec<String> {
    let mut which: Vec<(String, usize)> = Vec::new();
    for call in calls {
        let index = call.index.as_ref().map(|index| format!(" on {index}")).unwrap_or_default();
        let name = format!("{}{index}", call.operation);
        match which.iter_mut().find(|(known, _)| *known == name) {
            Some((_, count)) => *count += 1,
            None => which.push((name, 1)),
        }
    }
    let which: Vec<String> =
        which.into_iter().map(|(name, count)| if count == 1 { name } else { format!("{count} {name}") }).collect();
    vec![name.to_owned(), calls.len().to_string(), which.join(", ")]
}

/// Handrail without a pump: nothing happens unless it is asked for, so every call has a cause.
struct Desk {
    router: Router,
    admin: String,
    engine: Engine,
    meter: Meter,
    works: Works,
    sent: Arc<Kept>,
    position: Option<String>,
}

impl Desk {
    async fn new() -> anyhow::Result<Self> {
        let world = World::new().await;
        let (cx, meter): (Cx, Meter) = (world.running.cx.clone(), world.meter.clone());
        let (admin, engine) = (world.running.key.clone(), world.engine.clone());
        world.kill().await;
        let sent = Arc::new(Kept::default());
        let mut works = Works::new(cx.clone(), handrail_workers::DOORS);
        works.outbox = Some(Arc::clone(&sent) as Arc<dyn Outbox>);
        works.mailer = Some(Arc::clone(&sent) as Arc<dyn Mailer>);
        let endpoints = handrail_runner::endpoints();
        let otherwise = *endpoints.first().context("no operation")?;
        let router = service(&endpoints, otherwise, cx);
        let mut desk = Self { router, admin, engine, meter, works, sent, position: None };
        desk.changes()?;
        Ok(desk)
    }

    async fn ask(
        &mut self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(Vec<Call>, Value)> {
        self.meter.take();
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("authorization", format!("Bearer {key}"))
            .header("x-api-key", key);
        let request = match body {
            Some(body) => request.header("content-type", "application/json").body(Body::from(body.to_string()))?,
            None => request.body(Body::empty())?,
        };
        let answer = self.router.clone().oneshot(request).await?;
        let (status, body) = (answer.status(), answer.into_body().collect().await?.to_bytes());
        ensure!(status.is_success(), "{path} answered {status}: {}", String::from_utf8_lossy(&body));
        Ok((self.taken(), serde_json::from_slice(&body)?))
    }

    /// The calls since they were asked for last.
    fn taken(&self) -> Vec<Call> {
        self.meter.take().into_iter().filter(|call| call.table == TABLE).collect()
    }

    fn changes(&mut self) -> anyhow::Result<Vec<Change>> {
        let read = self.engine.changes_after(TABLE, self.position.as_deref(), 1_000)?;
        if let Some(last) = read.last() {
            self.position = Some(last.sequence.clone());
        }
        Ok(read.into_iter().map(|change| Change { old: change.old, new: change.new }).collect())
    }

    /// Lets the workers do what follows from the newest change of a record.
    async fn follow(&mut self, what: &str, rows: &mut Vec<Vec<String>>) -> anyhow::Result<()> {
        let changes = self.changes()?;
        let newest = changes.iter().rev().find(|change| change.new.as_ref().is_some_and(|new| new.contains_key("log")));
        self.sent.take();
        self.meter.take();
        dispatch(&self.works, newest.context("nothing changed")?).await?;
        rows.push(row(&format!("dispatch, after a {what}"), &self.taken()));
        for message in self.sent.take() {
            handle(&self.works, &message).await?;
            let worker = match message {
                Message::Deliver { .. } => "deliver, one attempt",
                Message::Notify { .. } => "notify, one mail",
                Message::Keep { .. } => "keep, the files of an event",
                Message::Timer { .. } | Message::Later { .. } => "timer, come early",
            };
            rows.push(row(worker, &self.taken()));
        }
        self.changes().map(drop)
    }
}

/// Queues and mail that cost no calls.
#[derive(Default)]
struct Kept(Mutex<Vec<Message>>);

impl Kept {
    fn take(&self) -> Vec<Message> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outbox for Kept {
    fn send<'a>(&'a self, message: &'a Message, _: handrail_domain::time::Timestamp) -> Awaited<'a, ()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Box::pin(async { Ok(()) })
    }
}

impl Mailer for Kept {
    fn send<'a>(&'a self, _: &'a Posted) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        Box::pin(async { Ok(()) })
    }
}
