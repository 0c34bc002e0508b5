//! At half of the time and shortly before its end, once each; never after the answer.

use std::time::Duration;

use handrail_testkit::{Client, World, WorldOptions};
use serde_json::json;

const MINUTE: Duration = Duration::from_secs(60);
const ANN: &str = "ann@example.com";
const BOB: &str = "bob@example.com";

async fn asked(world: &mut World, agent: &Client) -> (String, String) {
    let mut ask = world.ask();
    ask["reminders"] = json!(true);
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    (id, world.expect_mail(ANN).await.links[0].clone())
}

#[tokio::test]
async fn at_half_time_and_before_the_end() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = asked(&mut world, &agent).await;
    world.advance(30 * MINUTE - Duration::from_millis(1)).await;
    world.expect_silence().await;
    world.advance(Duration::from_millis(1)).await;
    let half = world.expect_mail(ANN).await;
    assert!(half.subject.starts_with("Reminder: ") && half.subject.contains("Refund order 1234"), "{}", half.subject);
    assert!(half.text.contains("30 minutes left"), "{}", half.text);
    assert_eq!(half.links[0], page, "the same link");
    world.advance(20 * MINUTE).await;
    let last = world.expect_mail(ANN).await;
    assert!(last.text.contains("10 minutes left") && last.subject.starts_with("Reminder: "), "{}", last.text);
    world.advance(9 * MINUTE).await;
    world.expect_silence().await;
    agent.without_key().post_form(&last.links[0], &[("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    world.advance(600 * MINUTE).await;
    world.end().await;
}

#[tokio::test]
async fn whoever_answered_is_left_alone() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (_, page) = asked(&mut world, &agent).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let (_, page) = asked(&mut world, &agent).await;
    world.advance(30 * MINUTE).await;
    world.expect_mail(ANN).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    world.advance(600 * MINUTE).await;
    world.end().await;
}

#[tokio::test]
async fn the_backup_is_reminded_in_their_own_time() {
    let mut world = World::new().await;
    let agent = world.key_with(json!({"name": "refunds", "backup_approver": BOB})).await;
    asked(&mut world, &agent).await;
    for _ in 0..2 {
        world.advance(25 * MINUTE).await;
        world.advance(5 * MINUTE - Duration::from_millis(1)).await;
    }
    let reminders = world.unread_mails(ANN).await;
    assert_eq!(reminders.len(), 2);
    world.advance(Duration::from_millis(2)).await;
    world.expect_webhook("decision.escalated").await;
    assert!(world.expect_mail(BOB).await.subject.starts_with("You are the backup: "));
    world.advance(30 * MINUTE).await;
    let half = world.expect_mail(BOB).await;
    assert!(half.subject.starts_with("Reminder: You are the backup: "), "{}", half.subject);
    assert!(half.text.contains("30 minutes left"), "{}", half.text);
    world.advance(20 * MINUTE).await;
    assert!(world.expect_mail(BOB).await.text.contains("10 minutes left"));
    world.advance(10 * MINUTE).await;
    world.expect_webhook("decision.expired").await;
    world.end().await;
}

#[tokio::test]
async fn late_for_both_there_is_one() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    asked(&mut world, &agent).await;
    let options = world.kill().await;
    let later = options.begins_at.map(|at| at.plus_ms(55 * 60_000));
    let mut world = World::with(WorldOptions { begins_at: later, ..options }).await;
    let only = world.expect_mail(ANN).await;
    assert!(only.text.contains("5 minutes left"), "{}", only.text);
    world.advance(5 * MINUTE).await;
    world.expect_webhook("decision.expired").await;
    world.end().await;
}

#[tokio::test]
async fn nobody_is_reminded_who_was_not_asked_by_mail_or_not_to_be_reminded() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let mut ask = world.ask();
    ask["channel"] = json!("webhook");
    ask["reminders"] = json!(true);
    agent.post("/decisions", &ask).await.expect(201);
    world.expect_webhook("decision.created").await;
    world.advance(60 * MINUTE).await;
    world.expect_webhook("decision.expired").await;
    world.asked_by(&agent).await;
    world.advance(60 * MINUTE).await;
    world.expect_webhook("decision.expired").await;
    world.end().await;
}
