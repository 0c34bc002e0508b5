//! `?wait=` holds a request until there is something to tell, and an entity tag says whether there is.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use serde_json::json;
use tokio::task::JoinHandle;

/// A request that is on its way; it is known to wait once another one has come through after it.
async fn waiting(agent: &Client, path: String) -> JoinHandle<Answer> {
    let (going, other) = (agent.clone(), agent.clone());
    let held = tokio::spawn(async move { going.get(&path).await });
    for _ in 0..20 {
        other.get("/healthz").await.expect(200);
    }
    assert!(!held.is_finished(), "it did not wait");
    held
}

#[tokio::test]
async fn it_is_answered_the_moment_it_is_decided() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, page) = world.asked_by(&agent).await;
    let (other, _) = world.asked_by(&agent).await;
    let held = waiting(&agent, format!("/decisions/{id}?wait=25")).await;
    // Not by what happens to another decision.
    app.post(&format!("/decisions/{other}/resolve"), &json!({"action": "deny"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    assert!(!held.is_finished());
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    // The clock stands still: only the answer can have woken it.
    assert_eq!(held.await.unwrap().expect(200).json["status"], "approved");
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

#[tokio::test]
async fn it_is_answered_when_the_wait_is_over() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let held = waiting(&agent, format!("/decisions/{id}?wait=25")).await;
    world.advance(Duration::from_millis(24_999)).await;
    assert!(!held.is_finished());
    world.advance(Duration::from_millis(1)).await;
    assert_eq!(held.await.unwrap().expect(200).json["status"], "pending");
    // Nothing to wait for.
    let path = format!("/decisions/{id}?wait=0");
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");
    world.end().await;
}

#[tokio::test]
async fn it_is_answered_at_the_deadline_although_no_timer_ran() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    world.advance(Duration::from_secs(29 * 60)).await;
    world.advance_without_working(Duration::from_secs(30 * 60 + 50));
    let held = waiting(&agent, format!("/decisions/{id}?wait=25")).await;
    world.advance_without_working(Duration::from_secs(10));
    assert_eq!(held.await.unwrap().expect(200).json["status"], "expired");
    world.running.stop().await;
}

#[tokio::test]
async fn what_is_decided_is_told_at_once() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, _) = world.asked_by(&agent).await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    assert_eq!(agent.get(&format!("/decisions/{id}?wait=25")).await.expect(200).json["status"], "denied");
    world.end().await;
}

#[tokio::test]
async fn a_tag_saves_what_the_client_has() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let (id, _) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}");
    let first = agent.get(&path).await.expect(200);
    let tag = first.header("etag").to_owned();
    assert!(tag.starts_with('"') && tag.len() > 20, "{tag}");
    let again = agent.send(http::Method::GET, &path, &[("if-none-match", &tag)], Vec::new()).await.expect(304);
    assert_eq!((again.text.as_str(), again.header("etag")), ("", tag.as_str()));
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    let changed = agent.send(http::Method::GET, &path, &[("if-none-match", &tag)], Vec::new()).await.expect(200);
    assert_eq!(changed.json["status"], "denied");
    assert_ne!(changed.header("etag"), tag);
    world.end().await;
}

#[tokio::test]
async fn a_wait_that_is_none_is_refused() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    for wait in ["26", "-1", "1.5", "soon", "", "99999999999999999999"] {
        let refused = agent.get(&format!("/decisions/{id}?wait={wait}")).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "wait", "{wait}");
    }
    world.end().await;
}
