//! Something other than the page's own form arrives at a good link: its sender is told, and nothing is decided.

use handrail_testkit::World;
use http::Method;

#[tokio::test]
async fn what_is_no_form_decides_nothing() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
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
    world.expect_silence().await;
    // A field that the page does not have is nobody's business.
    person.post_form(&page, &[("utm_source", "mail"), ("choice", "approve")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}
