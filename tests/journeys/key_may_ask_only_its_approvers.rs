//! A key with a list of approvers can ask only these.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn key_may_ask_only_its_approvers() {
    let mut server = TestServer::new().await;
    let agent = server.key_with(json!({"name": "narrow", "approvers": ["ann@example.com", "Bob@Example.com"]})).await;
    for approver in ["eve@example.com", "ann@example.org", "xann@example.com"] {
        let mut body = server.decision_body();
        body["approver"] = json!(approver);
        agent.post("/decisions", &body).await.expect_error(403, "APPROVER_NOT_ALLOWED");
        agent
            .post_with("/decisions", &[("idempotency-key", "once")], &body)
            .await
            .expect_error(403, "APPROVER_NOT_ALLOWED");
    }
    server.expect_no_messages().await;
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/auth/me").await.expect(200).json["usage"]["used"], 0);

    for approver in ["ann@example.com", "bob@example.com"] {
        let mut body = server.decision_body();
        body["approver"] = json!(approver);
        agent.post("/decisions", &body).await.expect(201);
        server.expect_mail(approver).await;
    }
    server.finish().await;
}
