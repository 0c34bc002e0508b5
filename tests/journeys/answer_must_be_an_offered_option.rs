//! `options` narrows the answers: on the page, in the mail and by API.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn answer_must_be_an_offered_option() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let mut body = server.decision_body();
    body["options"] = json!(["deny", "approve", "deny"]);
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let path = format!("/decisions/{id}");
    assert_eq!(agent.get(&path).await.expect(200).json["options"], json!(["approve", "deny"]));

    let mail = server.expect_mail("ann@example.com").await;
    assert!(!mail.text.contains("?a=modify") && !mail.html.contains("?a=modify") && mail.text.contains("?a=deny"));
    let person = agent.without_key();
    let page = person.get(&format!("{}?a=modify", mail.links[0])).await.expect(200).text;
    assert!(!page.contains("value=\"modify\"") && page.contains("value=\"approve\""));
    let again = person.post_form(&mail.links[0], &[("choice", "modify"), ("notes", "less")]).await.expect(422).text;
    assert!(again.contains("That answer was not offered.") && again.contains("less</textarea>"));
    let refused =
        app.post(&format!("{path}/resolve"), &json!({"action": "modify"})).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(refused.json["field"], "action");
    assert!(refused.json["error"].as_str().unwrap().contains("approve, deny"));
    assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending");

    app.post(&format!("{path}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}
