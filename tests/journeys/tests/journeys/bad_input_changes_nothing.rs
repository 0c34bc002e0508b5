//! Bodies and fields that can't be meant: each is refused with its field named, and nothing is kept, mailed or called.

use handrail_testkit::{Answer, Client, World};
use http::Method;
use serde_json::{Value, json};

/// Bodies that no operation takes, whatever its fields.
fn broken_bodies() -> Vec<Vec<u8>> {
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

/// The first value is for the field; the error must name it.
fn bad_asks() -> Vec<(&'static str, Vec<Value>)> {
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
    ]
}

/// `{"a":{"a":…}}`
fn nested(levels: usize) -> Value {
    (0..levels).fold(json!(1), |inner, _| json!({"a": inner}))
}

#[track_caller]
fn check_field(refused: Answer, field: &str, sent: &Value) {
    let refused = refused.expect_error(400, "VALIDATION_ERROR");
    let named = refused.json["field"].as_str().unwrap_or_default();
    // An element of a list is named with its place.
    assert!(named == field || named.starts_with(&format!("{field}[")), "{sent} gives {}", refused.text);
    assert!(refused.json["error"].as_str().is_some_and(|error| error.contains(field)), "{}", refused.text);
}

async fn check_broken(client: &Client, path: &str) {
    for body in broken_bodies() {
        for headers in [&[("content-type", "application/json")][..], &[]] {
            let refused = client.send(Method::POST, path, headers, body.clone()).await;
            refused.expect_error(400, "VALIDATION_ERROR");
        }
    }
}

async fn check_nothing_happened(mut world: World, agent: &Client) {
    world.expect_silence().await;
    assert_eq!(world.admin.get("/decisions").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/auth/me").await.expect(200).json["usage"]["used"], 0);
    world.end().await;
}

#[tokio::test]
async fn a_create_that_can_not_be_read() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    check_broken(&agent, "/decisions").await;
    check_nothing_happened(world, &agent).await;
}

#[tokio::test]
async fn a_create_with_a_wrong_field() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    for (field, values) in bad_asks() {
        for value in values {
            let mut ask = world.ask();
            ask[field] = value.clone();
            check_field(agent.post("/decisions", &ask).await, field, &value);
        }
    }
    for field in ["action", "approver"] {
        let mut ask = world.ask();
        ask.as_object_mut().unwrap().remove(field);
        check_field(agent.post("/decisions", &ask).await, field, &json!("nothing"));
    }
    let mut ask = world.ask();
    ask["channel"] = json!("slack");
    agent.post("/decisions", &ask).await.expect_error(400, "UNSUPPORTED_CHANNEL");
    ask["channel"] = json!("webhook");
    ask["callback_url"] = json!(null);
    check_field(agent.post("/decisions", &ask).await, "callback_url", &json!(null));
    check_nothing_happened(world, &agent).await;
}

/// JSON in form, and still nothing that a program could hold.
#[tokio::test]
async fn a_create_with_a_value_that_can_not_be_held() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    for (field, value) in
        [("amount", "1e999"), ("timeout_minutes", "1e999"), ("timeout_minutes", "-1e999"), ("context", "\"\\ud800\"")]
    {
        let body = format!("{{\"action\":\"a\",\"approver\":\"ann@example.com\",\"{field}\":{value}}}");
        let refused = agent.send(Method::POST, "/decisions", &[], body.into_bytes()).await;
        check_field(refused, field, &json!(value));
    }
    check_nothing_happened(world, &agent).await;
}

#[tokio::test]
async fn an_idempotency_key_in_a_wrong_form() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    for key in ["", &"k".repeat(256), "sch\u{f6}n"] {
        let refused = agent.post_with("/decisions", &[("idempotency-key", key)], &world.ask()).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").json["field"], "Idempotency-Key");
    }
    check_nothing_happened(world, &agent).await;
}

#[tokio::test]
async fn an_answer_in_a_wrong_form() {
    let mut world = World::new().await;
    let app = world.key("app").await;
    let (id, _) = world.asked_by(&app).await;
    let path = format!("/decisions/{id}/resolve");
    check_broken(&app, &path).await;
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
            check_field(app.post(&path, &answer).await, field, &value);
        }
    }
    app.post(&path, &json!({})).await.expect_error(400, "VALIDATION_ERROR");
    // What the body says is wrong comes before whether there is such a decision.
    app.post("/decisions/nothing/resolve", &json!({"action": "perhaps"})).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(app.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "pending");
    world.end().await;
}

#[tokio::test]
async fn a_key_in_a_wrong_form() {
    let world = World::new().await;
    check_broken(&world.admin, "/auth/api-keys").await;
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
            check_field(world.admin.post("/auth/api-keys", &key).await, field, &value);
        }
    }
    assert_eq!(world.admin.get("/auth/me").await.expect(200).json["api_keys"].as_array().unwrap().len(), 1);
    world.end().await;
}
