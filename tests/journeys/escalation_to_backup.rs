//! If the approver does not answer in time, the key's backup approver is asked, with the same time again.

use std::time::Duration;

use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, Client, Mail, TestServer};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);
const BOB: &str = "bob@example.com";

async fn agent_with_a_backup(server: &TestServer) -> Client {
    server.key_with(json!({"name": "refunds", "backup_approver": BOB})).await
}

async fn create_escalated_decision(server: &mut TestServer, agent: &Client) -> (String, String, Mail) {
    let (id, page) = server.create_decision(agent).await;
    server.advance(HOUR).await;
    let call = server.expect_webhook("decision.escalated").await.json();
    assert_eq!((&call["decision"]["id"], &call["decision"]["status"]), (&json!(id), &json!("escalated")));
    let mail = server.expect_mail(BOB).await;
    (id, page, mail)
}

#[tokio::test]
async fn backup_is_mailed_and_can_answer() {
    let mut server = TestServer::new().await;
    let agent = agent_with_a_backup(&server).await;
    let (id, _, mail) = create_escalated_decision(&mut server, &agent).await;
    assert!(mail.subject.contains("You are the backup"), "{}", mail.subject);
    assert!(mail.text.contains("ann@example.com did not answer in time"));
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["backup_approver"]), (&json!("escalated"), &json!(BOB)));
    assert_eq!(seen["backup_expires_at"], server.now().plus_ms(3_600_000).to_string());

    let person = agent.without_key();
    person.get(&mail.links[0]).await.expect(200);
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["resolved_by"], BOB);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["resolved_by"]), (&json!("approved"), &json!(BOB)));
    server.advance(10 * HOUR).await;
    server.finish().await;
}

#[tokio::test]
async fn escalated_decision_stays_pending_for_old_clients() {
    let mut server = TestServer::new().await;
    let key = json!({"name": "refunds", "backup_approver": BOB, "escalation_stays_pending": true});
    let agent = server.key_with(key).await;
    let (id, first, mail) = create_escalated_decision(&mut server, &agent).await;
    let path = format!("/decisions/{id}");
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");
    // No mail is sent, but the first approver's time has passed all the same.
    let person = agent.without_key();
    person.post_form(&first, &[("choice", "approve")]).await.expect(410);
    let shown = person.get(&mail.links[0]).await.expect(200).text;
    assert!(shown.contains("You are the backup.") && shown.contains("ann@example.com"), "{shown}");
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "approved");
    server.finish().await;
}

#[tokio::test]
async fn first_approver_sees_escalation() {
    let mut server = TestServer::new().await;
    let agent = agent_with_a_backup(&server).await;
    let (id, page, mail) = create_escalated_decision(&mut server, &agent).await;
    let person = agent.without_key();
    let moved = person.get(&page).await.expect(410).text;
    assert!(moved.contains("Someone else is asked now") && moved.contains(BOB) && !moved.contains("<form"));
    for choice in ["approve", "deny", "modify"] {
        let refused = person.post_form(&page, &[("choice", choice), ("notes", "me first")]).await.expect(410);
        assert!(refused.text.contains("Someone else is asked now"));
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "escalated");

    person.post_form(&mail.links[0], &[("choice", "deny")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let outcome = person.get(&page).await.expect(200).text;
    assert!(outcome.contains("Denied") && outcome.contains(BOB));
    person.post_form(&page, &[("choice", "approve")]).await.expect(409);
    server.finish().await;
}

#[tokio::test]
async fn app_can_answer_after_escalation() {
    let mut server = TestServer::new().await;
    let agent = agent_with_a_backup(&server).await;
    let (id, _, _) = create_escalated_decision(&mut server, &agent).await;
    let resolved =
        server.key("app").await.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await;
    assert_eq!(resolved.expect(200).json["resolved_by"], BOB);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn decision_expires_without_backup_answer() {
    let mut server = TestServer::new().await;
    let agent = agent_with_a_backup(&server).await;
    let (id, _, mail) = create_escalated_decision(&mut server, &agent).await;
    server.advance(HOUR - Duration::from_millis(1)).await;
    server.expect_no_messages().await;
    server.advance(Duration::from_millis(1)).await;
    server.expect_webhook("decision.expired").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    agent.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(410);
    server.advance(10 * HOUR).await;
    server.finish().await;
}

#[tokio::test]
async fn deadlines_hold_without_timers() {
    let mut server = TestServer::new().await;
    let agent = agent_with_a_backup(&server).await;
    let (id, page) = server.create_decision(&agent).await;
    let api = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let (agent, clock) = (api.client(&agent), std::sync::Arc::clone(&server.running.clock));
    let page = page.strip_prefix(&server.running.origin).unwrap().to_owned();
    let begun = server.now();
    let options = server.kill().await;
    clock.move_to(begun.plus_ms(3_600_000));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "escalated");
    agent.post_form(&page, &[("choice", "approve")]).await.expect(410);
    clock.move_to(begun.plus_ms(7_200_000));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");

    // The backup's time has passed too, so no mail is sent any more.
    let mut server =
        TestServer::with(handrail_testkit::TestServerOptions { begins_at: Some(begun.plus_ms(9_000_000)), ..options })
            .await;
    server.run_due_work().await;
    let mut events: Vec<String> = server.receiver.take().iter().map(|call| call.json()["event"].to_string()).collect();
    events.sort();
    assert_eq!(events, ["\"decision.escalated\"", "\"decision.expired\""]);
    server.expect_no_messages().await;
    server.finish().await;
}
