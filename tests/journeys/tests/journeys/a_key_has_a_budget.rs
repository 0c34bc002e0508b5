//! A key may do so much in a minute: asking, everything else, and looking at each decision are counted apart.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

async fn key_of(world: &World, requests_per_minute: u32) -> Client {
    world.key_with(json!({"name": "slow", "requests_per_minute": requests_per_minute})).await
}

async fn used(key: &Client) -> Value {
    key.get("/auth/me").await.expect(200).json["usage"]["used"].clone()
}

fn quiet_ask(world: &World) -> Value {
    let mut ask = world.ask();
    ask["channel"] = json!("webhook");
    ask
}

#[track_caller]
fn check_refused(refused: Answer, wait_max: u32) {
    let refused = refused.expect_error(429, "RATE_LIMIT");
    assert_eq!(refused.json["error"], "Rate limit exceeded");
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert!((1..=wait_max).contains(&wait), "{wait}");
}

#[tokio::test]
async fn five_a_minute_are_five() {
    let world = World::new().await;
    let agent = key_of(&world, 5).await;
    for _ in 0..5 {
        agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    }
    for _ in 0..3 {
        check_refused(agent.post("/decisions", &quiet_ask(&world)).await, 60);
    }
    assert_eq!(used(&agent).await, 5);
    let wait: u64 = agent.post("/decisions", &quiet_ask(&world)).await.header("retry-after").parse().unwrap();
    world
        .advance(Duration::from_secs(wait) - Duration::from_millis(world.now().as_unix_ms().unsigned_abs() % 1000 + 1))
        .await;
    check_refused(agent.post("/decisions", &quiet_ask(&world)).await, 1);
    world.advance(Duration::from_millis(1)).await;
    for _ in 0..5 {
        agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    }
    check_refused(agent.post("/decisions", &quiet_ask(&world)).await, 60);
    assert_eq!(used(&agent).await, 10);
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 10);
    world.end().await;
}

#[tokio::test]
async fn five_at_once_are_five_too() {
    let world = World::new().await;
    let agent = key_of(&world, 5).await;
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (agent, ask) = (agent.clone(), quiet_ask(&world));
        racers.spawn(async move { agent.post("/decisions", &ask).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    answers.into_iter().filter(|answer| answer.status != 201).for_each(|refused| check_refused(refused, 60));
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 5);
    world.end().await;
}

#[tokio::test]
async fn what_is_refused_costs_nothing() {
    let world = World::new().await;
    let agent = key_of(&world, 2).await;
    for _ in 0..10 {
        agent
            .post("/decisions", &json!({"action": "", "approver": "ann@example.com"}))
            .await
            .expect_error(400, "VALIDATION_ERROR");
        agent.post("/decisions", &json!([])).await.expect_error(400, "VALIDATION_ERROR");
    }
    assert_eq!(used(&agent).await, 0);
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    check_refused(agent.post("/decisions", &quiet_ask(&world)).await, 60);
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 2);
    world.end().await;
}

/// Agents that wait look again and again: one that waits for much must not keep the others from looking.
#[tokio::test]
async fn each_decision_can_be_looked_at_as_often() {
    let world = World::new().await;
    let agent = key_of(&world, 3).await;
    let mut paths = Vec::new();
    for _ in 0..3 {
        paths.push(format!("/decisions/{}", agent.post("/decisions", &quiet_ask(&world)).await.expect(201).id()));
    }
    for path in &paths {
        for _ in 0..3 {
            agent.get(path).await.expect(200);
        }
        check_refused(agent.get(path).await, 60);
    }
    world.admin.get(&paths[0]).await.expect(200);
    world.advance(Duration::from_mins(1)).await;
    agent.get(&paths[0]).await.expect(200);
    assert_eq!(world.receiver.take().len(), 3);
    world.end().await;
}

#[tokio::test]
async fn a_new_month_begins_at_nothing() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    let month = agent.get("/auth/me").await.expect(200).json["usage"]["month"].clone();
    assert_eq!(month, world.now().to_string()[..7]);
    world.advance(Duration::from_hours(31 * 24)).await;
    let usage = agent.get("/auth/me").await.expect(200).json["usage"].clone();
    assert_eq!((&usage["month"], &usage["used"]), (&json!(world.now().to_string()[..7]), &json!(0)));
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    assert_eq!(used(&agent).await, 1);
    world.settle().await;
    world.receiver.take();
    world.end().await;
}
