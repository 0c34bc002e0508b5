//! Large files are uploaded to a presigned URL and attached by a second request.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::{Client, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

async fn request_upload(agent: &Client, id: &str, name: &str, size: usize) -> Value {
    let path = format!("/decisions/{id}/attachments/uploads");
    agent.post(&path, &json!({"name": name, "size": size})).await.expect(201).json
}

async fn put_file(agent: &Client, invitation: &Value, bytes: &[u8]) -> TestResponse {
    let headers = invitation["upload"]["headers"].as_object().unwrap().clone();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let url = invitation["upload"]["url"].as_str().unwrap();
    agent.without_key().send(Method::PUT, url, &headers, bytes.to_vec()).await
}

async fn complete_upload(client: &Client, invitation: &Value) -> TestResponse {
    client.send(Method::POST, invitation["complete_url"].as_str().unwrap(), &[], Vec::new()).await
}

#[tokio::test]
async fn file_is_listed_after_upload_completes() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let mut file = b"%PDF-1.7 ".to_vec();
    file.resize(10 * 1024 * 1024, b'x');
    let invitation = request_upload(&agent, &id, "Großes.pdf", file.len()).await;
    assert_eq!(invitation["upload"]["method"], "PUT");
    let early = complete_upload(&agent, &invitation).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(early.json["field"], "file");
    // A truncated upload counts as missing.
    put_file(&agent, &invitation, &file[..100]).await.expect(400);
    let mut longer = file.clone();
    longer.push(b'x');
    put_file(&agent, &invitation, &longer).await.expect(413);
    put_file(&agent, &invitation, &file).await.expect(200);
    let path = format!("/decisions/{id}/attachments");
    assert_eq!(agent.get(&path).await.expect(200).json, json!({"attachments": []}), "it does not count yet");

    let first = complete_upload(&agent, &invitation).await.expect(201);
    assert_eq!(first.json["attachments"][0]["name"], "Großes.pdf");
    assert_eq!(first.json["attachments"][0]["size"], file.len());
    assert_eq!(
        complete_upload(&agent, &invitation).await.expect(201).json,
        first.json,
        "once, however often it is said"
    );
    // A checked file cannot be overwritten.
    put_file(&agent, &invitation, &vec![b'y'; file.len()]).await.expect(412);
    server.run_due_work().await;
    let url = first.json["attachments"][0]["url"].as_str().unwrap().to_owned();
    assert!(agent.without_key().get(&url).await.expect(200).text.as_bytes() == file, "it comes back as it was put");
    server.finish().await;
}

#[tokio::test]
async fn invalid_presigned_upload_is_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/attachments/uploads");
    for (body, status, field) in [
        (json!({"size": 5}), 400, "name"),
        (json!({"name": "a.exe", "size": 5}), 400, "name"),
        (json!({"name": "a.txt"}), 400, "size"),
        (json!({"name": "a.txt", "size": 0}), 400, "size"),
        (json!({"name": "a.txt", "size": "5"}), 400, "size"),
        (json!({"name": "a.txt", "size": -5}), 400, "size"),
        (json!({"name": "a.txt", "size": 10 * 1024 * 1024 + 1}), 413, "size"),
    ] {
        let answer = agent.post(&path, &body).await.expect_error(status, "VALIDATION_ERROR");
        assert_eq!(answer.json["field"], field, "{body}");
    }
    let disguised = request_upload(&agent, &id, "a.pdf", 9).await;
    put_file(&agent, &disguised, b"MZ program").await.expect(413);
    put_file(&agent, &disguised, b"MZ a file").await.expect(200);
    complete_upload(&agent, &disguised).await.expect_error(400, "VALIDATION_ERROR");

    let stranger = server.other_tenant(Role::Admin).await;
    stranger.post(&path, &json!({"name": "a.txt", "size": 5})).await.expect_error(404, "NOT_FOUND");
    let own = request_upload(&agent, &id, "a.txt", 5).await;
    put_file(&agent, &own, b"bytes").await.expect(200);
    complete_upload(&stranger, &own).await.expect_error(404, "NOT_FOUND");
    complete_upload(&agent.without_key(), &own).await.expect_error(401, "UNAUTHORIZED");
    let late = request_upload(&agent, &id, "late.txt", 5).await;
    server.advance(Duration::from_secs(15 * 60)).await;
    put_file(&agent, &late, b"bytes").await.expect(403);
    let forged = json!({"complete_url": format!("{}x", own["complete_url"].as_str().unwrap())});
    complete_upload(&agent, &forged).await.expect_error(404, "NOT_FOUND");

    let body = json!({"action": "deny"});
    server.admin.post(&format!("/decisions/{id}/resolve"), &body).await.expect(200);
    server.expect_webhook("decision.resolved").await;
    complete_upload(&agent, &own).await.expect_error(409, "ALREADY_RESOLVED");
    agent.post(&path, &json!({"name": "a.txt", "size": 5})).await.expect_error(409, "ALREADY_RESOLVED");
    server.advance(Duration::from_secs(45 * 60)).await;
    complete_upload(&agent, &own).await.expect_error(404, "NOT_FOUND");
}
