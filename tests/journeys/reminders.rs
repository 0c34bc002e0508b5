//! Reminders are sent once at half of the time and once shortly before the deadline, and never after the answer.

use std::time::Duration;

use handrail_testkit::{Client, TestServer, TestServerOptions};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);
const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

async fn create_decision_with_backup(server: &mut TestServer, agent: &Client) -> (String, String) {
    let mut body = server.decision_body();
    body["reminders"] = json!(true);
    let id = agent.post("/decisions", &body).await.expect(201).id();
    (id, server.expect_mail(ANN).await.links[0].clone())
}

#[tokio::test]
async fn approver_is_reminded_halfway_and_before_deadline() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = create_decision_with_backup(&mut server, &agent).await;
    server.advance(30 * MINUTE - Duration::from_millis(1)).await;
    server.expect_no_messages().await;
    server.advance(Duration::from_millis(1)).await;
    let half = server.expect_mail(ANN).await;
    assert!(half.subject.starts_with("Reminder: ") && half.subject.contains("Refund order 1234"), "{}", half.subject);
    assert!(half.text.contains("30 minutes left"), "{}", half.text);
    assert_eq!(half.links[0], page, "the same link");
    server.advance(20 * MINUTE).await;
    let last = server.expect_mail(ANN).await;
    assert!(last.text.contains("10 minutes left") && last.subject.starts_with("Reminder: "), "{}", last.text);
    server.advance(9 * MINUTE).await;
    server.expect_no_messages().await;
    agent.without_key().post_form(&last.links[0], &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    server.advance(600 * MINUTE).await;
    server.finish().await;
}

#[tokio::test]
async fn no_reminder_after_answer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (_, page) = create_decision_with_backup(&mut server, &agent).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let (_, page) = create_decision_with_backup(&mut server, &agent).await;
    server.advance(30 * MINUTE).await;
    server.expect_mail(ANN).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    server.advance(600 * MINUTE).await;
    server.finish().await;
}

#[tokio::test]
async fn backup_reminders_follow_backup_deadline() {
    let mut server = TestServer::new().await;
    let agent = server.key_with(json!({"name": "refunds", "backup_approver": BOB})).await;
    create_decision_with_backup(&mut server, &agent).await;
    for _ in 0..2 {
        server.advance(25 * MINUTE).await;
        server.advance(5 * MINUTE - Duration::from_millis(1)).await;
    }
    let reminders = server.unread_mails(ANN).await;
    assert_eq!(reminders.len(), 2);
    server.advance(Duration::from_millis(2)).await;
    server.expect_webhook("decision.escalated").await;
    assert!(server.expect_mail(BOB).await.subject.starts_with("You are the backup: "));
    server.advance(30 * MINUTE).await;
    let half = server.expect_mail(BOB).await;
    assert!(half.subject.starts_with("Reminder: You are the backup: "), "{}", half.subject);
    assert!(half.text.contains("30 minutes left"), "{}", half.text);
    server.advance(20 * MINUTE).await;
    assert!(server.expect_mail(BOB).await.text.contains("10 minutes left"));
    server.advance(10 * MINUTE).await;
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}

#[tokio::test]
async fn late_reminders_are_sent_once() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    create_decision_with_backup(&mut server, &agent).await;
    let options = server.kill().await;
    let later = options.begins_at.map(|at| at.plus_ms(55 * 60_000));
    let mut server = TestServer::with(TestServerOptions { begins_at: later, ..options }).await;
    let only = server.expect_mail(ANN).await;
    assert!(only.text.contains("5 minutes left"), "{}", only.text);
    server.advance(5 * MINUTE).await;
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}

#[tokio::test]
async fn no_reminder_without_mail_or_when_disabled() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["channel"] = json!("webhook");
    body["reminders"] = json!(true);
    agent.post("/decisions", &body).await.expect(201);
    server.expect_webhook("decision.created").await;
    server.advance(60 * MINUTE).await;
    server.expect_webhook("decision.expired").await;
    server.create_decision(&agent).await;
    server.advance(60 * MINUTE).await;
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}
