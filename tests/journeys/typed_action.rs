//! An action with a tool and arguments: what the approver sees, what callbacks and lists say, and what rules approve.

use handrail_testkit::TestServer;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

#[tokio::test]
async fn approver_and_callbacks_get_the_typed_action() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["action"] = "Refund".into();
    body["tool"] = "refund".into();
    body["arguments"] = json!({"to": {"name": "<b>ACME</b>"}, "amount": 80});
    let created = agent.post("/decisions", &body).await.expect(201);
    let hashed = r#"{"action":"Refund","arguments":{"amount":80,"to":{"name":"<b>ACME</b>"}},"tool":"refund"}"#;
    let digest = Sha256::digest(hashed).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let action_hash = json!(format!("sha256:{digest}"));
    assert_eq!(created.json["action_hash"], action_hash);

    let mail = server.expect_mail("ann@example.com").await;
    assert!(mail.text.contains("> tool: refund\n> to.name: \"<b>ACME</b>\"\n> amount: 80\n"), "{}", mail.text);
    let page = agent.without_key().get(&mail.links[0]).await.expect(200).text;
    assert!(page.contains("refund") && page.contains("“&lt;b&gt;ACME&lt;/b&gt;”"), "{page}");

    let path = format!("/decisions/{}", created.id());
    server.key("app").await.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["action_hash"], action_hash);
    let seen = agent.get(&path).await.expect(200).json;
    assert_eq!(
        (&seen["action_hash"], &seen["tool"], &seen["arguments"]),
        (&action_hash, &body["tool"], &body["arguments"])
    );
    let list = agent.get("/decisions").await.expect(200).json;
    assert_eq!(list["decisions"][0]["action_hash"], action_hash);
    assert_eq!(seen.get("single_use"), None, "only what was given");
    server.finish().await;
}

#[tokio::test]
async fn rule_approves_by_typed_arguments() {
    let mut server = TestServer::new().await;
    let conditions = json!({"tool": "refund", "arguments": [{"path": "amount", "lte": 50}]});
    let rules = json!([{"name": "small refunds", "match": conditions, "effect": "approve"}]);
    let key = json!({"name": "refunds", "role": "agent", "approvers": ["*"], "rules": rules});
    let created = server.admin.post("/auth/api-keys", &key).await.expect(201);
    assert_eq!(created.json["rules"], rules);
    let agent = server.admin.with_key(created.json["key"].as_str().unwrap());
    let status = async |arguments: Value| {
        let mut body = server.decision_body();
        (body["tool"], body["arguments"]) = ("refund".into(), arguments);
        body["callback_url"] = Value::Null;
        agent.post("/decisions", &body).await.expect(201).json["status"].clone()
    };
    assert_eq!(status(json!({"amount": 50})).await, "approved");
    assert_eq!(status(json!({"amount": 51})).await, "pending");
    assert_eq!(status(json!({"amount": 50, "to": "p\u{430}ypal"})).await, "pending");
    let invalid = json!([{"name": "x", "match": {"arguments": [{"path": "a"}]}, "effect": "deny"}]);
    let refused = server.admin.post("/auth/api-keys", &json!({"name": "x", "rules": invalid})).await;
    assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").json["field"], "rules[0]");
    assert_eq!(server.unread_mails("ann@example.com").await.len(), 2);
    server.finish().await;
}
