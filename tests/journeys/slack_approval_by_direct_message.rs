//! A decision is sent as a Slack direct message and answered by a button.

use handrail_testkit::{FakeSlack, Interaction, TestServer};
use serde_json::{Value, json};

async fn click_slack_button(server: &TestServer, slack: &FakeSlack, ann: &str, action: &str) -> Interaction {
    slack.tap(&slack.message_to(ann), action, ann, server.now())
}

#[tokio::test]
async fn slack_click_approves_and_removes_buttons() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"urgency": "high", "amount": 80})).await;
    let direct_message = slack.message_to(&ann);
    assert_eq!(direct_message.buttons(), ["approve", "deny", "modify", "page"]);
    assert!(
        direct_message.text.contains("asks for your decision: Refund order 1234 (80 EUR)"),
        "{}",
        direct_message.text
    );
    for part in ["local admin asks", "Refund order 1234 (80 EUR)", "Wrong size, twice.", "high", "Amount", "Answer by"]
    {
        assert!(direct_message.visible_text().contains(part), "{part}: {}", direct_message.visible_text());
    }
    assert_eq!(slack.calls(), ["users.lookupByEmail", "conversations.open", "chat.postMessage"]);

    let response = click_slack_button(&server, &slack, &ann, "approve").await.send(&server.admin).await.expect(200);
    assert_eq!(response.text, "");
    let decision = server.decision(&id).await;
    assert_eq!((&decision["status"], &decision["resolved_by"]), (&json!("approved"), &json!("ann@example.com")));
    assert_eq!(decision["resolved_via"], "slack");
    let call = server.expect_webhook("decision.resolved").await;
    assert_eq!(call.json()["decision"]["status"], "approved");
    assert_eq!(call.json()["decision"]["resolved_via"], "slack");
    let outcome = slack.message_to(&ann);
    assert!(outcome.buttons().is_empty() && outcome.visible_text().contains("Approved"), "{}", outcome.visible_text());
    assert!(outcome.visible_text().contains("By ann@example.com"), "{}", outcome.visible_text());

    let deliveries = server.admin.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let delivery = &deliveries["deliveries"][0];
    assert_eq!((&delivery["purpose"], &delivery["status"]), (&json!("ask-approver"), &json!("delivered")));
    assert_eq!((&delivery["slack"]["user"], &delivery["slack"]["ts"]), (&json!(ann), &json!(direct_message.ts)));
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn repeated_slack_denial_records_one_answer() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({})).await;
    let tap = click_slack_button(&server, &slack, &ann, "deny").await;
    for _ in 0..3 {
        tap.send(&server.admin).await.expect(200);
    }
    assert_eq!(server.decision(&id).await["status"], "denied");
    server.expect_webhook("decision.resolved").await;
    assert!(slack.message_to(&ann).visible_text().contains("Denied"));
    server.finish().await;
}

#[tokio::test]
async fn other_slack_users_cannot_answer() {
    let (server, slack) = TestServer::with_slack().await;
    let (ann, eve) = (slack.add_user("ann@example.com"), slack.add_user("eve@example.com"));
    let id = server.create_slack_decision(json!({"callback_url": null})).await;
    let message = slack.message_to(&ann);
    let genuine = slack.tap(&message, "approve", &ann, server.now());

    slack.tap(&message, "approve", &eve, server.now()).send(&server.admin).await.expect_error(403, "NOT_ASKED");
    let mut elsewhere = genuine.clone();
    elsewhere.payload["team"]["id"] = "T0OTHER".into();
    elsewhere.send(&server.admin).await.expect_error(403, "NOT_ASKED");
    let mut changed = genuine.clone();
    let value = changed.payload["actions"][0]["value"].as_str().unwrap().to_owned();
    changed.payload["actions"][0]["value"] = value.replacen('.', "A.", 1).into();
    changed.send(&server.admin).await.expect_error(403, "NOT_ASKED");

    let forged = Interaction { signing_secret: "another secret".to_owned(), ..genuine.clone() };
    forged.send(&server.admin).await.expect_error(401, "INVALID_SIGNATURE");
    for seconds in [-301_000, 301_000] {
        let old = Interaction { at: server.now().plus_ms(seconds), ..genuine.clone() };
        old.send(&server.admin).await.expect_error(401, "INVALID_SIGNATURE");
    }
    assert_eq!(server.decision(&id).await["status"], "pending");
    // Other interactions that Slack may send are ignored.
    let mut page = genuine.clone();
    page.payload["actions"][0]["action_id"] = "page".into();
    page.send(&server.admin).await.expect(200);
    Interaction::of(json!({"type": "shortcut"}), server.now()).send(&server.admin).await.expect(200);
    Interaction::of(json!({"type": "view_submission", "view": {}}), server.now()).send(&server.admin).await.expect(200);
    Interaction::of(json!("none"), server.now()).send(&server.admin).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(server.decision(&id).await["status"], "pending");
    genuine.send(&server.admin).await.expect(200);
    server.expect_slack_outcome(&slack, &ann, "Approved").await;
    server.finish().await;
}

#[tokio::test]
async fn agent_text_makes_no_mentions_or_links() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let hostile = "<!channel> <@U1> <https://evil.example|Approved by IT> *b* & \u{202e}x";
    let id = server
        .create_slack_decision(json!({
            "action": hostile,
            "context": format!("{hostile}\n{}", "long ".repeat(3_000)),
            "context_images": ["https://img.example/a.png?x=1&y=<|>"],
        }))
        .await;
    let message = slack.message_to(&ann);
    slack.assert_valid_calls();
    assert!(!message.text.contains('<') && message.text.contains("&lt;!channel&gt;"), "{}", message.text);
    assert!(
        message.visible_text().contains("[U+202E]") && message.visible_text().contains("the whole text is on the page")
    );
    let marked: Vec<&Value> = mrkdwn_texts(&message.blocks);
    for text in marked {
        let text = text["text"].as_str().unwrap();
        assert!(!text.contains("evil") && text.matches("<http").count() <= 1, "{text}");
    }
    let tap = slack.tap(&message, "modify", &ann, server.now());
    tap.send(&server.admin).await.expect(200);
    slack.tap(&message, "deny", &ann, server.now()).send(&server.admin).await.expect(200);
    server.run_due_work().await;
    assert_eq!(server.decision(&id).await["status"], "denied");
    slack.assert_valid_calls();
    let mut server = server;
    server.expect_webhook("decision.resolved").await;
    server.expect_slack_outcome(&slack, &ann, "Denied").await;
    server.finish().await;
}

fn mrkdwn_texts(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) if fields.get("type") == Some(&json!("mrkdwn")) => vec![value],
        Value::Object(fields) => fields.values().flat_map(mrkdwn_texts).collect(),
        Value::Array(items) => items.iter().flat_map(mrkdwn_texts).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[tokio::test]
async fn slack_channel_needs_workspace_and_tier() {
    let (server, _slack) = TestServer::with_slack().await;
    let other = server.other_tenant(handrail_domain::access::Role::Agent).await;
    let mut body = server.decision_body();
    body["channel"] = "slack".into();
    let refused = other.post("/decisions", &body).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    assert!(refused.text.contains("/slack/install"), "{}", refused.text);
    server.finish().await;
}
