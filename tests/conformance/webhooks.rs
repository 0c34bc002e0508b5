//! The published verifier of webhook signatures, and a plain HMAC in Python, on real callbacks and deliveries.

use std::io::Write;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::TestServer;
use serde_json::{Value, json};

use crate::tools::tool;

/// Python program that exits with 0 if the signatures of the call are valid, and with a message otherwise.
const VERIFIER: &str = r#"
import hashlib, hmac, json, sys
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

call = json.load(sys.stdin)
body, headers, secret = call["body"], call["headers"], call["secret"]
# The call was made at the time of the test server's clock.
import standardwebhooks.webhooks as module
from datetime import datetime, timezone
at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), tz=timezone.utc)
class Then(datetime):
    @classmethod
    def now(cls, tz=None):
        return at
module.datetime = Then

assert Webhook(secret).verify(body, headers) == json.loads(body)
for changed, by in [(body + " ", secret), (body, "whsec_" + "A" * 44)]:
    try:
        Webhook(by).verify(changed, headers)
    except WebhookVerificationError:
        continue
    sys.exit("an invalid call was accepted")
if "x-handover-signature" in headers:
    own = "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert headers["x-handover-signature"] == own, headers
"#;

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn published_verifier_accepts_callbacks() {
    let mut server = TestServer::new().await;
    let app = server.key("app").await;
    let decision = app.post("/decisions", &server.decision_body()).await.expect(201);
    server.expect_mail("ann@example.com").await;
    app.post(&format!("/decisions/{}/resolve", decision.id()), &json!({"action": "approve", "notes": "grüß Gott"}))
        .await
        .expect(200);
    let call = server.expect_webhook("decision.resolved").await;
    let secret = app.get("/auth/me").await.expect(200).json["api_keys"][0]["webhook_secret"].clone();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-handover-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!(call.header(name)))).collect();
    let input = json!({"body": String::from_utf8_lossy(&call.body), "headers": headers, "secret": secret});

    verify(&input);
    server.finish().await;
}

/// Webhook secrets are chosen by the owner: any text, or the `whsec_` form.
#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn published_verifier_accepts_webhook_deliveries() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let text_secret = "ein Geheimnis, größer als nötig";
    let encoded_secret = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
    for (secret, verifier_secret) in [
        (text_secret, format!("whsec_{}", BASE64_STANDARD.encode(text_secret))),
        (&encoded_secret, encoded_secret.clone()),
    ] {
        let webhook = json!({"url": server.receiver.url, "events": ["packet.created"], "secret": secret});
        let webhook = client.post("/api/v1/hooks", &webhook).await.expect(201).id();
        let packet = json!({
            "metadata": {"source_agent": {"id": "a", "name": "Ä"}, "target_agent": {"id": "b", "name": "B"}},
            "context": {"summary": "s"},
        });
        client.post("/api/v1/packets", &packet).await.expect(201);
        server.run_due_work().await;
        let calls = server.receiver.take();
        assert_eq!(calls.len(), 1);
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!(calls[0].header(name)))).collect();
        let body = String::from_utf8_lossy(&calls[0].body);
        verify(&json!({"body": body, "headers": headers, "secret": verifier_secret}));
        client.delete(&format!("/api/v1/hooks/{webhook}")).await.expect(204);
    }
    server.finish().await;
}

/// Asserts that the signature matches body and secret, and that changed ones are rejected.
pub(crate) fn verify(call: &Value) {
    let python = Command::new(tool("local/bin/python"))
        .args(["-c", VERIFIER])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut python = python.unwrap();
    python.stdin.take().unwrap().write_all(call.to_string().as_bytes()).unwrap();
    let output = python.wait_with_output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}
