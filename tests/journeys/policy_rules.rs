//! Policy rules of a key resolve matching decisions at creation, and a dry run applies them to past decisions.

use std::time::Duration;

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};

fn small_refund_rules() -> Value {
    json!([
        {"name": "never payroll", "match": {"keywords_any": ["payroll"]}, "effect": "ask"},
        {"name": "small refunds", "match": {"amount_lt": 50}, "effect": "approve"},
        {"name": "huge", "match": {"amount_gte": 10_000}, "effect": "deny"},
    ])
}

/// Creates an agent key with these rules, which may approve by stated amounts. Returns a client with the key, and its id.
async fn create_agent_with_rules(server: &TestServer, rules: Value) -> (Client, String) {
    create_agent(server, json!({"rules": rules, "trust_stated_amounts": true})).await
}

async fn create_agent(server: &TestServer, settings: Value) -> (Client, String) {
    let created = server
        .admin
        .post("/auth/api-keys", &json!({"name": "refunds", "role": "agent", "approvers": ["*"]}))
        .await
        .expect(201);
    let id = created.id();
    server
        .admin
        .send(http::Method::PUT, &format!("/auth/api-keys/{id}"), &[], settings.to_string().into_bytes())
        .await
        .expect(200);
    (server.admin.with_key(created.json["key"].as_str().unwrap()), id)
}

async fn create_decision(server: &TestServer, agent: &Client, action: &str, amount: Option<f64>) -> TestResponse {
    let mut new_decision = server.decision_body();
    new_decision["action"] = action.into();
    new_decision["amount"] = json!(amount);
    new_decision["enforce"] = true.into();
    agent.post("/decisions", &new_decision).await.expect(201)
}

#[tokio::test]
async fn rule_approves_immediately_without_asking() {
    let mut server = TestServer::new().await;
    let (agent, _) = create_agent_with_rules(&server, small_refund_rules()).await;
    let created = create_decision(&server, &agent, "Refund order 1", Some(49.99)).await;
    let expected = json!({
        "id": created.json["id"],
        "status": "approved",
        "expires_at": created.json["expires_at"],
        "created_at": server.now(),
        "action_hash": created.json["action_hash"],
        "auto_resolved": true,
        "resolved_by": "policy",
    });
    assert_eq!(created.json, expected);
    // The callback is called as for any answer, and no mail is sent.
    let call = server.expect_webhook("decision.resolved").await.json();
    assert_eq!((&call["decision"]["status"], &call["decision"]["resolved_by"]), (&json!("approved"), &json!("policy")));
    let seen = agent.get(&format!("/decisions/{}", created.id())).await.expect(200).json;
    assert_eq!((&seen["auto_resolved"], &seen["policy_rule"]), (&json!(true), &json!("small refunds")));
    assert_eq!((&seen["action_permitted"], &seen["resolved_at"]), (&json!(true), &json!(server.now())));
    assert!(seen["response_notes"].as_str().unwrap().contains("small refunds"));
    server.advance(Duration::from_hours(2)).await;
    server.finish().await;
}

#[tokio::test]
async fn rule_denial_is_visible_only_by_get() {
    let mut server = TestServer::new().await;
    let (agent, _) = create_agent_with_rules(&server, small_refund_rules()).await;
    let created = create_decision(&server, &agent, "Refund order 1", Some(10_000.0)).await;
    // Published clients take any resolved status in this response for an approval, so a denial is `pending` here.
    assert_eq!((&created.json["status"], &created.json["auto_resolved"]), (&json!("pending"), &Value::Null));
    let seen = agent.get(&format!("/decisions/{}", created.id())).await.expect(200).json;
    assert_eq!((&seen["status"], &seen["resolved_by"]), (&json!("denied"), &json!("policy")));
    assert_eq!(seen["action_permitted"], false);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn unmatched_decision_goes_to_approver() {
    let mut server = TestServer::new().await;
    let (agent, _) = create_agent_with_rules(&server, small_refund_rules()).await;
    for (action, amount) in [("Payroll correction", Some(1.0)), ("Refund order 1", Some(50.0)), ("Refund", None)] {
        let created = create_decision(&server, &agent, action, amount).await;
        assert_eq!(created.json["status"], "pending", "{action}");
        server.expect_mail("ann@example.com").await;
    }
    // Some response types need more than an approval.
    let mut choose = server.decision_body();
    choose["amount"] = 1.into();
    choose["response_type"] = json!({"type": "choose", "choices": ["card", "voucher"]});
    assert_eq!(agent.post("/decisions", &choose).await.expect(201).json["status"], "pending");
    server.expect_mail("ann@example.com").await;
    server.finish().await;
}

#[tokio::test]
async fn stated_amount_is_trusted_only_by_a_setting() {
    let mut server = TestServer::new().await;
    let (agent, id) = create_agent(&server, json!({"rules": small_refund_rules()})).await;
    assert_eq!(create_decision(&server, &agent, "Refund order 1", Some(1.0)).await.json["status"], "pending");
    server.expect_mail("ann@example.com").await;
    let path = format!("/auth/api-keys/{id}/rules/dry-run");
    for (body, asked) in [(json!({}), 1), (json!({"trust_stated_amounts": true}), 0)] {
        assert_eq!(server.admin.post(&path, &body).await.expect(200).json["would_be_asked"], asked);
    }
    server.finish().await;
}

#[tokio::test]
async fn disguised_request_is_not_approved_by_a_rule() {
    let mut server = TestServer::new().await;
    let rules = json!([
        {"name": "no payroll", "match": {"keywords_any": ["payroll"]}, "effect": "deny"},
        {"name": "refunds", "match": {"keywords_any": ["refund"]}, "effect": "approve"},
    ]);
    let (agent, _) = create_agent_with_rules(&server, rules).await;
    for action in ["pay\u{200b}roll 900", "p\u{430}yroll 900, a refund", "ｐａｙｒｏｌｌ 900", "Refund of PAYROII"]
    {
        let mut disguised = server.decision_body();
        (disguised["action"], disguised["options"]) = (action.into(), json!(["approve"]));
        disguised["response_type"] = json!({"type": "number_input"});
        let id = agent.post("/decisions", &disguised).await.expect(201).id();
        assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "denied", "{action:?}");
        server.expect_webhook("decision.resolved").await;
    }
    for action in ["Refund\u{202e} 900", "R\u{435}fund 900", "Re\u{ad}fund 900"] {
        assert_eq!(create_decision(&server, &agent, action, None).await.json["status"], "pending", "{action:?}");
        server.expect_mail("ann@example.com").await;
    }
    assert_eq!(create_decision(&server, &agent, "Refund für Größe", None).await.json["status"], "approved");
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn repeated_create_returns_same_rule_result() {
    let mut server = TestServer::new().await;
    let (agent, _) = create_agent_with_rules(&server, small_refund_rules()).await;
    let mut new_decision = server.decision_body();
    new_decision["amount"] = 5.into();
    let once = [("idempotency-key", "order-1")];
    let first = agent.post_with("/decisions", &once, &new_decision).await.expect(201);
    assert_eq!(first.json["auto_resolved"], true);
    assert_eq!(agent.post_with("/decisions", &once, &new_decision).await.expect(201).json, first.json);
    server.expect_webhook("decision.resolved").await;
    server.finish().await;
}

#[tokio::test]
async fn rules_can_be_tested_on_past_decisions() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the decisions are only made to be counted, some answered before their mail is sent");
    let (agent, id) = create_agent_with_rules(&server, json!([])).await;
    let app = server.key("app").await;
    let old = create_decision(&server, &agent, "Refund of last month", Some(1.0)).await.id();
    app.post(&format!("/decisions/{old}/resolve"), &json!({"action": "approve"})).await.expect(200);
    server.advance(Duration::from_hours(24 * 20)).await;
    for (action, amount, answer) in
        [("Refund order 1", 5.0, "approve"), ("Refund order 2", 6.0, "deny"), ("Refund order 3", 70.0, "approve")]
    {
        let created = create_decision(&server, &agent, action, Some(amount)).await.id();
        app.post(&format!("/decisions/{created}/resolve"), &json!({"action": answer})).await.expect(200);
        server.advance(Duration::from_mins(1)).await;
    }
    // Decisions of other keys are not counted.
    create_decision(&server, &server.key("agent").await, "Refund order 4", Some(5.0)).await;
    server.run_due_work().await;
    let path = format!("/auth/api-keys/{id}/rules/dry-run");
    let tried = server.admin.post(&path, &json!({"rules": small_refund_rules()})).await.expect(200).json;
    assert_eq!((&tried["decisions_seen"], &tried["would_be_asked"]), (&json!(3), &json!(1)));
    let small = &tried["rules"][1];
    let counts =
        ["would_settle", "agreed_with_the_answer", "disagreed_with_the_answer"].map(|name| small[name].clone());
    assert_eq!(counts, [json!(2), json!(1), json!(1)]);
    let agreements: Vec<_> =
        tried["decisions"].as_array().unwrap().iter().map(|row| (&row["action"], &row["agrees"])).collect();
    assert_eq!(agreements, [(&json!("Refund order 2"), &json!(false)), (&json!("Refund order 1"), &json!(true))]);
    assert_eq!(tried["next_cursor"], Value::Null);
    let month = server.admin.post(&path, &json!({"rules": small_refund_rules(), "days": 30})).await.expect(200).json;
    assert_eq!(month["decisions_seen"], 4);
    // The dry run changed nothing: the key still asks its approver.
    let own = server.admin.send(http::Method::POST, &path, &[], Vec::new()).await.expect(200).json;
    assert_eq!((&own["rules"], &own["would_be_asked"]), (&json!([]), &json!(3)));
    for (field, body) in [
        ("days", json!({"days": 0})),
        ("days", json!({"days": 91})),
        ("cursor", json!({"cursor": "x"})),
        ("rules[0]", json!({"rules": [{"name": "all", "match": {}, "effect": "approve"}]})),
    ] {
        let refused = server.admin.post(&path, &body).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], field, "{}", refused.text);
    }
    agent.post(&path, &json!({})).await.expect_error(403, "FORBIDDEN");
    server.finish().await;
}
