//! A data folder written by an earlier version is opened, read and continued.
#![expect(clippy::expect_used, reason = "a failed precondition fails the test, also in helpers")]

use std::fs;
use std::path::{Path, PathBuf};

use handrail_context::settings::PublicRateLimits;
use handrail_context::slack::SlackSettings;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::time::Timestamp;
use handrail_runner::cors::CorsOrigins;
use handrail_runner::{ClockMode, Listen, Options, Running, Storage, start};
use handrail_sender::CallLimits;
use http::Method;
use serde_json::{Value, json};
use tempfile::TempDir;

/// The service on a copy of the folder, at the time at which the folder was written.
struct EarlierData {
    running: Running,
    expected: Value,
    http: reqwest::Client,
    _folder: TempDir,
}

impl EarlierData {
    async fn open() -> Self {
        let written = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/earlier_data");
        let folder = tempfile::tempdir().expect("a folder");
        copy(&written, folder.path());
        let expected = fs::read(written.join("expected.json")).expect("the expected responses");
        let expected: Value = serde_json::from_slice(&expected).expect("JSON");
        let written_at = expected["written_at_ms"].as_i64().expect("a time");
        let options = Options {
            listen: Listen::on_loopback(0),
            storage: Storage::Folder(folder.path().to_owned()),
            key: None,
            time: ClockMode::FixedAt(Timestamp::from_unix_ms(written_at)),
            slack: SlackSettings::default(),
            limits: PublicRateLimits::LOCAL,
            call_limits: CallLimits::default(),
            metrics_network: None,
            address_policy: AddressPolicy::AllowLoopback,
            cors_origins: CorsOrigins::default(),
        };
        let running = start(options).await.expect("the folder is opened");
        let http = reqwest::Client::builder().no_proxy().build().expect("a client");
        Self { running, expected, http, _folder: folder }
    }

    fn id(&self, name: &str) -> &str {
        self.expected["ids"][name].as_str().expect("a recorded id")
    }

    async fn call(
        &self,
        method: Method,
        path: &str,
        idempotency_key: Option<&str>,
        body: Option<&Value>,
    ) -> (u16, Value) {
        let url = format!("{}{path}", self.running.origin);
        let key = self.running.key.as_str();
        let mut request = self.http.request(method, url).bearer_auth(key).header("x-api-key", key);
        if let Some(idempotency_key) = idempotency_key {
            request = request.header("idempotency-key", idempotency_key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await.expect("a response");
        (response.status().as_u16(), response.json().await.expect("JSON"))
    }

    async fn post(&self, path: &str, idempotency_key: Option<&str>, body: Value) -> (u16, Value) {
        self.call(Method::POST, path, idempotency_key, Some(&body)).await
    }

    async fn get(&self, path: &str) -> Value {
        let (status, json) = self.call(Method::GET, path, None, None).await;
        assert_eq!(status, 200, "{path}: {json}");
        json
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

fn packet() -> Value {
    json!({
        "metadata": {
            "source_agent": {"id": "intake", "name": "Intake"},
            "target_agent": {"id": "billing", "name": "Billing"},
            "priority": "high",
            "tags": ["refund"],
        },
        "context": {
            "summary": "Order 1234 came in the wrong size",
            "conversation_state": [{"role": "user", "content": "It is too small"}],
            "custom": {"order": 1234},
        },
    })
}

#[tokio::test]
async fn reads_of_earlier_data_are_unchanged() {
    let data = EarlierData::open().await;
    let reads = data.expected["reads"].as_object().expect("recorded responses");
    assert!(reads.len() > 40);
    let written_at = data.expected["origin"].as_str().expect("an origin");
    let mut differences = Vec::new();
    for (path, expected) in reads {
        // Links are made at each read, with the current origin.
        let found = data.get(path).await.to_string().replace(&data.running.origin, written_at);
        let expected = expected.to_string();
        if found != expected {
            differences.push(format!("{path}\n  then: {expected}\n  now:  {found}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    data.running.stop().await;
}

#[tokio::test]
async fn repeated_earlier_requests_find_their_records() {
    let data = EarlierData::open().await;
    let decision = json!({
        "action": "Refund order 1234 (80 EUR)",
        "approver": "ann@example.com",
        "timeout_minutes": 1440,
        "callback_url": format!("{}/local/hooks/in/try", data.expected["origin"].as_str().expect("an origin")),
        "reminders": false,
    });
    let (status, created) = data.post("/decisions", Some("fixture-decision"), decision).await;
    assert_eq!((status, &created["id"]), (201, &json!(data.id("decision_pending"))), "{created}");
    let (status, created) = data.post("/api/v1/packets", Some("fixture-packet"), packet()).await;
    assert_eq!((status, &created["id"]), (201, &json!(data.id("packet_created"))), "{created}");
    let claim = json!({"agent_id": "billing", "agent_name": "Billing", "lease_seconds": 3600});
    let path = format!("/api/v1/packets/{}/claim", data.id("packet_claimed"));
    let (status, claimed) = data.post(&path, Some("fixture-claim"), claim).await;
    assert_eq!((status, &claimed["status"]), (200, &json!("claimed")), "{claimed}");
    let handoff = json!({
        "fromAgent": "sales",
        "toAgent": "billing",
        "conversationContext": {"topic": "upgrade"},
        "handoffReason": "Wants to pay",
        "priority": "high",
    });
    let (status, handed_off) = data.post("/api/agents/route-handoff", Some("fixture-handoff"), handoff).await;
    assert_eq!((status, &handed_off["handoffId"]), (200, &json!(data.id("handoff"))), "{handed_off}");
    data.running.stop().await;
}

#[tokio::test]
async fn earlier_records_can_be_continued() {
    let data = EarlierData::open().await;
    let path = format!("/decisions/{}/resolve", data.id("decision_pending"));
    let (status, decision) = data.post(&path, None, json!({"action": "approve"})).await;
    assert_eq!((status, &decision["status"]), (200, &json!("approved")), "{decision}");

    let path = format!("/api/v1/packets/{}/respond", data.id("packet_open_checkpoint"));
    let (status, packet) = data.post(&path, None, json!({"response": "yes", "responded_by": "ann"})).await;
    assert_eq!((status, &packet["hitl"]["response"]), (200, &json!("yes")), "{packet}");

    let path = format!("/api/v1/packets/{}", data.id("packet_working"));
    let (status, packet) = data.call(Method::PATCH, &path, None, Some(&json!({"status": "completed"}))).await;
    assert_eq!((status, &packet["status"]), (200, &json!("completed")), "{packet}");
    data.running.pump.run_until_idle().await;
    let history = data.get(&format!("{path}/history")).await;
    let before = data.expected["reads"][format!("{path}/history")]["events"].as_array().expect("events").len();
    assert_eq!(history["events"].as_array().map(Vec::len), Some(before + 1), "{history}");
    data.running.stop().await;
}
