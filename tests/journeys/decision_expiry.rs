//! A decision expires at its deadline to the millisecond, whether or not a timer ran, and announces it once.

use std::sync::Arc;
use std::time::Duration;

use handrail_domain::decision::Decision;
use handrail_domain::outbound::AddressPolicy;
use handrail_platform::clock::Clock;
use handrail_records::transition::fire_due_timers;
use handrail_testkit::{ApiOnlyServer, TestServer};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);
const MS: Duration = Duration::from_millis(1);

#[tokio::test]
async fn overdue_decision_reads_as_expired_without_timer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let api = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let (agent, admin) = (api.client(&agent), api.client(&server.admin));
    let clock = Arc::clone(&server.running.clock);
    let path = format!("/decisions/{id}");
    let page = page.strip_prefix(&server.running.origin).unwrap().to_owned();
    // From here on no worker runs, so no timer can fire.
    let options = server.kill().await;

    clock.move_to(clock.now().plus_ms(3_600_000 - 1));
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");
    clock.move_to(clock.now().plus_ms(1));
    let seen = agent.get(&path).await.expect(200);
    assert_eq!(seen.json["status"], "expired");
    assert_eq!(seen.json["expires_at"], clock.now().to_string());
    assert_eq!((&seen.json["resolved_at"], &seen.json["resolved_by"]), (&json!(null), &json!(null)));
    assert!(agent.get(&page).await.expect(410).text.contains("This request has expired"));
    agent.post_form(&page, &[("choice", "approve")]).await.expect(410);
    admin.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect_error(410, "EXPIRED");
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "expired");

    let mut server = TestServer::with(options).await;
    let call = server.expect_webhook("decision.expired").await;
    assert_eq!(call.json()["decision"]["status"], "expired");
    server.finish().await;
}

#[tokio::test]
async fn answer_in_last_millisecond_is_accepted() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    server.advance_clock_only(HOUR - MS);
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    server.advance(HOUR).await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    server.finish().await;
}

#[tokio::test]
async fn requester_gets_one_expiry_callback() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    server.advance(HOUR - MS).await;
    server.expect_no_messages().await;
    server.advance(MS).await;
    let call = server.expect_webhook("decision.expired").await.json();
    let action_hash = agent.get(&format!("/decisions/{id}")).await.expect(200).json["action_hash"].clone();
    let expected = json!({"id": id, "status": "expired", "resolved_by": null, "response_notes": null,
        "response_data": null, "action_hash": action_hash});
    assert_eq!(call["decision"], expected);
    assert_eq!(call["timestamp"], server.now().to_string());
    // Many sweeps pass.
    server.advance(24 * HOUR).await;
    server.finish().await;
}

#[tokio::test]
async fn late_or_repeated_timer_changes_nothing() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}");
    server.advance_clock_only(3 * HOUR);
    let before = agent.get(&path).await.expect(200).text;
    server.run_due_work().await;
    server.expect_webhook("decision.expired").await;
    let tenant = agent.get("/auth/me").await.expect(200).json["user"]["id"].as_str().unwrap().parse().unwrap();
    for _ in 0..3 {
        assert!(!fire_due_timers::<Decision>(&server.running.cx, tenant, id.parse().unwrap()).await.unwrap());
    }
    assert_eq!(agent.get(&path).await.expect(200).text, before);
    server.finish().await;
}

#[tokio::test]
async fn timer_after_answer_changes_nothing() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    server.advance(48 * HOUR).await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    server.finish().await;
}

#[tokio::test]
async fn fractional_timeout_minutes_are_accepted() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["timeout_minutes"] = json!(0.05);
    let created = agent.post("/decisions", &body).await.expect(201);
    assert_eq!(created.json["expires_at"], server.now().plus_ms(3_000).to_string());
    server.expect_mail("ann@example.com").await;
    server.advance(Duration::from_secs(3)).await;
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}
