//! Mail scanners open every link repeatedly, so GET requests change nothing.

use handrail_testkit::TestServer;
use http::Method;

#[tokio::test]
async fn get_requests_change_nothing() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let person = agent.without_key();
    let path = format!("/decisions/{id}");
    let before = agent.get(&path).await.expect(200).text;
    for _ in 0..10 {
        for query in
            ["", "?a=approve", "?a=deny", "?a=modify", "?choice=approve&notes=x", "?a=approve&a=deny", "?a=%ff", "?a="]
        {
            let link = format!("{page}{query}");
            person.send(Method::GET, &link, &[], Vec::new()).await.expect(200);
            person.send(Method::HEAD, &link, &[], Vec::new()).await.expect(200);
        }
    }
    for method in [Method::OPTIONS, Method::PUT, Method::DELETE, Method::PATCH] {
        let refused =
            person.send(method, &format!("{page}?a=approve"), &[], b"choice=approve".to_vec()).await.expect(405);
        assert_eq!(refused.header("allow").replace(' ', ""), "GET,HEAD,POST");
    }
    let shown = person.get(&format!("{page}?a=approve")).await.expect(200).text;
    assert!(shown.contains("Nothing is decided until you tap it here."));
    assert_eq!(agent.get(&path).await.expect(200).text, before);
    server.expect_no_messages().await;

    person.post_form(&page, &[("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}
