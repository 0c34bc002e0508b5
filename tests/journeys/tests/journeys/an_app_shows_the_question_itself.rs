//! Channel `webhook`: nobody is mailed, the app hears of the decision with all its parts and answers by API.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn an_app_shows_the_question_itself() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let mut ask = world.ask();
    ask["channel"] = json!("webhook");
    ask["amount"] = json!(80.5);
    ask["urgency"] = json!("high");
    ask["timeout_minutes"] = json!(30);
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    let call = world.expect_webhook("decision.created").await.json();
    assert_eq!(call["decision"], agent.get(&format!("/decisions/{id}")).await.expect(200).json);
    for name in ["action", "context", "approver", "channel", "amount", "urgency", "timeout_minutes", "callback_url"] {
        assert_eq!(call["decision"][name], ask[name], "{name}");
    }
    assert_eq!((&call["decision"]["status"], &call["timestamp"]), (&json!("pending"), &json!(world.now().to_string())));

    let answer = json!({"action": "approve", "notes": "Seen in the app", "resolved_by": "tom@example.com", "response_data": {"n": 1}});
    let resolved = app.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200).json;
    let call = world.expect_webhook("decision.resolved").await.json();
    for name in ["id", "status", "resolved_by", "response_notes", "response_data"] {
        assert_eq!(call["decision"][name], resolved[name]);
    }
    assert_eq!(resolved["resolved_by"], "tom@example.com");
    world.end().await;
}

#[tokio::test]
async fn an_app_that_names_nobody_answers_for_the_approver() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    for blank in [json!(null), json!(""), json!("  ")] {
        let (id, _) = world.asked_by(&agent).await;
        let answer = json!({"action": "approve", "resolved_by": blank, "notes": null, "response_data": null});
        let answered = world.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
        assert_eq!(answered.json["resolved_by"], "ann@example.com");
        world.expect_webhook("decision.resolved").await;
    }
    world.end().await;
}
