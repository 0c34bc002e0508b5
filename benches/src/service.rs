//! The laptop's program under load: the real `handrail`, over HTTP, with its workers running.
//!
//! In each round the bare engine then writes and reads the very items that the service left, on the same disk, so that the
//! ratio says what Handrail adds and not how fast this disk syncs.

mod bare;
mod load;

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use axum::Router;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use crate::build::Build;
use crate::numbers::{median, ms, percentile, print_table};
use crate::process::{Handrail, KEY, client};
use crate::root;
use bare::Bare;
use load::{Load, load};

#[derive(clap::Args)]
pub(crate) struct Plan {
    /// Decisions in a round
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    decisions: u16,
    /// Requests at once, each on a connection that is kept
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u8).range(1..=20))]
    rounds: u8,
    /// Starts that are timed, of an empty folder and of one with a round's decisions
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u8).range(1..=100))]
    starts: u8,
    #[command(flatten)]
    build: Build,
}

const GET_AGAIN: &str = "get, fourth of a decision";

struct Round {
    phases: Vec<Phase>,
    bare: Bare,
    memory: Memory,
    /// Starts in the folder that the round left.
    starts_ms: Vec<f64>,
}

struct Phase {
    name: &'static str,
    /// Is the bare engine's write or its read what this is compared with?
    writes: bool,
    load: Load,
    /// From the last answer until the workers had nothing left to do.
    workers_behind: Duration,
}

struct Memory {
    idle: f64,
    after: f64,
    peak: f64,
}

pub(crate) async fn run(plan: &Plan) -> anyhow::Result<()> {
    let program = plan.build.programs(&["handrail-runner"], None)?.join("handrail");
    let mut empty_starts_ms = Vec::new();
    let mut rounds = Vec::new();
    for number in 1..=plan.rounds {
        for _ in 0..plan.starts.div_ceil(plan.rounds) {
            let folder = tempfile::tempdir_in(root().join("target"))?;
            empty_starts_ms.push(start_ms(&program, folder.path()).await?);
        }
        let round = round(plan, &program).await.with_context(|| format!("round {number}"))?;
        eprintln!(
            "round {number}: the bare engine wrote {:.0}/s and read {:.0}/s",
            round.bare.writes, round.bare.reads
        );
        rounds.push(round);
    }
    print(plan, &rounds, &empty_starts_ms)
}

async fn start_ms(program: &Path, data: &Path) -> anyhow::Result<f64> {
    let handrail = Handrail::start(program, data).await?;
    let started_in = ms(handrail.started_in);
    handrail.kill().await?;
    Ok(started_in)
}

async fn round(plan: &Plan, program: &Path) -> anyhow::Result<Round> {
    // Under target/ and not in the system's folder for such things, which may lie in memory and never sync.
    let folder = tempfile::tempdir_in(root().join("target"))?;
    let data = folder.path().join("service");
    let handrail = Handrail::start(program, &data).await?;
    let idle = handrail.memory("VmRSS")?;
    let phases = phases(plan, &handrail.origin).await?;
    let memory = Memory { idle, after: handrail.memory("VmRSS")?, peak: handrail.memory("VmHWM")? };
    handrail.kill().await?;
    let mut starts_ms = Vec::new();
    for _ in 0..plan.starts.div_ceil(plan.rounds) {
        starts_ms.push(start_ms(program, &data).await?);
    }
    let bare = bare::measure(&data, &folder.path().join("bare.db"), plan.decisions.into(), plan.at_once.into()).await?;
    Ok(Round { phases, bare, memory, starts_ms })
}

async fn phases(plan: &Plan, origin: &str) -> anyhow::Result<Vec<Phase>> {
    let (http, callbacks) = (client()?, receiver().await?);
    let (count, at_once) = (usize::from(plan.decisions), usize::from(plan.at_once));
    let mut phases = Vec::new();

    let ask = json!({
        "action": "Refund order 1234 (80 EUR)",
        "context": "The customer received the wrong size twice. The refund goes to the original card.",
        "approver": "ann@example.com",
        "callback_url": callbacks,
    });
    let (created, ids) = load(count, at_once, |_| {
        let request = http.post(format!("{origin}/decisions")).json(&ask);
        async move { Ok(answered(request, 201).await?["id"].as_str().context("no id")?.to_owned()) }
    })
    .await?;
    phases.push(Phase { name: "create", writes: true, load: created, workers_behind: settled(&http, origin).await? });

    // The first reads of a decision lease its budget, which is a write; later ones find it leased.
    for name in ["get, first of a decision", "", "", GET_AGAIN] {
        let (read, _) = load(count, at_once, |at| {
            let request = http.get(format!("{origin}/decisions/{}", ids[at]));
            async move { answered(request, 200).await.map(drop) }
        })
        .await?;
        let workers_behind = settled(&http, origin).await?;
        if !name.is_empty() {
            phases.push(Phase { name, writes: name != GET_AGAIN, load: read, workers_behind });
        }
    }

    let (resolved, _) = load(count, at_once, |at| {
        let request = http.post(format!("{origin}/decisions/{}/resolve", ids[at])).json(&json!({"action": "approve"}));
        async move { answered(request, 200).await.map(drop) }
    })
    .await?;
    phases.push(Phase { name: "resolve", writes: true, load: resolved, workers_behind: settled(&http, origin).await? });
    Ok(phases)
}

async fn answered(request: reqwest::RequestBuilder, status: u16) -> anyhow::Result<Value> {
    let answer = request.bearer_auth(KEY).send().await?;
    ensure!(answer.status().as_u16() == status, "answered {}: {}", answer.status(), answer.text().await?);
    Ok(answer.json().await?)
}

/// Moving the clock by nothing answers when everything that is due has been done.
async fn settled(http: &reqwest::Client, origin: &str) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    answered(http.post(format!("{origin}/local/clock")).json(&json!({"advance_seconds": 0})), 200).await?;
    Ok(begun.elapsed())
}

/// Takes the callbacks.
async fn receiver() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("http://{}/hook", listener.local_addr()?);
    tokio::spawn(async move { axum::serve(listener, Router::new().fallback(|| async { "" })).await });
    Ok(url)
}

fn print(plan: &Plan, rounds: &[Round], empty_starts_ms: &[f64]) -> anyhow::Result<()> {
    let quietest = rounds.iter().max_by(|a, b| a.bare.writes.total_cmp(&b.bare.writes)).context("no round")?;
    println!(
        "{} decisions, {} at once. Of {} rounds the quietest, and the ratio to the bare engine in all of them.",
        plan.decisions, plan.at_once, plan.rounds
    );
    println!(
        "The bare engine wrote {:.0}/s and read {:.0}/s in that round.",
        quietest.bare.writes, quietest.bare.reads
    );
    let mut rows = Vec::new();
    for (at, phase) in quietest.phases.iter().enumerate() {
        let ratio = |round: &Round| {
            let phase = &round.phases[at];
            phase.load.per_second() / if phase.writes { round.bare.writes } else { round.bare.reads }
        };
        let ratios: Vec<f64> = rounds.iter().map(ratio).collect();
        let latency = |part| format!("{:.1}", percentile(&phase.load.latencies_ms, part));
        rows.push(vec![
            phase.name.to_owned(),
            format!("{:.0}", phase.load.per_second()),
            latency(0.5),
            latency(0.95),
            latency(0.99),
            format!("{:.2} of its {}", median(&ratios), if phase.writes { "writes" } else { "reads" }),
            format!("{:.2} to {:.2}", percentile(&ratios, 0.0), percentile(&ratios, 1.0)),
            format!("{:.1} s", phase.workers_behind.as_secs_f64()),
        ]);
    }
    let heads = [
        "operation",
        "requests/s",
        "p50 ms",
        "p95 ms",
        "p99 ms",
        "ratio to the bare engine",
        "in the rounds",
        "workers done after",
    ];
    print_table(&heads, &rows);

    let memory = &quietest.memory;
    print_table(
        &["memory", "MB"],
        &[("idle", memory.idle), ("after the round", memory.after), ("peak", memory.peak)]
            .map(|(when, mb)| vec![when.to_owned(), format!("{mb:.1}")]),
    );
    let full: Vec<f64> = rounds.iter().flat_map(|round| round.starts_ms.iter().copied()).collect();
    let filled = format!("a folder with {} decisions", plan.decisions);
    let starts = [("an empty folder", empty_starts_ms), (&filled, &full)].map(|(folder, times)| {
        vec![folder.to_owned(), format!("{:.0}", median(times)), format!("{:.0}", percentile(times, 1.0))]
    });
    print_table(&["start in", "median ms", "slowest ms"], &starts);
    Ok(())
}
