//! Malformed forms at a valid link are refused with a message and decide nothing.

use handrail_testkit::TestServer;
use http::Method;

#[tokio::test]
async fn malformed_form_is_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    let person = agent.without_key();
    const FORM: &str = "application/x-www-form-urlencoded";
    for (kind, body) in [
        ("application/json", "{\"choice\":\"approve\"}"),
        ("text/plain", "choice=approve"),
        (
            "multipart/form-data; boundary=x",
            "--x\r\nContent-Disposition: form-data; name=\"choice\"\r\n\r\napprove\r\n--x--\r\n",
        ),
        ("", "choice=approve"),
        (FORM, "choice=approve&choice=deny"),
        (FORM, "choice=approve&notes=a&notes=b"),
    ] {
        let refused =
            person.send(Method::POST, &page, &[("content-type", kind)], body.as_bytes().to_vec()).await.expect(400);
        assert!(refused.text.contains("Nothing was decided by it."), "{}", refused.text);
    }
    for body in [
        "",
        "&&&",
        "choice",
        "choice=",
        "=approve",
        "Choice=approve",
        "choice=APPROVE",
        "choice=approve%00",
        "choice=approve%",
        "notes=x",
        "a=approve",
    ] {
        let again =
            person.send(Method::POST, &page, &[("content-type", FORM)], body.as_bytes().to_vec()).await.expect(422);
        assert!(again.text.contains("Please choose one of the buttons."), "{body}");
    }
    for notes in ["a%00b", "%1b[31m", "%07"] {
        let body = format!("choice=approve&notes={notes}");
        let again = person.send(Method::POST, &page, &[("content-type", FORM)], body.into_bytes()).await.expect(422);
        assert!(again.text.contains("Your notes must not hold control characters"), "{notes}");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    server.expect_no_messages().await;
    // Unknown form fields are ignored.
    person.post_form(&page, &[("utm_source", "mail"), ("choice", "approve")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}
