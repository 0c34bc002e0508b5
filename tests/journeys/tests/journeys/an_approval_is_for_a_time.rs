//! `response_type` schedule: approved for a time and not before, from the page and by API.

use std::time::Duration;

use handrail_testkit::{Client, World};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_hours(24);

async fn asked(world: &mut World, agent: &Client) -> (String, String) {
    let mut ask = world.ask();
    ask["response_type"] = json!({"type": "schedule", "label": "When may it go out?"});
    ask["enforce"] = json!(true);
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    (id, world.expect_mail("ann@example.com").await.links[0].clone())
}

/// Not before its time, and then; its caller is told once.
async fn check(world: &mut World, agent: &Client, id: &str, by: &str, at: &str, wait: Duration) {
    let call = world.expect_webhook("decision.resolved").await.json();
    let expected = json!({"id": id, "status": "scheduled", "resolved_by": by, "response_notes": null,
        "response_data": null, "execute_at": at});
    assert_eq!(call["decision"], expected);
    let path = format!("/decisions/{id}");
    let seen = agent.get(&path).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["execute_at"]), (&json!("scheduled"), &json!(at)));
    assert_eq!((&seen["action_permitted"], &seen["response_data"]), (&json!(false), &Value::Null));

    world.advance(wait - Duration::from_millis(1)).await;
    world.expect_silence().await;
    assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], false);
    world.advance(Duration::from_millis(1)).await;
    let due = world.expect_webhook("decision.due").await.json();
    assert_eq!((&due["decision"], &due["timestamp"]), (&expected, &json!(at)));
    let seen = agent.get(&path).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!("scheduled"), &json!(true)));
    world.advance(30 * DAY).await;
    world.expect_silence().await;
}

#[tokio::test]
async fn on_the_page() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = asked(&mut world, &agent).await;
    let person = agent.without_key();
    // The world begins on 21 Sep 2026, 14:13:20.
    let form = [("choice", "approve"), ("date", "2026-09-23"), ("time", "09:30")];
    person.post_form(&page, &form).await.expect(303);
    person.post_form(&page, &form).await.expect(303);
    let shown = person.get(&page).await.expect(200).text;
    for part in ["Approved for later", "Not before", "23 Sep 2026, 09:30 UTC", "Your answer is recorded"] {
        assert!(shown.contains(part), "{part}");
    }
    person.post_form(&page, &[("choice", "now")]).await.expect(409);
    let wait = Duration::from_millis(1_790_155_800_000 - 1_790_000_000_000);
    check(&mut world, &agent, &id, "ann@example.com", "2026-09-23T09:30:00.000Z", wait).await;
    world.end().await;
}

#[tokio::test]
async fn by_api_in_either_place() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for inside in [false, true] {
        let (id, _) = asked(&mut world, &agent).await;
        let at = world.now().plus_ms(3_600_000).to_string();
        let mut body = json!({"action": "approve", "resolved_by": "Tom"});
        match inside {
            true => body["response_data"] = json!({"execute_at": at}),
            false => body["execute_at"] = json!(at),
        }
        app.post(&format!("/decisions/{id}/resolve"), &body).await.expect(200);
        check(&mut world, &agent, &id, "Tom", &at, Duration::from_hours(1)).await;
    }
    world.end().await;
}

#[tokio::test]
async fn now_is_an_approval_at_once() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, page) = asked(&mut world, &agent).await;
    agent.without_key().post_form(&page, &[("choice", "now"), ("date", "2026-09-23")]).await.expect(303);
    let call = world.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["status"], "approved");
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["action_permitted"], true);

    let (id, _) = asked(&mut world, &agent).await;
    let resolved = app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200).json;
    assert_eq!((&resolved["status"], &resolved["execute_at"]), (&json!("approved"), &Value::Null));
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}
