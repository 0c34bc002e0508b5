//! A key's rules settle what they match as it is asked, say so, and can be tried on the past first.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use serde_json::{Value, json};

fn small_refunds() -> Value {
    json!([
        {"name": "never payroll", "match": {"keywords_any": ["payroll"]}, "effect": "ask"},
        {"name": "small refunds", "match": {"amount_lt": 50}, "effect": "approve"},
        {"name": "huge", "match": {"amount_gte": 10_000}, "effect": "deny"},
    ])
}

/// An agent's key and its id.
async fn agent(world: &World, rules: Value) -> (Client, String) {
    let made = world.admin.post("/auth/api-keys", &json!({"name": "refunds", "role": "agent"})).await.expect(201);
    let id = made.id();
    world
        .admin
        .send(http::Method::PUT, &format!("/auth/api-keys/{id}"), &[], json!({"rules": rules}).to_string().into_bytes())
        .await
        .expect(200);
    (world.admin.with_key(made.json["key"].as_str().unwrap()), id)
}

async fn ask(world: &World, agent: &Client, action: &str, amount: Option<f64>) -> Answer {
    let mut ask = world.ask();
    ask["action"] = action.into();
    ask["amount"] = json!(amount);
    ask["enforce"] = true.into();
    agent.post("/decisions", &ask).await.expect(201)
}

#[tokio::test]
async fn what_a_rule_approves_is_approved_at_once_and_nobody_is_asked() {
    let mut world = World::new().await;
    let (agent, _) = agent(&world, small_refunds()).await;
    let made = ask(&world, &agent, "Refund order 1", Some(49.99)).await;
    let expected = json!({
        "id": made.json["id"],
        "status": "approved",
        "expires_at": made.json["expires_at"],
        "created_at": world.now(),
        "auto_resolved": true,
        "resolved_by": "policy",
    });
    assert_eq!(made.json, expected);
    // The program that asked with a callback hears of it like of any answer; nobody is mailed.
    let call = world.expect_webhook("decision.resolved").await.json();
    assert_eq!((&call["decision"]["status"], &call["decision"]["resolved_by"]), (&json!("approved"), &json!("policy")));
    let seen = agent.get(&format!("/decisions/{}", made.id())).await.expect(200).json;
    assert_eq!((&seen["auto_resolved"], &seen["policy_rule"]), (&json!(true), &json!("small refunds")));
    assert_eq!((&seen["action_permitted"], &seen["resolved_at"]), (&json!(true), &json!(world.now())));
    assert!(seen["response_notes"].as_str().unwrap().contains("small refunds"));
    world.advance(Duration::from_hours(2)).await;
    world.end().await;
}

#[tokio::test]
async fn a_denial_by_rule_is_learned_by_the_first_look_and_never_by_the_create() {
    let mut world = World::new().await;
    let (agent, _) = agent(&world, small_refunds()).await;
    let made = ask(&world, &agent, "Refund order 1", Some(10_000.0)).await;
    // Published clients take whatever is settled in this answer for an approval.
    assert_eq!((&made.json["status"], &made.json["auto_resolved"]), (&json!("pending"), &Value::Null));
    let seen = agent.get(&format!("/decisions/{}", made.id())).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["resolved_by"]), (&json!("denied"), &json!("policy")));
    assert_eq!(seen["action_permitted"], false);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn what_no_rule_settles_goes_to_a_person() {
    let mut world = World::new().await;
    let (agent, _) = agent(&world, small_refunds()).await;
    for (action, amount) in [("Payroll correction", Some(1.0)), ("Refund order 1", Some(50.0)), ("Refund", None)] {
        let made = ask(&world, &agent, action, amount).await;
        assert_eq!(made.json["status"], "pending", "{action}");
        world.expect_mail("ann@example.com").await;
    }
    // A yes is not the whole answer.
    let mut choose = world.ask();
    choose["amount"] = 1.into();
    choose["response_type"] = json!({"type": "choose", "choices": ["card", "voucher"]});
    assert_eq!(agent.post("/decisions", &choose).await.expect(201).json["status"], "pending");
    world.expect_mail("ann@example.com").await;
    world.end().await;
}

#[tokio::test]
async fn a_repeat_is_told_the_same() {
    let mut world = World::new().await;
    let (agent, _) = agent(&world, small_refunds()).await;
    let mut ask = world.ask();
    ask["amount"] = 5.into();
    let once = [("idempotency-key", "order-1")];
    let first = agent.post_with("/decisions", &once, &ask).await.expect(201);
    assert_eq!(first.json["auto_resolved"], true);
    assert_eq!(agent.post_with("/decisions", &once, &ask).await.expect(201).json, first.json);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn rules_are_tried_on_the_past_before_they_count() {
    let world = World::new().await;
    let (agent, id) = agent(&world, json!([])).await;
    let app = world.key("app").await;
    let old = ask(&world, &agent, "Refund of last month", Some(1.0)).await.id();
    app.post(&format!("/decisions/{old}/resolve"), &json!({"action": "approve"})).await.expect(200);
    world.advance(Duration::from_hours(24 * 20)).await;
    for (action, amount, answer) in
        [("Refund order 1", 5.0, "approve"), ("Refund order 2", 6.0, "deny"), ("Refund order 3", 70.0, "approve")]
    {
        let made = ask(&world, &agent, action, Some(amount)).await.id();
        app.post(&format!("/decisions/{made}/resolve"), &json!({"action": answer})).await.expect(200);
        world.advance(Duration::from_mins(1)).await;
    }
    // Another key's are none of its rules' business.
    ask(&world, &world.key("agent").await, "Refund order 4", Some(5.0)).await;
    world.settle().await;
    let path = format!("/auth/api-keys/{id}/rules/dry-run");
    let tried = world.admin.post(&path, &json!({"rules": small_refunds()})).await.expect(200).json;
    assert_eq!((&tried["decisions_seen"], &tried["would_be_asked"]), (&json!(3), &json!(1)));
    let small = &tried["rules"][1];
    let counts =
        ["would_settle", "agreed_with_the_answer", "disagreed_with_the_answer"].map(|name| small[name].clone());
    assert_eq!(counts, [json!(2), json!(1), json!(1)]);
    let told: Vec<_> =
        tried["decisions"].as_array().unwrap().iter().map(|told| (&told["action"], &told["agrees"])).collect();
    assert_eq!(told, [(&json!("Refund order 2"), &json!(false)), (&json!("Refund order 1"), &json!(true))]);
    assert_eq!(tried["next_cursor"], Value::Null);
    let month = world.admin.post(&path, &json!({"rules": small_refunds(), "days": 30})).await.expect(200).json;
    assert_eq!(month["decisions_seen"], 4);
    // Nothing came of it: the key still asks.
    let own = world.admin.send(http::Method::POST, &path, &[], Vec::new()).await.expect(200).json;
    assert_eq!((&own["rules"], &own["would_be_asked"]), (&json!([]), &json!(3)));
    for (field, body) in [
        ("days", json!({"days": 0})),
        ("days", json!({"days": 91})),
        ("cursor", json!({"cursor": "x"})),
        ("rules[0]", json!({"rules": [{"name": "all", "match": {}, "effect": "approve"}]})),
    ] {
        let refused = world.admin.post(&path, &body).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], field, "{}", refused.text);
    }
    agent.post(&path, &json!({})).await.expect_error(403, "FORBIDDEN");
    world.running.stop().await;
}
