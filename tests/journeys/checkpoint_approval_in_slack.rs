//! If the tenant has Slack, a checkpoint's approver is asked there and answers in a dialog.

use handrail_testkit::{FakeSlack, TestServer};
use serde_json::{Value, json};

use crate::packets::{PACKETS, create_packet, get_history, get_packet, packet_body, patch_packet};

const ANN: &str = "ann@example.com";

async fn create_checkpoint_packet(server: &TestServer, hitl: Value) -> String {
    let mut body = packet_body("billing-01");
    body["hitl"] = json!({"reason": "Above the limit", "question": "Refund order 1234?", "approver": ANN});
    body["hitl"].as_object_mut().unwrap().extend(hitl.as_object().unwrap().clone());
    let id = create_packet(&server.admin.of_packets(), &body).await;
    server.run_due_work().await;
    id
}

async fn open_dialog(server: &TestServer, slack: &FakeSlack, ann: &str) -> Value {
    let before = slack.views().len();
    slack.tap(&slack.message_to(ann), "approve", ann, server.now()).send(&server.admin).await.expect(200);
    let views = slack.views();
    assert_eq!(views.len(), before + 1);
    views[before].clone()
}

#[tokio::test]
async fn slack_dialog_takes_offered_option() {
    check_dialog_answer(&[("choice", json!({"selected_option": {"value": "1"}}))], "no").await;
}

#[tokio::test]
async fn slack_dialog_takes_free_text() {
    let state = [
        ("choice", json!({"selected_option": {"value": "own"}})),
        ("text0", json!({"value": "half of it"})),
        ("notes", json!({"value": "and call me"})),
    ];
    check_dialog_answer(&state, "half of it").await;
}

async fn check_dialog_answer(state: &[(&str, Value)], response: &str) {
    let (mut server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user(ANN);
    let long = "a long one ".repeat(15);
    let id = create_checkpoint_packet(&server, json!({"options": ["yes", "no", long.trim()]})).await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["approve", "page"]);
    for part in ["Refund order 1234?", "Above the limit", "Upgrade to Business", "Answer by"] {
        assert!(message.visible_text().contains(part), "{part}: {}", message.visible_text());
    }
    let view = open_dialog(&server, &slack, &ann).await;
    let sent = slack.submit(&view, state, &ann, server.now());
    for _ in 0..2 {
        assert_eq!(sent.send(&server.admin).await.expect(200).text, "", "the dialog closes");
    }
    let client = server.admin.of_packets();
    let answered = get_packet(&client, &id).await;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!(response)));
    assert_eq!(get_history(&client, &id).await[1], ("hitl_responded".to_owned(), format!("human:{ANN}")));
    server.run_due_work().await;
    let ended = slack.message_to(&ann);
    assert!(ended.buttons().is_empty() && ended.visible_text().contains("Answered"), "{}", ended.visible_text());
    assert!(
        ended.visible_text().contains(response) && !ended.visible_text().contains("Approved"),
        "{}",
        ended.visible_text()
    );
    slack.assert_valid_calls();
    server.expect_no_messages().await;
    server.finish().await;
}

#[tokio::test]
async fn slack_dialog_shows_field_errors() {
    let (server, slack) = TestServer::with_slack().await;
    let ann = slack.add_user(ANN);
    let id = create_checkpoint_packet(&server, json!({"options": ["yes", "no"]})).await;
    let view = open_dialog(&server, &slack, &ann).await;
    let own = || ("choice", json!({"selected_option": {"value": "own"}}));
    let yes = || ("choice", json!({"selected_option": {"value": "0"}}));
    for (state, block) in [
        (vec![], "choice"),
        (vec![own()], "text0"),
        (vec![yes(), ("text0", json!({"value": "no"}))], "text0"),
        (vec![own(), ("text0", json!({"value": "x".repeat(2_001)}))], "text0"),
    ] {
        let answer = slack.submit(&view, &state, &ann, server.now()).send(&server.admin).await.expect(200);
        assert_eq!(answer.json["response_action"], "errors", "{state:?}: {}", answer.text);
        assert!(answer.json["errors"][block].is_string(), "{state:?}: {}", answer.text);
    }
    assert_eq!(get_packet(&server.admin.of_packets(), &id).await["status"], "awaiting_human");
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn slack_message_shows_outcome_of_own_checkpoint() {
    let (server, slack) = TestServer::with_slack().await;
    let (ann, client) = (slack.add_user(ANN), server.admin.of_packets());
    let id = create_checkpoint_packet(&server, json!({})).await;
    let view = open_dialog(&server, &slack, &ann).await;
    let response = json!({"response": "go on", "responded_by": "tom"});
    client.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect(200);
    server.run_due_work().await;
    assert!(slack.message_to(&ann).visible_text().contains("By tom"), "{}", slack.message_to(&ann).visible_text());
    // The dialog of an earlier checkpoint does not answer a later one.
    let again = json!({"reason": "And the second?", "approver": ANN});
    patch_packet(&client, &id, json!({"status": "awaiting_human", "hitl": again})).await.expect(200);
    server.run_due_work().await;
    let late = slack.submit(&view, &[("text0", json!({"value": "stop"}))], &ann, server.now());
    let late_response = late.send(&server.admin).await.expect(200);
    assert!(
        late_response.text.contains("tom (as the API key")
            && late_response.text.contains("answered on")
            && late_response.text.contains("too late"),
        "{}",
        late_response.text
    );
    assert_eq!(get_packet(&client, &id).await["status"], "awaiting_human");
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2);
    assert!(
        messages
            .iter()
            .any(|message| message.visible_text().contains("And the second?") && !message.buttons().is_empty())
    );
    assert!(
        messages
            .iter()
            .any(|message| message.visible_text().contains("Refund order 1234?") && message.buttons().is_empty())
    );
    let gone = client.delete(&format!("{PACKETS}/{id}")).await;
    gone.expect(204);
    server.run_due_work().await;
    assert!(slack.messages_to(&ann).iter().all(|message| message.buttons().is_empty()));
    slack.assert_valid_calls();
    server.finish().await;
}

#[tokio::test]
async fn unknown_slack_user_gets_mail() {
    let (mut server, slack) = TestServer::with_slack().await;
    let id = create_checkpoint_packet(&server, json!({})).await;
    let mail = server.expect_mail(ANN).await;
    let form = [("choice", "approve"), ("text-0", "go on")];
    server.admin.without_key().post_form(&mail.links[0], &form).await.expect(303);
    assert_eq!(get_packet(&server.admin.of_packets(), &id).await["hitl"]["response"], "go on");
    slack.assert_valid_calls();
    server.finish().await;
}
