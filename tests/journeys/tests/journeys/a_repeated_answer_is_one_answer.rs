//! An app that does not know whether its answer arrived sends it again with the same Idempotency-Key.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn a_repeated_answer_is_one_answer() {
    let mut world = World::new().await;
    let (agent, app, other) = (world.key("agent").await, world.key("app").await, world.key("app").await);
    let (id, _) = world.asked_by(&agent).await;
    let (path, once) = (format!("/decisions/{id}/resolve"), [("idempotency-key", "answer-1")]);
    let answer = json!({"action": "approve", "notes": "go"});
    let first = app.post_with(&path, &once, &answer).await.expect(200);
    assert_eq!(app.post_with(&path, &once, &answer).await.expect(200).text, first.text);
    world.expect_webhook("decision.resolved").await;

    let changed = json!({"action": "approve", "notes": "stop"});
    app.post_with(&path, &once, &changed).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    for (caller, headers) in [(&app, [("idempotency-key", "answer-2")]), (&other, once), (&app, [("x-nothing", "1")])] {
        caller.post_with(&path, &headers, &answer).await.expect_error(409, "ALREADY_RESOLVED");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, first.text);
    world.end().await;
}

/// One name for many answers, as from a program that names its run: each decision has its own.
#[tokio::test]
async fn the_same_name_serves_for_two_decisions() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for _ in 0..2 {
        let (id, _) = world.asked_by(&agent).await;
        let answer = app
            .post_with(&format!("/decisions/{id}/resolve"), &[("idempotency-key", "run-7")], &json!({"action": "deny"}))
            .await;
        assert_eq!(answer.expect(200).json["id"], id);
        world.expect_webhook("decision.resolved").await;
    }
    world.end().await;
}
