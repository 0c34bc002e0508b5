//! Each way to answer, from a program: what it gives must be an answer to what was asked, and it may give less than a person.

use handrail_testkit::World;
use serde_json::{Value, json};

struct Case {
    asked: Value,
    /// Bodies that are no answer to it, and the field that the refusal names.
    refused: Vec<(Value, &'static str)>,
    taken: Value,
    status: &'static str,
    data: Value,
}

fn cases() -> Vec<Case> {
    let files = json!({"uploaded_files": [{"name": "a.pdf", "url": "https://f.example/a", "type": "application/pdf", "size": 5}]});
    vec![
        Case {
            asked: json!({"type": "choose", "choices": ["a", "b"]}),
            refused: vec![
                (json!({"action": "approve", "response_data": {"chosen": "c"}}), "response_data"),
                (json!({"action": "approve", "response_data": {"chosen": 1}}), "response_data"),
                (json!({"action": "approve", "response_data": {"picked": "a"}}), "response_data"),
                (json!({"action": "modify", "response_data": {"chosen": "a"}}), "action"),
            ],
            taken: json!({"action": "approve", "response_data": {"chosen": "b"}}),
            status: "approved",
            data: json!({"chosen": "b"}),
        },
        Case {
            asked: json!({"type": "text_input", "fields": [{"name": "why", "required": true}]}),
            refused: vec![
                (json!({"action": "approve", "response_data": {"why": 5}}), "response_data"),
                (json!({"action": "approve", "response_data": {"why": " "}}), "response_data"),
                (json!({"action": "approve", "response_data": {"why": "x", "more": "y"}}), "response_data"),
            ],
            taken: json!({"action": "approve", "response_data": {"why": "because"}}),
            status: "approved",
            data: json!({"why": "because"}),
        },
        Case {
            asked: json!({"type": "number_input", "min": 1, "max": 20}),
            refused: vec![
                (json!({"action": "approve", "response_data": {"value": "15"}}), "response_data"),
                (json!({"action": "approve", "response_data": {"value": 21}}), "response_data"),
                (json!({"action": "approve", "response_data": {"value": 0}}), "response_data"),
            ],
            taken: json!({"action": "approve", "response_data": {"value": 15}}),
            status: "approved",
            data: json!({"value": 15}),
        },
        Case {
            asked: json!({"type": "confirm"}),
            refused: vec![(json!({"action": "modify", "notes": "x"}), "action")],
            taken: json!({"action": "approve"}),
            status: "approved",
            data: Value::Null,
        },
        Case {
            asked: json!({"type": "file_upload", "max_files": 1}),
            refused: vec![
                (json!({"action": "approve", "response_data": {"uploaded_files": []}}), "response_data"),
                (
                    json!({"action": "approve", "response_data": {"uploaded_files": [{"name": "a.pdf"}]}}),
                    "response_data",
                ),
            ],
            taken: json!({"action": "approve", "response_data": files}),
            status: "approved",
            data: files,
        },
        Case {
            asked: json!({"type": "schedule", "allow_immediate": false}),
            refused: vec![
                (json!({"action": "approve"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "tomorrow"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "2020-01-01T00:00:00Z"}), "execute_at"),
                (json!({"action": "approve", "execute_at": "2036-01-01T00:00:00Z"}), "execute_at"),
            ],
            taken: json!({"action": "deny"}),
            status: "denied",
            data: Value::Null,
        },
        Case {
            asked: json!({"type": "approve_deny"}),
            refused: vec![(json!({"action": "approve", "execute_at": "2026-10-01T00:00:00Z"}), "execute_at")],
            taken: json!({"action": "approve", "response_data": {"free": ["form"]}}),
            status: "approved",
            data: json!({"free": ["form"]}),
        },
    ]
}

fn ask(world: &World, asked: &Value) -> Value {
    json!({"action": "x", "approver": "ann@example.com", "channel": "webhook", "callback_url": world.receiver.url,
        "response_type": asked})
}

#[tokio::test]
async fn each_way_to_answer_by_api() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for case in cases() {
        let made = agent.post("/decisions", &ask(&world, &case.asked)).await.expect(201);
        world.expect_webhook("decision.created").await;
        let path = format!("/decisions/{}", made.id());
        for (body, field) in &case.refused {
            let refused = app.post(&format!("{path}/resolve"), body).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], *field, "{body}: {}", refused.text);
        }
        assert_eq!(agent.get(&path).await.expect(200).json["status"], "pending", "{}", case.asked);
        let resolved = app.post(&format!("{path}/resolve"), &case.taken).await.expect(200).json;
        assert_eq!((&resolved["status"], &resolved["response_data"]), (&json!(case.status), &case.data));
        assert_eq!(resolved["response_type"]["type"], case.asked["type"]);
        let call = world.expect_webhook("decision.resolved").await.json();
        assert_eq!(
            (&call["decision"]["status"], &call["decision"]["response_data"]),
            (&json!(case.status), &case.data)
        );
    }
    world.end().await;
}

#[tokio::test]
async fn a_program_may_leave_the_data_out() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for case in cases().iter().filter(|case| case.asked["type"] != "schedule") {
        let made = agent.post("/decisions", &ask(&world, &case.asked)).await.expect(201);
        world.expect_webhook("decision.created").await;
        let path = format!("/decisions/{}/resolve", made.id());
        let resolved = app.post(&path, &json!({"action": "approve"})).await.expect(200).json;
        assert_eq!((&resolved["status"], &resolved["response_data"]), (&json!("approved"), &Value::Null));
        world.expect_webhook("decision.resolved").await;
    }
    world.end().await;
}

#[tokio::test]
async fn what_can_not_be_asked_is_refused_by_name() {
    let world = World::new().await;
    let agent = world.key("agent").await;
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
        let refused = agent.post("/decisions", &ask(&world, &asked)).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "response_type", "{asked}");
    }
    world.end().await;
}
