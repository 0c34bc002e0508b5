//! After the answer the link shows the outcome permanently.

use std::time::Duration;

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn approver_sees_outcome_after_own_answer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (_, page) = server.create_decision(&agent).await;
    let person = agent.without_key();
    let answered = person.post_form(&page, &[("choice", "approve"), ("notes", "Go <on>")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let next = format!("{}/{}", page.rsplit_once('/').unwrap().0, answered.header("location"));
    for link in [&next, &page, &format!("{page}?a=deny")] {
        server.advance(Duration::from_hours(500)).await;
        let shown = person.get(link).await.expect(200).text;
        assert!(
            shown.contains("Your answer is recorded") && shown.contains("Go &lt;on&gt;") && !shown.contains("<form")
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn approver_sees_outcome_after_api_answer() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let answer = json!({"action": "deny", "resolved_by": "Tom in finance"});
    server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    let shown = agent.without_key().get(&page).await.expect(200).text;
    for part in ["Already answered", "Denied", "Tom in finance", "Through the API"] {
        assert!(shown.contains(part), "{part}");
    }
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(409);
    server.finish().await;
}
