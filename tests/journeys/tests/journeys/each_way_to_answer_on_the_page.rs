//! Each of the seven ways to answer, on the page: what is not right is asked again at its field with what was typed, and
//! what is right reaches the agent as published.

use handrail_testkit::{Answer, Client, World};
use serde_json::{Value, json};

struct Case {
    asked: Value,
    /// Parts of the page.
    shows: &'static [&'static str],
    /// Forms that are not taken, and the words that say why.
    refused: &'static [(&'static [(&'static str, &'static str)], &'static str)],
    taken: &'static [(&'static str, &'static str)],
    /// Of the callback and of GET.
    status: &'static str,
    notes: Value,
    data: Value,
    /// Parts of the page afterwards.
    outcome: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            asked: json!({"type": "approve_deny"}),
            shows: &["<b>Approve</b>", "<b>Deny</b>", "<b>Modify</b>"],
            refused: &[(&[("choice", "now")], "That answer was not offered.")],
            taken: &[("choice", "approve")],
            status: "approved",
            notes: Value::Null,
            data: Value::Null,
            outcome: &["Approved"],
        },
        Case {
            asked: json!({"type": "choose", "label": "Which way?", "choices": ["Standard", "Express <1 day>"]}),
            shows: &["type=\"radio\"", "Which way?", "Express &lt;1 day&gt;", "<b>Send this answer</b>", "<b>Deny</b>"],
            refused: &[
                (&[("choice", "approve"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "approve"), ("chosen", "2"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "approve"), ("chosen", "Standard"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "modify"), ("chosen", "1"), ("notes", "keep me")], "That answer was not offered."),
            ],
            taken: &[("choice", "approve"), ("chosen", "1")],
            status: "approved",
            notes: json!("Express <1 day>"),
            data: json!({"chosen": "Express <1 day>"}),
            outcome: &["<dt>Chosen</dt>", "Express &lt;1 day&gt;"],
        },
        Case {
            asked: json!({"type": "text_input", "fields": [
                {"name": "why", "label": "Why?", "required": true, "placeholder": "In a few words"},
                {"name": "note", "label": "Anything else", "required": false, "placeholder": ""},
            ]}),
            shows: &["Why?", "placeholder=\"In a few words\"", "Anything else", "<b>Send this answer</b>"],
            refused: &[
                (&[("choice", "approve"), ("text-0", " "), ("text-1", "keep me")], "Fill this in: the agent needs it."),
                (&[("choice", "approve"), ("text-1", "keep me")], "Fill this in: the agent needs it."),
                (&[("choice", "approve"), ("text-0", "a\u{7}b"), ("text-1", "keep me")], "holds control characters"),
            ],
            taken: &[("choice", "approve"), ("text-0", "Two\r\nlines"), ("text-1", ""), ("notes", "hurry")],
            status: "approved",
            notes: json!("hurry"),
            data: json!({"why": "Two\nlines", "note": ""}),
            outcome: &["<bdi>Why?</bdi>", "Two\nlines", "(left empty)", "hurry"],
        },
        Case {
            asked: json!({"type": "number_input", "label": "How many?", "min": 1, "max": 20}),
            shows: &["type=\"number\"", "How many?", "min=\"1\"", "max=\"20\"", "A number from 1 to 20."],
            refused: &[
                (&[("choice", "approve"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "21"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "0.5"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "ten"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "1.00000000000000001"), ("notes", "keep me")], "15 digits"),
            ],
            taken: &[("choice", "approve"), ("value", "15")],
            status: "approved",
            notes: json!("15"),
            data: json!({"value": 15}),
            outcome: &["<dt>Number</dt><dd>15</dd>"],
        },
        Case {
            asked: json!({"type": "confirm"}),
            shows: &["<b>Confirm</b>", "<b>Decline</b>"],
            refused: &[(&[("choice", "modify"), ("notes", "keep me")], "That answer was not offered.")],
            taken: &[("choice", "deny")],
            status: "denied",
            notes: Value::Null,
            data: Value::Null,
            outcome: &["Denied"],
        },
        Case {
            asked: json!({"type": "schedule", "label": "When?"}),
            shows: &["type=\"date\"", "type=\"time\"", "<b>Approve for this time</b>", "<b>Approve now</b>"],
            refused: &[
                (&[("choice", "approve"), ("notes", "keep me")], "Pick a date and a time."),
                (&[("choice", "approve"), ("date", "2026-09-30"), ("notes", "keep me")], "Pick a date and a time."),
                (&[("choice", "approve"), ("date", "2026-02-30"), ("time", "09:00"), ("notes", "keep me")], "no date"),
                (
                    &[("choice", "approve"), ("date", "2020-01-01"), ("time", "09:00"), ("notes", "keep me")],
                    "over already",
                ),
                (
                    &[("choice", "approve"), ("date", "2036-01-01"), ("time", "09:00"), ("notes", "keep me")],
                    "within 365 days",
                ),
            ],
            taken: &[("choice", "now")],
            status: "approved",
            notes: Value::Null,
            data: Value::Null,
            outcome: &["Approved"],
        },
    ]
}

#[tokio::test]
async fn each_way_to_answer_on_the_page() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    for case in cases() {
        answered(&mut world, &agent, &case).await;
    }
    world.end().await;
}

async fn answered(world: &mut World, agent: &Client, case: &Case) {
    let mut ask = world.ask();
    ask["response_type"] = case.asked.clone();
    let id = agent.post("/decisions", &ask).await.expect(201).id();
    let page = world.expect_mail("ann@example.com").await.links[0].clone();
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    for part in case.shows {
        assert!(shown.contains(part), "{part} is missing for {}", case.asked);
    }
    for (form, why) in case.refused {
        let again: Answer = person.post_form(&page, form).await.expect(422);
        assert!(again.text.contains("role=\"alert\">") && again.text.contains(why), "{form:?}: {why}");
        let typed = form.iter().any(|(_, value)| *value == "keep me");
        assert_eq!(again.text.contains("keep me</textarea>"), typed, "{form:?}");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    for _ in 0..2 {
        person.post_form(&page, case.taken).await.expect(303);
    }
    let call = world.expect_webhook("decision.resolved").await.json();
    let expected = json!({
        "event": "decision.resolved",
        "decision": {"id": id, "status": case.status, "resolved_by": "ann@example.com",
            "response_notes": case.notes, "response_data": case.data},
        "timestamp": world.now(),
    });
    assert_eq!(call, expected);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    for (field, value) in
        [("status", &json!(case.status)), ("response_notes", &case.notes), ("response_data", &case.data)]
    {
        assert_eq!(&seen[field], value, "{field} for {}", case.asked);
    }
    let outcome = person.get(&page).await.expect(200).text;
    for part in case.outcome {
        assert!(outcome.contains(part), "{part} is missing afterwards for {}", case.asked);
    }
    assert!(!outcome.contains("<form"));
}

#[tokio::test]
async fn to_deny_nothing_has_to_be_filled_in() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    for case in cases() {
        let mut ask = world.ask();
        ask["response_type"] = case.asked.clone();
        agent.post("/decisions", &ask).await.expect(201);
        let page = world.expect_mail("ann@example.com").await.links[0].clone();
        // What was begun and not sent is no part of a no.
        let form = [("choice", "deny"), ("chosen", "0"), ("value", "3"), ("date", "2020-01-01"), ("notes", "No.")];
        agent.without_key().post_form(&page, &form).await.expect(303);
        let call = world.expect_webhook("decision.resolved").await.json();
        assert_eq!((&call["decision"]["status"], &call["decision"]["response_data"]), (&json!("denied"), &Value::Null));
        assert_eq!(call["decision"]["response_notes"], "No.");
    }
    world.end().await;
}
