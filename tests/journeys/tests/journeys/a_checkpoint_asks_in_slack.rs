//! Whoever a packet asks is asked in Slack where the account has it, and answers there in a dialog.

use handrail_testkit::{SlackStandIn, World};
use serde_json::{Value, json};

use crate::packets::{PACKETS, made, packet, patch, seen, told};

const ANN: &str = "ann@example.com";

async fn asked(world: &World, hitl: Value) -> String {
    let mut asks = packet("billing-01");
    asks["hitl"] = json!({"reason": "Above the limit", "question": "Refund order 1234?", "approver": ANN});
    asks["hitl"].as_object_mut().unwrap().extend(hitl.as_object().unwrap().clone());
    let id = made(&world.admin.of_packets(), &asks).await;
    world.settle().await;
    id
}

async fn dialog(world: &World, slack: &SlackStandIn, ann: &str) -> Value {
    let before = slack.views().len();
    slack.tap(&slack.message_to(ann), "approve", ann, world.now()).send(&world.admin).await.expect(200);
    let views = slack.views();
    assert_eq!(views.len(), before + 1);
    views[before].clone()
}

#[tokio::test]
async fn a_dialog_takes_one_of_the_options() {
    answered_in_a_dialog(&[("choice", json!({"selected_option": {"value": "1"}}))], "no").await;
}

#[tokio::test]
async fn a_dialog_takes_other_words() {
    let state = [
        ("choice", json!({"selected_option": {"value": "own"}})),
        ("text0", json!({"value": "half of it"})),
        ("notes", json!({"value": "and call me"})),
    ];
    answered_in_a_dialog(&state, "half of it").await;
}

async fn answered_in_a_dialog(state: &[(&str, Value)], response: &str) {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user(ANN);
    let long = "a long one ".repeat(15);
    let id = asked(&world, json!({"options": ["yes", "no", long.trim()]})).await;
    let message = slack.message_to(&ann);
    assert_eq!(message.buttons(), ["approve", "page"]);
    for part in ["Refund order 1234?", "Above the limit", "Upgrade to Business", "Answer by"] {
        assert!(message.words().contains(part), "{part}: {}", message.words());
    }
    let view = dialog(&world, &slack, &ann).await;
    let sent = slack.submit(&view, state, &ann, world.now());
    for _ in 0..2 {
        assert_eq!(sent.send(&world.admin).await.expect(200).text, "", "the dialog closes");
    }
    let client = world.admin.of_packets();
    let answered = seen(&client, &id).await;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!(response)));
    assert_eq!(told(&client, &id).await[1], ("hitl_responded".to_owned(), format!("human:{ANN}")));
    world.settle().await;
    let ended = slack.message_to(&ann);
    assert!(ended.buttons().is_empty() && ended.words().contains("Answered"), "{}", ended.words());
    assert!(ended.words().contains(response) && !ended.words().contains("Approved"), "{}", ended.words());
    slack.expect_no_wrongs();
    world.expect_silence().await;
    world.end().await;
}

#[tokio::test]
async fn what_is_not_clear_is_told_at_its_field() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user(ANN);
    let id = asked(&world, json!({"options": ["yes", "no"]})).await;
    let view = dialog(&world, &slack, &ann).await;
    let own = || ("choice", json!({"selected_option": {"value": "own"}}));
    let yes = || ("choice", json!({"selected_option": {"value": "0"}}));
    for (state, block) in [
        (vec![], "choice"),
        (vec![own()], "text0"),
        (vec![yes(), ("text0", json!({"value": "no"}))], "text0"),
        (vec![own(), ("text0", json!({"value": "x".repeat(2_001)}))], "text0"),
    ] {
        let answer = slack.submit(&view, &state, &ann, world.now()).send(&world.admin).await.expect(200);
        assert_eq!(answer.json["response_action"], "errors", "{state:?}: {}", answer.text);
        assert!(answer.json["errors"][block].is_string(), "{state:?}: {}", answer.text);
    }
    assert_eq!(seen(&world.admin.of_packets(), &id).await["status"], "awaiting_human");
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn a_message_shows_how_its_own_question_ended() {
    let (world, slack) = World::in_slack().await;
    let (ann, client) = (slack.has_user(ANN), world.admin.of_packets());
    let id = asked(&world, json!({})).await;
    let view = dialog(&world, &slack, &ann).await;
    let response = json!({"response": "go on", "responded_by": "tom"});
    client.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect(200);
    world.settle().await;
    assert!(slack.message_to(&ann).words().contains("By tom"), "{}", slack.message_to(&ann).words());
    // Asked again, the dialog of the first question answers nothing.
    let again = json!({"reason": "And the second?", "approver": ANN});
    patch(&client, &id, json!({"status": "awaiting_human", "hitl": again})).await.expect(200);
    world.settle().await;
    let late = slack.submit(&view, &[("text0", json!({"value": "stop"}))], &ann, world.now());
    let told = late.send(&world.admin).await.expect(200);
    assert!(told.text.contains("tom answered on") && told.text.contains("too late"), "{}", told.text);
    assert_eq!(seen(&client, &id).await["status"], "awaiting_human");
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2);
    assert!(
        messages.iter().any(|message| message.words().contains("And the second?") && !message.buttons().is_empty())
    );
    assert!(
        messages.iter().any(|message| message.words().contains("Refund order 1234?") && message.buttons().is_empty())
    );
    let gone = client.delete(&format!("{PACKETS}/{id}")).await;
    gone.expect(204);
    world.settle().await;
    assert!(slack.messages_to(&ann).iter().all(|message| message.buttons().is_empty()));
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn nobody_in_the_workspace_has_the_address_so_it_is_mailed() {
    let (mut world, slack) = World::in_slack().await;
    let id = asked(&world, json!({})).await;
    let mail = world.expect_mail(ANN).await;
    let form = [("choice", "approve"), ("text-0", "go on")];
    world.admin.without_key().post_form(&mail.links[0], &form).await.expect(303);
    assert_eq!(seen(&world.admin.of_packets(), &id).await["hitl"]["response"], "go on");
    slack.expect_no_wrongs();
    world.end().await;
}
