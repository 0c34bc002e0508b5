//! A key that was made with a list of approvers can't ask anybody else.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn a_key_asks_only_its_approvers() {
    let mut world = World::new().await;
    let agent = world.key_with(json!({"name": "narrow", "approvers": ["ann@example.com", "Bob@Example.com"]})).await;
    for approver in ["eve@example.com", "ann@example.org", "xann@example.com"] {
        let mut ask = world.ask();
        ask["approver"] = json!(approver);
        agent.post("/decisions", &ask).await.expect_error(403, "APPROVER_NOT_ALLOWED");
        agent
            .post_with("/decisions", &[("idempotency-key", "once")], &ask)
            .await
            .expect_error(403, "APPROVER_NOT_ALLOWED");
    }
    world.expect_silence().await;
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/auth/me").await.expect(200).json["usage"]["used"], 0);

    for approver in ["ann@example.com", "bob@example.com"] {
        let mut ask = world.ask();
        ask["approver"] = json!(approver);
        agent.post("/decisions", &ask).await.expect(201);
        world.expect_mail(approver).await;
    }
    world.end().await;
}
