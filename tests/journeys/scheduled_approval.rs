//! `response_type` schedule: approved for a time and not before, from the page and by API.

use std::time::Duration;

use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};

const DAY: Duration = Duration::from_hours(24);

async fn create_schedule_decision(server: &mut TestServer, agent: &Client) -> (String, String) {
    let mut new_decision = server.decision_body();
    new_decision["response_type"] = json!({"type": "schedule", "label": "When may it go out?"});
    new_decision["enforce"] = json!(true);
    let id = agent.post("/decisions", &new_decision).await.expect(201).id();
    (id, server.expect_mail("ann@example.com").await.links[0].clone())
}

/// `decision.due` is sent once at the scheduled time, and not before.
async fn assert_scheduled(server: &mut TestServer, agent: &Client, id: &str, by: &str, at: &str, wait: Duration) {
    let call = server.expect_webhook("decision.resolved").await.json();
    let path = format!("/decisions/{id}");
    let seen = agent.get(&path).await.expect(200).json;
    let expected = json!({"id": id, "status": "scheduled", "resolved_by": by, "response_notes": null,
        "response_data": null, "action_hash": seen["action_hash"], "execute_at": at});
    assert_eq!(call["decision"], expected);
    assert_eq!((&seen["status"], &seen["execute_at"]), (&json!("scheduled"), &json!(at)));
    assert_eq!((&seen["action_permitted"], &seen["response_data"]), (&json!(false), &Value::Null));

    server.advance(wait - Duration::from_millis(1)).await;
    server.expect_no_messages().await;
    assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], false);
    server.advance(Duration::from_millis(1)).await;
    let due = server.expect_webhook("decision.due").await.json();
    assert_eq!((&due["decision"], &due["timestamp"]), (&expected, &json!(at)));
    let seen = agent.get(&path).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["action_permitted"]), (&json!("scheduled"), &json!(true)));
    server.advance(30 * DAY).await;
    server.expect_no_messages().await;
}

#[tokio::test]
async fn approval_can_be_scheduled_on_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = create_schedule_decision(&mut server, &agent).await;
    let person = agent.without_key();
    // The test server's clock starts on 21 Sep 2026, 14:13:20.
    let form = [("choice", "approve"), ("date", "2026-09-23"), ("time", "09:30")];
    person.post_form(&page, &form).await.expect(303);
    person.post_form(&page, &form).await.expect(303);
    let shown = person.get(&page).await.expect(200).text;
    for part in ["Approved for later", "Not before", "23 Sep 2026, 09:30 UTC", "Your answer is recorded"] {
        assert!(shown.contains(part), "{part}");
    }
    person.post_form(&page, &[("choice", "now")]).await.expect(409);
    let wait = Duration::from_millis(1_790_155_800_000 - 1_790_000_000_000);
    assert_scheduled(&mut server, &agent, &id, "ann@example.com", "2026-09-23T09:30:00.000Z", wait).await;
    server.finish().await;
}

#[tokio::test]
async fn approval_can_be_scheduled_by_api() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for inside in [false, true] {
        let (id, _) = create_schedule_decision(&mut server, &agent).await;
        let at = server.now().plus_ms(3_600_000).to_string();
        let mut body = json!({"action": "approve", "resolved_by": "Tom"});
        match inside {
            true => body["response_data"] = json!({"execute_at": at}),
            false => body["execute_at"] = json!(at),
        }
        app.post(&format!("/decisions/{id}/resolve"), &body).await.expect(200);
        assert_scheduled(&mut server, &agent, &id, "Tom", &at, Duration::from_hours(1)).await;
    }
    server.finish().await;
}

#[tokio::test]
async fn schedule_of_now_approves_immediately() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let (id, page) = create_schedule_decision(&mut server, &agent).await;
    agent.without_key().post_form(&page, &[("choice", "now"), ("date", "2026-09-23")]).await.expect(303);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["status"], "approved");
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["action_permitted"], true);

    let (id, _) = create_schedule_decision(&mut server, &agent).await;
    let resolved = app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200).json;
    assert_eq!((&resolved["status"], &resolved["execute_at"]), (&json!("approved"), &Value::Null));
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}
