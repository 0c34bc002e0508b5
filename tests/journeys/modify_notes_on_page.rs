//! Answer `modify` needs notes on the page; a program may use `response_data` instead.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn page_requires_modify_notes_and_keeps_input() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let person = agent.without_key();
    for blank in ["", "   ", "\r\n\t "] {
        let again = person.post_form(&page, &[("choice", "modify"), ("notes", blank)]).await.expect(422).text;
        assert!(again.contains("role=\"alert\">Say in the notes what should be different."));
        // The page offers `modify` first again, so that one click is enough.
        assert!(again.contains("class=\"modify first\""));
    }
    let long = format!("Only half of it. {}", "é".repeat(5_000));
    let again = person.post_form(&page, &[("choice", "modify"), ("notes", &long)]).await.expect(422).text;
    assert!(again.contains("Your notes must be at most 5000 characters.") && again.contains(&long));
    let again = person.post_form(&page, &[("choice", "perhaps"), ("notes", "Only <half>")]).await.expect(422).text;
    assert!(again.contains("Please choose one of the buttons.") && again.contains("Only &lt;half&gt;</textarea>"));
    person.post_form(&page, &[("notes", "nothing chosen")]).await.expect(422);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");

    person.post_form(&page, &[("choice", "modify"), ("notes", "Only half")]).await.expect(303);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(
        (&call["decision"]["status"], &call["decision"]["response_notes"]),
        (&json!("modified"), &json!("Only half"))
    );
    server.finish().await;
}

#[tokio::test]
async fn api_modify_may_omit_notes() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let answer = json!({"action": "modify", "response_data": {"amount": 40, "big": 9_007_199_254_740_993_u64, "of": {"z": 1, "a": [null]}}});
    let resolved = server.key("app").await.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    assert_eq!((&resolved.json["status"], &resolved.json["response_notes"]), (&json!("modified"), &json!(null)));
    assert_eq!(resolved.json["response_data"], answer["response_data"]);
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!(call["decision"]["response_data"], answer["response_data"]);
    server.finish().await;
}
