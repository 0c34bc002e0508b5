//! `handrail demo`: one decision from request to answer. The program plays the agent, and the reader the approver.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use handrail_context::settings::PublicRateLimits;
use handrail_context::slack::SlackSettings;
use handrail_domain::outbound::AddressPolicy;
use handrail_sender::CallLimits;
use serde_json::{Value, json};

use crate::cors::CorsOrigins;
use crate::listen::Listen;
use crate::serve::{ClockMode, Options, Running, Storage, start};

pub use crate::local::curl_line;

const POLL_INTERVAL: Duration = Duration::from_millis(500);
const MAX_MAIL_POLLS: usize = 20;

/// Runs the demo. `tap` names the button to press instead of the reader.
pub async fn play(port: u16, tap: Option<&str>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not create a folder for the demo")?;
    let storage = Storage::Folder(folder.path().to_owned());
    let running = start(Options {
        listen: Listen::on_loopback(port),
        storage,
        key: None,
        time: ClockMode::Running,
        slack: SlackSettings::default(),
        limits: PublicRateLimits::LOCAL,
        call_limits: CallLimits::default(),
        metrics_network: None,
        address_policy: AddressPolicy::AllowLoopback,
        cors_origins: CorsOrigins::default(),
    })
    .await?;
    let result = tokio::select! {
        result = run_steps(&running, tap) => result,
        _ = tokio::signal::ctrl_c() => {
            println!("\nStopped. The demo's data is deleted.");
            Ok(())
        }
    };
    running.stop().await;
    result
}

async fn run_steps(running: &Running, tap: Option<&str>) -> anyhow::Result<()> {
    let (origin, http) = (&running.origin, Http::new(running)?);
    println!("Handrail runs at {origin} for this demo.\n\n1. An agent requests a decision:\n");
    let body = json!({
        "action": "Refund order 1234 (80 EUR)",
        "context": "The customer received the wrong size twice. The refund goes to the original card.",
        "approver": "you@example.com",
        "urgency": "high",
        "timeout_minutes": 30,
        "callback_url": format!("{origin}/local/hooks/in/demo"),
    });
    println!("   POST /decisions\n{}", indented(&body)?);
    let created = http.post("/decisions", &body).await?;
    println!("\n   The response:\n{}", indented(&created)?);
    let id = created["id"].as_str().context("the decision has no id")?;

    let mail = wait_for_mail(&http).await?;
    let page = mail["links"][0].as_str().context("the mail has no link")?;
    println!("\n2. You have mail: \"{}\"", mail["subject"].as_str().unwrap_or_default());
    println!("   Read it   {origin}/local/mail/{}", mail["id"].as_str().unwrap_or_default());
    println!("   or go straight to the page   {page}");
    match tap {
        Some(choice) => {
            println!("\n3. {choice} is clicked for you.");
            http.tap(page, choice).await?;
        }
        None => println!("\n3. Open it and click a button. The agent waits ..."),
    }
    let decision = wait_for_answer(&http, id).await?;
    println!("\n4. The agent gets:\n{}", indented(&decision)?);
    let call = received_callback(running, &http).await?;
    println!("\n5. Its callback URL was called, with signatures:\n{}", indented(&call)?);
    println!("\nThat was the whole path. `cargo run` starts Handrail with a data folder.");
    Ok(())
}

async fn wait_for_mail(http: &Http) -> anyhow::Result<Value> {
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    for _ in 0..MAX_MAIL_POLLS {
        interval.tick().await;
        let mails = http.get("/local/mail").await?;
        if let Some(mail) = mails.get(0) {
            return Ok(mail.clone());
        }
    }
    bail!("no mail came")
}

/// Waits until the decision is answered or expires.
async fn wait_for_answer(http: &Http, id: &str) -> anyhow::Result<Value> {
    let mut interval = tokio::time::interval(POLL_INTERVAL);
    loop {
        interval.tick().await;
        let decision = http.get(&format!("/decisions/{id}")).await?;
        if decision["status"] != "pending" {
            return Ok(decision);
        }
    }
}

async fn received_callback(running: &Running, http: &Http) -> anyhow::Result<Value> {
    running.pump.run_until_idle().await;
    let hooks = http.get("/local/hooks").await?;
    let call = hooks["received"].get(0).context("no callback came")?;
    let headers = call["headers"].as_array().context("the callback has no headers")?;
    let signature_headers: serde_json::Map<String, Value> = headers
        .iter()
        .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())))
        .filter(|(name, _)| name.contains("signature") || name.starts_with("webhook-"))
        .collect();
    let body: Value = serde_json::from_str(call["body"].as_str().unwrap_or_default())?;
    Ok(json!({"headers": signature_headers, "body": body}))
}

fn indented(value: &Value) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n"))
}

/// HTTP client of the agent and the approver.
struct Http {
    client: reqwest::Client,
    origin: String,
    key: String,
}

impl Http {
    fn new(running: &Running) -> anyhow::Result<Self> {
        let client = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy().build()?;
        Ok(Self { client, origin: running.origin.clone(), key: running.key.clone() })
    }

    async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let request = self.client.post(format!("{}{path}", self.origin)).bearer_auth(&self.key).json(body);
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn get(&self, path: &str) -> anyhow::Result<Value> {
        let request = self.client.get(format!("{}{path}", self.origin)).bearer_auth(&self.key);
        let request = request.header("accept", "application/json");
        Ok(request.send().await?.error_for_status()?.json().await?)
    }

    async fn tap(&self, page: &str, choice: &str) -> anyhow::Result<()> {
        let form = self.client.post(page).header("content-type", "application/x-www-form-urlencoded");
        let response = form.body(format!("choice={choice}&notes=")).send().await?;
        ensure!(response.status().as_u16() == 303, "the page returned {}", response.status());
        Ok(())
    }
}
