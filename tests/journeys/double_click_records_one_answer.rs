//! Double click, reload and back button record one answer; a different later answer is refused.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn double_click_records_one_answer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let person = agent.without_key();
    let tap = [("choice", "approve"), ("notes", "go")];
    let first = person.post_form(&page, &tap).await.expect(303);
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    for _ in 0..3 {
        let again = person.post_form(&page, &tap).await.expect(303);
        assert_eq!(again.header("location"), first.header("location"));
    }
    // The `Location` is relative to the page.
    assert!(page.ends_with(&format!("/d/{}", first.header("location"))));
    server.expect_webhook("decision.resolved").await;

    for other in [
        [("choice", "deny"), ("notes", "go")],
        [("choice", "modify"), ("notes", "go")],
        [("choice", "approve"), ("notes", "stop")],
    ] {
        let late = person.post_form(&page, &other).await.expect(409).text;
        assert!(late.contains("Already answered") && late.contains("Approved") && !late.contains("<form"));
    }
    let refused = server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await;
    let refused = refused.expect_error(409, "ALREADY_RESOLVED").json;
    assert_eq!((&refused["status"], &refused["resolved_by"]), (&json!("approved"), &json!("ann@example.com")));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let purposes: Vec<_> = sent["deliveries"].as_array().unwrap().iter().map(|sent| sent["purpose"].clone()).collect();
    assert_eq!(purposes, ["ask-approver", "announce-resolved"]);
    server.finish().await;
}
