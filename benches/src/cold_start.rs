//! Cold start of a function: the process start up to its first request for an event, and the first events.
//!
//! Lambda's own share (fetching the zip, starting the machine), TLS and network distance are not included. The
//! processor is this machine's, not Lambda's share, so ratios and processor time are what count.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use axum::body::Bytes;
use handrail_testkit::TestServer;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::build::{Build, root};
use crate::fake_aws::{self, Mark, Runtime};
use crate::numbers::{median, ms, percentile, print_table};
use crate::process::memory_of;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[arg(long, default_value_t = 30, value_parser = clap::value_parser!(u16).range(1..=1_000))]
    runs: u16,
    #[command(flatten)]
    build: Build,
    /// Folder with another build of the programs, measured alternately with these
    #[arg(long)]
    against: Option<PathBuf>,
}

/// The measured functions, each with its program.
const FUNCTIONS: [(&str, &str); 2] = [("decisions-get", "handrail-decisions"), ("dispatch", "handrail-workers")];
/// Root certificates in one file, as on Lambda; a folder of certificates takes longer to read.
const BUNDLES: [&str; 2] = ["/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/certs/ca-certificates.crt"];
const TIMEOUT: Duration = Duration::from_secs(20);

struct Subject {
    name: String,
    program: PathBuf,
    /// `None` for the baseline program that only requests an event.
    function: Option<&'static str>,
    runs: Vec<Run>,
}

struct Run {
    ready_ms: f64,
    processor_ms: f64,
    /// Time from event to response, of the first and the second event.
    events_ms: Option<[f64; 2]>,
    memory_mb: f64,
}

pub(crate) async fn run(args: &Args) -> anyhow::Result<()> {
    let folder = args.build.programs(&FUNCTIONS.map(|(_, program)| program))?;
    let mut server = TestServer::new().await;
    server.ignore_messages("only the starts are measured");
    let aws = fake_aws::aws(&server.engine).await?;
    let mut subjects = vec![Subject {
        name: "baseline: request an event".to_owned(),
        program: std::env::current_exe()?,
        function: None,
        runs: Vec::new(),
    }];
    for (name, program) in FUNCTIONS {
        for (folder, suffix) in [(Some(&folder), ""), (args.against.as_ref(), ", against")] {
            let Some(folder) = folder else { continue };
            let program = folder.join(program);
            subjects.push(Subject { name: format!("{name}{suffix}"), program, function: Some(name), runs: Vec::new() });
        }
    }
    // Alternately, so that noise affects all of them. The first round only fills the page cache.
    for round in 0..=args.runs {
        for subject in &mut subjects {
            let event = match subject.function {
                Some(function) => event(function, &server).await?,
                None => Bytes::new(),
            };
            let run = tokio::time::timeout(TIMEOUT, once(subject, event, &aws)).await;
            let run = run.context("it hangs").flatten().with_context(|| subject.name.clone())?;
            if round > 0 {
                subject.runs.push(run);
            }
        }
    }
    server.kill().await;
    print(args, &subjects);
    Ok(())
}

async fn once(subject: &Subject, event: Bytes, aws: &str) -> anyhow::Result<Run> {
    let mut runtime = Runtime::start(event).await?;
    let mut command = Command::new(&subject.program);
    command.env_clear().envs(environment(aws)).env("AWS_LAMBDA_RUNTIME_API", &runtime.address);
    match subject.function {
        Some(function) => command.env("HANDRAIL_FUNCTION", function),
        None => command.arg("nothing"),
    };
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let begun = Instant::now();
    let mut child = command.spawn().with_context(|| format!("could not start {}", subject.program.display()))?;
    let process = child.id().context("it ended at once")?;
    let mut requested_at = next_request(&mut runtime).await?;
    let ready_ms = ms(requested_at - begun);
    let processor_ms = processor_ms(process)?;
    let mut events = Vec::new();
    while subject.function.is_some() && events.len() < 2 {
        let answered = match runtime.next().await? {
            Mark::Answered(at, body) => {
                check(&body)?;
                at
            }
            Mark::Asked(_) => bail!("it asked again without an answer"),
            Mark::Failed(reason) => bail!(reason),
        };
        events.push(ms(answered - requested_at));
        requested_at = next_request(&mut runtime).await?;
    }
    let memory_mb = memory_of(process, "VmHWM").unwrap_or(f64::NAN);
    child.kill().await?;
    Ok(Run { ready_ms, processor_ms, events_ms: events.try_into().ok(), memory_mb })
}

async fn next_request(runtime: &mut Runtime) -> anyhow::Result<Instant> {
    match runtime.next().await? {
        Mark::Asked(at) => Ok(at),
        Mark::Answered(..) => bail!("it answered before it asked"),
        Mark::Failed(reason) => bail!(reason),
    }
}

/// Checks that an operation succeeded, or that a worker reports no failed message.
fn check(answer: &str) -> anyhow::Result<()> {
    let answer: Value = serde_json::from_str(answer)?;
    let found = answer["statusCode"] == 200 || answer["batchItemFailures"] == json!([]);
    ensure!(found, "it answered {answer}");
    Ok(())
}

/// Returns the processor time of all threads of a process.
fn processor_ms(process: u32) -> anyhow::Result<f64> {
    let mut nanoseconds = 0.0;
    for thread in fs::read_dir(format!("/proc/{process}/task")).context("needs Linux's /proc")? {
        let schedule = fs::read_to_string(thread?.path().join("schedstat"))?;
        nanoseconds += schedule.split(' ').next().context("no number in /proc")?.parse::<f64>()?;
    }
    Ok(nanoseconds / 1e6)
}

fn environment(aws: &str) -> Vec<(String, String)> {
    let mut environment = [
        ("AWS_ACCESS_KEY_ID", "measured"),
        ("AWS_SECRET_ACCESS_KEY", "measured"),
        ("AWS_SESSION_TOKEN", "measured"),
        ("AWS_REGION", "eu-west-1"),
        ("AWS_EXECUTION_ENV", "AWS_Lambda_provided.al2023"),
        ("AWS_LAMBDA_FUNCTION_NAME", "measured"),
        ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256"),
        ("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST"),
        ("AWS_LAMBDA_LOG_GROUP_NAME", "measured"),
        ("AWS_LAMBDA_LOG_STREAM_NAME", "measured"),
        ("RUST_LOG", "info"),
        ("HANDRAIL_TABLE", handrail_runner::TABLE),
        ("HANDRAIL_TIMERS_QUEUE_ARN", "arn:aws:sqs:eu-west-1:123456789012:timers"),
        ("HANDRAIL_SCHEDULE_ROLE_ARN", "arn:aws:iam::123456789012:role/schedules"),
        ("HANDRAIL_SCHEDULE_GROUP", "schedules"),
        ("HANDRAIL_FILES_BUCKET", "files"),
        ("HANDRAIL_MASTER_KEY", "only to be measured: 0123456789abcdef"),
        ("HANDRAIL_ORIGIN", "https://handrail.example.com"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec();
    for service in ["DYNAMODB", "SQS", "SCHEDULER", "S3"] {
        environment.push((format!("AWS_ENDPOINT_URL_{service}"), aws.to_owned()));
    }
    if let Some(bundle) = BUNDLES.into_iter().find(|bundle| Path::new(bundle).exists()) {
        environment.push(("SSL_CERT_FILE".to_owned(), bundle.to_owned()));
    }
    for queue in ["DELIVERIES", "NOTICES", "TIMERS", "FILES"] {
        environment.push((format!("HANDRAIL_{queue}_QUEUE"), format!("{aws}/123456789012/{queue}")));
    }
    environment
}

/// Returns the function's example event. An operation's event names an existing decision and has a new API key, because
/// each process reserves a block of a key's rate limit.
async fn event(function: &str, server: &TestServer) -> anyhow::Result<Bytes> {
    let file = root().join("events").join(Path::new(function).with_extension("json"));
    let mut event: Value = serde_json::from_slice(&fs::read(&file).with_context(|| file.display().to_string())?)?;
    if event["rawPath"].is_string() {
        let key = json!({"name": "measured", "role": "agent"});
        let key = server.admin.post("/auth/api-keys", &key).await.expect(201).json["key"].clone();
        let key = key.as_str().context("no key")?;
        let decision = server.admin.post("/decisions", &server.decision_body()).await.expect(201);
        // Run the effects now, not during the measurement.
        server.run_due_work().await;
        event["rawPath"] = json!(format!("/decisions/{}", decision.id()));
        event["requestContext"]["http"]["path"] = event["rawPath"].clone();
        event["pathParameters"]["id"] = json!(decision.id());
        event["headers"]["authorization"] = json!(format!("Bearer {key}"));
    }
    Ok(Bytes::from(serde_json::to_vec(&event)?))
}

/// Baseline of a function: start, connect, request an event.
pub(crate) fn ask_once() -> anyhow::Result<()> {
    let address = std::env::var("AWS_LAMBDA_RUNTIME_API")?;
    let mut runtime = TcpStream::connect(&address)?;
    write!(runtime, "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\nHost: {address}\r\n\r\n")?;
    // Waits until killed, as a function does.
    runtime.read_to_end(&mut Vec::new())?;
    Ok(())
}

fn print(args: &Args, subjects: &[Subject]) {
    let bare = |value: fn(&Run) -> f64| median(&subjects[0].runs.iter().map(value).collect::<Vec<_>>());
    let (bare_ready, bare_processor) = (bare(|run| run.ready_ms), bare(|run| run.processor_ms));
    let mut rows = Vec::new();
    for subject in subjects {
        let of = |value: fn(&Run) -> f64| subject.runs.iter().map(value).collect::<Vec<f64>>();
        let (ready, processor) = (of(|run| run.ready_ms), of(|run| run.processor_ms));
        let event = |at: usize| {
            let times: Vec<f64> = subject.runs.iter().filter_map(|run| Some(run.events_ms?[at])).collect();
            if times.is_empty() { "".to_owned() } else { format!("{:.1}", median(&times)) }
        };
        rows.push(vec![
            subject.name.clone(),
            format!("{:.1}", median(&ready)),
            format!("{:.1}", percentile(&ready, 0.95)),
            format!("{:.1}", median(&ready) / bare_ready),
            format!("{:.1}", median(&processor)),
            format!("{:.1}", median(&processor) / bare_processor),
            event(0),
            event(1),
            format!("{:.1}", median(&of(|run| run.memory_mb))),
        ]);
    }
    println!("{} runs, profile {}, target {}", args.runs, args.build.profile, std::env::consts::ARCH);
    let heads = [
        "program",
        "ready, median ms",
        "p95 ms",
        "ratio",
        "on the processor, ms",
        "ratio",
        "first event, ms",
        "second event, ms",
        "memory, MB",
    ];
    print_table(&heads, &rows);
}
