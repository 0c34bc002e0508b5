//! A callback that was given up is made again when somebody asks for it: the same id, the same bytes, the same tries.

use std::time::Duration;

use handrail_testkit::{Client, World};
use serde_json::{Value, json};

/// A decision whose callback was given up.
async fn given_up(world: &mut World, agent: &Client) -> String {
    world.receiver.answer_with(&[500, 500, 500, 500]);
    let (id, page) = world.asked_by(agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    world.advance(Duration::from_mins(2)).await;
    id
}

#[tokio::test]
async fn what_was_given_up_is_called_again_with_the_same_bytes() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let id = given_up(&mut world, &agent).await;
    let before = world.receiver.take();
    assert_eq!(before.len(), 4);
    let path = format!("/decisions/{id}/callback/replay");
    let replayed = agent.post(&path, &json!({})).await.expect(202);
    assert_eq!(replayed.json["replayed"].as_array().unwrap().len(), 1);
    let call = world.expect_webhook("decision.resolved").await;
    assert_eq!((&call.body, call.header("webhook-id")), (&before[0].body, before[0].header("webhook-id")));
    assert_eq!(call.header("x-handover-signature"), before[0].header("x-handover-signature"));
    // It arrived: nothing is left to replay, but one may ask for it by name.
    agent.post(&path, &json!({})).await.expect_error(409, "NOTHING_TO_REPLAY");
    let delivery = call.header("webhook-id").to_owned();
    agent.post(&path, &json!({"delivery_id": delivery})).await.expect(202);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn a_replay_that_fails_is_tried_as_often_as_the_first_time() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let id = given_up(&mut world, &agent).await;
    world.receiver.take();
    world.receiver.answer_with(&[500, 500, 500, 500]);
    let path = format!("/decisions/{id}/callback/replay");
    agent.post(&path, &json!({})).await.expect(202);
    // While it is being tried there is nothing to replay.
    world.settle().await;
    agent.post(&path, &json!({})).await.expect_error(409, "NOTHING_TO_REPLAY");
    world.advance(Duration::from_mins(2)).await;
    assert_eq!(world.receiver.take().len(), 4);
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let sent =
        sent["deliveries"].as_array().unwrap().iter().find(|sent| sent["purpose"] == "announce-resolved").unwrap();
    assert_eq!((&sent["status"], &sent["replays"]), (&json!("dead"), &json!(1)));
    assert_eq!(sent["attempts"].as_array().unwrap().len(), 8);
    world.end().await;
}

#[tokio::test]
async fn ten_replays_at_once_are_one() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let id = given_up(&mut world, &agent).await;
    world.receiver.take();
    let path = format!("/decisions/{id}/callback/replay");
    let asked = (0..10).map(|_| {
        let (agent, path) = (agent.clone(), path.clone());
        tokio::spawn(async move { agent.post(&path, &json!({})).await.status })
    });
    let mut taken = 0;
    for asked in asked.collect::<Vec<_>>() {
        taken += u32::from(asked.await.unwrap() == 202);
    }
    assert_eq!(taken, 1);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn only_callbacks_of_this_decision_are_replayed() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let id = given_up(&mut world, &agent).await;
    world.receiver.take();
    let path = format!("/decisions/{id}/callback/replay");
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let mail = sent["deliveries"].as_array().unwrap().iter().find(|sent| sent["purpose"] == "ask-approver").unwrap();
    for wrong in [mail["id"].clone(), json!("msg_1"), json!("")] {
        agent.post(&path, &json!({"delivery_id": wrong})).await.expect_error(400, "VALIDATION_ERROR");
    }
    let stranger = world.stranger(handrail_domain::access::Role::Admin).await;
    stranger.post(&path, &Value::Object(serde_json::Map::new())).await.expect_error(404, "NOT_FOUND");
    world.end().await;
}
