//! Local server under load: the real `handrail` over HTTP, with its workers.
//!
//! Before and after each phase the bare engine writes or reads the same kind of records on the same disk, so that the
//! ratio shows the cost of Handrail, not of the disk.

pub(crate) mod bare;
pub(crate) mod load;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::build::{Build, target};
use crate::numbers::{median, ms, percentile, print_table};
use crate::process::{Handrail, KEY, client};
use bare::EngineBaseline;
use load::{Load, load};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decisions in a round
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    decisions: u16,
    /// Concurrent requests, each on a kept connection
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Timed starts, with an empty data folder and with one that has a round's decisions
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    starts: u8,
    #[command(flatten)]
    build: Build,
}

/// Records that the bare engine writes or reads per measurement.
const BARE_RECORDS: usize = 500;

struct Round {
    phases: Vec<Phase>,
    memory: Memory,
    /// Start times with the data folder of the round.
    starts_ms: Vec<f64>,
}

pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) load: Load,
    pub(crate) against: Against,
    /// Operations per second of the bare engine, before and after the phase.
    pub(crate) bare: [f64; 2],
    /// Time from the last response until the workers are idle.
    pub(crate) workers_behind: Duration,
}

#[derive(Clone, Copy)]
pub(crate) enum Against {
    Writes,
    Reads,
}

struct Memory {
    idle: f64,
    after: f64,
    peak: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = args.build.programs(&["handrail-runner"])?.join("handrail");
    let folder = folder()?;
    let mut bare = bare(args, &program, folder.path()).await?;
    let mut empty_starts_ms = Vec::new();
    let mut rounds = Vec::new();
    for number in 1..=args.rounds {
        for _ in 0..args.starts.div_ceil(args.rounds) {
            empty_starts_ms.push(start_ms(&program, self::folder()?.path()).await?);
        }
        let round = round(args, &program, &mut bare).await.with_context(|| format!("round {number}"))?;
        let bare: Vec<String> = round.phases.iter().map(|phase| format!("{:.0}", median(&phase.bare))).collect();
        eprintln!("round {number}: beside the phases the bare engine did {} a second", bare.join(", "));
        rounds.push(round);
    }
    print(args, &rounds, &empty_starts_ms)
}

/// Creates a temporary folder under target/, because the system's one may be in memory, where nothing is synced.
pub(crate) fn folder() -> anyhow::Result<TempDir> {
    Ok(tempfile::tempdir_in(target()?)?)
}

async fn bare(args: &Args, program: &Path, folder: &Path) -> anyhow::Result<EngineBaseline> {
    let data = folder.join("first");
    let handrail = Handrail::start(program, &data).await?;
    create(args, &handrail.origin, "http://127.0.0.1:9/", BARE_RECORDS).await?;
    handrail.kill().await?;
    EngineBaseline::open(&data, &folder.join("bare.db"), args.at_once.into()).await
}

async fn start_ms(program: &Path, data: &Path) -> anyhow::Result<f64> {
    let handrail = Handrail::start(program, data).await?;
    let started_in = ms(handrail.started_in);
    handrail.kill().await?;
    Ok(started_in)
}

async fn round(args: &Args, program: &Path, bare: &mut EngineBaseline) -> anyhow::Result<Round> {
    let folder = folder()?;
    let handrail = Handrail::start(program, folder.path()).await?;
    let idle = handrail.memory("VmRSS")?;
    let phases = phases(args, &handrail.origin, bare).await?;
    let memory = Memory { idle, after: handrail.memory("VmRSS")?, peak: handrail.memory("VmHWM")? };
    handrail.kill().await?;
    let mut starts_ms = Vec::new();
    for _ in 0..args.starts.div_ceil(args.rounds) {
        starts_ms.push(start_ms(program, folder.path()).await?);
    }
    Ok(Round { phases, memory, starts_ms })
}

async fn phases(args: &Args, origin: &str, bare: &mut EngineBaseline) -> anyhow::Result<Vec<Phase>> {
    let (http, callbacks) = (client()?, receiver().await?);
    let mut phases = Vec::new();
    let before = bare.writes().await?;
    let (load, ids) = create(args, origin, &callbacks, args.decisions.into()).await?;
    let workers_behind = wait_until_idle(&http, origin).await?;
    phases.push(Phase {
        name: "create",
        load,
        against: Against::Writes,
        bare: [before, bare.writes().await?],
        workers_behind,
    });

    // The first reads of a decision reserve a block of its rate limit, which is a write; the fourth needs none.
    let before = bare.writes().await?;
    let load = get(args, origin, &ids).await?;
    let (against, bare_rates) = (Against::Writes, [before, bare.writes().await?]);
    phases.push(Phase {
        name: "get, first of a decision",
        load,
        against,
        bare: bare_rates,
        workers_behind: wait_until_idle(&http, origin).await?,
    });
    get(args, origin, &ids).await?;
    get(args, origin, &ids).await?;
    let before = bare.reads().await?;
    let load = get(args, origin, &ids).await?;
    let (against, bare_rates) = (Against::Reads, [before, bare.reads().await?]);
    phases.push(Phase {
        name: "get, fourth",
        load,
        against,
        bare: bare_rates,
        workers_behind: wait_until_idle(&http, origin).await?,
    });

    let before = bare.writes().await?;
    let load = resolve(args, origin, &ids).await?;
    let workers_behind = wait_until_idle(&http, origin).await?;
    phases.push(Phase {
        name: "resolve",
        load,
        against: Against::Writes,
        bare: [before, bare.writes().await?],
        workers_behind,
    });
    Ok(phases)
}

async fn create(args: &Args, origin: &str, callbacks: &str, count: usize) -> anyhow::Result<(Load, Vec<String>)> {
    let http = client()?;
    let body = json!({
        "action": "Refund order 1234 (80 EUR)",
        "context": "The customer received the wrong size twice. The refund goes to the original card.",
        "approver": "ann@example.com",
        "callback_url": callbacks,
    });
    load(count, args.at_once.into(), |_| {
        let request = http.post(format!("{origin}/decisions")).json(&body);
        async move { Ok(send_expecting(request, 201).await?["id"].as_str().context("no id")?.to_owned()) }
    })
    .await
}

async fn get(args: &Args, origin: &str, ids: &[String]) -> anyhow::Result<Load> {
    let http = client()?;
    let (load, _) = load(ids.len(), args.at_once.into(), |at| {
        let request = http.get(format!("{origin}/decisions/{}", ids[at]));
        async move { send_expecting(request, 200).await.map(drop) }
    })
    .await?;
    Ok(load)
}

async fn resolve(args: &Args, origin: &str, ids: &[String]) -> anyhow::Result<Load> {
    let http = client()?;
    let (load, _) = load(ids.len(), args.at_once.into(), |at| {
        let request = http.post(format!("{origin}/decisions/{}/resolve", ids[at])).json(&json!({"action": "approve"}));
        async move { send_expecting(request, 200).await.map(drop) }
    })
    .await?;
    Ok(load)
}

pub(crate) async fn send_expecting(request: reqwest::RequestBuilder, status: u16) -> anyhow::Result<Value> {
    // Both headers, because the doors read different ones.
    let response = request.bearer_auth(KEY).header("x-api-key", KEY).send().await?;
    ensure!(response.status().as_u16() == status, "returned {}: {}", response.status(), response.text().await?);
    Ok(response.json().await?)
}

/// Waits until all due work is done, by a move of the clock by 0 seconds, and returns the time taken.
pub(crate) async fn wait_until_idle(http: &reqwest::Client, origin: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    send_expecting(http.post(format!("{origin}/local/clock")).json(&json!({"advance_seconds": 0})), 200).await?;
    Ok(begun.elapsed())
}

/// Starts a receiver of callbacks and returns its URL.
async fn receiver() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(|| async { "" })).await });
    Ok(url)
}

fn print(args: &Args, rounds: &[Round], empty_starts_ms: &[f64]) -> anyhow::Result<()> {
    println!(
        "{} decisions, {} at once. Of {} rounds each phase's fastest, and the median and range of the ratios in all of them.",
        args.decisions, args.at_once, args.rounds
    );
    let phases: Vec<&[Phase]> = rounds.iter().map(|round| round.phases.as_slice()).collect();
    print_phases(&phases)?;

    let memory = |of: fn(&Memory) -> f64| median(&rounds.iter().map(|round| of(&round.memory)).collect::<Vec<_>>());
    let memory = [
        ("idle", memory(|memory| memory.idle)),
        ("after a round", memory(|memory| memory.after)),
        ("peak", memory(|memory| memory.peak)),
    ];
    print_table(&["memory", "MB"], &memory.map(|(when, mb)| vec![when.to_owned(), format!("{mb:.1}")]));
    let full: Vec<f64> = rounds.iter().flat_map(|round| round.starts_ms.iter().copied()).collect();
    let filled = format!("a folder with {} decisions", args.decisions);
    let starts = [("an empty folder", empty_starts_ms), (&filled, &full)].map(|(folder, times)| {
        vec![folder.to_owned(), format!("{:.0}", median(times)), format!("{:.0}", percentile(times, 1.0))]
    });
    print_table(&["start in", "median ms", "slowest ms"], &starts);
    Ok(())
}

/// Prints a row for each phase: the fastest round, and the median and range of the ratios.
pub(crate) fn print_phases(rounds: &[&[Phase]]) -> anyhow::Result<()> {
    let mut rows = Vec::new();
    for at in 0..rounds.first().context("no round")?.len() {
        let phases: Vec<&Phase> = rounds.iter().map(|phases| &phases[at]).collect();
        let ratios: Vec<f64> =
            phases.iter().map(|phase| phase.load.per_second() * 2.0 / phase.bare.iter().sum::<f64>()).collect();
        let fastest =
            phases.iter().max_by(|a, b| a.load.per_second().total_cmp(&b.load.per_second())).context("no round")?;
        let latency = |part| format!("{:.1}", percentile(&fastest.load.latencies_ms, part));
        let against = match fastest.against {
            Against::Writes => "writes",
            Against::Reads => "reads",
        };
        rows.push(vec![
            fastest.name.to_owned(),
            format!("{:.0}", fastest.load.per_second()),
            latency(0.5),
            latency(0.95),
            latency(0.99),
            format!(
                "{:.2} of its {against} ({:.2} to {:.2})",
                median(&ratios),
                percentile(&ratios, 0.0),
                percentile(&ratios, 1.0)
            ),
            format!("{:.1}", fastest.workers_behind.as_secs_f64()),
        ]);
    }
    let heads =
        ["operation", "requests/s", "p50 ms", "p95 ms", "p99 ms", "to the bare engine", "workers done after, s"];
    print_table(&heads, &rows);
    Ok(())
}
