//! When the approver does not answer in time, the key's backup is asked instead, for as long again.

use std::time::Duration;

use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, Client, Mail, World};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);
const BOB: &str = "bob@example.com";

async fn agent_with_a_backup(world: &World) -> Client {
    world.key_with(json!({"name": "refunds", "backup_approver": BOB})).await
}

async fn escalated(world: &mut World, agent: &Client) -> (String, String, Mail) {
    let (id, page) = world.asked_by(agent).await;
    world.advance(HOUR).await;
    let call = world.expect_webhook("decision.escalated").await.json();
    assert_eq!((&call["decision"]["id"], &call["decision"]["status"]), (&json!(id), &json!("escalated")));
    let mail = world.expect_mail(BOB).await;
    (id, page, mail)
}

#[tokio::test]
async fn the_backup_is_mailed_and_may_answer() {
    let mut world = World::new().await;
    let agent = agent_with_a_backup(&world).await;
    let (id, _, mail) = escalated(&mut world, &agent).await;
    assert!(mail.subject.contains("You are the backup"), "{}", mail.subject);
    assert!(mail.text.contains("ann@example.com did not answer in time"));
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["backup_approver"]), (&json!("escalated"), &json!(BOB)));
    assert_eq!(seen["backup_expires_at"], world.now().plus_ms(3_600_000).to_string());

    let person = agent.without_key();
    person.get(&mail.links[0]).await.expect(200);
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    let call = world.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["resolved_by"], BOB);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["resolved_by"]), (&json!("approved"), &json!(BOB)));
    world.advance(10 * HOUR).await;
    world.end().await;
}

#[tokio::test]
async fn for_old_clients_it_stays_pending_until_the_backup_answers() {
    let mut world = World::new().await;
    let key = json!({"name": "refunds", "backup_approver": BOB, "escalation_stays_pending": true});
    let agent = world.key_with(key).await;
    let (id, first, mail) = escalated(&mut world, &agent).await;
    let path = format!("/decisions/{id}");
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");
    // Only the reader is spared: the first approver's time is over all the same.
    let person = agent.without_key();
    person.post_form(&first, &[("choice", "approve")]).await.expect(410);
    let shown = person.get(&mail.links[0]).await.expect(200).text;
    assert!(shown.contains("You are the backup.") && shown.contains("ann@example.com"), "{shown}");
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "approved");
    world.end().await;
}

#[tokio::test]
async fn the_first_approver_is_told_who_is_asked_now() {
    let mut world = World::new().await;
    let agent = agent_with_a_backup(&world).await;
    let (id, page, mail) = escalated(&mut world, &agent).await;
    let person = agent.without_key();
    let moved = person.get(&page).await.expect(410).text;
    assert!(moved.contains("Someone else is asked now") && moved.contains(BOB) && !moved.contains("<form"));
    for choice in ["approve", "deny", "modify"] {
        let refused = person.post_form(&page, &[("choice", choice), ("notes", "me first")]).await.expect(410);
        assert!(refused.text.contains("Someone else is asked now"));
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "escalated");

    person.post_form(&mail.links[0], &[("choice", "deny")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let outcome = person.get(&page).await.expect(200).text;
    assert!(outcome.contains("Denied") && outcome.contains(BOB));
    person.post_form(&page, &[("choice", "approve")]).await.expect(409);
    world.end().await;
}

#[tokio::test]
async fn an_app_may_answer_while_the_backup_is_asked() {
    let mut world = World::new().await;
    let agent = agent_with_a_backup(&world).await;
    let (id, _, _) = escalated(&mut world, &agent).await;
    let resolved =
        world.key("app").await.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
    assert_eq!(resolved.expect(200).json["resolved_by"], BOB);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn it_expires_when_the_backup_does_not_answer_either() {
    let mut world = World::new().await;
    let agent = agent_with_a_backup(&world).await;
    let (id, _, mail) = escalated(&mut world, &agent).await;
    world.advance(HOUR - Duration::from_millis(1)).await;
    world.expect_silence().await;
    world.advance(Duration::from_millis(1)).await;
    world.expect_webhook("decision.expired").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    agent.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(410);
    world.advance(10 * HOUR).await;
    world.end().await;
}

#[tokio::test]
async fn each_deadline_holds_although_no_timer_ran() {
    let mut world = World::new().await;
    let agent = agent_with_a_backup(&world).await;
    let (id, page) = world.asked_by(&agent).await;
    let api = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let (agent, clock) = (api.client(&agent), std::sync::Arc::clone(&world.running.clock));
    let page = page.strip_prefix(&world.running.origin).unwrap().to_owned();
    let begun = world.now();
    let options = world.kill().await;
    clock.move_to(begun.plus_ms(3_600_000));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "escalated");
    agent.post_form(&page, &[("choice", "approve")]).await.expect(410);
    clock.move_to(begun.plus_ms(7_200_000));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");

    // The backup's time is over too: a mail now would ask for nothing.
    let mut world =
        World::with(handrail_testkit::WorldOptions { begins_at: Some(begun.plus_ms(9_000_000)), ..options }).await;
    world.settle().await;
    let mut events: Vec<String> = world.receiver.take().iter().map(|call| call.json()["event"].to_string()).collect();
    events.sort();
    assert_eq!(events, ["\"decision.escalated\"", "\"decision.expired\""]);
    world.expect_silence().await;
    world.end().await;
}
