//! A denial reaches the agent like an approval.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn denial_reaches_agent() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["enforce"] = json!(true);
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let mail = server.expect_mail("ann@example.com").await;
    agent
        .without_key()
        .post_form(&mail.links[0], &[("choice", "deny"), ("notes", "Not twice.\r\nAsk Tom.")])
        .await
        .expect(303);

    let call = server.expect_webhook("decision.resolved").await.json();
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    let expected = json!({
        "id": id, "status": "denied", "resolved_by": "ann@example.com", "response_notes": "Not twice.\nAsk Tom.", "response_data": null,
        "action_hash": seen["action_hash"],
    });
    assert_eq!(call["decision"], expected);
    assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!("denied"), &json!(false)));
    assert_eq!(seen["resolved_at"], server.now().to_string());
    server.finish().await;
}
