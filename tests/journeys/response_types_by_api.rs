//! Response types by API: the answer must match the response type, and may be less complete than on the page.

use handrail_testkit::TestServer;
use serde_json::{Value, json};

struct Case {
    response_type: Value,
    /// Invalid answers, and the field that the error names.
    refused_bodies: Vec<(Value, &'static str)>,
    accepted_body: Value,
    status: &'static str,
    data: Value,
}

fn cases() -> Vec<Case> {
    let files = json!({"uploaded_files": [{"name": "a.pdf", "url": "https://f.example/a", "type": "application/pdf", "size": 5}]});
    vec![
        Case {
            response_type: json!({"type": "choose", "choices": ["a", "b"]}),
            refused_bodies: vec![
                (json!({"action": "approve", "response_data": {"chosen": "c"}}), "response_data"),
                (json!({"action": "approve", "response_data": {"chosen": 1}}), "response_data"),
                (json!({"action": "approve", "response_data": {"picked": "a"}}), "response_data"),
                (json!({"action": "modify", "response_data": {"chosen": "a"}}), "action"),
            ],
            accepted_body: json!({"action": "approve", "response_data": {"chosen": "b"}}),
            status: "approved",
            data: json!({"chosen": "b"}),
        },
        Case {
            response_type: json!({"type": "text_input", "fields": [{"name": "why", "required": true}]}),
            refused_bodies: vec![
                (json!({"action": "approve", "response_data": {"why": 5}}), "response_data"),
                (json!({"action": "approve", "response_data": {"why": " "}}), "response_data"),
                (json!({"action": "approve", "response_data": {"why": "x", "more": "y"}}), "response_data"),
            ],
            accepted_body: json!({"action": "approve", "response_data": {"why": "because"}}),
            status: "approved",
            data: json!({"why": "because"}),
        },
        Case {
            response_type: json!({"type": "number_input", "min": 1, "max": 20}),
            refused_bodies: vec![
                (json!({"action": "approve", "response_data": {"value": "15"}}), "response_data"),
                (json!({"action": "approve", "response_data": {"value": 21}}), "response_data"),
                (json!({"action": "approve", "response_data": {"value": 0}}), "response_data"),
            ],
            accepted_body: json!({"action": "approve", "response_data": {"value": 15}}),
            status: "approved",
            data: json!({"value": 15}),
        },
        Case {
            response_type: json!({"type": "confirm"}),
            refused_bodies: vec![(json!({"action": "modify", "notes": "x"}), "action")],
            accepted_body: json!({"action": "approve"}),
            status: "approved",
            data: Value::Null,
        },
        Case {
            response_type: json!({"type": "file_upload", "max_files": 1}),
            refused_bodies: vec![
                (json!({"action": "approve", "response_data": {"uploaded_files": []}}), "response_data"),
                (
                    json!({"action": "approve", "response_data": {"uploaded_files": [{"name": "a.pdf"}]}}),
                    "response_data",
                ),
            ],
            accepted_body: json!({"action": "approve", "response_data": files}),
            status: "approved",
            data: files,
        },
        Case {
            response_type: json!({"type": "schedule", "allow_immediate": false}),
            refused_bodies: vec![
                (json!({"action": "approve"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "tomorrow"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "2020-01-01T00:00:00Z"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "2036-01-01T00:00:00Z"}), "execute_at"),
            ],
            accepted_body: json!({"action": "deny"}),
            status: "denied",
            data: Value::Null,
        },
        Case {
            response_type: json!({"type": "approve_deny"}),
            refused_bodies: vec![(json!({"action": "approve", "execute_at": "2026-10-01T00:00:00Z"}), "execute_at")],
            accepted_body: json!({"action": "approve", "response_data": {"free": ["form"]}}),
            status: "approved",
            data: json!({"free": ["form"]}),
        },
    ]
}

fn decision_body(server: &TestServer, asked: &Value) -> Value {
    json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "callback_url": server.receiver.url,
        "response_type": asked})
}

#[tokio::test]
async fn each_response_type_is_answered_by_api() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for case in cases() {
        let made = agent.post("/decisions", &decision_body(&server, &case.response_type)).await.expect(201);
        server.expect_webhook("decision.created").await;
        let path = format!("/decisions/{}", made.id());
        for (body, field) in &case.refused_bodies {
            let refused = app.post(&format!("{path}/resolve"), body).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], *field, "{body}: {}", refused.text);
        }
        assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending", "{}", case.response_type);
        let resolved = app.post(&format!("{path}/resolve"), &case.accepted_body).await.expect(200).json;
        assert_eq!((&resolved["status"], &resolved["response_data"]), (&json!(case.status), &case.data));
        assert_eq!(resolved["response_type"]["type"], case.response_type["type"]);
        let call = server.expect_webhook("decision.resolved").await.json();
        assert_eq!(
            (&call["decision"]["status"], &call["decision"]["response_data"]),
            (&json!(case.status), &case.data)
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn api_answer_may_omit_data() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for case in cases().iter().filter(|case| case.response_type["type"] != "schedule") {
        let made = agent.post("/decisions", &decision_body(&server, &case.response_type)).await.expect(201);
        server.expect_webhook("decision.created").await;
        let path = format!("/decisions/{}/resolve", made.id());
        let resolved = app.post(&path, &json!({"action": "approve"})).await.expect(200).json;
        assert_eq!((&resolved["status"], &resolved["response_data"]), (&json!("approved"), &Value::Null));
        server.expect_webhook("decision.resolved").await;
    }
    server.finish().await;
}

#[tokio::test]
async fn invalid_response_type_is_named() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    for asked in [
        json!("choose"),
        json!({}),
        json!({"type": "slider"}),
        json!({"type": "choose"}),
        json!({"type": "choose", "choices": ["one"]}),
        json!({"type": "choose", "choices": ["a", "a"]}),
        json!({"type": "choose", "choices": (0..51).map(|at| at.to_string()).collect::<Vec<_>>()}),
        json!({"type": "text_input", "fields": []}),
        json!({"type": "text_input", "fields": [{"label": "no name"}]}),
        json!({"type": "number_input", "min": 2, "max": 1}),
        json!({"type": "file_upload", "max_files": 6}),
        json!({"type": "file_upload", "accept": ["<script>"]}),
        json!({"type": "schedule", "allow_immediate": "yes"}),
    ] {
        let refused =
            agent.post("/decisions", &decision_body(&server, &asked)).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "response_type", "{asked}");
    }
    server.finish().await;
}
