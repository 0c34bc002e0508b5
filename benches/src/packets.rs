//! Packets under load: the real `handrail` over HTTP, with its workers. Creates, claims and completes packets, then
//! lists many of them.

use anyhow::{Context, ensure};
use serde_json::{Value, json};

use crate::build::Build;
use crate::numbers::{median, percentile, print_table};
use crate::process::{Handrail, client};
use crate::service::bare::EngineBaseline;
use crate::service::load::{Load, load};
use crate::service::{Against, Phase, folder, print_phases, send_expecting, wait_until_idle};

#[derive(clap::Args)]
pub(crate) struct Args {
    /// Packets that are created, claimed and completed
    #[arg(long, default_value_t = 500, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    packets: u16,
    /// Packets of the listed tenant in total
    #[arg(long, default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    listed: u32,
    /// Sequential requests of each list
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    lists: u16,
    /// Concurrent requests, each on a kept connection
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u16).range(1..=256))]
    at_once: u16,
    #[command(flatten)]
    build: Build,
}

/// Largest batch of packets.
const BATCH: usize = 50;
/// Number of agents and of tags, so that a filter selects a part of the packets.
const AGENTS: usize = 20;
const BARE_RECORDS: usize = 300;

/// Measured lists: description and query.
const LISTS: [(&str, &str); 12] = [
    ("all, a page of 50", "packets?limit=50"),
    ("one status", "packets?status=created&limit=50"),
    ("one source (a seventh)", "packets?source_agent=desk-3&limit=50"),
    ("one target (a twentieth)", "packets?target_agent=agent-7&limit=50"),
    ("one priority (a quarter)", "packets?priority=high&limit=50"),
    ("one tag (a twentieth)", "packets?tags=tag-7&limit=50"),
    ("one tag of all packets", "packets?tags=bench&limit=50"),
    ("a filter without matches", "packets?source_agent=nobody"),
    ("open for one agent (a twentieth)", "packets?status=created&target_agent=agent-7&limit=50"),
    (
        "high priority, two statuses, after a date",
        "packets?priority=high&status=created,claimed&created_after=2020-01-01",
    ),
    ("all, from 9,000 on", "packets?limit=50&offset=9000"),
    ("search, two words", "packets/search?q=refund%20lamp&limit=50"),
];

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let program = args.build.programs(&["handrail-runner"])?.join("handrail");
    let folder = folder()?;
    let first = folder.path().join("first");
    let handrail = Handrail::start(&program, &first).await?;
    fill(args, &handrail.origin, BARE_RECORDS).await?;
    handrail.kill().await?;
    let mut bare = EngineBaseline::open(&first, &folder.path().join("bare.db"), args.at_once.into()).await?;

    let handrail = Handrail::start(&program, &folder.path().join("second")).await?;
    let idle = handrail.memory("VmRSS")?;
    let phases = hand_over(args, &handrail.origin, &mut bare).await?;
    let rest = usize::try_from(args.listed)?.saturating_sub(args.packets.into());
    fill(args, &handrail.origin, rest).await?;
    wait_until_idle(&client()?, &handrail.origin).await?;
    let full = handrail.memory("VmRSS")?;
    let lists = lists(args, &handrail.origin).await?;
    let peak = handrail.memory("VmHWM")?;
    handrail.kill().await?;

    println!("{} packets, {} at once.", args.packets, args.at_once);
    print_phases(&[&phases])?;
    println!("Lists of an account with {} packets, each {} times, one after the other.", args.listed, args.lists);
    print_table(&["list", "total", "p50 ms", "p95 ms", "to a get"], &lists);
    let memory = [("idle", idle), ("with all packets", full), ("peak", peak)];
    print_table(&["memory", "MB"], &memory.map(|(when, mb)| vec![when.to_owned(), format!("{mb:.1}")]));
    Ok(())
}

fn packet(at: usize) -> Value {
    let (agent, priority) = (at % AGENTS, ["low", "normal", "high", "critical"][at % 4]);
    let things = ["lamp", "chair", "table", "clock", "mirror"];
    json!({
        "metadata": {
            "source_agent": {"id": format!("desk-{}", at % 7), "name": "Desk", "framework": "bench"},
            "target_agent": {"id": format!("agent-{agent}"), "name": "Agent"},
            "priority": priority,
            "tags": [format!("tag-{}", at % AGENTS), "bench"],
        },
        "context": {
            "summary": format!("Refund the {} of order {at}, the customer received the wrong size twice.", things[at % things.len()]),
            "conversation_state": [
                {"role": "user", "content": "It is the second time that the wrong size came. I want my money back."},
                {"role": "agent", "content": "I am sorry to hear that. I pass you on to a colleague who can refund it."},
            ],
            "custom": {"order": at, "amount": 80},
        },
    })
}

/// Creates packets outside of the measurement.
async fn fill(args: &Args, origin: &str, count: usize) -> anyhow::Result<()> {
    let http = client()?;
    load(count.div_ceil(BATCH), args.at_once.min(4).into(), |at| {
        let packets: Vec<Value> = (at * BATCH..count.min((at + 1) * BATCH)).map(packet).collect();
        let request = http.post(format!("{origin}/api/v1/packets/batch")).json(&json!({"packets": packets}));
        async move {
            let created = send_expecting(request, 201).await?;
            ensure!(created["errors"] == json!([]), "a batch was not made whole: {}", created["errors"]);
            Ok(())
        }
    })
    .await
    .map(drop)
}

async fn hand_over(args: &Args, origin: &str, bare: &mut EngineBaseline) -> anyhow::Result<Vec<Phase>> {
    let http = client()?;
    let packets = |ids: Vec<String>| ids.into_iter().map(|id| format!("{origin}/api/v1/packets/{id}")).collect();
    let before = bare.writes().await?;
    let (created, ids) = load(args.packets.into(), args.at_once.into(), |at| {
        let request = http.post(format!("{origin}/api/v1/packets")).json(&packet(at));
        async move { Ok(send_expecting(request, 201).await?["id"].as_str().context("no id")?.to_owned()) }
    })
    .await?;
    let mut phases = vec![phase("create", created, before, bare, origin).await?];
    let urls: Vec<String> = packets(ids);

    let before = bare.writes().await?;
    let claim = json!({"agent_id": "bench", "agent_name": "Bench"});
    let claimed = each(args, &urls, |url| http.post(format!("{url}/claim")).json(&claim)).await?;
    phases.push(phase("claim", claimed, before, bare, origin).await?);

    let before = bare.writes().await?;
    let complete = json!({"status": "completed"});
    let completed = each(args, &urls, |url| http.patch(url).json(&complete)).await?;
    phases.push(phase("complete", completed, before, bare, origin).await?);
    Ok(phases)
}

async fn each(args: &Args, urls: &[String], request: impl Fn(&str) -> reqwest::RequestBuilder) -> anyhow::Result<Load> {
    let (load, _) = load(urls.len(), args.at_once.into(), |at| {
        let request = request(&urls[at]);
        async move { send_expecting(request, 200).await.map(drop) }
    })
    .await?;
    Ok(load)
}

async fn phase(
    name: &'static str,
    load: Load,
    before: f64,
    bare: &mut EngineBaseline,
    origin: &str,
) -> anyhow::Result<Phase> {
    let workers_behind = wait_until_idle(&client()?, origin).await?;
    Ok(Phase { name, load, against: Against::Writes, bare: [before, bare.writes().await?], workers_behind })
}

/// Returns a table row for each list, compared with the time of one get.
async fn lists(args: &Args, origin: &str) -> anyhow::Result<Vec<Vec<String>>> {
    let http = client()?;
    let ask = async |path: &str| {
        let mut last = Value::Null;
        let (mut latencies_ms, address) = (Vec::new(), format!("{origin}/api/v1/{path}"));
        for _ in 0..args.lists {
            let (single, responses) = load(1, 1, |_| {
                let request = http.get(&address);
                async move { send_expecting(request, 200).await }
            })
            .await?;
            latencies_ms.extend(single.latencies_ms);
            last = responses.into_iter().next().unwrap_or_default();
        }
        anyhow::Ok((latencies_ms, last))
    };
    let (_, newest) = ask("packets?limit=1").await?;
    let id = newest["packets"][0]["id"].as_str().context("nothing to list")?;
    let (get_ms, _) = ask(&format!("packets/{id}")).await?;
    let get_ms = median(&get_ms);
    let mut rows =
        vec![vec!["get one packet".to_owned(), String::new(), format!("{get_ms:.1}"), String::new(), "1".to_owned()]];
    for (name, path) in LISTS {
        let (latencies_ms, last) = ask(path).await?;
        let total = last["total"].as_u64().context("a list has no total")?;
        let p50 = median(&latencies_ms);
        rows.push(vec![
            name.to_owned(),
            total.to_string(),
            format!("{p50:.1}"),
            format!("{:.1}", percentile(&latencies_ms, 0.95)),
            format!("{:.1}", p50 / get_ms),
        ]);
    }
    Ok(rows)
}
