//! An agent that chose who answers would answer itself. A key with the role agent asks the people of its account, or those
//! whom an admin lists.

use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};

/// Owner of the test server's tenant.
const OWNER: &str = "you@example.com";
const ATTACKER: &str = "attacker@evil.example";

fn decision_for(server: &TestServer, approver: &str) -> Value {
    let mut body = server.decision_body();
    body["approver"] = approver.into();
    body
}

fn packet_for(approver: &str) -> Value {
    json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Order 1234 came in the wrong size"},
        "hitl": {"reason": "Large sum", "question": "Refund it?", "approver": approver},
    })
}

/// Asserts that neither a decision nor a checkpoint of this key may ask the person.
async fn assert_not_askable(server: &TestServer, key: &Client, approver: &str) {
    let refused = key.post("/decisions", &decision_for(server, approver)).await;
    let refused = refused.expect_error(403, "APPROVER_NOT_ALLOWED");
    assert!(refused.json["error"].as_str().unwrap().contains(approver), "{}", refused.text);
    let packet = key.of_packets().post("/api/v1/packets", &packet_for(approver)).await;
    // Agents create no packets by themselves.
    assert_eq!(packet.status, 403, "{}", packet.text);
}

#[tokio::test]
async fn agent_key_asks_only_the_owner_by_default() {
    let mut server = TestServer::new().await;
    let created = server.admin.post("/auth/api-keys", &json!({"name": "agent of today"})).await.expect(201);
    assert_eq!((&created.json["role"], &created.json["approvers"]), (&json!("agent"), &json!([])));
    let agent = server.admin.with_key(created.json["key"].as_str().unwrap());
    for stranger in [ATTACKER, "y\u{43e}u@example.com", "you+agent@example.com", "you@example.org"] {
        assert_not_askable(&server, &agent, stranger).await;
    }
    for invalid in ["you@example.com.", "you\u{200b}@example.com"] {
        let refused = agent.post("/decisions", &decision_for(&server, invalid)).await;
        refused.expect_error(400, "VALIDATION_ERROR");
    }
    server.expect_no_messages().await;
    agent.post("/decisions", &decision_for(&server, "YOU@example.com")).await.expect(201);
    server.expect_mail("YOU@example.com").await;
    server.finish().await;
}

#[tokio::test]
async fn writer_key_asks_only_the_owner_at_a_checkpoint() {
    let mut server = TestServer::new().await;
    let created = server.admin.of_packets().post("/api/v1/keys", &json!({"name": "writer"})).await.expect(201);
    let writer = server.admin.with_key(created.json["key"].as_str().unwrap()).of_packets();
    let refused = writer.post("/api/v1/packets", &packet_for(ATTACKER)).await.expect(403);
    assert_eq!(
        (&refused.json["code"], &refused.json["field"]),
        (&json!("APPROVER_NOT_ALLOWED"), &json!("hitl.approver"))
    );
    assert!(refused.json["detail"].as_str().unwrap().contains(ATTACKER), "{}", refused.text);
    // Neither may a checkpoint get another approver later.
    let id = writer.post("/api/v1/packets", &packet_for(OWNER)).await.expect(201).id();
    server.expect_mail(OWNER).await;
    let path = format!("/api/v1/packets/{id}");
    let edit = json!({"hitl": packet_for(ATTACKER)["hitl"]});
    writer.send(http::Method::PATCH, &path, &[], edit.to_string().into_bytes()).await.expect(403);
    server.finish().await;
}

#[tokio::test]
async fn asking_anyone_has_to_be_said() {
    let mut server = TestServer::new().await;
    for (approvers, allowed, refused) in [
        (json!(["*"]), ATTACKER, None),
        (json!(["*@example.com"]), "ann@example.com", Some("ann@mail.example.com")),
        (json!(["ann@example.com"]), "Ann@example.com", Some(OWNER)),
    ] {
        let body = json!({"name": "listed", "role": "writer", "approvers": approvers});
        for path in ["/auth/api-keys", "/api/v1/keys"] {
            let client = if path.starts_with("/api") { server.admin.of_packets() } else { server.admin.clone() };
            let created = client.post(path, &body).await.expect(201);
            assert_eq!(created.json["approvers"], approvers, "{path}");
            let key = server.admin.with_key(created.json["key"].as_str().unwrap());
            if let Some(refused) = refused {
                assert_not_askable(&server, &key, refused).await;
            }
            key.post("/decisions", &decision_for(&server, allowed)).await.expect(201);
            server.expect_mail(allowed).await;
            key.of_packets().post("/api/v1/packets", &packet_for(allowed)).await.expect(201);
            server.expect_mail(allowed).await;
        }
    }
    server.finish().await;
}

#[tokio::test]
async fn keys_that_may_answer_may_ask_anyone() {
    let mut server = TestServer::new().await;
    for role in ["app", "admin"] {
        let created = server.admin.post("/auth/api-keys", &json!({"name": role, "role": role})).await.expect(201);
        let key = server.admin.with_key(created.json["key"].as_str().unwrap());
        key.post("/decisions", &decision_for(&server, "anyone@example.org")).await.expect(201);
        server.expect_mail("anyone@example.org").await;
        // Without the scope to answer, the role does not count.
        let body = json!({"name": role, "role": role, "scopes": ["decisions:write", "decisions:read"]});
        let narrow = server.admin.post("/auth/api-keys", &body).await.expect(201);
        let narrow = server.admin.with_key(narrow.json["key"].as_str().unwrap());
        let refused = narrow.post("/decisions", &decision_for(&server, "anyone@example.org")).await;
        refused.expect_error(403, "APPROVER_NOT_ALLOWED");
    }
    server.finish().await;
}
