//! An app that does not know whether its answer arrived sends it again with the same Idempotency-Key.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn repeated_answer_is_recorded_once() {
    let mut server = TestServer::new().await;
    let (agent, app, other) = (server.key("agent").await, server.key("app").await, server.key("app").await);
    let (id, _) = server.create_decision(&agent).await;
    let (path, once) = (format!("/decisions/{id}/resolve"), [("idempotency-key", "answer-1")]);
    let answer = json!({"action": "approve", "notes": "go"});
    let first = app.post_with(&path, &once, &answer).await.expect(200);
    assert_eq!(app.post_with(&path, &once, &answer).await.expect(200).text, first.text);
    server.expect_webhook("decision.resolved").await;

    let changed = json!({"action": "approve", "notes": "stop"});
    app.post_with(&path, &once, &changed).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    for (caller, headers) in [(&app, [("idempotency-key", "answer-2")]), (&other, once), (&app, [("x-nothing", "1")])] {
        caller.post_with(&path, &headers, &answer).await.expect_error(409, "ALREADY_RESOLVED");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, first.text);
    server.finish().await;
}

/// Programs may use one idempotency key for answers to many decisions: each decision counts it separately.
#[tokio::test]
async fn idempotency_key_works_for_two_decisions() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for _ in 0..2 {
        let (id, _) = server.create_decision(&agent).await;
        let answer = app
            .post_with(&format!("/decisions/{id}/resolve"), &[("idempotency-key", "run-7")], &json!({"action": "deny"}))
            .await;
        assert_eq!(answer.expect(200).json["id"], id);
        server.expect_webhook("decision.resolved").await;
    }
    server.finish().await;
}
