//! What a receiver does decides how often it is called: at once, at once again, 5 s and 30 s later, or never again.

use std::time::Duration;

use handrail_testkit::{Client, World};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn approved(world: &mut World, agent: &Client) -> String {
    let (id, page) = world.asked_by(agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    id
}

async fn callback_of(agent: &Client, id: &str) -> Value {
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    sent["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sent| sent["purpose"] == "announce-resolved")
        .expect("it was sent")
        .clone()
}

fn statuses(delivery: &Value) -> Vec<Value> {
    delivery["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect()
}

#[tokio::test]
async fn a_receiver_that_fails_is_called_four_times_with_the_same_bytes() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    world.receiver.answer_with(&[500, 500, 500, 500]);
    let begun = world.now();
    let id = approved(&mut world, &agent).await;
    world.settle().await;
    let mut calls = world.receiver.take();
    assert_eq!(calls.len(), 2);
    for (wait_ms, expected) in [(4_999, 0), (1, 1), (29_999, 0), (1, 1), (86_400_000, 0)] {
        let waiting = callback_of(&agent, &id).await;
        world.advance(Duration::from_millis(wait_ms)).await;
        let more = world.receiver.take();
        assert_eq!(more.len(), expected, "after {wait_ms} ms: {waiting}");
        calls.extend(more);
    }
    for call in &calls {
        assert_eq!((&call.body, call.header("webhook-id")), (&calls[0].body, calls[0].header("webhook-id")));
        assert_eq!(call.header("x-handover-signature"), calls[0].header("x-handover-signature"));
    }
    let sent = callback_of(&agent, &id).await;
    assert_eq!((&sent["status"], &sent["next_attempt_at"]), (&json!("dead"), &json!(null)));
    let tried: Vec<&Value> = sent["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["at"]).collect();
    assert_eq!(tried, [0, 0, 5_000, 35_000].map(|ms| begun.plus_ms(ms).to_string()).each_ref());
    // The answer stands, whoever heard of it.
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    world.end().await;
}

#[tokio::test]
async fn success_ends_it() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    for (answers, calls) in [(vec![500, 200], 2), (vec![503, 404, 204], 3), (vec![201], 1)] {
        world.receiver.answer_with(&answers);
        let id = approved(&mut world, &agent).await;
        world.advance(Duration::from_mins(10)).await;
        assert_eq!(world.receiver.take().len(), calls, "{answers:?}");
        let sent = callback_of(&agent, &id).await;
        assert_eq!(
            (&sent["status"], statuses(&sent)),
            (&json!("delivered"), answers.iter().map(|status| json!(status)).collect())
        );
    }
    world.end().await;
}

#[tokio::test]
async fn gone_ends_it_at_once() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    world.receiver.answer_with(&[410]);
    let id = approved(&mut world, &agent).await;
    world.advance(Duration::from_mins(10)).await;
    assert_eq!(world.receiver.take().len(), 1);
    assert_eq!(callback_of(&agent, &id).await["status"], "dead");
    world.end().await;
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    world.receiver.answer_with(&[301, 302, 307, 308]);
    let id = approved(&mut world, &agent).await;
    world.advance(Duration::from_mins(10)).await;
    let paths: Vec<String> = world.receiver.take().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/hook"; 4]);
    let sent = callback_of(&agent, &id).await;
    assert_eq!(
        (&sent["status"], statuses(&sent)),
        (&json!("dead"), vec![json!(301), json!(302), json!(307), json!(308)])
    );
    world.end().await;
}

#[tokio::test]
async fn nobody_waits_for_a_receiver_that_is_down() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let nobody = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut ask = world.ask();
    ask["callback_url"] = json!(format!("http://{nobody}/hook"));
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    world.expect_mail("ann@example.com").await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    world.advance(Duration::from_mins(10)).await;
    let sent = callback_of(&agent, &id).await;
    assert_eq!((&sent["status"], statuses(&sent)), (&json!("dead"), vec![json!(null); 4]));
    assert!(sent["attempts"][0]["error"].as_str().is_some_and(|error| !error.is_empty()));
    world.end().await;
}
