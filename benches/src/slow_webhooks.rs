//! Webhooks under a neighbour that hangs: the real `handrail` delivers events to a healthy webhook, first alone, then
//! beside four webhooks whose receivers accept each connection and never answer.

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::build::Build;
use crate::numbers::{median, ms, percentile, print_table};
use crate::process::{Handrail, KEY, client};
use crate::service::folder;

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Packets of each tenant in each phase
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    packets: u16,
    /// Time between two packets
    #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u64).range(1..=60_000))]
    every_ms: u64,
    /// Webhooks that hang, in the first tenant
    #[arg(long, default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=48))]
    hanging: u8,
    #[command(flatten)]
    build: Build,
}

/// Longest wait for the last delivery of a phase.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(180);

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = args.build.programs(&["handrail-runner"])?.join("handrail");
    let folder = folder()?;
    let data = folder.path().join("data");
    let handrail = Handrail::start(&program, &data).await?;
    let receiver = Receiver::start().await?;
    let own = Tenant::new(&handrail.origin, KEY)?;
    let other = Tenant::new(&handrail.origin, &key_of_another_tenant(&handrail.origin, &data).await?)?;
    own.create_webhook(&receiver.url).await?;
    other.create_webhook(&receiver.url).await?;

    let mut rows = Vec::new();
    let alone = measure(args, &receiver, &own, &other).await?;
    rows.extend(alone.rows("nothing hangs"));
    let hanging = hanging_receiver().await?;
    for index in 0..args.hanging {
        own.create_webhook(&format!("{hanging}/{index}")).await?;
    }
    let beside = measure(args, &receiver, &own, &other).await?;
    rows.extend(beside.rows(&format!("{} webhooks of the first tenant hang", args.hanging)));
    handrail.kill().await?;

    println!("{} packets of each tenant, one every {} ms.", args.packets, args.every_ms);
    print_table(&["while", "healthy webhook of", "p50 ms", "p90 ms", "slowest ms"], &rows);
    Ok(())
}

/// Times from the request that creates a packet to its delivery.
struct Phase {
    own_ms: Vec<f64>,
    other_ms: Vec<f64>,
}

impl Phase {
    fn rows(&self, condition: &str) -> Vec<Vec<String>> {
        let row = |tenant: &str, times: &[f64]| {
            let shown = [median(times), percentile(times, 0.9), percentile(times, 1.0)];
            let mut row = vec![condition.to_owned(), tenant.to_owned()];
            row.extend(shown.map(|time| format!("{time:.0}")));
            row
        };
        vec![row("the first tenant", &self.own_ms), row("another tenant", &self.other_ms)]
    }
}

async fn measure(args: &Args, receiver: &Receiver, own: &Tenant, other: &Tenant) -> anyhow::Result<Phase> {
    let mut pace = tokio::time::interval(Duration::from_millis(args.every_ms));
    let mut created: [Vec<(String, Instant)>; 2] = [Vec::new(), Vec::new()];
    for _ in 0..args.packets {
        for (tenant, created) in [own, other].into_iter().zip(&mut created) {
            pace.tick().await;
            let begun = Instant::now();
            created.push((tenant.create_packet().await?, begun));
        }
    }
    let [own, other] = created;
    let all = async { Ok(Phase { own_ms: receiver.times_ms(&own).await, other_ms: receiver.times_ms(&other).await }) };
    tokio::time::timeout(DELIVERY_TIMEOUT, all).await.context("a delivery is missing")?
}

/// Account with its API key.
struct Tenant {
    http: reqwest::Client,
    api: String,
    key: String,
}

impl Tenant {
    fn new(origin: &str, key: &str) -> anyhow::Result<Self> {
        Ok(Self { http: client()?, api: format!("{origin}/api/v1"), key: key.to_owned() })
    }

    async fn post(&self, path: &str, body: Value) -> anyhow::Result<Value> {
        let request = self.http.post(format!("{}/{path}", self.api)).header("x-api-key", &self.key).json(&body);
        let response = request.send().await?;
        ensure!(response.status().as_u16() == 201, "{path} returned {}", response.status());
        Ok(response.json().await?)
    }

    async fn create_webhook(&self, url: &str) -> anyhow::Result<()> {
        let webhook = json!({"url": url, "events": ["packet.created"], "secret": "a secret of the benchmarks"});
        self.post("hooks", webhook).await.map(drop)
    }

    async fn create_packet(&self) -> anyhow::Result<String> {
        let packet = json!({
            "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
            "context": {"summary": "Refund order 1234, the customer received the wrong size twice."},
        });
        Ok(self.post("packets", packet).await?["id"].as_str().context("no id")?.to_owned())
    }
}

async fn key_of_another_tenant(origin: &str, data: &Path) -> anyhow::Result<String> {
    let operator_key = std::fs::read_to_string(data.join("operator.key")).context("no operator key")?;
    let operator = Tenant::new(origin, operator_key.trim())?;
    let tenant = operator.post("tenants", json!({"name": "Another", "tier": "enterprise"})).await?;
    let key = json!({"name": "bench", "role": "admin", "tenant_id": tenant["id"]});
    Ok(operator.post("keys", key).await?["key"].as_str().context("no key")?.to_owned())
}

/// Receiver that answers at once and notes when each packet's first delivery arrived.
struct Receiver {
    url: String,
    arrivals: Arc<Arrivals>,
}

#[derive(Default)]
struct Arrivals {
    by_packet: Mutex<HashMap<String, Instant>>,
    arrived: Notify,
}

impl Receiver {
    async fn start() -> anyhow::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let arrivals = Arc::new(Arrivals::default());
        let app = Router::new().fallback(note_arrival).with_state(Arc::clone(&arrivals));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, arrivals })
    }

    /// Waits for the deliveries of these packets and returns the time that each took.
    async fn times_ms(&self, created: &[(String, Instant)]) -> Vec<f64> {
        let mut times = Vec::with_capacity(created.len());
        for (packet, begun) in created {
            times.push(ms(self.arrival_of(packet).await.duration_since(*begun)));
        }
        times
    }

    async fn arrival_of(&self, packet: &str) -> Instant {
        loop {
            let arrived = self.arrivals.arrived.notified();
            let found = self.arrivals.by_packet.lock().unwrap_or_else(PoisonError::into_inner).get(packet).copied();
            if let Some(at) = found {
                return at;
            }
            arrived.await;
        }
    }
}

async fn note_arrival(State(arrivals): State<Arc<Arrivals>>, body: Bytes) {
    let now = Instant::now();
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    if let Some(packet) = body["packet_id"].as_str() {
        arrivals.by_packet.lock().unwrap_or_else(PoisonError::into_inner).entry(packet.to_owned()).or_insert(now);
        arrivals.arrived.notify_waiters();
    }
}

/// Starts a receiver that accepts connections and never answers. Returns its origin.
async fn hanging_receiver() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let origin = format!("http://{}", listener.local_addr()?);
    tokio::spawn(async move {
        let mut open = Vec::new();
        while let Ok((connection, _)) = listener.accept().await {
            open.push(connection);
        }
    });
    Ok(origin)
}
