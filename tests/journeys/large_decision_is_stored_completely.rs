//! A context too large for the head item is returned unchanged everywhere.

use std::time::Duration;

use handrail_testkit::TestServer;
use serde_json::json;

/// Returns incompressible text.
fn random_text(chars: usize, mut seed: u64) -> String {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x21 + u32::try_from(seed >> 40).unwrap() % 0x5000).unwrap_or('x')
    };
    (0..chars).map(|_| next()).filter(|c| !c.is_control()).collect()
}

#[tokio::test]
async fn large_decision_is_stored_completely() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let mut body = server.decision_body();
    body["context"] = json!(random_text(19_000, 7));
    let once = [("idempotency-key", "large")];
    let first = agent.post_with("/decisions", &once, &body).await.expect(201);
    let path = format!("/decisions/{}", first.id());
    let mail = server.expect_mail("ann@example.com").await;
    assert!(mail.text.contains("The context is cut here"));
    assert_eq!(agent.get(&path).await.expect(200).json["context"], body["context"]);
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"][0]["context"], body["context"]);
    agent.without_key().get(&mail.links[0]).await.expect(200);

    // Repeats at different times make no new decision.
    for _ in 0..12 {
        server.advance(Duration::from_secs(90)).await;
        assert_eq!(agent.post_with("/decisions", &once, &body).await.expect(201).text, first.text);
    }
    let mut other = body.clone();
    other["context"] = json!(random_text(19_000, 8));
    agent.post_with("/decisions", &once, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(agent.get(&path).await.expect(200).json["context"], body["context"]);

    let resolved = app.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    assert_eq!(resolved.json["context"], body["context"]);
    server.expect_webhook("decision.resolved").await;
    let listed = agent.get("/decisions?status=approved").await.expect(200).json;
    assert_eq!(listed["decisions"][0], resolved.json);
    server.finish().await;
}

#[tokio::test]
async fn large_decision_expires() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["context"] = json!(random_text(19_000, 9));
    body["channel"] = json!("webhook");
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let call = server.expect_webhook("decision.created").await.json();
    assert_eq!(call["decision"]["context"], body["context"]);
    server.advance(Duration::from_hours(30)).await;
    server.expect_webhook("decision.expired").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["context"], body["context"]);
    server.finish().await;
}
