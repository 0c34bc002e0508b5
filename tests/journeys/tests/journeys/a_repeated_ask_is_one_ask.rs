//! An agent that does not know whether its request arrived sends it again with the same Idempotency-Key.

use std::time::Duration;

use handrail_testkit::{Answer, World};
use serde_json::json;
use tokio::task::JoinSet;

const ONCE: [(&str, &str); 1] = [("idempotency-key", "order-1234")];

#[tokio::test]
async fn the_same_request_is_answered_the_same() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let ask = world.ask();
    let first = agent.post_with("/decisions", &ONCE, &ask).await.expect(201);
    world.expect_mail("ann@example.com").await;
    world.advance(Duration::from_mins(30)).await;
    let again = agent.post_with("/decisions", &ONCE, &ask).await.expect(201);
    assert_eq!(again.text, first.text);
    // Nothing about it is new: what is null or unknown is not part of the request.
    let mut same = ask.clone();
    same["amount"] = json!(null);
    same["colour"] = json!("red");
    assert_eq!(agent.post_with("/decisions", &ONCE, &same).await.expect(201).id(), first.id());
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"].as_array().unwrap().len(), 1);
    world.end().await;
}

#[tokio::test]
async fn another_request_under_the_same_key_is_refused() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let first = agent.post_with("/decisions", &ONCE, &world.ask()).await.expect(201);
    world.expect_mail("ann@example.com").await;
    for (field, value) in
        [("action", json!("Refund order 1235")), ("approver", json!("bob@example.com")), ("amount", json!(1))]
    {
        let mut other = world.ask();
        other[field] = value;
        agent.post_with("/decisions", &ONCE, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    }
    let seen = agent.get(&format!("/decisions/{}", first.id())).await.expect(200).json;
    assert_eq!(seen["action"], world.ask()["action"]);
    world.end().await;
}

#[tokio::test]
async fn each_api_key_has_its_own() {
    let mut world = World::new().await;
    let (one, other) = (world.key("agent").await, world.key("agent").await);
    let first = one.post_with("/decisions", &ONCE, &world.ask()).await.expect(201).id();
    world.expect_mail("ann@example.com").await;
    let second = other.post_with("/decisions", &ONCE, &world.ask()).await.expect(201).id();
    world.expect_mail("ann@example.com").await;
    assert_ne!(first, second);
    world.end().await;
}

#[tokio::test]
async fn ten_at_once_are_one() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (ask, mut racers) = (world.ask(), JoinSet::new());
    for _ in 0..10 {
        let (agent, ask) = (agent.clone(), ask.clone());
        racers.spawn(async move { agent.post_with("/decisions", &ONCE, &ask).await });
    }
    let answers: Vec<Answer> = racers.join_all().await;
    for answer in &answers {
        assert_eq!((answer.status, &answer.text), (201, &answers[0].text));
    }
    world.expect_mail("ann@example.com").await;
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"].as_array().unwrap().len(), 1);
    world.end().await;
}

/// The status is the one of now, and the record stays as it was decided.
#[tokio::test]
async fn a_repeat_after_the_answer_asks_nobody() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let first = agent.post_with("/decisions", &ONCE, &world.ask()).await.expect(201);
    let mail = world.expect_mail("ann@example.com").await;
    agent.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let again = agent.post_with("/decisions", &ONCE, &world.ask()).await.expect(201);
    assert_eq!((again.id(), &again.json["status"]), (first.id(), &json!("approved")));
    world.end().await;
}
