//! The seven response types on the page: an invalid answer is shown again with an error at its field, and a valid
//! answer reaches the agent as published.

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};

struct Case {
    response_type: Value,
    /// Texts that the page must contain.
    page_parts: &'static [&'static str],
    /// Invalid forms, and the error text of each.
    refused_forms: &'static [(&'static [(&'static str, &'static str)], &'static str)],
    accepted_form: &'static [(&'static str, &'static str)],
    /// Expected fields of the callback and of GET.
    status: &'static str,
    notes: Value,
    data: Value,
    /// Texts that the outcome page must contain.
    outcome_parts: &'static [&'static str],
}

fn cases() -> Vec<Case> {
    vec![
        Case {
            response_type: json!({"type": "approve_deny"}),
            page_parts: &["<b>Approve</b>", "<b>Deny</b>", "<b>Modify</b>"],
            refused_forms: &[(&[("choice", "now")], "That answer was not offered.")],
            accepted_form: &[("choice", "approve")],
            status: "approved",
            notes: Value::Null,
            data: Value::Null,
            outcome_parts: &["Approved"],
        },
        Case {
            response_type: json!({"type": "choose", "label": "Which way?", "choices": ["Standard", "Express <1 day>"]}),
            page_parts: &[
                "type=\"radio\"",
                "Which way?",
                "Express &lt;1 day&gt;",
                "<b>Send this answer</b>",
                "<b>Deny</b>",
            ],
            refused_forms: &[
                (&[("choice", "approve"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "approve"), ("chosen", "2"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "approve"), ("chosen", "Standard"), ("notes", "keep me")], "Pick one of the choices."),
                (&[("choice", "modify"), ("chosen", "1"), ("notes", "keep me")], "That answer was not offered."),
            ],
            accepted_form: &[("choice", "approve"), ("chosen", "1")],
            status: "approved",
            notes: json!("Express <1 day>"),
            data: json!({"chosen": "Express <1 day>"}),
            outcome_parts: &["<dt>Chosen</dt>", "Express &lt;1 day&gt;"],
        },
        Case {
            response_type: json!({"type": "text_input", "fields": [
                {"name": "why", "label": "Why?", "required": true, "placeholder": "In a few words"},
                {"name": "note", "label": "Anything else", "required": false, "placeholder": ""},
            ]}),
            page_parts: &["Why?", "placeholder=\"In a few words\"", "Anything else", "<b>Send this answer</b>"],
            refused_forms: &[
                (&[("choice", "approve"), ("text-0", " "), ("text-1", "keep me")], "Fill this in: the agent needs it."),
                (&[("choice", "approve"), ("text-1", "keep me")], "Fill this in: the agent needs it."),
                (&[("choice", "approve"), ("text-0", "a\u{7}b"), ("text-1", "keep me")], "has control characters"),
            ],
            accepted_form: &[("choice", "approve"), ("text-0", "Two\r\nlines"), ("text-1", ""), ("notes", "hurry")],
            status: "approved",
            notes: json!("hurry"),
            data: json!({"why": "Two\nlines", "note": ""}),
            outcome_parts: &["<bdi>Why?</bdi>", "Two\nlines", "(left empty)", "hurry"],
        },
        Case {
            response_type: json!({"type": "number_input", "label": "How many?", "min": 1, "max": 20}),
            page_parts: &["type=\"number\"", "How many?", "min=\"1\"", "max=\"20\"", "A number from 1 to 20."],
            refused_forms: &[
                (&[("choice", "approve"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "21"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "0.5"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "ten"), ("notes", "keep me")], "A number from 1 to 20."),
                (&[("choice", "approve"), ("value", "1.00000000000000001"), ("notes", "keep me")], "15 digits"),
            ],
            accepted_form: &[("choice", "approve"), ("value", "15")],
            status: "approved",
            notes: json!("15"),
            data: json!({"value": 15}),
            outcome_parts: &["<dt>Number</dt><dd>15</dd>"],
        },
        Case {
            response_type: json!({"type": "confirm"}),
            page_parts: &["<b>Confirm</b>", "<b>Decline</b>"],
            refused_forms: &[(&[("choice", "modify"), ("notes", "keep me")], "That answer was not offered.")],
            accepted_form: &[("choice", "deny")],
            status: "denied",
            notes: Value::Null,
            data: Value::Null,
            outcome_parts: &["Denied"],
        },
        Case {
            response_type: json!({"type": "schedule", "label": "When?"}),
            page_parts: &["type=\"date\"", "type=\"time\"", "<b>Approve for this time</b>", "<b>Approve now</b>"],
            refused_forms: &[
                (&[("choice", "approve"), ("notes", "keep me")], "Pick a date and a time."),
                (&[("choice", "approve"), ("date", "2026-09-30"), ("notes", "keep me")], "Pick a date and a time."),
                (
                    &[("choice", "approve"), ("date", "2026-02-30"), ("time", "09:00"), ("notes", "keep me")],
                    "is not valid",
                ),
                (
                    &[("choice", "approve"), ("date", "2020-01-01"), ("time", "09:00"), ("notes", "keep me")],
                    "This time is over",
                ),
                (
                    &[("choice", "approve"), ("date", "2036-01-01"), ("time", "09:00"), ("notes", "keep me")],
                    "within 365 days",
                ),
            ],
            accepted_form: &[("choice", "now")],
            status: "approved",
            notes: Value::Null,
            data: Value::Null,
            outcome_parts: &["Approved"],
        },
    ]
}

#[tokio::test]
async fn each_response_type_is_answered_on_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    for case in cases() {
        answer_case_on_page(&mut server, &agent, &case).await;
    }
    server.finish().await;
}

async fn answer_case_on_page(server: &mut TestServer, agent: &Client, case: &Case) {
    let mut body = server.decision_body();
    body["response_type"] = case.response_type.clone();
    let id = agent.post("/decisions", &body).await.expect(201).id();
    let page = server.expect_mail("ann@example.com").await.links[0].clone();
    let person = agent.without_key();
    let shown = person.get(&page).await.expect(200).text;
    for part in case.page_parts {
        assert!(shown.contains(part), "{part} is missing for {}", case.response_type);
    }
    for (form, why) in case.refused_forms {
        let again: TestResponse = person.post_form(&page, form).await.expect(422);
        assert!(again.text.contains("role=\"alert\">") && again.text.contains(why), "{form:?}: {why}");
        let typed = form.iter().any(|(_, value)| *value == "keep me");
        assert_eq!(again.text.contains("keep me</textarea>"), typed, "{form:?}");
    }
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    for _ in 0..2 {
        person.post_form(&page, case.accepted_form).await.expect(303);
    }
    let mut call = server.expect_webhook("decision.resolved").await.json();
    let receipt = call.as_object_mut().unwrap().remove("receipt");
    assert_eq!(receipt, Some(agent.get(&format!("/decisions/{id}/receipt")).await.expect(200).json["receipt"].take()));
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    let expected = json!({
        "event": "decision.resolved",
        "decision": {"id": id, "status": case.status, "resolved_by": "ann@example.com",
            "response_notes": case.notes, "response_data": case.data, "action_hash": seen["action_hash"],
            "resolved_via": "mail_link"},
        "timestamp": server.now(),
    });
    assert_eq!(call, expected);
    for (field, value) in
        [("status", &json!(case.status)), ("response_notes", &case.notes), ("response_data", &case.data)]
    {
        assert_eq!(&seen[field], value, "{field} for {}", case.response_type);
    }
    let outcome = person.get(&page).await.expect(200).text;
    for part in case.outcome_parts {
        assert!(outcome.contains(part), "{part} is missing afterwards for {}", case.response_type);
    }
    assert!(!outcome.contains("<form"));
}

#[tokio::test]
async fn denial_needs_no_form_fields() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    for case in cases() {
        let mut body = server.decision_body();
        body["response_type"] = case.response_type.clone();
        agent.post("/decisions", &body).await.expect(201);
        let page = server.expect_mail("ann@example.com").await.links[0].clone();
        // Other filled fields are not part of a denial.
        let form = [("choice", "deny"), ("chosen", "0"), ("value", "3"), ("date", "2020-01-01"), ("notes", "No.")];
        agent.without_key().post_form(&page, &form).await.expect(303);
        let call = server.expect_webhook("decision.resolved").await.json();
        assert_eq!((&call["decision"]["status"], &call["decision"]["response_data"]), (&json!("denied"), &Value::Null));
        assert_eq!(call["decision"]["response_notes"], "No.");
    }
    server.finish().await;
}
