//! An admin lets Handrail into a Slack workspace: only with an address that Handrail gave out, once, within ten minutes.

use std::time::Duration;

use handrail_testkit::{SlackStandIn, Trouble, World, WorldOptions};
use serde_json::json;

async fn world(slack: &SlackStandIn) -> World {
    World::with(WorldOptions { slack: slack.settings(), ..WorldOptions::default() }).await
}

#[tokio::test]
async fn the_workspace_is_kept_and_its_token_is_nowhere_to_be_read() {
    let slack = SlackStandIn::start().await;
    let world = world(&slack).await;
    let back = slack.way_back(&world.admin, &slack.grants()).await;
    let page = world.admin.without_key().get(&back).await.expect(200);
    assert!(page.text.contains("Slack is connected") && page.text.contains("The Stand-Ins"), "{}", page.text);
    assert!(page.header("content-type").starts_with("text/html"));

    // A reload finds the code used, and the workspace connected.
    let again = world.admin.without_key().get(&back).await.expect(200);
    assert!(again.text.contains("Slack is connected"), "{}", again.text);

    let changes = world.engine.changes_after(&world.running.cx.settings.table, None, 1_000).unwrap();
    let written = format!("{changes:?}");
    assert!(written.contains("slack#") && !written.contains("xoxb-"), "{written}");
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn without_an_address_of_ours_nobody_gets_in() {
    let slack = SlackStandIn::start().await;
    let world = world(&slack).await;
    let browser = world.admin.without_key();
    let old = slack.way_back(&world.admin, &slack.grants()).await;
    world.advance(Duration::from_secs(10 * 60)).await;
    let fresh = slack.way_back(&world.admin, &slack.grants()).await;
    let (_, state) = fresh.split_once("&state=").unwrap();
    for path in [
        "/slack/oauth/callback".to_owned(),
        "/slack/oauth/callback?code=x".to_owned(),
        format!("/slack/oauth/callback?state={state}"),
        format!("/slack/oauth/callback?code={}&state={state}", "x".repeat(600)),
        "/slack/oauth/callback?code=%FF&state=%FF".to_owned(),
        old,
    ] {
        let page = browser.get(&path).await.expect(400);
        assert!(page.text.contains("Slack is not connected"), "{path}: {}", page.text);
    }
    assert_eq!(slack.calls(), Vec::<String>::new());
    world.key("agent").await.post("/slack/install", &json!({})).await.expect_error(403, "FORBIDDEN");
    world.end().await;
}

#[tokio::test]
async fn what_slack_says_instead_of_yes_is_told_on_the_page() {
    let slack = SlackStandIn::start().await;
    let world = world(&slack).await;
    let browser = world.admin.without_key();
    let back = slack.way_back(&world.admin, "unknown").await;
    assert!(browser.get(&back).await.expect(400).text.contains("invalid_code"));
    let declined = back.replace("code=unknown", "error=access_denied");
    assert!(browser.get(&declined).await.expect(200).text.contains("chose not to"));
    slack.next("oauth.v2.access", &[Trouble::Status(500)]);
    assert!(browser.get(&back).await.expect(503).text.contains("in time"));
    slack.grants_only("chat:write,users:read");
    let back = slack.way_back(&world.admin, &slack.grants()).await;
    let page = browser.get(&back).await.expect(400);
    assert!(page.text.contains("users:read.email, im:write"), "{}", page.text);
    world.end().await;
}

#[tokio::test]
async fn an_installation_without_slack_says_what_to_do() {
    let world = World::new().await;
    let refused = world.admin.post("/slack/install", &json!({})).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    assert!(refused.text.contains("docs/slack.md"), "{}", refused.text);
    world.end().await;
}

#[tokio::test]
async fn the_holder_goes_to_slack_from_the_accounts_page() {
    let slack = SlackStandIn::start().await;
    let mut world = world(&slack).await;
    let browser = world.admin.without_key();
    assert!(browser.get("/slack/install").await.expect(401).text.contains("action=\"../auth/login\""));
    browser.post("/auth/login", &json!({"email": "you@example.com"})).await.expect(202);
    let link = world.expect_mail("you@example.com").await.links[0].clone();
    let accept = [("accept", "application/json")];
    let entered = browser.send(http::Method::POST, &link, &accept, Vec::new()).await.expect(200);
    let holder = world.admin.with_key(entered.json["session_token"].as_str().unwrap());
    assert!(holder.get("/account").await.expect(200).text.contains("href=\"slack/install\""));
    let sent = holder.get("/slack/install").await.expect(303);
    let (place, query) = sent.header("location").split_once("?").unwrap();
    assert_eq!(place, format!("{}/oauth/v2/authorize", slack.site()));
    let state = query.split("state=").nth(1).unwrap();
    let back = format!("/slack/oauth/callback?code={}&state={state}", slack.grants());
    assert!(browser.get(&back).await.expect(200).text.contains("Slack is connected"));
    // It is the account's: its keys ask there.
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"callback_url": null})).await;
    slack.tap(&slack.message_to(&ann), "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "approved");
    world.end().await;
}
