//! `handrail demo`: one decision from ask to answer. The agent is played here; the person is the reader.

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use handrail_kernel::settings::Limits;
use handrail_kernel::slack::SlackSettings;
use serde_json::{Value, json};

use crate::serve::{Options, Running, Storage, Time, start};

pub use crate::local::curl_line;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const MAIL_LOOKS_MAX: usize = 20;

/// `tap`: the button to press in the reader's place.
pub async fn play(port: u16, tap: Option<&str>) -> anyhow::Result<()> {
    let folder = tempfile::tempdir().context("could not make a folder for the demo")?;
    let storage = Storage::Folder(folder.path().to_owned());
    let running = start(Options {
        port,
        storage,
        key: None,
        time: Time::Running,
        slack: SlackSettings::default(),
        limits: Limits::OF_ONE_MACHINE,
    })
    .await?;
    let played = tokio::select! {
        played = acts(&running, tap) => played,
        _ = tokio::signal::ctrl_c() => {
            println!("\nStopped. Nothing of the demo is kept.");
            Ok(())
        }
    };
    running.stop().await;
    played
}

async fn acts(running: &Running, tap: Option<&str>) -> anyhow::Result<()> {
    let (origin, http) = (&running.origin, Http::of(running)?);
    println!("Handrail runs at {origin} for this demo.\n\n1. An agent asks for a decision:\n");
    let ask = json!({
        "action": "Refund order 1234 (80 EUR)",
        "context": "The customer received the wrong size twice. The refund goes to the original card.",
        "approver": "you@example.com",
        "urgency": "high",
        "timeout_minutes": 30,
        "callback_url": format!("{origin}/local/hooks/in/demo"),
    });
    println!("   POST /decisions\n{}", indented(&ask)?);
    let created = http.post("/decisions", &ask).await?;
    println!("\n   and is told:\n{}", indented(&created)?);
    let id = created["id"].as_str().context("the decision has no id")?;

    let mail = the_mail(&http).await?;
    let page = mail["links"][0].as_str().context("the mail has no link")?;
    println!("\n2. You have mail: \"{}\"", mail["subject"].as_str().unwrap_or_default());
    println!("   Read it   {origin}/local/mail/{}", mail["id"].as_str().unwrap_or_default());
    println!("   or go straight to the page   {page}");
    match tap {
        Some(choice) => {
            println!("\n3. {choice} is tapped for you.");
            http.tap(page, choice).await?;
        }
        None => println!("\n3. Open it and tap a button. The agent waits ..."),
    }
    let decision = answered(&http, id).await?;
    println!("\n4. The agent learns:\n{}", indented(&decision)?);
    let call = the_callback(running, &http).await?;
    println!("\n5. Its callback was called, signed:\n{}", indented(&call)?);
    println!("\nThat was the whole path. `cargo run` starts Handrail for good.");
    Ok(())
}

async fn the_mail(http: &Http) -> anyhow::Result<Value> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    for _ in 0..MAIL_LOOKS_MAX {
        looks.tick().await;
        let mails = http.get("/local/mail").await?;
        if let Some(mail) = mails.get(0) {
            return Ok(mail.clone());
        }
    }
    bail!("no mail came")
}

/// As long as the reader takes: the decision itself expires.
async fn answered(http: &Http, id: &str) -> anyhow::Result<Value> {
    let mut looks = tokio::time::interval(LOOK_EVERY);
    loop {
        looks.tick().await;
        let decision = http.get(&format!("/decisions/{id}")).await?;
        if decision["status"] != "pending" {
            return Ok(decision);
        }
    }
}

async fn the_callback(running: &Running, http: &Http) -> anyhow::Result<Value> {
    running.pump.settle().await;
    let hooks = http.get("/local/hooks").await?;
    let call = hooks["received"].get(0).context("no callback came")?;
    let headers = call["headers"].as_array().context("the callback has no headers")?;
    let signed: serde_json::Map<String, Value> = headers
        .iter()
        .filter_map(|pair| Some((pair[0].as_str()?.to_owned(), pair[1].clone())))
        .filter(|(name, _)| name.contains("signature") || name.starts_with("webhook-"))
        .collect();
    let body: Value = serde_json::from_str(call["body"].as_str().unwrap_or_default())?;
    Ok(json!({"headers": signed, "body": body}))
}

fn indented(value: &Value) -> anyhow::Result<String> {
    let text = serde_json::to_string_pretty(value)?;
    Ok(text.lines().map(|line| format!("   {line}")).collect::<Vec<_>>().join("\n"))
}

/// What the agent and the person use: nothing but HTTP.
struct Http {
    client: reqwest::Client,
    origin: String,
    key: String,
}

impl Http {
    fn of(running: &Running) -> anyhow::Result<Self> {
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
        let answer = form.body(format!("choice={choice}&notes=")).send().await?;
        ensure!(answer.status().as_u16() == 303, "the page answered {}", answer.status());
        Ok(())
    }
}
