//! If Slack fails or does not know the person, the decision is mailed, and the deliveries record how.

use std::time::Duration;

use handrail_testkit::{FailureMode, FakeSlack, TestServer};
use serde_json::{Value, json};

async fn attempts(server: &TestServer, id: &str) -> Vec<String> {
    let deliveries = server.admin.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let attempts = deliveries["deliveries"][0]["attempts"].as_array().unwrap().clone();
    attempts.iter().map(|attempt| attempt["error"].as_str().unwrap_or("done").to_owned()).collect()
}

fn decision_body_without_callback() -> Value {
    json!({"callback_url": null})
}

#[tokio::test]
async fn approver_outside_workspace_gets_mail() {
    let (mut server, slack) = TestServer::with_slack().await;
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    let mail = server.expect_mail("ann@example.com").await;
    let attempts = attempts(&server, &id).await;
    assert!(attempts[0].starts_with("Slack: users_not_found: nobody in the workspace"), "{attempts:?}");
    assert!(attempts[0].ends_with("asked by mail instead") && attempts[1] == "done", "{attempts:?}");
    assert_eq!(slack.calls(), ["users.lookupByEmail"]);
    server.admin.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    assert_eq!(server.decision(&id).await["status"], "approved");
    server.finish().await;
}

#[tokio::test]
async fn uninstalled_slack_app_falls_back_to_mail() {
    let (mut server, slack) = TestServer::with_slack().await;
    slack.add_user("ann@example.com");
    slack.uninstall();
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    server.expect_mail("ann@example.com").await;
    assert!(attempts(&server, &id).await[0].contains("an admin can connect it again"));
    server.finish().await;
}

#[tokio::test]
async fn slack_retry_after_is_respected() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    slack.plan_failures("chat.postMessage", &[FailureMode::Limited(40)]);
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    server.advance(Duration::from_secs(39)).await;
    assert!(slack.messages_to(&ann).is_empty());
    server.advance(Duration::from_secs(1)).await;
    slack.message_to(&ann);
    assert_eq!(attempts(&server, &id).await, ["Slack: too many calls", "done"]);
    server.finish().await;
}

#[tokio::test]
async fn slack_outage_falls_back_to_mail() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    slack.plan_failures("users.lookupByEmail", &[FailureMode::Status(500); 20]);
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    server.advance(Duration::from_secs(41)).await;
    server.expect_no_messages().await;
    server.advance(Duration::from_secs(61)).await;
    server.expect_mail("ann@example.com").await;
    let attempts = attempts(&server, &id).await;
    assert_eq!((attempts.len(), attempts[4].as_str()), (6, "Slack: status 500; asked by mail instead"));
    assert!(slack.messages_to(&ann).is_empty());
    server.finish().await;
}

#[tokio::test]
async fn unconfirmed_slack_message_can_be_answered() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    slack.plan_failures("chat.postMessage", &[FailureMode::DoneButSilent]);
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    server.advance(Duration::from_secs(2)).await;
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2, "once silent, once known");
    slack.tap(&messages[0], "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    server.run_due_work().await;
    assert_eq!(server.decision(&id).await["status"], "approved");
    // The recorded message was edited; the other one is edited when a button on it is clicked.
    assert!(slack.messages_to(&ann)[1].buttons().is_empty());
    slack.tap(&messages[0], "deny", &ann, server.now()).send(&server.admin).await.expect(200);
    let first = &slack.messages_to(&ann)[0];
    assert!(first.buttons().is_empty() && first.visible_text().contains("Approved"), "{}", first.visible_text());
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn failed_slack_edit_is_retried() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(decision_body_without_callback()).await;
    slack.plan_failures("chat.update", &[FailureMode::Limited(30), FailureMode::Status(503)]);
    server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    server.run_due_work().await;
    assert!(!slack.message_to(&ann).buttons().is_empty());
    server.advance(Duration::from_secs(41)).await;
    assert!(slack.message_to(&ann).visible_text().contains("Denied"));
    server.finish().await;
}

#[tokio::test]
async fn hanging_slack_call_times_out() {
    let slack = FakeSlack::start().await;
    slack.plan_failures("conversations.open", &[FailureMode::Hangs]);
    let client = slack.client(Duration::from_millis(50));
    let token = handrail_slack_api::BotToken::new(slack.issue_bot_token());
    let fault = client.open_dm(&token, "U1").await.unwrap_err();
    assert!(matches!(fault, handrail_slack_api::SlackFault::Unavailable { .. }), "{fault}");
}
