//! Channel `webhook`: no mail is sent; the app gets the whole decision and answers by API.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn app_key_answers_for_named_approver() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let mut body = server.decision_body();
    body["channel"] = json!("webhook");
    body["amount"] = json!(80.5);
    body["urgency"] = json!("high");
    body["timeout_minutes"] = json!(30);
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let call = server.expect_webhook("decision.created").await.json();
    assert_eq!(call["decision"], agent.get(&format!("/decisions/{id}")).await.expect(200).json);
    for name in ["action", "context", "approver", "channel", "amount", "urgency", "timeout_minutes", "callback_url"] {
        assert_eq!(call["decision"][name], body[name], "{name}");
    }
    assert_eq!(
        (&call["decision"]["status"], &call["timestamp"]),
        (&json!("pending"), &json!(server.now().to_string()))
    );

    let answer = json!({"action": "approve", "notes": "Seen in the app", "resolved_by": "tom@example.com", "response_data": {"n": 1}});
    let resolved = app.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200).json;
    let call = server.expect_webhook("decision.resolved").await.json();
    for name in ["id", "status", "resolved_by", "response_notes", "response_data"] {
        assert_eq!(call["decision"][name], resolved[name]);
    }
    assert_eq!(resolved["resolved_by"], "tom@example.com");
    server.finish().await;
}

#[tokio::test]
async fn app_answer_defaults_to_current_approver() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    for blank in [json!(null), json!(""), json!("  ")] {
        let (id, _) = server.create_decision(&agent).await;
        let answer = json!({"action": "approve", "resolved_by": blank, "notes": null, "response_data": null});
        let answered = server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
        assert_eq!(answered.json["resolved_by"], "ann@example.com");
        server.expect_webhook("decision.resolved").await;
    }
    server.finish().await;
}
