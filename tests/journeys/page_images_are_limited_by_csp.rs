//! Images that an agent names are shown on the page, and the CSP allows only their origins; mails have none.

use handrail_testkit::TestServer;
use serde_json::json;

#[tokio::test]
async fn page_allows_only_context_image_origins() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    body["context_images"] = json!([
        "https://img.example/a.png?x=%22%3E%3Cscript%3E",
        "https://cdn.example:8443/b.png",
        "https://img.example/c;%20script-src%20*,.png",
    ]);
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let mail = server.expect_mail("ann@example.com").await;
    assert!(!mail.html.contains("<img") && !mail.html.contains("img.example") && !mail.text.contains("img.example"));
    assert!(mail.text.contains("3 pictures or files too: they are on the page."), "{}", mail.text);

    let person = agent.without_key();
    let page = person.get(&mail.links[0]).await.expect(200);
    let policy = page.header("content-security-policy");
    assert!(policy.contains("img-src data: https://cdn.example:8443 https://img.example;"), "{policy}");
    assert!(policy.matches("script-src").count() == 1 && !policy.contains('*'), "{policy}");
    assert_eq!(page.text.matches("<img ").count(), 3);
    for part in [
        "src=\"https://img.example/a.png?x=%22%3E%3Cscript%3E\"",
        "alt=\"Picture 2 of 3, from the agent. Handrail has not seen it.\"",
        "referrerpolicy=\"no-referrer\"",
        "loading=\"lazy\"",
    ] {
        assert!(page.text.contains(part), "{part}");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["context_images"], body["context_images"]);

    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let outcome = person.get(&mail.links[0]).await.expect(200);
    assert!(outcome.header("content-security-policy").contains("img-src data:;") && !outcome.text.contains("<img"));
    server.finish().await;
}
