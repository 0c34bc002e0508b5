//! Somebody is asked in Slack and answers there by a tap.

use handrail_testkit::{SlackStandIn, Tap, World};
use serde_json::{Value, json};

async fn tapped(world: &World, slack: &SlackStandIn, ann: &str, action: &str) -> Tap {
    slack.tap(&slack.message_to(ann), action, ann, world.now())
}

#[tokio::test]
async fn a_tap_approves_and_takes_the_buttons_away() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({"urgency": "high", "amount": 80})).await;
    let asked = slack.message_to(&ann);
    assert_eq!(asked.buttons(), ["approve", "deny", "modify", "page"]);
    assert!(asked.text.contains("asks for your decision: Refund order 1234 (80 EUR)"), "{}", asked.text);
    for part in ["local admin asks", "Refund order 1234 (80 EUR)", "Wrong size, twice.", "high", "Amount", "Answer by"]
    {
        assert!(asked.words().contains(part), "{part}: {}", asked.words());
    }
    assert_eq!(slack.calls(), ["users.lookupByEmail", "conversations.open", "chat.postMessage"]);

    let taken = tapped(&world, &slack, &ann, "approve").await.send(&world.admin).await.expect(200);
    assert_eq!(taken.text, "");
    let decision = world.decision(&id).await;
    assert_eq!((&decision["status"], &decision["resolved_by"]), (&json!("approved"), &json!("ann@example.com")));
    let call = world.expect_webhook("decision.resolved").await;
    assert_eq!(call.json()["decision"]["status"], "approved");
    let told = slack.message_to(&ann);
    assert!(told.buttons().is_empty() && told.words().contains("Approved"), "{}", told.words());
    assert!(told.words().contains("By ann@example.com"), "{}", told.words());

    let deliveries = world.admin.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    let ask = &deliveries["deliveries"][0];
    assert_eq!((&ask["purpose"], &ask["status"]), (&json!("ask-approver"), &json!("delivered")));
    assert_eq!((&ask["slack"]["user"], &ask["slack"]["ts"]), (&json!(ann), &json!(asked.ts)));
    slack.expect_no_wrongs();
    world.end().await;
}

#[tokio::test]
async fn a_tap_denies_and_its_repeat_is_the_same_answer() {
    let (mut world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let id = world.asked_in_slack(json!({})).await;
    let tap = tapped(&world, &slack, &ann, "deny").await;
    for _ in 0..3 {
        tap.send(&world.admin).await.expect(200);
    }
    assert_eq!(world.decision(&id).await["status"], "denied");
    world.expect_webhook("decision.resolved").await;
    assert!(slack.message_to(&ann).words().contains("Denied"));
    world.end().await;
}

#[tokio::test]
async fn nobody_else_can_answer() {
    let (world, slack) = World::in_slack().await;
    let (ann, eve) = (slack.has_user("ann@example.com"), slack.has_user("eve@example.com"));
    let id = world.asked_in_slack(json!({"callback_url": null})).await;
    let message = slack.message_to(&ann);
    let genuine = slack.tap(&message, "approve", &ann, world.now());

    slack.tap(&message, "approve", &eve, world.now()).send(&world.admin).await.expect_error(403, "NOT_ASKED");
    let mut elsewhere = genuine.clone();
    elsewhere.payload["team"]["id"] = "T0OTHER".into();
    elsewhere.send(&world.admin).await.expect_error(403, "NOT_ASKED");
    let mut changed = genuine.clone();
    let value = changed.payload["actions"][0]["value"].as_str().unwrap().to_owned();
    changed.payload["actions"][0]["value"] = value.replacen('.', "A.", 1).into();
    changed.send(&world.admin).await.expect_error(403, "NOT_ASKED");

    let forged = Tap { signing_secret: "another secret".to_owned(), ..genuine.clone() };
    forged.send(&world.admin).await.expect_error(401, "INVALID_SIGNATURE");
    for seconds in [-301_000, 301_000] {
        let old = Tap { at: world.now().plus_ms(seconds), ..genuine.clone() };
        old.send(&world.admin).await.expect_error(401, "INVALID_SIGNATURE");
    }
    assert_eq!(world.decision(&id).await["status"], "pending");
    // What Slack may tell beside, and what is none of ours.
    let mut page = genuine.clone();
    page.payload["actions"][0]["action_id"] = "page".into();
    page.send(&world.admin).await.expect(200);
    Tap::of(json!({"type": "shortcut"}), world.now()).send(&world.admin).await.expect(200);
    Tap::of(json!({"type": "view_submission", "view": {}}), world.now()).send(&world.admin).await.expect(200);
    Tap::of(json!("none"), world.now()).send(&world.admin).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(world.decision(&id).await["status"], "pending");
    genuine.send(&world.admin).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn an_agents_words_mention_nobody_and_link_nowhere() {
    let (world, slack) = World::in_slack().await;
    let ann = slack.has_user("ann@example.com");
    let hostile = "<!channel> <@U1> <https://evil.example|Approved by IT> *b* & \u{202e}x";
    let id = world
        .asked_in_slack(json!({
            "action": hostile,
            "context": format!("{hostile}\n{}", "long ".repeat(3_000)),
            "context_images": ["https://img.example/a.png?x=1&y=<|>"],
        }))
        .await;
    let message = slack.message_to(&ann);
    slack.expect_no_wrongs();
    assert!(!message.text.contains('<') && message.text.contains("&lt;!channel&gt;"), "{}", message.text);
    assert!(message.words().contains("[U+202E]") && message.words().contains("the whole text is on the page"));
    let marked: Vec<&Value> = marked(&message.blocks);
    for text in marked {
        let text = text["text"].as_str().unwrap();
        assert!(!text.contains("evil") && text.matches("<http").count() <= 1, "{text}");
    }
    let tap = slack.tap(&message, "modify", &ann, world.now());
    tap.send(&world.admin).await.expect(200);
    slack.tap(&message, "deny", &ann, world.now()).send(&world.admin).await.expect(200);
    world.settle().await;
    assert_eq!(world.decision(&id).await["status"], "denied");
    slack.expect_no_wrongs();
    let mut world = world;
    world.expect_webhook("decision.resolved").await;
    world.end().await;
}

fn marked(value: &Value) -> Vec<&Value> {
    match value {
        Value::Object(fields) if fields.get("type") == Some(&json!("mrkdwn")) => vec![value],
        Value::Object(fields) => fields.values().flat_map(marked).collect(),
        Value::Array(items) => items.iter().flat_map(marked).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Vec::new(),
    }
}

#[tokio::test]
async fn without_a_workspace_or_below_the_tier_the_channel_is_refused() {
    let (world, _slack) = World::in_slack().await;
    let other = world.stranger(handrail_domain::access::Role::Agent).await;
    let mut ask = world.ask();
    ask["channel"] = "slack".into();
    let refused = other.post("/decisions", &ask).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    assert!(refused.text.contains("/slack/install"), "{}", refused.text);
    world.end().await;
}
