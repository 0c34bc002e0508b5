//! When a decision ends, its Slack message shows the outcome and loses its buttons.

use std::time::Duration;

use handrail_testkit::{FailureMode, FakeSlack, TestServer};
use serde_json::json;

#[track_caller]
fn assert_message_shows(slack: &FakeSlack, user: &str, words: &[&str]) {
    let message = slack.message_to(user);
    assert!(message.buttons().is_empty(), "{:?}", message.buttons());
    for part in words {
        assert!(message.visible_text().contains(part), "{part}: {}", message.visible_text());
    }
    slack.assert_valid_calls();
}

#[tokio::test]
async fn slack_message_shows_answer_given_elsewhere() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({})).await;
    let answer = json!({"action": "modify", "notes": "Half of it.", "resolved_by": "Bob <!here>"});
    server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert_message_shows(&slack, &ann, &["Approved with changes", "Notes: Half of it.", "By Bob <!here>"]);

    // A click on an outdated button changes nothing, and the message shows who answered.
    let bea = slack.add_user("bea@example.com");
    let id = server.create_slack_decision(json!({"approver": "bea@example.com"})).await;
    let message = slack.message_to(&bea);
    let page = message.blocks.to_string();
    let link = page.split("\"url\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    server.admin.without_key().post_form(&link, &[("choice", "approve")]).await.expect(303);
    slack.tap(&message, "deny", &bea, server.now()).send(&server.admin).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert_message_shows(&slack, &bea, &["Approved", "By bea@example.com"]);
    assert_eq!(server.decision(&id).await["status"], "approved");
    server.finish().await;
}

#[tokio::test]
async fn slack_message_shows_expiry() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"timeout_minutes": 5})).await;
    let message = slack.message_to(&ann);
    server.advance(Duration::from_secs(5 * 60)).await;
    server.expect_webhook("decision.expired").await;
    assert_message_shows(&slack, &ann, &["Expired", "Nobody answered in time"]);
    slack.tap(&message, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "expired");
    server.expect_slack_outcome(&slack, &ann, "Expired").await;
    server.finish().await;
}

#[tokio::test]
async fn late_click_shows_expiry_without_timer() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"timeout_minutes": 5, "callback_url": null})).await;
    let message = slack.message_to(&ann);
    server.advance_clock_only(Duration::from_secs(5 * 60));
    slack.tap(&message, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "expired");
    assert_message_shows(&slack, &ann, &["Expired"]);
    server.expect_slack_outcome(&slack, &ann, "Expired").await;
    server.finish().await;
}

#[tokio::test]
async fn slack_message_shows_escalation() {
    let (mut server, slack) = TestServer::with_slack().await;
    let (ann, bob) = (slack.add_user("ann@example.com"), slack.add_user("bob@example.com"));
    let agent = server.key_with(json!({"name": "Refunds", "backup_approver": "bob@example.com"})).await;
    let mut ask = server.decision_body();
    (ask["channel"], ask["timeout_minutes"]) = ("slack".into(), 5.into());
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    server.run_due_work().await;
    let to_ann = slack.message_to(&ann);
    assert!(to_ann.visible_text().contains("it goes to bob@example.com"), "{}", to_ann.visible_text());
    server.advance(Duration::from_secs(5 * 60)).await;
    server.expect_webhook("decision.escalated").await;
    assert_message_shows(&slack, &ann, &["Went to the backup", "bob@example.com is asked now"]);
    let to_bob = slack.message_to(&bob);
    assert!(to_bob.visible_text().contains("ann@example.com did not answer in time"), "{}", to_bob.visible_text());

    slack.tap(&to_ann, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "escalated");
    slack.tap(&to_bob, "deny", &bob, server.now()).send(&server.admin).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert_message_shows(&slack, &ann, &["Denied", "By bob@example.com"]);
    assert_message_shows(&slack, &bob, &["Denied", "By bob@example.com"]);
    server.finish().await;
}

#[tokio::test]
async fn settled_decision_is_not_posted() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    // A policy rule resolves the decision at once.
    let rules = json!([{"name": "small sums", "match": {"amount_lt": 50}, "effect": "approve"}]);
    let settings = json!({"name": "Refunds", "approvers": ["*"], "rules": rules, "trust_stated_amounts": true});
    let made = server.admin.post("/auth/api-keys", &settings).await.expect(201);
    let agent = server.admin.with_key(made.json["key"].as_str().unwrap());
    let mut ask = server.decision_body();
    (ask["channel"], ask["amount"]) = ("slack".into(), 10.into());
    let answered = agent.post("/decisions", &ask).await.expect(201);
    assert_eq!(answered.json["status"], "approved", "{}", answered.text);
    server.expect_webhook("decision.resolved").await;
    assert!(slack.messages_to(&ann).is_empty());
    assert_eq!(slack.calls(), Vec::<String>::new());
    server.finish().await;
}

#[tokio::test]
async fn message_shows_answer_given_during_posting() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    slack.plan_failures("chat.postMessage", &[FailureMode::Paused]);
    let mut ask = server.decision_body();
    ask["channel"] = "slack".into();
    let id = server.admin.post("/decisions", &ask).await.expect(201).id();
    slack.wait_for_paused().await;
    // The message is posted, but its position is not recorded yet, so the edit after this answer finds no message.
    server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    assert!(!slack.message_to(&ann).buttons().is_empty());
    slack.release();
    server.expect_webhook("decision.resolved").await;
    assert_message_shows(&slack, &ann, &["Denied"]);
    server.finish().await;
}

#[tokio::test]
async fn slack_reminders_show_outcome() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"timeout_minutes": 60, "reminders": true})).await;
    server.advance(Duration::from_secs(30 * 60)).await;
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2);
    assert!(messages[1].visible_text().contains("Still open"), "{}", messages[1].visible_text());
    slack.tap(&messages[1], "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    assert_eq!(server.decision(&id).await["status"], "approved");
    for message in slack.messages_to(&ann) {
        assert!(
            message.buttons().is_empty() && message.visible_text().contains("Approved"),
            "{}",
            message.visible_text()
        );
    }
    // No reminder is sent for an ended decision.
    server.advance(Duration::from_secs(30 * 60)).await;
    assert_eq!(slack.messages_to(&ann).len(), 2);
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn slack_message_shows_cancellation() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({})).await;
    server.admin.post(&format!("/decisions/{id}/cancel"), &json!({"reason": "Asked twice."})).await.expect(200);
    server.expect_webhook("decision.cancelled").await;
    assert_message_shows(&slack, &ann, &["Taken back", "Reason: Asked twice."]);
    server.finish().await;
}

#[tokio::test]
async fn slack_message_shows_attachments() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"callback_url": null})).await;
    let files: [(&str, &[u8]); 1] = [("offer <!channel>|x.pdf", b"%PDF-1.7 an offer")];
    server.admin.upload(&format!("/decisions/{id}/attachments"), &[], &files).await.expect(201);
    server.run_due_work().await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["approve", "deny", "modify", "page"]);
    assert!(
        message.visible_text().contains("&lt;!channel&gt;") && message.visible_text().contains(".pdf> (17 B)"),
        "{}",
        message.visible_text()
    );
    slack.assert_valid_calls();
    slack.tap(&message, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "approved");
    server.expect_slack_outcome(&slack, &ann, "Approved").await;
    server.finish().await;
}
