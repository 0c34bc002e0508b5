//! Invalid bodies and fields are refused with the field's name, and nothing is stored, mailed or called.

use handrail_testkit::{Client, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

/// Bodies that every operation refuses.
fn unreadable_bodies() -> Vec<Vec<u8>> {
    let texts = [
        "",
        " ",
        "\n",
        "null",
        "true",
        "42",
        "\"text\"",
        "[]",
        "[{}]",
        "{",
        "}",
        "{]",
        "{\"action\"",
        "{\"action\":",
        "{\"action\":}",
        "{\"action\":\"a\",}",
        "{'action':'a'}",
        "{action:\"a\"}",
        "{} {}",
        "{}x",
        "{}[]",
        "\u{feff}{}",
        "action=approve&approver=ann@example.com",
        "<action>approve</action>",
        "{\"action\":\"a\nb\"}",
        "{\"action\":\"\u{0}\"}",
        "{\"action\":\"\\ud800\"}",
        "{\"action\":\"\\udc00\\ud800\"}",
        "{\"action\":\"\\u00\"}",
        "{\"action\":\"\\x41\"}",
        "{\"action\":\"a\",\"action\":\"b\"}",
        "{\"action\":NaN}",
        "// {}",
    ];
    let mut bodies: Vec<Vec<u8>> = texts.into_iter().map(|text| text.as_bytes().to_vec()).collect();
    bodies.extend([b"{\"action\":\"\xff\"}".to_vec(), b"\xff\xfe{\0}\0".to_vec(), vec![0; 64]]);
    bodies.push(
        format!("{{\"response_type\":{}1{},\"response_data\":{}}}", "[".repeat(200), "]".repeat(200), "[".repeat(200))
            .into_bytes(),
    );
    bodies
}

/// Invalid values by field; the error must name the field.
fn invalid_decision_bodies() -> Vec<(&'static str, Vec<Value>)> {
    let long = |chars: usize| json!("x".repeat(chars));
    vec![
        (
            "action",
            vec![
                json!(null),
                json!(""),
                json!("  \t"),
                long(2_001),
                json!(5),
                json!(true),
                json!([]),
                json!({}),
                json!("a\nb"),
                json!("a\r\nBcc: eve@example.com"),
                json!("a\u{0}b"),
                json!("a\u{1b}[31mb"),
                json!("a\u{7f}"),
                json!("a\u{85}b"),
            ],
        ),
        (
            "approver",
            vec![
                json!(null),
                json!(""),
                json!("ann"),
                json!("@example.com"),
                json!("ann@"),
                json!(7),
                json!(["ann@example.com"]),
                json!({"email": "ann@example.com"}),
                json!("Ann <ann@example.com>"),
                json!("ann@example.com,bob@example.com"),
                json!("ann@example.com\r\nBcc: eve@example.com"),
                json!("ann@example.com\n"),
                json!("ann@example.com\u{0}"),
                json!("ann@exa\u{202e}mple.com"),
                json!("a b@example.com"),
                json!(" ann@example.com"),
                json!(format!("{}@example.com", "a".repeat(250))),
                json!("ann@[127.0.0.1]"),
            ],
        ),
        (
            "context",
            vec![
                json!(5),
                json!([]),
                json!({"a": 1}),
                long(20_001),
                json!("a\u{0}b"),
                json!("\u{1b}[31m"),
                json!("\u{9b}31m"),
            ],
        ),
        ("urgency", vec![json!("urgent"), json!("HIGH"), json!(""), json!(3), json!(["high"]), json!(true)]),
        (
            "timeout_minutes",
            vec![
                json!(0),
                json!(-1),
                json!(43_200.001),
                json!("60"),
                json!(true),
                json!([60]),
                json!(1e300),
                json!(0.000_001),
                json!(-0.0),
            ],
        ),
        ("channel", vec![json!("sms"), json!("EMAIL"), json!(""), json!(1), json!(["email"])]),
        (
            "options",
            vec![
                json!([]),
                json!(["approve", "yes"]),
                json!("approve"),
                json!([1]),
                json!([null]),
                json!({}),
                json!(["Approve"]),
                json!([["approve"]]),
            ],
        ),
        (
            "callback_url",
            vec![
                json!(""),
                json!("example.com"),
                json!("/hook"),
                json!("ftp://example.com/"),
                json!("javascript:alert(1)"),
                json!("file:///etc/passwd"),
                json!("http://exa mple.com/"),
                json!("http://example.com/\r\nX: y"),
                json!("http://"),
                json!("https://user:pw@example.com/"),
                json!("http://example.com:0/"),
                json!("http://example.com:65536/"),
                json!("http:/example.com"),
                json!("http:\\\\example.com"),
                json!(5),
                json!(["https://example.com"]),
                json!(format!("https://example.com/{}", "x".repeat(2_048))),
            ],
        ),
        ("enforce", vec![json!("true"), json!(1), json!([]), json!({})]),
        ("amount", vec![json!(-1), json!(-0.01), json!("80"), json!([]), json!({}), json!(true)]),
        (
            "response_type",
            vec![
                json!({"type": "choose", "choices": ["a"]}),
                json!({"type": "choose", "choices": ["a", "a"]}),
                json!({"type": "text_input", "fields": []}),
                json!({"type": "number_input", "min": 2, "max": 1}),
                json!({"type": "file_upload", "max_files": 6}),
                json!({"type": "vote"}),
                json!({}),
                json!("confirm"),
                json!(5),
                json!([]),
            ],
        ),
        (
            "context_images",
            vec![
                json!(["javascript:alert(1)"]),
                json!(["https://user@example.com/a.png"]),
                json!(vec!["https://example.com/a.png"; 6]),
                json!("https://example.com/a.png"),
                json!([5]),
                json!({}),
            ],
        ),
        (
            "tool",
            vec![json!(""), json!(" "), json!("a\nb"), json!("é"), long(129), json!(5), json!(["refund"]), json!({})],
        ),
        (
            "arguments",
            vec![
                json!([]),
                json!("text"),
                json!(5),
                json!({"a": "x".repeat(16 * 1024)}),
                nested(33),
                json!({"n": [9_007_199_254_740_993_u64]}),
                json!({"n": {"m": 1e300}}),
            ],
        ),
        ("single_use", vec![json!("true"), json!(1), json!([]), json!({})]),
        (
            "valid_for_seconds",
            vec![json!(59), json!(2_592_001), json!(60.5), json!(-60), json!("60"), json!(true), json!([60])],
        ),
    ]
}

/// `{"a":{"a":…}}`
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({"a": inner}))
}

#[track_caller]
fn assert_field_error(refused: TestResponse, field: &str, sent: &Value) {
    let refused = refused.expect_error(400, "VALIDATION_ERROR");
    let named = refused.json["field"].as_str().unwrap_or_default();
    // The error names an element of a list or object with its path.
    assert!(
        named == field || named.starts_with(&format!("{field}[")) || named.starts_with(&format!("{field}.")),
        "{sent} gives {}",
        refused.text
    );
    assert!(refused.json["error"].as_str().is_some_and(|error| error.contains(field)), "{}", refused.text);
}

async fn assert_unreadable_bodies_refused(client: &Client, path: &str) {
    for body in unreadable_bodies() {
        for headers in [&[("content-type", "application/json")][..], &[]] {
            let refused = client.send(Method::POST, path, headers, body.clone()).await;
            refused.expect_error(400, "VALIDATION_ERROR");
        }
    }
}

async fn assert_nothing_happened(mut server: TestServer, agent: &Client) {
    server.expect_no_messages().await;
    assert_eq!(server.admin.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/auth/me").await.expect(200).json["usage"]["used"], 0);
    server.finish().await;
}

#[tokio::test]
async fn unreadable_create_body_is_refused() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    assert_unreadable_bodies_refused(&agent, "/decisions").await;
    assert_nothing_happened(server, &agent).await;
}

#[tokio::test]
async fn create_with_invalid_field_is_refused() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    for (field, values) in invalid_decision_bodies() {
        for value in values {
            let mut ask = server.decision_body();
            ask[field] = value.clone();
            assert_field_error(agent.post("/decisions", &ask).await, field, &value);
        }
    }
    for field in ["action", "approver"] {
        let mut ask = server.decision_body();
        ask.as_object_mut().unwrap().remove(field);
        assert_field_error(agent.post("/decisions", &ask).await, field, &json!("nothing"));
    }
    let mut ask = server.decision_body();
    ask["channel"] = json!("slack");
    agent.post("/decisions", &ask).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    ask["channel"] = json!("webhook");
    ask["callback_url"] = json!(null);
    assert_field_error(agent.post("/decisions", &ask).await, "callback_url", &json!(null));
    assert_nothing_happened(server, &agent).await;
}

/// Valid JSON syntax beyond what a program can represent.
#[tokio::test]
async fn create_with_unstorable_value_is_refused() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    for (field, value) in
        [("amount", "1e999"), ("timeout_minutes", "1e999"), ("timeout_minutes", "-1e999"), ("context", "\"\\ud800\"")]
    {
        let body = format!("{{\"action\":\"a\",\"approver\":\"ann@example.com\",\"{field}\":{value}}}");
        let refused = agent.send(Method::POST, "/decisions", &[], body.into_bytes()).await;
        assert_field_error(refused, field, &json!(value));
    }
    assert_nothing_happened(server, &agent).await;
}

#[tokio::test]
async fn malformed_idempotency_key_is_refused() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    for key in ["", &"k".repeat(256), "sch\u{f6}n"] {
        let refused = agent.post_with("/decisions", &[("idempotency-key", key)], &server.decision_body()).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").json["field"], "Idempotency-Key");
    }
    assert_nothing_happened(server, &agent).await;
}

#[tokio::test]
async fn malformed_answer_is_refused() {
    let mut server = TestServer::new().await;
    let app = server.key("app").await;
    let (id, _) = server.create_decision(&app).await;
    let path = format!("/decisions/{id}/resolve");
    assert_unreadable_bodies_refused(&app, &path).await;
    for (field, values) in [
        (
            "action",
            vec![json!(null), json!(""), json!("approved"), json!("APPROVE"), json!(1), json!(["approve"]), json!({})],
        ),
        ("notes", vec![json!(5), json!([]), json!({}), json!("x".repeat(5_001)), json!("a\u{0}b"), json!("\u{1b}[0m")]),
        (
            "response_data",
            vec![json!([]), json!("x"), json!(5), json!(true), json!({"a": "x".repeat(17_000)}), nested(100)],
        ),
        ("resolved_by", vec![json!(5), json!([]), json!("x".repeat(255)), json!("a\nb"), json!("a\u{0}")]),
    ] {
        for value in values {
            let mut answer = json!({"action": "approve"});
            answer[field] = value.clone();
            assert_field_error(app.post(&path, &answer).await, field, &value);
        }
    }
    app.post(&path, &json!({})).await.expect_error(400, "VALIDATION_ERROR");
    // The body is validated before the decision is looked up.
    app.post("/decisions/nothing/resolve", &json!({"action": "perhaps"})).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(app.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    server.finish().await;
}

#[tokio::test]
async fn malformed_key_request_is_refused() {
    let server = TestServer::new().await;
    assert_unreadable_bodies_refused(&server.admin, "/auth/api-keys").await;
    for (field, values) in [
        (
            "name",
            vec![
                json!(null),
                json!(""),
                json!("  "),
                json!("x".repeat(101)),
                json!("a\nb"),
                json!("a\u{0}"),
                json!(5),
                json!([]),
            ],
        ),
        ("role", vec![json!("root"), json!("Admin"), json!(""), json!(1), json!([])]),
        (
            "approvers",
            vec![
                json!("ann@example.com"),
                json!(["ann"]),
                json!([5]),
                json!([null]),
                json!({}),
                json!(vec!["a@example.com"; 51]),
                json!(["ann@example.com", "bob@example.com\r\n"]),
            ],
        ),
        (
            "backup_approver",
            vec![json!(""), json!("bob"), json!(5), json!(["bob@example.com"]), json!("Bob <bob@example.com>")],
        ),
        ("requests_per_minute", vec![json!(0), json!(-1), json!(1.5), json!(1_000_001), json!("5"), json!(1e30)]),
    ] {
        for value in values {
            let mut key = json!({"name": "a key"});
            key[field] = value.clone();
            assert_field_error(server.admin.post("/auth/api-keys", &key).await, field, &value);
        }
    }
    assert_eq!(server.admin.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 1);
    server.finish().await;
}
