//! A context that is too large to lie with the rest of the record comes back everywhere as it was sent.

use std::time::Duration;

use handrail_testkit::World;
use serde_json::json;

/// Text that no compression makes small.
fn noise(chars: usize, mut seed: u64) -> String {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from_u32(0x21 + u32::try_from(seed >> 40).unwrap() % 0x5000).unwrap_or('x')
    };
    (0..chars).map(|_| next()).filter(|c| !c.is_control()).collect()
}

#[tokio::test]
async fn a_large_ask_is_kept_whole() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    let mut ask = world.ask();
    ask["context"] = json!(noise(19_000, 7));
    let once = [("idempotency-key", "large")];
    let first = agent.post_with("/decisions", &once, &ask).await.expect(201);
    let path = format!("/decisions/{}", first.id());
    let mail = world.expect_mail("ann@example.com").await;
    assert!(mail.text.contains("The context is cut here"));
    assert_eq!(agent.get(&path).await.expect(200).json["context"], ask["context"]);
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"][0]["context"], ask["context"]);
    agent.without_key().get(&mail.links[0]).await.expect(200);

    // Many repeats, each at another time: none of them is a new ask.
    for _ in 0..12 {
        world.advance(Duration::from_secs(90)).await;
        assert_eq!(agent.post_with("/decisions", &once, &ask).await.expect(201).text, first.text);
    }
    let mut other = ask.clone();
    other["context"] = json!(noise(19_000, 8));
    agent.post_with("/decisions", &once, &other).await.expect_error(409, "IDEMPOTENCY_KEY_REUSED");
    assert_eq!(agent.get(&path).await.expect(200).json["context"], ask["context"]);

    let resolved = app.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    assert_eq!(resolved.json["context"], ask["context"]);
    world.expect_webhook("decision.resolved").await;
    let listed = agent.get("/decisions?status=approved").await.expect(200).json;
    assert_eq!(listed["decisions"][0], resolved.json);
    world.end().await;
}

#[tokio::test]
async fn a_large_ask_expires_like_any_other() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let mut ask = world.ask();
    ask["context"] = json!(noise(19_000, 9));
    ask["channel"] = json!("webhook");
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    let call = world.expect_webhook("decision.created").await.json();
    assert_eq!(call["decision"]["context"], ask["context"]);
    world.advance(Duration::from_hours(30)).await;
    world.expect_webhook("decision.expired").await;
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["context"], ask["context"]);
    world.end().await;
}
