//! A decision ends at its deadline to the millisecond, whether or not a timer ran, and tells so once.

use std::sync::Arc;
use std::time::Duration;

use handrail_domain::decision::Decision;
use handrail_domain::outbound::Reach;
use handrail_kernel::clock::Clock;
use handrail_kernel::transition::raise_due;
use handrail_testkit::{ApiOnly, World};
use serde_json::json;

const HOUR: Duration = Duration::from_hours(1);
const MS: Duration = Duration::from_millis(1);

#[tokio::test]
async fn it_is_seen_as_expired_although_no_timer_ran() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    let api = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let (agent, admin) = (api.client(&agent), api.client(&world.admin));
    let clock = Arc::clone(&world.running.clock);
    let path = format!("/decisions/{id}");
    let page = page.strip_prefix(&world.running.origin).unwrap().to_owned();
    // From here on there is nobody who could run a timer.
    let options = world.kill().await;

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

    let mut world = World::with(options).await;
    let call = world.expect_webhook("decision.expired").await;
    assert_eq!(call.json()["decision"]["status"], "expired");
    world.end().await;
}

#[tokio::test]
async fn an_answer_in_the_last_millisecond_counts() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    world.advance_without_working(HOUR - MS);
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    world.advance(HOUR).await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    world.end().await;
}

#[tokio::test]
async fn the_asker_is_told_once() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    world.advance(HOUR - MS).await;
    world.expect_silence().await;
    world.advance(MS).await;
    let call = world.expect_webhook("decision.expired").await.json();
    let expected =
        json!({"id": id, "status": "expired", "resolved_by": null, "response_notes": null, "response_data": null});
    assert_eq!(call["decision"], expected);
    assert_eq!(call["timestamp"], world.now().to_string());
    // Over many sweeps.
    world.advance(24 * HOUR).await;
    world.end().await;
}

#[tokio::test]
async fn a_timer_that_comes_late_or_again_changes_nothing() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}");
    world.advance_without_working(3 * HOUR);
    let before = agent.get(&path).await.expect(200).text;
    world.settle().await;
    world.expect_webhook("decision.expired").await;
    let tenant = agent.get("/auth/me").await.expect(200).json["user"]["id"].as_str().unwrap().parse().unwrap();
    for _ in 0..3 {
        assert!(!raise_due::<Decision>(&world.running.cx, tenant, id.parse().unwrap()).await.unwrap());
    }
    assert_eq!(agent.get(&path).await.expect(200).text, before);
    world.end().await;
}

#[tokio::test]
async fn a_timer_after_the_answer_changes_nothing() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "deny")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    world.advance(48 * HOUR).await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    world.end().await;
}

#[tokio::test]
async fn a_fraction_of_a_minute_is_a_window_too() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let mut ask = world.ask();
    ask["timeout_minutes"] = json!(0.05);
    let created = agent.post("/decisions", &ask).await.expect(201);
    assert_eq!(created.json["expires_at"], world.now().plus_ms(3_000).to_string());
    world.expect_mail("ann@example.com").await;
    world.advance(Duration::from_secs(3)).await;
    world.expect_webhook("decision.expired").await;
    world.end().await;
}
