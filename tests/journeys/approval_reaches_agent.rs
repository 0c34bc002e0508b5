//! Whole path of an approval: create, mail, page, click, callback.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn approval_reaches_agent() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let created = agent.post("/decisions", &server.decision_body()).await.expect(201);
    assert_eq!(created.json["status"], "pending");

    let mail = server.expect_mail("ann@example.com").await;
    let page = agent.without_key().get(&mail.links[0]).await.expect(200);
    assert!(page.text.contains("Refund order 1234"));
    agent.without_key().post_form(&mail.links[0], &[("choice", "approve"), ("notes", "go")]).await.expect(303);

    let call = server.expect_webhook("decision.resolved").await;
    assert_eq!(call.json()["decision"]["status"], "approved");
    let seen = agent.get(&format!("/decisions/{}", created.id())).await.expect(200);
    assert_eq!(seen.json["status"], "approved");
    assert_eq!(seen.json["resolved_by"], "ann@example.com");
    assert_eq!(seen.json["response_notes"], "go");
    assert_eq!(seen.json["response_data"], json!(null));
    server.finish().await;
}
