//! Every page behind a link has the security headers that a secret URL needs.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use handrail_testkit::{TestResponse, TestServer};
use sha2::{Digest as _, Sha256};

#[track_caller]
fn assert_security_headers(page: &TestResponse, status: u16) {
    assert_eq!(page.status, status, "{}", page.text);
    for (name, value) in [
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("referrer-policy", "no-referrer"),
        ("x-robots-tag", "noindex"),
        ("x-content-type-options", "nosniff"),
    ] {
        assert_eq!(page.header(name), value, "{name} of a {status}");
    }
    let policy = page.header("content-security-policy");
    for part in ["default-src 'none'", "form-action 'self'", "base-uri 'none'", "frame-ancestors 'none'"] {
        assert!(policy.contains(part), "{part} is missing in {policy} of a {status}");
    }
    assert!(!policy.contains("unsafe"));
    // The page has at most one script, and the CSP allows it.
    let scripts: Vec<&str> = page.text.split("<script>").skip(1).collect();
    let named = |script: &&str| {
        let hash = STANDARD.encode(Sha256::digest(script.split("</script>").next().unwrap()));
        policy.contains(&format!("script-src 'sha256-{hash}';"))
    };
    assert!(scripts.len() <= 1 && scripts.iter().all(named) && !page.text.contains("<script "), "{policy}");
    assert_eq!(policy.contains("script-src"), !scripts.is_empty());
    assert!(!page.header("x-request-id").is_empty());
}

#[tokio::test]
async fn every_page_has_security_headers() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let person = agent.without_key();
    let (_, page) = server.create_decision(&agent).await;
    assert_security_headers(&person.get(&page).await, 200);
    assert_security_headers(&person.get(&format!("{page}?a=deny")).await, 200);
    assert_security_headers(&person.get("/d/nothing").await, 404);
    assert_security_headers(&person.post_form("/d/nothing", &[("choice", "approve")]).await, 404);
    assert_security_headers(&person.post_form(&page, &[("choice", "modify")]).await, 422);
    assert_security_headers(
        &person.post_form(&page, &[("choice", "approve"), ("notes", &"x".repeat(140_000))]).await,
        413,
    );
    person.post_form(&page, &[("choice", "approve")]).await.expect(303);
    assert_security_headers(&person.get(&page).await, 200);
    assert_security_headers(&person.post_form(&page, &[("choice", "deny")]).await, 409);
    server.expect_webhook("decision.resolved").await;

    let (_, page) = server.create_decision(&agent).await;
    server.advance(Duration::from_hours(1)).await;
    assert_security_headers(&person.get(&page).await, 410);
    assert_security_headers(&person.post_form(&page, &[("choice", "approve")]).await, 410);
    server.expect_webhook("decision.expired").await;
    server.finish().await;
}
