//! Every page of a link, whatever it says, forbids what a page with a secret address must forbid.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use handrail_testkit::{Answer, World};
use sha2::{Digest as _, Sha256};

#[track_caller]
fn check(page: &Answer, status: u16) {
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
    // One script at most, and it is the one that the policy names.
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
async fn no_page_can_be_stored_framed_or_leaked() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let person = agent.without_key();
    let (_, page) = world.asked_by(&agent).await;
    check(&person.get(&page).await, 200);
    check(&person.get(&format!("{page}?a=deny")).await, 200);
    check(&person.get("/d/nothing").await, 404);
    check(&person.post_form("/d/nothing", &[("choice", "approve")]).await, 404);
    check(&person.post_form(&page, &[("choice", "modify")]).await, 422);
    check(&person.post_form(&page, &[("choice", "approve"), ("notes", &"x".repeat(140_000))]).await, 413);
    person.post_form(&page, &[("choice", "approve")]).await.expect(303);
    check(&person.get(&page).await, 200);
    check(&person.post_form(&page, &[("choice", "deny")]).await, 409);
    world.expect_webhook("decision.resolved").await;

    let (_, page) = world.asked_by(&agent).await;
    world.advance(Duration::from_hours(1)).await;
    check(&person.get(&page).await, 410);
    check(&person.post_form(&page, &[("choice", "approve")]).await, 410);
    world.expect_webhook("decision.expired").await;
    world.end().await;
}
