//! Response types that need a dialog in Slack.

use std::time::Duration;

use handrail_testkit::{FakeSlack, TestResponse, TestServer};
use serde_json::{Value, json};

/// Clicks the button, fills in the dialog and submits it.
async fn submit_slack_dialog(
    server: &TestServer,
    slack: &FakeSlack,
    ann: &str,
    action: &str,
    state: &[(&str, Value)],
) -> TestResponse {
    let message = slack.messages_to(ann).pop().unwrap();
    slack.tap(&message, action, ann, server.now()).send(&server.admin).await.expect(200);
    let view = slack.views().pop().expect("a dialog opened");
    slack.assert_valid_calls();
    slack.submit(&view, state, ann, server.now()).send(&server.admin).await
}

async fn create_slack_decision(response_type: Value) -> (TestServer, FakeSlack, String, String) {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"response_type": response_type, "callback_url": null})).await;
    (server, slack, ann, id)
}

#[tokio::test]
async fn slack_modify_takes_notes() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({})).await;
    let refused =
        submit_slack_dialog(&server, &slack, &ann, "modify", &[("notes", json!({"value": " "}))]).await.expect(200);
    assert_eq!(refused.json["response_action"], "errors");
    assert!(refused.json["errors"]["notes"].is_string(), "{}", refused.text);
    assert_eq!(server.decision(&id).await["status"], "pending");
    let response =
        submit_slack_dialog(&server, &slack, &ann, "modify", &[("notes", json!({"value": "Only half.\r\nThanks"}))])
            .await;
    assert_eq!(response.expect(200).text, "");
    let decision = server.decision(&id).await;
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("modified"), &json!("Only half.\nThanks")));
    server.expect_webhook("decision.resolved").await;
    assert!(slack.message_to(&ann).visible_text().contains("Only half."));
    server.finish().await;
}

#[tokio::test]
async fn slack_dialog_takes_one_choice() {
    let long = "x".repeat(150);
    let (server, slack, ann, id) =
        create_slack_decision(json!({"type": "choose", "choices": ["Refund", long, "Replace"]})).await;
    assert_eq!(slack.message_to(&ann).buttons(), ["approve", "deny", "page"]);
    let nothing = submit_slack_dialog(&server, &slack, &ann, "approve", &[]).await.expect(200);
    assert!(nothing.json["errors"]["choice"].is_string(), "{}", nothing.text);
    let picked = json!({"selected_option": {"value": "2"}});
    submit_slack_dialog(&server, &slack, &ann, "approve", &[("choice", picked)]).await.expect(200);
    let decision = server.decision(&id).await;
    assert_eq!(decision["response_data"], json!({"chosen": "Replace"}));
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("approved"), &json!("Replace")));
    server.expect_slack_outcome(&slack, &ann, "Replace").await;
    server.finish().await;
}

#[tokio::test]
async fn many_choices_are_shown_as_menu() {
    let choices: Vec<String> = (0..50).map(|at| format!("Choice {at}")).collect();
    let (server, slack, ann, id) = create_slack_decision(json!({"type": "choose", "choices": choices})).await;
    let picked = json!({"selected_option": {"value": "49"}});
    submit_slack_dialog(&server, &slack, &ann, "approve", &[("choice", picked)]).await.expect(200);
    assert_eq!(server.decision(&id).await["response_data"], json!({"chosen": "Choice 49"}));
    server.expect_slack_outcome(&slack, &ann, "Choice 49").await;
    server.finish().await;
}

#[tokio::test]
async fn slack_dialog_shows_error_per_text_field() {
    let fields = json!([
        {"name": "reason", "label": "Why?", "required": true, "placeholder": "in a few words"},
        {"name": "ticket", "label": "", "required": false, "placeholder": ""},
    ]);
    let (server, slack, ann, id) = create_slack_decision(json!({"type": "text_input", "fields": fields})).await;
    let long = json!({"value": "x".repeat(2_001)});
    let refused = submit_slack_dialog(&server, &slack, &ann, "approve", &[("text1", long)]).await.expect(200);
    let errors = refused.json["errors"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(errors, ["text0", "text1"], "{}", refused.text);
    submit_slack_dialog(&server, &slack, &ann, "approve", &[("text0", json!({"value": "Damaged"}))]).await.expect(200);
    assert_eq!(server.decision(&id).await["response_data"], json!({"reason": "Damaged", "ticket": ""}));
    server.expect_slack_outcome(&slack, &ann, "Approved").await;
    server.finish().await;
}

#[tokio::test]
async fn slack_number_must_be_within_bounds() {
    let (server, slack, ann, id) =
        create_slack_decision(json!({"type": "number_input", "label": "How much?", "min": 5, "max": 20})).await;
    for wrong in ["4", "21", "many", "1e999"] {
        let refused = submit_slack_dialog(&server, &slack, &ann, "approve", &[("number", json!({"value": wrong}))])
            .await
            .expect(200);
        assert!(refused.json["errors"]["number"].is_string(), "{wrong}: {}", refused.text);
    }
    let message = slack.message_to(&ann);
    slack.tap(&message, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    let view = slack.views().pop().unwrap();
    let sent = slack.submit(&view, &[("number", json!({"value": "15"}))], &ann, server.now());
    for _ in 0..2 {
        // A repeated submission records one answer.
        assert_eq!(sent.send(&server.admin).await.expect(200).text, "");
    }
    assert_eq!(server.decision(&id).await["response_data"], json!({"value": 15}));
    server.expect_slack_outcome(&slack, &ann, "15").await;
    server.finish().await;
}

#[tokio::test]
async fn slack_dialog_takes_schedule_time() {
    let (server, slack, ann, id) = create_slack_decision(json!({"type": "schedule", "allow_immediate": false})).await;
    let refused = submit_slack_dialog(&server, &slack, &ann, "approve", &[]).await.expect(200);
    assert!(refused.json["errors"]["when"].is_string(), "{}", refused.text);
    let at = server.now().as_unix_seconds() + 86_400;
    submit_slack_dialog(&server, &slack, &ann, "approve", &[("when", json!({"selected_date_time": at}))])
        .await
        .expect(200);
    let decision = server.decision(&id).await;
    assert_eq!(decision["status"], "scheduled");
    server.run_due_work().await;
    assert!(slack.message_to(&ann).visible_text().contains("Approved for later"));
    server.finish().await;
}

#[tokio::test]
async fn slack_confirm_is_button_and_upload_links_page() {
    let (server, slack, ann, id) = create_slack_decision(json!({"type": "confirm"})).await;
    let message = slack.message_to(&ann);
    assert!(
        message.visible_text().contains("Confirm") && message.visible_text().contains("Decline"),
        "{}",
        message.visible_text()
    );
    slack.tap(&message, "approve", &ann, server.now()).send(&server.admin).await.expect(200);
    assert_eq!(server.decision(&id).await["status"], "approved");
    server.expect_slack_outcome(&slack, &ann, "Approved").await;
    server.finish().await;

    let (server, slack, ann, _) = create_slack_decision(json!({"type": "file_upload"})).await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["deny", "page"]);
    assert!(message.visible_text().contains("Upload on the page"), "{}", message.visible_text());
    server.finish().await;
}

#[tokio::test]
async fn late_slack_dialog_shows_earlier_answer() {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user("ann@example.com");
    let id = server.create_slack_decision(json!({"timeout_minutes": 5})).await;
    let message = slack.message_to(&ann);
    slack.tap(&message, "modify", &ann, server.now()).send(&server.admin).await.expect(200);
    let view = slack.views().pop().unwrap();
    let sent = slack.submit(&view, &[("notes", json!({"value": "Half"}))], &ann, server.now());
    let by_bob = json!({"action": "approve", "resolved_by": "Bob"});
    server.admin.post(&format!("/decisions/{id}/resolve"), &by_bob).await.expect(200);
    let late = sent.send(&server.admin).await.expect(200);
    assert_eq!(late.json["response_action"], "update");
    assert!(
        late.text.contains("Bob (according to the API key") && late.text.contains("changed nothing"),
        "{}",
        late.text
    );
    server.expect_webhook("decision.resolved").await;
    let mut other = sent.clone();
    other.payload["user"]["id"] = "U0EVE".into();
    other.send(&server.admin).await.expect_error(403, "NOT_ASKED");
    server.advance(Duration::from_secs(1)).await;
    server.expect_slack_outcome(&slack, &ann, "By Bob").await;
    server.finish().await;
}
