//! No is an answer like yes.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn a_denial_reaches_the_agent() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let mut ask = world.ask();
    ask["enforce"] = json!(true);
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    let mail = world.expect_mail("ann@example.com").await;
    agent
        .without_key()
        .post_form(&mail.links[0], &[("choice", "deny"), ("notes", "Not twice.\r\nAsk Tom.")])
        .await
        .expect(303);

    let call = world.expect_webhook("decision.resolved").await.json();
    let expected = json!({
        "id": id, "status": "denied", "resolved_by": "ann@example.com", "response_notes": "Not twice.\nAsk Tom.", "response_data": null,
    });
    assert_eq!(call["decision"], expected);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!("denied"), &json!(false)));
    assert_eq!(seen["resolved_at"], world.now().to_string());
    world.end().await;
}
