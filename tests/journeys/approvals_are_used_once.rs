//! An approval is used for one execution: the first program wins, and everybody sees how it ended.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::time::Timestamp;
use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

/// Creates a decision with these further fields and approves it. Returns its path and the hash of its action.
async fn approved(server: &TestServer, agent: &Client, fields: Value) -> (String, String) {
    let (path, hash) = asked(server, agent, fields).await;
    server.admin.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    (path, hash)
}

async fn asked(server: &TestServer, agent: &Client, fields: Value) -> (String, String) {
    let mut body = server.decision_body();
    body["callback_url"] = Value::Null;
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    let created = agent.post("/decisions", &body).await.expect(201);
    (format!("/decisions/{}", created.id()), created.json["action_hash"].as_str().unwrap().to_owned())
}

async fn consume(client: Client, path: String, execution_id: String, action_hash: String) -> TestResponse {
    let body = json!({"execution_id": execution_id, "action_hash": action_hash});
    client.post(&format!("{path}/consume"), &body).await
}

async fn finish(client: &Client, path: &str, execution_id: &str, outcome: &str) -> TestResponse {
    let body = json!({"outcome": outcome, "detail": "invoice <7>"});
    client.post(&format!("{path}/executions/{execution_id}"), &body).await
}

async fn server() -> TestServer {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test answers by API what the mails ask");
    server
}

#[tokio::test]
async fn twenty_consumers_use_an_approval_once() {
    let server = server().await;
    let agent = server.key("agent").await;
    for single_use in [true, false] {
        let (path, hash) = approved(&server, &agent, json!({"single_use": single_use})).await;
        let racers: JoinSet<TestResponse> =
            (0..20).map(|number| consume(agent.clone(), path.clone(), format!("run-{number}"), hash.clone())).collect();
        let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(|r| r.status == 200);
        assert_eq!((won.len(), lost.len()), (1, 19));
        let won = &won[0].json;
        assert_eq!(won["replayed"], false);
        for refused in &lost {
            refused.clone().expect_error(409, "ALREADY_CONSUMED");
            assert_eq!(refused.json["execution_id"], won["execution_id"]);
            assert_eq!(refused.json["consumed_at"], won["consumed_at"]);
            assert_eq!(refused.json["consumed_with_key_name"], "agent of the test");
        }
        // The winner comes back twenty times at once.
        let id = won["execution_id"].as_str().unwrap();
        let racers: JoinSet<TestResponse> =
            (0..20).map(|_| consume(agent.clone(), path.clone(), id.to_owned(), hash.clone())).collect();
        for repeated in racers.join_all().await {
            let mut expected = won.clone();
            expected["replayed"] = true.into();
            assert_eq!((repeated.status, &repeated.json), (200, &expected));
        }
        let receipt = agent.get(&format!("{path}/receipt")).await.expect(200).json;
        assert_eq!(receipt["receipt"], won["receipt"], "the use changes nothing in the receipt");
    }
    // Of twenty equal requests one is the first.
    let (path, hash) = approved(&server, &agent, json!({})).await;
    let racers: JoinSet<TestResponse> =
        (0..20).map(|_| consume(agent.clone(), path.clone(), "run-1".to_owned(), hash.clone())).collect();
    let responses = racers.join_all().await;
    let first = responses.iter().filter(|response| response.status == 200 && response.json["replayed"] == false);
    assert_eq!(first.count(), 1);
    server.finish().await;
}

#[tokio::test]
async fn approval_is_not_used_after_its_validity() {
    let server = server().await;
    let agent = server.key("agent").await;
    for (early_ms, status) in [(1, 200), (0, 410)] {
        let (path, hash) = approved(&server, &agent, json!({"valid_for_seconds": 60})).await;
        server.advance_clock_only(Duration::from_millis(60_000 - early_ms));
        let used = consume(agent.clone(), path.clone(), "run-1".to_owned(), hash.clone()).await;
        assert_eq!(used.status, status, "{}", used.text);
        server.advance_clock_only(Duration::from_secs(60));
        let again = consume(agent.clone(), path.clone(), "run-1".to_owned(), hash.clone()).await;
        if status == 410 {
            used.clone().expect_error(410, "APPROVAL_EXPIRED");
            again.expect_error(410, "APPROVAL_EXPIRED");
            assert_eq!(agent.get(&path).await.expect(200).json.get("consumption"), None);
        } else {
            assert_eq!(again.expect(200).json["replayed"], true, "a repeat is told what happened before the end");
            consume(agent.clone(), path, "run-2".to_owned(), hash).await.expect_error(409, "ALREADY_CONSUMED");
        }
    }
    for _ in 0..5 {
        let (path, hash) = approved(&server, &agent, json!({"valid_for_seconds": 60})).await;
        server.advance_clock_only(Duration::from_millis(59_999));
        let mut racers = JoinSet::new();
        for number in 0..10 {
            racers.spawn(consume(agent.clone(), path.clone(), format!("run-{number}"), hash.clone()));
        }
        server.advance_clock_only(Duration::from_millis(1));
        let responses = racers.join_all().await;
        let decision = agent.get(&path).await.expect(200).json;
        let end = decision["valid_until"].as_str().and_then(Timestamp::parse).unwrap();
        let used: Vec<_> = responses.iter().filter(|response| response.status == 200).collect();
        assert!(responses.iter().all(|response| [200, 409, 410].contains(&response.status)));
        match decision["consumption"]["consumed_at"].as_str().and_then(Timestamp::parse) {
            Some(at) => assert!(used.len() == 1 && at < end, "{decision}"),
            None => assert_eq!(used.len(), 0),
        }
    }
    server.finish().await;
}

#[tokio::test]
async fn only_an_approval_can_be_used() {
    let server = server().await;
    let agent = server.key("agent").await;
    let (open, hash) = asked(&server, &agent, json!({})).await;
    let (denied, _) = asked(&server, &agent, json!({})).await;
    server.admin.post(&format!("{denied}/resolve"), &json!({"action": "deny"})).await.expect(200);
    let (cancelled, _) = asked(&server, &agent, json!({})).await;
    agent.post(&format!("{cancelled}/cancel"), &json!({})).await.expect(200);
    let (expired, _) = asked(&server, &agent, json!({"timeout_minutes": 1})).await;
    server.advance_clock_only(Duration::from_secs(60));
    for (path, status) in [(&open, "pending"), (&denied, "denied"), (&cancelled, "expired"), (&expired, "expired")] {
        let used = consume(agent.clone(), path.clone(), "run-1".to_owned(), hash.clone()).await;
        used.clone().expect_error(409, "NOT_APPROVED");
        assert_eq!(used.json["status"], status);
        finish(&agent, path, "run-1", "succeeded").await.expect_error(404, "NOT_FOUND");
    }
    server.admin.post(&format!("{open}/resolve"), &json!({"action": "modify", "notes": "half"})).await.expect(200);
    consume(agent.clone(), open, "run-1".to_owned(), hash.clone()).await.expect(200);

    let schedule = json!({"response_type": {"type": "schedule"}});
    let (later, _) = asked(&server, &agent, schedule).await;
    let at = server.now().plus_ms(60_000);
    let answer = json!({"action": "approve", "execute_at": at});
    server.admin.post(&format!("{later}/resolve"), &answer).await.expect(200);
    let early = consume(agent.clone(), later.clone(), "run-1".to_owned(), hash.clone()).await;
    early.clone().expect_error(409, "NOT_APPROVED");
    assert_eq!(early.json["execute_at"], json!(at));
    server.advance_clock_only(Duration::from_secs(60));
    consume(agent.clone(), later, "run-1".to_owned(), hash.clone()).await.expect(200);

    let (path, hash) = approved(&server, &agent, json!({})).await;
    let other = format!("sha256:{}", "0".repeat(64));
    let mismatch = consume(agent.clone(), path.clone(), "run-1".to_owned(), other.clone()).await;
    mismatch.clone().expect_error(409, "ACTION_MISMATCH");
    assert_eq!(mismatch.json["action_hash"], hash);
    for (body, field) in [
        (json!({}), "execution_id"),
        (json!({"execution_id": "run-1"}), "action_hash"),
        (json!({"execution_id": "a/b", "action_hash": hash}), "execution_id"),
        (json!({"execution_id": "..", "action_hash": hash}), "execution_id"),
        (json!({"execution_id": "x".repeat(129), "action_hash": hash}), "execution_id"),
        (json!({"execution_id": 7, "action_hash": hash}), "execution_id"),
        (json!({"execution_id": "run-1", "action_hash": hash.to_uppercase()}), "action_hash"),
    ] {
        let refused = agent.post(&format!("{path}/consume"), &body).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").json["field"], field, "{body}");
    }
    assert_eq!(agent.get(&path).await.expect(200).json.get("consumption"), None);
    consume(agent.clone(), path.clone(), "run-1".to_owned(), hash).await.expect(200);
    consume(agent.clone(), path, "run-1".to_owned(), other).await.expect_error(409, "ACTION_MISMATCH");
    server.finish().await;
}

#[tokio::test]
async fn only_the_asker_and_the_team_use_an_approval() {
    let server = server().await;
    let agent = server.key("agent").await;
    let (path, hash) = approved(&server, &agent, json!({})).await;
    let try_with =
        async |client: &Client| consume(client.clone(), path.clone(), "run-1".to_owned(), hash.clone()).await;
    let (other_agent, reader) = (server.key("agent").await, server.key("reader").await);
    let stranger = server.other_tenant(Role::Admin).await;
    try_with(&other_agent).await.expect_error(403, "FORBIDDEN");
    assert_eq!(try_with(&reader).await.status, 403);
    try_with(&stranger).await.expect_error(404, "NOT_FOUND");
    try_with(&agent.without_key()).await.expect_error(401, "UNAUTHORIZED");
    // A program of the team, such as the payment system, uses the approval that the agent shows it.
    let app = server.key("app").await;
    assert_eq!(try_with(&app).await.expect(200).json["replayed"], false);
    // An equal name from another key is another execution.
    try_with(&agent).await.expect_error(409, "ALREADY_CONSUMED");
    finish(&agent, &path, "run-1", "succeeded").await.expect_error(403, "FORBIDDEN");
    finish(&stranger, &path, "run-1", "succeeded").await.expect_error(404, "NOT_FOUND");
    finish(&app, &path, "run-2", "succeeded").await.expect_error(404, "NOT_FOUND");
    finish(&app, &path, "run-1", "succeeded").await.expect(200);
    server.finish().await;
}

#[tokio::test]
async fn everybody_sees_how_an_execution_ended() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut body = server.decision_body();
    (body["single_use"], body["enforce"], body["callback_url"]) = (true.into(), true.into(), Value::Null);
    let created = agent.post("/decisions", &body).await.expect(201);
    let (path, hash) = (format!("/decisions/{}", created.id()), created.json["action_hash"].as_str().unwrap());
    let page = server.expect_mail("ann@example.com").await.links[0].clone();
    let person = agent.without_key();
    person.post_form(&page, &[("choice", "approve")]).await.expect(303);
    assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], true);
    let receipt = agent.get(&format!("{path}/receipt")).await.expect(200).json;

    let used = consume(agent.clone(), path.clone(), "run-1".to_owned(), hash.to_owned()).await.expect(200);
    let decision = agent.get(&path).await.expect(200).json;
    let mut consumption = json!({
        "execution_id": "run-1", "consumed_at": used.json["consumed_at"], "outcome": null, "detail": null, "finished_at": null,
    });
    assert_eq!((&decision["consumption"], &decision["action_permitted"]), (&consumption, &json!(false)));
    assert_eq!(decision["status"], "approved");
    assert!(person.get(&page).await.expect(200).text.contains("with the key <bdi>agent of the test</bdi>"));

    server.advance(Duration::from_secs(5)).await;
    for (outcome, detail, field) in [("done", "x", "outcome"), ("failed", "\u{7}", "detail")] {
        let body = json!({"outcome": outcome, "detail": detail});
        let refused = agent.post(&format!("{path}/executions/run-1"), &body).await;
        assert_eq!(refused.expect_error(400, "VALIDATION_ERROR").json["field"], field);
    }
    let ended = finish(&agent, &path, "run-1", "failed").await.expect(200);
    assert_eq!((&ended.json["outcome"], &ended.json["replayed"]), (&json!("failed"), &json!(false)));
    server.advance(Duration::from_secs(5)).await;
    let again = finish(&agent, &path, "run-1", "failed").await.expect(200);
    assert_eq!((&again.json["finished_at"], &again.json["replayed"]), (&ended.json["finished_at"], &json!(true)));
    let other = finish(&agent, &path, "run-1", "succeeded").await;
    assert_eq!(other.expect_error(409, "ALREADY_FINISHED").json["outcome"], "failed");

    consumption["outcome"] = "failed".into();
    (consumption["detail"], consumption["finished_at"]) = ("invoice <7>".into(), ended.json["finished_at"].clone());
    let list = agent.get("/decisions").await.expect(200).json;
    assert_eq!(list["decisions"][0]["consumption"], consumption);
    let shown = person.get(&page).await.expect(200).text;
    assert!(shown.contains("<strong>Failed</strong>") && shown.contains("invoice &lt;7&gt;"), "{shown}");
    assert_eq!(agent.get(&format!("{path}/receipt")).await.expect(200).json, receipt);
    let journal = server.admin.get("/audit/export").await.expect(200).text;
    for event in ["decision.consumed", "decision.executed"] {
        assert_eq!(journal.matches(&format!(r#"\"type\":\"{event}\""#)).count(), 1, "{journal}");
    }
    server.finish().await;
}

#[tokio::test]
async fn approval_for_many_uses_stays_permitted() {
    let server = server().await;
    let agent = server.key("agent").await;
    let (path, hash) = approved(&server, &agent, json!({"enforce": true})).await;
    consume(agent.clone(), path.clone(), "run-1".to_owned(), hash).await.expect(200);
    assert_eq!(agent.get(&path).await.expect(200).json["action_permitted"], true);
    server.finish().await;
}
