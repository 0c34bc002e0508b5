//! A key, and an account by its tier, make so many decisions in a month, and not one more.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_domain::time::Timestamp;
use handrail_testkit::{Answer, Client, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

fn quiet_ask(world: &World) -> Value {
    let mut ask = world.ask();
    ask["channel"] = json!("webhook");
    ask
}

async fn used(key: &Client) -> (Value, Value) {
    let usage = key.get("/auth/me").await.expect(200).json["usage"].clone();
    (usage["used"].clone(), usage["limit"].clone())
}

/// Whole seconds until the month is over.
fn rest_of_month(now: Timestamp) -> i64 {
    now.next_month().as_unix_seconds() - now.as_unix_seconds()
}

#[track_caller]
fn check_refused(refused: Answer, now: Timestamp) {
    let refused = refused.expect_error(429, "RATE_LIMIT");
    assert_eq!(refused.header("retry-after").parse(), Ok(rest_of_month(now)));
}

async fn forget_calls(world: &World) {
    world.settle().await;
    world.receiver.take();
}

#[tokio::test]
async fn three_a_month_are_three_until_the_next_begins() {
    let world = World::new().await;
    let agent = world.key_with(json!({"name": "monthly", "decisions_per_month": 3})).await;
    for made in 1..=3 {
        agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
        assert_eq!(used(&agent).await, (json!(made), json!(3)));
    }
    for _ in 0..3 {
        check_refused(agent.post("/decisions", &quiet_ask(&world)).await, world.now());
    }
    world.admin.post("/decisions", &quiet_ask(&world)).await.expect(201);
    let seconds = u64::try_from(rest_of_month(world.now())).unwrap();
    world.advance(Duration::from_secs(seconds)).await;
    assert_eq!(used(&agent).await, (json!(0), json!(3)));
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    forget_calls(&world).await;
    world.end().await;
}

#[tokio::test]
async fn of_twenty_at_once_five_are_made() {
    let world = World::new().await;
    let agent = world.key_with(json!({"name": "monthly", "decisions_per_month": 5})).await;
    let mut racers = JoinSet::new();
    for _ in 0..20 {
        let (agent, ask) = (agent.clone(), quiet_ask(&world));
        racers.spawn(async move { agent.post("/decisions", &ask).await });
    }
    let answers = racers.join_all().await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 5);
    for refused in answers.into_iter().filter(|answer| answer.status != 201) {
        check_refused(refused, world.now());
    }
    forget_calls(&world).await;
    world.end().await;
}

#[tokio::test]
async fn what_is_refused_or_repeated_is_not_counted() {
    let world = World::new().await;
    let agent = world.key_with(json!({"name": "monthly", "decisions_per_month": 2})).await;
    agent.post("/decisions", &json!({"action": ""})).await.expect_error(400, "VALIDATION_ERROR");
    let named = [("idempotency-key", "order-7")];
    let first = agent.post_with("/decisions", &named, &quiet_ask(&world)).await.expect(201);
    for _ in 0..3 {
        let again = agent.post_with("/decisions", &named, &quiet_ask(&world)).await.expect(201);
        assert_eq!(again.json, first.json);
        let mut other = quiet_ask(&world);
        other["action"] = json!("Something else");
        agent.post_with("/decisions", &named, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    }
    assert_eq!(used(&agent).await, (json!(1), json!(2)));
    agent.post("/decisions", &quiet_ask(&world)).await.expect(201);
    check_refused(agent.post("/decisions", &quiet_ask(&world)).await, world.now());
    // Also when nothing is left.
    let again = agent.post_with("/decisions", &named, &quiet_ask(&world)).await.expect(201);
    assert_eq!(again.json, first.json);
    forget_calls(&world).await;
    world.end().await;
}

#[tokio::test]
async fn all_keys_of_an_account_share_its_tiers_month() {
    let world = World::new().await;
    let admin = world.account_of("holder@example.com", Tier::Free, Role::Admin).await;
    let made = admin.post("/auth/api-keys", &json!({"name": "second"})).await.expect(201);
    let second = admin.with_key(made.json["key"].as_str().unwrap());
    let mut ask = quiet_ask(&world);
    ask["approver"] = json!("holder@example.com");
    for at in 0..10 {
        let key = if at % 2 == 0 { &admin } else { &second };
        key.post("/decisions", &ask).await.expect(201);
    }
    for key in [&admin, &second] {
        assert_eq!(used(key).await, (json!(10), json!(10)));
        check_refused(key.post("/decisions", &ask).await, world.now());
    }
    forget_calls(&world).await;
    world.end().await;
}
