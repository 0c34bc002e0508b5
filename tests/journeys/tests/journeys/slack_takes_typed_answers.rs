//! An answer that is more than a tap: a dialog in Slack.

use std::time::Duration;

use handrail_testkit::{Answer, SlackStandIn, World};
use serde_json::{Value, json};

/// Taps, fills the dialog in and sends it.
async fn typed(world: &World, slack: &SlackStandIn, ann: &str, action: &str, state: &[(&str, Value)]) -> Answer {
    let message = slack.messages_to(ann).pop().unwrap();
    slack.tap(&message, action, ann, world.now()).send(&world.admin).await.expect(200);
    let view = slack.views().pop().expect("a dialog opened");
    slack.expect_no_wrongs();
    slack.submit(&view, state, ann, world.now()).send(&world.admin).await
}

async fn scene(response_type: Value) -> (World, SlackStandIn, String, String) {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"response_type": response_type, "callback_url": null})).await;
    (world, slack, ann, id)
}

#[tokio::test]
async fn to_modify_says_what_should_be_different() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({})).await;
    let refused = typed(&world, &slack, &ann, "modify", &[("notes", json!({"value": " "}))]).await.expect(200);
    assert_eq!(refused.json["response_action"], "errors");
    assert!(refused.json["errors"]["notes"].is_string(), "{}", refused.text);
    assert_eq!(world.decision(&id).await["status"], "pending");
    let taken = typed(&world, &slack, &ann, "modify", &[("notes", json!({"value": "Only half.\r\nThanks"}))]).await;
    assert_eq!(taken.expect(200).text, "");
    let decision = world.decision(&id).await;
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("modified"), &json!("Only half.\nThanks")));
    world.expect_webhook("decision.resolved").await;
    assert!(slack.message_to(&ann).words().contains("Only half."));
    world.end().await;
}

#[tokio::test]
async fn one_of_the_choices() {
    let long = "x".repeat(150);
    let (world, slack, ann, id) = scene(json!({"type": "choose", "choices": ["Refund", long, "Replace"]})).await;
    assert_eq!(slack.message_to(&ann).buttons(), ["approve", "deny", "page"]);
    let nothing = typed(&world, &slack, &ann, "approve", &[]).await.expect(200);
    assert!(nothing.json["errors"]["choice"].is_string(), "{}", nothing.text);
    let picked = json!({"selected_option": {"value": "2"}});
    typed(&world, &slack, &ann, "approve", &[("choice", picked)]).await.expect(200);
    let decision = world.decision(&id).await;
    assert_eq!(decision["response_data"], json!({"chosen": "Replace"}));
    assert_eq!((&decision["status"], &decision["response_notes"]), (&json!("approved"), &json!("Replace")));
    world.end().await;
}

#[tokio::test]
async fn many_choices_are_a_menu() {
    let choices: Vec<String> = (0..50).map(|at| format!("Choice {at}")).collect();
    let (world, slack, ann, id) = scene(json!({"type": "choose", "choices": choices})).await;
    let picked = json!({"selected_option": {"value": "49"}});
    typed(&world, &slack, &ann, "approve", &[("choice", picked)]).await.expect(200);
    assert_eq!(world.decision(&id).await["response_data"], json!({"chosen": "Choice 49"}));
    world.end().await;
}

#[tokio::test]
async fn texts_each_with_its_own_problem() {
    let fields = json!([
        {"name": "reason", "label": "Why?", "required": true, "placeholder": "in a few words"},
        {"name": "ticket", "label": "", "required": false, "placeholder": ""},
    ]);
    let (world, slack, ann, id) = scene(json!({"type": "text_input", "fields": fields})).await;
    let long = json!({"value": "x".repeat(2_001)});
    let refused = typed(&world, &slack, &ann, "approve", &[("text1", long)]).await.expect(200);
    let errors = refused.json["errors"].as_object().unwrap().keys().cloned().collect::<Vec<_>>();
    assert_eq!(errors, ["text0", "text1"], "{}", refused.text);
    typed(&world, &slack, &ann, "approve", &[("text0", json!({"value": "Damaged"}))]).await.expect(200);
    assert_eq!(world.decision(&id).await["response_data"], json!({"reason": "Damaged", "ticket": ""}));
    world.end().await;
}

#[tokio::test]
async fn a_number_within_its_bounds() {
    let (world, slack, ann, id) =
        scene(json!({"type": "number_input", "label": "How much?", "min": 5, "max": 20})).await;
    for wrong in ["4", "21", "many", "1e999"] {
        let refused = typed(&world, &slack, &ann, "approve", &[("number", json!({"value": wrong}))]).await.expect(200);
        assert!(refused.json["errors"]["number"].is_string(), "{wrong}: {}", refused.text);
    }
    let message = slack.message_to(&ann);
    slack.tap(&message, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    let view = slack.views().pop().unwrap();
    let sent = slack.submit(&view, &[("number", json!({"value": "15"}))], &ann, world.now());
    for _ in 0..2 {
        // Sent twice, it is one answer.
        assert_eq!(sent.send(&world.admin).await.expect(200).text, "");
    }
    assert_eq!(world.decision(&id).await["response_data"], json!({"value": 15}));
    world.end().await;
}

#[tokio::test]
async fn a_time_to_do_it() {
    let (world, slack, ann, id) = scene(json!({"type": "schedule", "allow_immediate": false})).await;
    let refused = typed(&world, &slack, &ann, "approve", &[]).await.expect(200);
    assert!(refused.json["errors"]["when"].is_string(), "{}", refused.text);
    let at = world.now().as_unix_seconds() + 86_400;
    typed(&world, &slack, &ann, "approve", &[("when", json!({"selected_date_time": at}))]).await.expect(200);
    let decision = world.decision(&id).await;
    assert_eq!(decision["status"], "scheduled");
    world.settle().await;
    assert!(slack.message_to(&ann).words().contains("Approved for later"));
    world.end().await;
}

#[tokio::test]
async fn confirm_is_a_tap_and_files_are_for_the_page() {
    let (world, slack, ann, id) = scene(json!({"type": "confirm"})).await;
    let message = slack.message_to(&ann);
    assert!(message.words().contains("Confirm") && message.words().contains("Decline"), "{}", message.words());
    slack.tap(&message, "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    assert_eq!(world.decision(&id).await["status"], "approved");
    world.end().await;

    let (world, slack, ann, _) = scene(json!({"type": "file_upload"})).await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["deny", "page"]);
    assert!(message.words().contains("Upload on the page"), "{}", message.words());
    world.end().await;
}

#[tokio::test]
async fn who_sends_a_dialog_too_late_is_told_who_was_first() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"timeout_minutes": 5})).await;
    let message = slack.message_to(&ann);
    slack.tap(&message, "modify", &ann, world.now()).send(&world.admin).await.expect(200);
    let view = slack.views().pop().unwrap();
    let sent = slack.submit(&view, &[("notes", json!({"value": "Half"}))], &ann, world.now());
    let by_bob = json!({"action": "approve", "resolved_by": "Bob"});
    world.admin.post(&format!("/decisions/{id}/resolve"), &by_bob).await.expect(200);
    let late = sent.send(&world.admin).await.expect(200);
    assert_eq!(late.json["response_action"], "update");
    assert!(late.text.contains("Bob answered") && late.text.contains("changed nothing"), "{}", late.text);
    world.expect_webhook("decision.resolved").await;
    let mut other = sent.clone();
    other.payload["user"]["id"] = "U0EVE".into();
    other.send(&world.admin).await.expect_error(403, "NOT_ASKED");
    world.advance(Duration::from_secs(1)).await;
    world.end().await;
}
