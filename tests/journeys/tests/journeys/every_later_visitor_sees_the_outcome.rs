//! After the answer the link shows what was decided, by whom and how, for ever.

use std::time::Duration;

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn after_ones_own_answer() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (_, page) = world.asked_by(&agent).await;
    let person = agent.without_key();
    let answered = person.post_form(&page, &[("choice", "approve"), ("notes", "Go <on>")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let next = format!("{}/{}", page.rsplit_once('/').unwrap().0, answered.header("location"));
    for link in [&next, &page, &format!("{page}?a=deny")] {
        world.advance(Duration::from_hours(500)).await;
        let shown = person.get(link).await.expect(200).text;
        assert!(
            shown.contains("Your answer is recorded") && shown.contains("Go &lt;on&gt;") && !shown.contains("<form")
        );
    }
    world.end().await;
}

#[tokio::test]
async fn after_an_answer_by_api() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    let answer = json!({"action": "deny", "resolved_by": "Tom in finance"});
    world.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    let shown = agent.without_key().get(&page).await.expect(200).text;
    for part in ["Already answered", "Denied", "Tom in finance", "Through the API"] {
        assert!(shown.contains(part), "{part}");
    }
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(409);
    world.end().await;
}
