//! `handrail serve` as a child process, with its start time and memory.

use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};

/// Admin key of the measured server.
pub(crate) const KEY: &str = "ho_key_of_the_benchmarks";
const START_TIMEOUT: Duration = Duration::from_secs(30);

pub(crate) struct Handrail {
    pub(crate) origin: String,
    /// Time from the start of the process to the first 200 of `/healthz`.
    pub(crate) started_in: Duration,
    child: Child,
    /// Kept open, because a write to a closed output would end the program.
    _output: Lines<BufReader<ChildStdout>>,
}

impl Handrail {
    pub(crate) async fn start(program: &Path, data: &Path) -> anyhow::Result<Self> {
        let http = client()?;
        let begun = Instant::now();
        let mut child = Command::new(program)
            .args(["serve", "--port", "0", "--data"])
            .arg(data)
            .env("HANDRAIL_KEY", KEY)
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .with_context(|| format!("could not start {}", program.display()))?;
        let output = child.stdout.take().context("the output is piped")?;
        let mut output = BufReader::new(output).lines();
        let first = tokio::time::timeout(START_TIMEOUT, output.next_line()).await;
        let first = first.context("handrail did not start in time")??;
        let first = first.context("handrail ended before it said where it runs")?;
        let origin = first.rsplit(' ').next().unwrap_or_default().to_owned();
        let health = http.get(format!("{origin}/healthz")).send().await?;
        let started_in = begun.elapsed();
        ensure!(health.status().as_u16() == 200, "/healthz answered {}", health.status());
        Ok(Self { origin, started_in, child, _output: output })
    }

    /// Returns `VmRSS` or `VmHWM` in MB.
    pub(crate) fn memory(&self, what: &str) -> anyhow::Result<f64> {
        memory_of(self.child.id().context("handrail is gone")?, what)
    }

    pub(crate) async fn kill(mut self) -> anyhow::Result<()> {
        self.child.kill().await.context("could not kill handrail")
    }
}

/// Returns an HTTP client that keeps its connections.
pub(crate) fn client() -> anyhow::Result<reqwest::Client> {
    Ok(reqwest::Client::builder().no_proxy().redirect(reqwest::redirect::Policy::none()).build()?)
}

pub(crate) fn memory_of(process: u32, what: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).context("needs Linux's /proc")?;
    let line = status.lines().find(|line| line.starts_with(what)).context("no such line in /proc")?;
    let kib: f64 = line.split_whitespace().nth(1).context("no number in /proc")?.parse()?;
    Ok(kib * 1024.0 / 1e6)
}
