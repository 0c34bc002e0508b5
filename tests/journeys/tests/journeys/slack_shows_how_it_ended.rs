//! Whatever settles a decision, what was posted in Slack says so and loses its buttons.

use std::time::Duration;

use handrail_testkit::{SlackStandIn, Trouble, World};
use serde_json::json;

#[track_caller]
fn shows(slack: &SlackStandIn, user: &str, words: &[&str]) {
    let message = slack.message_to(user);
    assert!(message.buttons().is_empty(), "{:?}", message.buttons());
    for part in words {
        assert!(message.words().contains(part), "{part}: {}", message.words());
    }
    slack.expect_no_wrongs();
}

#[tokio::test]
async fn an_answer_by_api_or_on_the_page() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({})).await;
    let answer = json!({"action": "modify", "notes": "Half of it.", "resolved_by": "Bob <!here>"});
    world.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    shows(&slack, &ann, &["Approved with changes", "Notes: Half of it.", "By Bob <!here>"]);

    // The button that is still on a screen somewhere changes nothing, and says who was first.
    let bea = slack.has_user("bea@example.com");
    let id = world.asked_in_slack(json!({"approver": "bea@example.com"})).await;
    let message = slack.message_to(&bea);
    let page = message.blocks.to_string();
    let link = page.split("\"url\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    world.admin.without_key().post_form(&link, &[("choice", "approve")]).await.expect(303);
    slack.tap(&message, "deny", &bea, world.now()).send(&world.admin).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    shows(&slack, &bea, &["Approved", "By bea@example.com"]);
    assert_eq!(world.decision(&id).await["status"], "approved");
    world.end().await;
}

#[tokio::test]
async fn the_deadline() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"timeout_minutes": 5})).await;
    let message = slack.message_to(&ann);
    world.advance(Duration::from_secs(5 * 60)).await;
    world.expect_webhook("decision.expired").await;
    shows(&slack, &ann, &["Expired", "Nobody answered in time"]);
    slack.tap(&message, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn the_deadline_although_no_timer_ran() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"timeout_minutes": 5, "callback_url": null})).await;
    let message = slack.message_to(&ann);
    world.advance_without_working(Duration::from_secs(5 * 60));
    slack.tap(&message, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "expired");
    shows(&slack, &ann, &["Expired"]);
    world.end().await;
}

#[tokio::test]
async fn the_backup_is_asked_in_slack_and_the_approver_sees_it() {
    let (mut world, slack) = World::in_slack().await;
    let (ann, bob) = (slack.has_user("ann@example.com"), slack.has_user("bob@example.com"));
    let agent = world.key_with(json!({"name": "Refunds", "backup_approver": "bob@example.com"})).await;
    let mut ask = world.ask();
    (ask["channel"], ask["timeout_minutes"]) = ("slack".into(), 5.into());
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    world.settle().await;
    let to_ann = slack.message_to(&ann);
    assert!(to_ann.words().contains("it goes to bob@example.com"), "{}", to_ann.words());
    world.advance(Duration::from_secs(5 * 60)).await;
    world.expect_webhook("decision.escalated").await;
    shows(&slack, &ann, &["Went to the backup", "bob@example.com is asked now"]);
    let to_bob = slack.message_to(&bob);
    assert!(to_bob.words().contains("ann@example.com did not answer in time"), "{}", to_bob.words());

    slack.tap(&to_ann, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "escalated");
    slack.tap(&to_bob, "deny", &bob, world.now()).send(&world.admin).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    shows(&slack, &ann, &["Denied", "By bob@example.com"]);
    shows(&slack, &bob, &["Denied", "By bob@example.com"]);
    world.end().await;
}

#[tokio::test]
async fn a_decision_that_is_settled_before_it_is_posted_asks_nobody() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    // A key's rule answers at once.
    let rules = json!([{"name": "small sums", "match": {"amount_lt": 50}, "effect": "approve"}]);
    let made = world.admin.post("/auth/api-keys", &json!({"name": "Refunds", "rules": rules})).await.expect(201);
    let agent = world.admin.with_key(made.json["key"].as_str().unwrap());
    let mut ask = world.ask();
    (ask["channel"], ask["amount"]) = ("slack".into(), 10.into());
    let answered = agent.post("/decisions", &ask).await.expect(201);
    assert_eq!(answered.json["status"], "approved", "{}", answered.text);
    world.expect_webhook("decision.resolved").await;
    assert!(slack.messages_to(&ann).is_empty());
    assert_eq!(slack.calls(), Vec::<String>::new());
    world.end().await;
}

#[tokio::test]
async fn what_is_settled_while_it_is_posted() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    slack.next("chat.postMessage", &[Trouble::Held]);
    let mut ask = world.ask();
    ask["channel"] = "slack".into();
    let id = world.admin.post("/decisions", &ask).await.expect(201).id();
    slack.arrival().await;
    // It lies there already, but nobody knows where yet: the edit that follows from this answer finds nothing to edit.
    world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    assert!(!slack.message_to(&ann).buttons().is_empty());
    slack.release();
    world.expect_webhook("decision.resolved").await;
    shows(&slack, &ann, &["Denied"]);
    world.end().await;
}

#[tokio::test]
async fn its_reminders_too() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"timeout_minutes": 60, "reminders": true})).await;
    world.advance(Duration::from_secs(30 * 60)).await;
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2);
    assert!(messages[1].words().contains("Still open"), "{}", messages[1].words());
    slack.tap(&messages[1], "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    assert_eq!(world.decision(&id).await["status"], "approved");
    for message in slack.messages_to(&ann) {
        assert!(message.buttons().is_empty() && message.words().contains("Approved"), "{}", message.words());
    }
    // Nobody is reminded of what is settled.
    world.advance(Duration::from_secs(30 * 60)).await;
    assert_eq!(slack.messages_to(&ann).len(), 2);
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn what_the_agent_took_back() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({})).await;
    world.admin.post(&format!("/decisions/{id}/cancel"), &json!({"reason": "Asked twice."})).await.expect(200);
    world.expect_webhook("decision.cancelled").await;
    shows(&slack, &ann, &["Taken back", "Reason: Asked twice."]);
    world.end().await;
}

#[tokio::test]
async fn files_that_are_put_beside_it_are_shown_where_it_was_asked() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"callback_url": null})).await;
    let files: [(&str, &[u8]); 1] = [("offer <!channel>|x.pdf", b"%PDF-1.7 an offer")];
    world.admin.upload(&format!("/decisions/{id}/attachments"), &[], &files).await.expect(201);
    world.settle().await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["approve", "deny", "modify", "page"]);
    assert!(
        message.words().contains("&lt;!channel&gt;") && message.words().contains(".pdf> (17 B)"),
        "{}",
        message.words()
    );
    slack.expect_no_wrongs();
    slack.tap(&message, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "approved");
    world.end().await;
}
