//! The published verifier of webhook signatures, and a plain HMAC by another language, on a callback that was really made.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::World;
use serde_json::{Value, json};

use crate::tools::tools;

/// Exits with 0 when everything about the call holds, and says what does not.
const VERIFIER: &str = r#"
import hashlib, hmac, json, sys
from standardwebhooks import Webhook
from standardwebhooks.webhooks import WebhookVerificationError

call = json.load(sys.stdin)
body, headers, secret = call["body"], call["headers"], call["secret"]
# The call was made at the time of the test's own world.
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
    sys.exit("a wrong call was taken for a right one")
if "x-handover-signature" in headers:
    own = "sha256=" + hmac.new(secret.encode(), body.encode(), hashlib.sha256).hexdigest()
    assert headers["x-handover-signature"] == own, headers
"#;

#[tokio::test]
async fn the_published_verifier_takes_our_callbacks() {
    let Some(tools) = tools() else {
        eprintln!("left out: HANDRAIL_TOOLS does not say where the verifier is");
        return;
    };
    let mut world = World::new().await;
    let app = world.key("app").await;
    let asked = app.post("/decisions", &world.ask()).await.expect(201);
    world.expect_mail("ann@example.com").await;
    app.post(&format!("/decisions/{}/resolve", asked.id()), &json!({"action": "approve", "notes": "grüß Gott"}))
        .await
        .expect(200);
    let call = world.expect_webhook("decision.resolved").await;
    let secret = app.get("/auth/me").await.expect(200).json["api_keys"][0]["webhook_secret"].clone();
    let names = ["webhook-id", "webhook-timestamp", "webhook-signature", "x-handover-signature"];
    let headers: serde_json::Map<_, _> =
        names.iter().map(|name| ((*name).to_owned(), json!(call.header(name)))).collect();
    let input = json!({"body": String::from_utf8_lossy(&call.body), "headers": headers, "secret": secret});

    verify(&tools, &input);
    world.end().await;
}

/// A hook's secret is its owner's own text, so there are two forms of it.
#[tokio::test]
async fn the_published_verifier_takes_what_hooks_get() {
    let Some(tools) = tools() else {
        eprintln!("left out: HANDRAIL_TOOLS does not say where the verifier is");
        return;
    };
    let world = World::new().await;
    let client = world.admin.of_packets();
    let plain = "ein Geheimnis, größer als nötig";
    let drawn = format!("whsec_{}", BASE64_STANDARD.encode([7; 24]));
    for (given, taken) in [(plain, format!("whsec_{}", BASE64_STANDARD.encode(plain))), (&drawn, drawn.clone())] {
        let hook = json!({"url": world.receiver.url, "events": ["packet.created"], "secret": given});
        let hook = client.post("/api/v1/hooks", &hook).await.expect(201).id();
        let packet = json!({
            "metadata": {"source_agent": {"id": "a", "name": "Ä"}, "target_agent": {"id": "b", "name": "B"}},
            "context": {"summary": "s"},
        });
        client.post("/api/v1/packets", &packet).await.expect(201);
        world.settle().await;
        let calls = world.receiver.take();
        assert_eq!(calls.len(), 1);
        let names = ["webhook-id", "webhook-timestamp", "webhook-signature"];
        let headers: serde_json::Map<_, _> =
            names.iter().map(|name| ((*name).to_owned(), json!(calls[0].header(name)))).collect();
        let body = String::from_utf8_lossy(&calls[0].body);
        verify(&tools, &json!({"body": body, "headers": headers, "secret": taken}));
        client.delete(&format!("/api/v1/hooks/{hook}")).await.expect(204);
    }
    world.end().await;
}

/// Panics unless body, headers and secret of a call belong together, and nothing else belongs to them.
pub(crate) fn verify(tools: &Path, call: &Value) {
    let python = Command::new(tools.join("local/bin/python"))
        .args(["-c", VERIFIER])
        .stdin(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut python = python.unwrap();
    python.stdin.take().unwrap().write_all(call.to_string().as_bytes()).unwrap();
    let ended = python.wait_with_output().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
}
