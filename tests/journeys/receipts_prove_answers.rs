//! Receipts: a program that was not there checks what was approved, and finds every change.

use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use handrail_domain::access::Role;
use handrail_domain::time::Timestamp;
use handrail_runner::receipt::{ExpectedAction, read_keys, verify};
use handrail_secrets::jwk_set::JwkSet;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_secrets::signing_key::{SigningKey, SigningPurpose};
use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};

/// Files of a program that has the receipt and the public keys, and nothing else.
struct Outsider(tempfile::TempDir);

impl Outsider {
    async fn with_keys_of(server: &TestServer) -> Self {
        let outsider = Self(tempfile::tempdir().unwrap());
        let keys = server.admin.without_key().get("/.well-known/jwks.json").await.expect(200);
        assert_eq!(keys.header("cache-control"), "public, max-age=300");
        outsider.write("jwks.json", &keys.text);
        outsider
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.path(name), text).unwrap();
    }

    /// Returns what the receipt proves, or why it does not.
    async fn verify(&self, receipt: &str, action: Option<ExpectedAction>, now: Timestamp) -> Result<String, String> {
        self.write("receipt", receipt);
        let keys = read_keys(self.path("jwks.json").to_str(), self.0.path()).await.unwrap();
        let proof = verify(&self.path("receipt"), &keys, action.as_ref(), now);
        proof.map(|proof| proof.to_string()).map_err(|error| error.to_string())
    }

    fn action(&self, text: &str, tool: Option<&str>, arguments: Option<&str>) -> Result<ExpectedAction, String> {
        self.write("arguments.json", arguments.unwrap_or_default());
        let path = self.path("arguments.json");
        let arguments = arguments.map(|_| path.as_path());
        ExpectedAction::read(text.to_owned(), tool, arguments).map_err(|error| format!("{error:#}"))
    }
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

async fn receipt_of(client: &Client, id: &str) -> Value {
    client.get(&format!("/decisions/{id}/receipt")).await.expect(200).json
}

#[tokio::test]
async fn outsider_verifies_the_receipt_of_a_page_answer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    (body["action"], body["tool"]) = ("Refund".into(), "refund".into());
    body["arguments"] = json!({"to": {"name": "ACME"}, "amount": 80});
    body["single_use"] = true.into();
    body["valid_for_seconds"] = 600.into();
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let path = format!("/decisions/{id}/receipt");
    agent.get(&path).await.expect_error(409, "NOT_DECIDED");
    let page = server.expect_mail("ann@example.com").await.links[0].clone();
    agent.without_key().post_form(&page, &[("choice", "approve"), ("notes", "gern, \"ACME\" <ä>")]).await.expect(303);
    let callback = server.expect_webhook("decision.resolved").await.json();

    let receipt = receipt_of(&agent, &id).await;
    assert_eq!(callback["receipt"], receipt["receipt"], "the callback has the same receipt");
    server.advance(Duration::from_secs(60)).await;
    assert_eq!(receipt_of(&agent, &id).await, receipt, "every receipt is the same");
    let claims = &receipt["claims"];
    assert_eq!((&claims["resolved_by"], &claims["resolved_via"]), (&json!("ann@example.com"), &json!("mail_link")));
    assert_eq!((&claims["iss"], &claims["env"]), (&json!(server.running.origin), &json!("local")));
    assert_eq!(claims["response"], json!({"notes": "gern, \"ACME\" <ä>", "response_data": null}));
    let other = server.other_tenant(Role::Admin).await;
    other.get(&path).await.expect_error(404, "NOT_FOUND");

    let (outsider, now) = (Outsider::with_keys_of(&server).await, server.now());
    let signed = text(&receipt["receipt"]);
    let proof = outsider.verify(signed, None, now).await.unwrap();
    assert!(proof.starts_with("approved: ann@example.com (mail_link) approved the action sha256:"), "{proof}");
    assert!(proof.contains(", for one use before ") && !proof.contains('\n'), "{proof}");
    for text in [receipt.to_string(), callback.to_string(), format!("{signed}\n")] {
        assert_eq!(outsider.verify(&text, None, now).await.unwrap(), proof);
    }
    // Spaces and order of the arguments do not matter, their values do.
    let given = r#" {"amount": 8e1, "to": {"name": "\u0041CME"}} "#;
    let same = outsider.action("Refund", Some("refund"), Some(given)).unwrap();
    let proof = outsider.verify(signed, Some(same), now).await.unwrap();
    assert!(proof.contains("approved exactly the given action (Refund)"), "{proof}");
    for (action, tool, arguments) in [
        ("Refund", Some("refund"), Some(r#"{"amount": 81, "to": {"name": "ACME"}}"#)),
        ("Refund", Some("refunds"), Some(given)),
        ("Refund!", Some("refund"), Some(given)),
        ("Refund", None, Some(given)),
        ("Refund", Some("refund"), None),
    ] {
        let action = outsider.action(action, tool, arguments).unwrap();
        let refused = outsider.verify(signed, Some(action), now).await.unwrap_err();
        assert!(refused.starts_with("another action: "), "{refused}");
    }
    for ambiguous in [r#"{"amount": 80, "amount": 8000}"#, r#"{"amount": 9007199254740993}"#, "[80]", "{"] {
        assert!(outsider.action("Refund", Some("refund"), Some(ambiguous)).is_err(), "{ambiguous}");
    }
    let late = outsider.verify(signed, None, claims["valid_until"].as_str().and_then(Timestamp::parse).unwrap()).await;
    assert!(late.unwrap_err().starts_with("no longer valid: "));
    server.finish().await;
}

#[tokio::test]
async fn changed_receipt_proves_nothing() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about receipts");
    let id = server.admin.post("/decisions", &server.decision_body()).await.expect(201).id();
    server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    let receipt = receipt_of(&server.admin, &id).await;
    let (outsider, now) = (Outsider::with_keys_of(&server).await, server.now());
    let parts: Vec<&str> = text(&receipt["receipt"]).split('.').collect();
    let encode = |value: &Value| BASE64_URL_SAFE_NO_PAD.encode(value.to_string());
    let claims = receipt["claims"].as_object().unwrap();
    assert!(claims.len() >= 19, "{claims:?}");
    assert_eq!(encode(&receipt["claims"]), parts[1]);
    for name in claims.keys() {
        let mut changed = receipt["claims"].clone();
        changed[name] = match &claims[name] {
            Value::String(text) => format!("{text}x").into(),
            Value::Number(number) => (number.as_i64().unwrap() + 1).into(),
            Value::Bool(flag) => (!flag).into(),
            _ => "x".into(),
        };
        let refused = outsider.verify(&format!("{}.{}.{}", parts[0], encode(&changed), parts[2]), None, now).await;
        assert!(refused.unwrap_err().contains("its signature is wrong"), "{name}");
    }
    let header: Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(parts[0]).unwrap()).unwrap();
    for (name, value) in [("alg", "none"), ("alg", "HS256"), ("kid", "another"), ("typ", "JWT"), ("jku", "https://x")] {
        let mut changed = header.clone();
        changed[name] = value.into();
        for signature in [parts[2], ""] {
            let refused = outsider.verify(&format!("{}.{}.{signature}", encode(&changed), parts[1]), None, now).await;
            assert!(refused.unwrap_err().contains("proves nothing"), "{name}: {value}");
        }
    }
    let other = SigningKey::new(&PurposeKey::new("the secret of another service"), SigningPurpose::Receipts);
    outsider.write("jwks.json", &JwkSet::new(vec![other.public_key()]).to_json().to_string());
    let refused = outsider.verify(text(&receipt["receipt"]), None, now).await.unwrap_err();
    assert!(refused.contains("none of the given keys"), "{refused}");
    server.finish().await;
}

#[tokio::test]
async fn every_end_has_a_receipt_and_only_approvals_count() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the program answers what the mails ask, and the test reads every callback below");
    let rules = json!([{"name": "small", "match": {"amount_lt": 50}, "effect": "approve"}]);
    let key = json!({"name": "refunds", "role": "app", "rules": rules, "trust_stated_amounts": true});
    let app = server.key_with(key).await;
    let create = async |change: Value| {
        let mut body = server.decision_body();
        for (name, value) in change.as_object().unwrap() {
            body[name] = value.clone();
        }
        app.post("/decisions", &body).await.expect(201).id()
    };
    let answer = async |id: &str, body: Value| {
        app.post(&format!("/decisions/{id}/resolve"), &body).await.expect(200);
    };
    let denied = create(json!({})).await;
    answer(&denied, json!({"action": "deny"})).await;
    let modified = create(json!({})).await;
    answer(&modified, json!({"action": "modify", "notes": "half"})).await;
    let scheduled = create(json!({"response_type": {"type": "schedule"}})).await;
    let later = server.now().plus_ms(3_600_000);
    answer(&scheduled, json!({"action": "approve", "execute_at": later})).await;
    let cancelled = create(json!({})).await;
    app.post(&format!("/decisions/{cancelled}/cancel"), &json!({})).await.expect(200);
    let by_rule = create(json!({"amount": 10})).await;
    let expired = create(json!({"timeout_minutes": 1})).await;
    server.run_due_work().await;
    server.advance_clock_only(Duration::from_secs(60));
    let early = receipt_of(&app, &expired).await;
    server.advance(Duration::from_secs(60)).await;
    assert_eq!(receipt_of(&app, &expired).await, early, "the timer changes nothing");

    let outsider = Outsider::with_keys_of(&server).await;
    let mut receipts = std::collections::BTreeMap::new();
    for (id, end) in [
        (&denied, "not approved: the key "),
        (&modified, "not as asked: the key "),
        (&scheduled, "not yet: the key "),
        (&cancelled, "not approved: the decision "),
        (&expired, "not approved: nobody answered"),
    ] {
        let receipt = receipt_of(&app, id).await;
        let refused = outsider.verify(text(&receipt["receipt"]), None, server.now()).await.unwrap_err();
        assert!(refused.starts_with(end), "{refused}");
        receipts.insert(id.clone(), receipt["receipt"].clone());
    }
    let receipt = receipt_of(&app, &scheduled).await;
    outsider.verify(text(&receipt["receipt"]), None, later).await.unwrap();
    assert_eq!(receipt["claims"]["answered_by_asker"], true);
    let receipt = receipt_of(&app, &by_rule).await;
    receipts.insert(by_rule.clone(), receipt["receipt"].clone());
    let proof = outsider.verify(text(&receipt["receipt"]), None, server.now()).await.unwrap();
    assert!(proof.starts_with("approved: policy (policy) approved"), "{proof}");
    let policy = &receipt["claims"]["policy"];
    assert!(policy["name"] == "small" && text(&policy["revision"]).starts_with("sha256:"), "{policy}");

    let calls = server.receiver.take();
    assert_eq!(calls.len(), receipts.len());
    for call in calls {
        let body = call.json();
        assert_eq!(body["receipt"], receipts[text(&body["decision"]["id"])], "{}", body["event"]);
    }
    server.finish().await;
}
