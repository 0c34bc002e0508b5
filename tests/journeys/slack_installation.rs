//! Installation in a Slack workspace by OAuth: the state from Handrail is valid once and for ten minutes.

use std::time::Duration;

use handrail_testkit::{FailureMode, FakeSlack, TestServer, TestServerOptions};
use serde_json::json;

async fn server_with_slack(slack: &FakeSlack) -> TestServer {
    TestServer::with(TestServerOptions { slack: slack.settings(), ..TestServerOptions::default() }).await
}

#[tokio::test]
async fn slack_token_is_stored_encrypted() {
    let slack = FakeSlack::start().await;
    let server = server_with_slack(&slack).await;
    let back = slack.oauth_redirect(&server.admin, &slack.issue_code()).await;
    let page = server.admin.without_key().get(&back).await.expect(200);
    assert!(page.text.contains("Slack is connected") && page.text.contains("The Stand-Ins"), "{}", page.text);
    assert!(page.header("content-type").starts_with("text/html"));

    // On a reload the code is used already, and the workspace is connected.
    let again = server.admin.without_key().get(&back).await.expect(200);
    assert!(again.text.contains("Slack is connected"), "{}", again.text);

    let changes = server.engine.changes_after(&server.running.cx.settings.table, None, 1_000).unwrap();
    let written = format!("{changes:?}");
    assert!(written.contains("slack#") && !written.contains("xoxb-"), "{written}");
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn oauth_callback_needs_valid_state() {
    let slack = FakeSlack::start().await;
    let server = server_with_slack(&slack).await;
    let browser = server.admin.without_key();
    let old = slack.oauth_redirect(&server.admin, &slack.issue_code()).await;
    server.advance(Duration::from_secs(10 * 60)).await;
    let fresh = slack.oauth_redirect(&server.admin, &slack.issue_code()).await;
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
    server.key("agent").await.post("/slack/install", &json!({})).await.expect_error(403, "FORBIDDEN");
    server.finish().await;
}

#[tokio::test]
async fn slack_oauth_error_is_shown_on_page() {
    let slack = FakeSlack::start().await;
    let server = server_with_slack(&slack).await;
    let browser = server.admin.without_key();
    let back = slack.oauth_redirect(&server.admin, "unknown").await;
    assert!(browser.get(&back).await.expect(400).text.contains("invalid_code"));
    let declined = back.replace("code=unknown", "error=access_denied");
    assert!(browser.get(&declined).await.expect(200).text.contains("declined in Slack"));
    slack.plan_failures("oauth.v2.access", &[FailureMode::Status(500)]);
    assert!(browser.get(&back).await.expect(503).text.contains("in time"));
    slack.grant_only_scopes("chat:write,users:read");
    let back = slack.oauth_redirect(&server.admin, &slack.issue_code()).await;
    let page = browser.get(&back).await.expect(400);
    assert!(page.text.contains("users:read.email, im:write"), "{}", page.text);
    server.finish().await;
}

#[tokio::test]
async fn install_without_slack_settings_explains_setup() {
    let server = TestServer::new().await;
    let refused = server.admin.post("/slack/install", &json!({})).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    assert!(refused.text.contains("docs/slack.md"), "{}", refused.text);
    server.finish().await;
}

#[tokio::test]
async fn owner_connects_slack_from_account_page() {
    let slack = FakeSlack::start().await;
    let mut server = server_with_slack(&slack).await;
    let browser = server.admin.without_key();
    assert!(browser.get("/slack/install").await.expect(401).text.contains("action=\"../auth/login\""));
    browser.post("/auth/login", &json!({"email": "you@example.com"})).await.expect(202);
    let link = server.expect_mail("you@example.com").await.links[0].clone();
    let accept = [("accept", "application/json")];
    let entered = browser.send(http::Method::POST, &link, &accept, Vec::new()).await.expect(200);
    let holder = server.admin.with_key(entered.json["session_token"].as_str().unwrap());
    assert!(holder.get("/account").await.expect(200).text.contains("href=\"slack/install\""));
    let sent = holder.get("/slack/install").await.expect(303);
    let (base_url, query) = sent.header("location").split_once("?").unwrap();
    assert_eq!(base_url, format!("{}/oauth/v2/authorize", slack.site()));
    let state = query.split("state=").nth(1).unwrap();
    let back = format!("/slack/oauth/callback?code={}&state={state}", slack.issue_code());
    assert!(browser.get(&back).await.expect(200).text.contains("Slack is connected"));
    // The workspace belongs to the tenant, so all its keys use it.
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"callback_url": null})).await;
    slack.tap(&slack.message_to(&ann), "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "approved");
    server.expect_slack_outcome(&slack, &ann, "Approved").await;
    server.finish().await;
}
