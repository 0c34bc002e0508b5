//! Slack can't reach somebody, or is in trouble: the person is asked all the same, and the deliveries say how.

use std::time::Duration;

use handrail_testkit::{SlackStandIn, Trouble, World};
use serde_json::{Value, json};

async fn attempts(world: &World, id: &str) -> Vec<String> {
    let deliveries = world.admin.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let attempts = deliveries["deliveries"][0]["attempts"].as_array().unwrap().clone();
    attempts.iter().map(|attempt| attempt["error"].as_str().unwrap_or("done").to_owned()).collect()
}

fn quiet() -> Value {
    json!({"callback_url": null})
}

#[tokio::test]
async fn who_is_not_in_the_workspace_gets_a_mail() {
    let (mut world, slack) = World::in_slack().await;
    let id = world.asked_in_slack(quiet()).await;
    let mail = world.expect_mail("ann@example.com").await;
    let attempts = attempts(&world, &id).await;
    assert!(attempts[0].starts_with("Slack: users_not_found: nobody in the workspace"), "{attempts:?}");
    assert!(attempts[0].ends_with("asked by mail instead") && attempts[1] == "done", "{attempts:?}");
    assert_eq!(slack.calls(), ["users.lookupByEmail"]);
    world.admin.without_key().post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    assert_eq!(world.decision(&id).await["status"], "approved");
    world.end().await;
}

#[tokio::test]
async fn an_app_that_was_thrown_out_leaves_the_mail() {
    let (mut world, slack) = World::in_slack().await;
    slack.has_user("ann@example.com");
    slack.throws_out();
    let id = world.asked_in_slack(quiet()).await;
    world.expect_mail("ann@example.com").await;
    assert!(attempts(&world, &id).await[0].contains("an admin can connect it again"));
    world.end().await;
}

#[tokio::test]
async fn slacks_wish_to_wait_is_respected() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    slack.next("chat.postMessage", &[Trouble::Limited(40)]);
    let id = world.asked_in_slack(quiet()).await;
    world.advance(Duration::from_secs(39)).await;
    assert!(slack.messages_to(&ann).is_empty());
    world.advance(Duration::from_secs(1)).await;
    slack.message_to(&ann);
    assert_eq!(attempts(&world, &id).await, ["Slack: too many calls", "done"]);
    world.end().await;
}

#[tokio::test]
async fn a_slack_that_stays_down_does_not_keep_anybody_waiting() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    slack.next("users.lookupByEmail", &[Trouble::Status(500); 20]);
    let id = world.asked_in_slack(quiet()).await;
    world.advance(Duration::from_secs(41)).await;
    world.expect_silence().await;
    world.advance(Duration::from_secs(61)).await;
    world.expect_mail("ann@example.com").await;
    let attempts = attempts(&world, &id).await;
    assert_eq!((attempts.len(), attempts[4].as_str()), (6, "Slack: status 500; asked by mail instead"));
    assert!(slack.messages_to(&ann).is_empty());
    world.end().await;
}

#[tokio::test]
async fn a_message_whose_outcome_nobody_knew_can_be_answered_too() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    slack.next("chat.postMessage", &[Trouble::DoneButSilent]);
    let id = world.asked_in_slack(quiet()).await;
    world.advance(Duration::from_secs(2)).await;
    let messages = slack.messages_to(&ann);
    assert_eq!(messages.len(), 2, "once silent, once known");
    slack.tap(&messages[0], "approve", &ann, world.now()).send(&world.admin).await.expect(200);
    world.settle().await;
    assert_eq!(world.decision(&id).await["status"], "approved");
    // The known one was edited; the other is edited when it is tapped again.
    assert!(slack.messages_to(&ann)[1].buttons().is_empty());
    slack.tap(&messages[0], "deny", &ann, world.now()).send(&world.admin).await.expect(200);
    let first = &slack.messages_to(&ann)[0];
    assert!(first.buttons().is_empty() && first.words().contains("Approved"), "{}", first.words());
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn what_could_not_be_edited_is_edited_later() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(quiet()).await;
    slack.next("chat.update", &[Trouble::Limited(30), Trouble::Status(503)]);
    world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    world.settle().await;
    assert!(!slack.message_to(&ann).buttons().is_empty());
    world.advance(Duration::from_secs(41)).await;
    assert!(slack.message_to(&ann).words().contains("Denied"));
    world.end().await;
}

#[tokio::test]
async fn a_call_that_hangs_is_given_up_in_time() {
    let slack = SlackStandIn::start().await;
    slack.next("conversations.open", &[Trouble::Hangs]);
    let client = slack.client(Duration::from_millis(50));
    let token = handrail_slack_api::BotToken::new(slack.trusts());
    let fault = client.dm_with(&token, "U1").await.unwrap_err();
    assert!(matches!(fault, handrail_slack_api::SlackFault::Later { .. }), "{fault}");
}
