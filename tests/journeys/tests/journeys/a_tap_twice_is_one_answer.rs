//! A double tap, a reload and the back button give one answer; a change of mind comes too late.

use handrail_testkit::World;
use serde_json::json;

#[tokio::test]
async fn a_tap_twice_is_one_answer() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    let person = agent.without_key();
    let tap = [("choice", "approve"), ("notes", "go")];
    let first = person.post_form(&page, &tap).await.expect(303);
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    for _ in 0..3 {
        let again = person.post_form(&page, &tap).await.expect(303);
        assert_eq!(again.header("location"), first.header("location"));
    }
    // The place is relative to the page itself.
    assert!(page.ends_with(&format!("/d/{}", first.header("location"))));
    world.expect_webhook("decision.resolved").await;

    for other in [
        [("choice", "deny"), ("notes", "go")],
        [("choice", "modify"), ("notes", "go")],
        [("choice", "approve"), ("notes", "stop")],
    ] {
        let late = person.post_form(&page, &other).await.expect(409).text;
        assert!(late.contains("Already answered") && late.contains("Approved") && !late.contains("<form"));
    }
    let refused = world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await;
    let refused = refused.expect_error(409, "ALREADY_RESOLVED").json;
    assert_eq!((&refused["status"], &refused["resolved_by"]), (&json!("approved"), &json!("ann@example.com")));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let purposes: Vec<_> = sent["deliveries"].as_array().unwrap().iter().map(|sent| sent["purpose"].clone()).collect();
    assert_eq!(purposes, ["ask-approver", "announce-resolved"]);
    world.end().await;
}
