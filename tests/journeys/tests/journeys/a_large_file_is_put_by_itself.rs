//! A file too large for a request to a function is put at a signed address first, and counts when that is said.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::{Answer, Client, World};
use http::Method;
use serde_json::{Value, json};

async fn invited(agent: &Client, id: &str, name: &str, size: usize) -> Value {
    let path = format!("/decisions/{id}/attachments/uploads");
    agent.post(&path, &json!({"name": name, "size": size})).await.expect(201).json
}

async fn put(agent: &Client, invitation: &Value, bytes: &[u8]) -> Answer {
    let headers = invitation["upload"]["headers"].as_object().unwrap().clone();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap())).collect();
    let url = invitation["upload"]["url"].as_str().unwrap();
    agent.without_key().send(Method::PUT, url, &headers, bytes.to_vec()).await
}

async fn complete(client: &Client, invitation: &Value) -> Answer {
    client.send(Method::POST, invitation["complete_url"].as_str().unwrap(), &[], Vec::new()).await
}

#[tokio::test]
async fn a_file_counts_once_it_is_put_and_said() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let mut file = b"%PDF-1.7 ".to_vec();
    file.resize(10 * 1024 * 1024, b'x');
    let invitation = invited(&agent, &id, "Großes.pdf", file.len()).await;
    assert_eq!(invitation["upload"]["method"], "PUT");
    let early = complete(&agent, &invitation).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(early.json["field"], "file");
    // Cut off on the way: as good as not there.
    put(&agent, &invitation, &file[..100]).await.expect(400);
    let mut longer = file.clone();
    longer.push(b'x');
    put(&agent, &invitation, &longer).await.expect(413);
    put(&agent, &invitation, &file).await.expect(200);
    let path = format!("/decisions/{id}/attachments");
    assert_eq!(agent.get(&path).await.expect(200).json, json!({"attachments": []}), "it does not count yet");

    let first = complete(&agent, &invitation).await.expect(201);
    assert_eq!(first.json["attachments"][0]["name"], "Großes.pdf");
    assert_eq!(first.json["attachments"][0]["size"], file.len());
    assert_eq!(complete(&agent, &invitation).await.expect(201).json, first.json, "once, however often it is said");
    // What was looked at can't be exchanged.
    put(&agent, &invitation, &vec![b'y'; file.len()]).await.expect(412);
    world.settle().await;
    let url = first.json["attachments"][0]["url"].as_str().unwrap().to_owned();
    assert!(agent.without_key().get(&url).await.expect(200).text.as_bytes() == file, "it comes back as it was put");
    world.end().await;
}

#[tokio::test]
async fn what_may_not_lie_there_is_refused_before_or_after() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
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
    let disguised = invited(&agent, &id, "a.pdf", 9).await;
    put(&agent, &disguised, b"MZ program").await.expect(413);
    put(&agent, &disguised, b"MZ a file").await.expect(200);
    complete(&agent, &disguised).await.expect_error(400, "VALIDATION_ERROR");

    let stranger = world.stranger(Role::Admin).await;
    stranger.post(&path, &json!({"name": "a.txt", "size": 5})).await.expect_error(404, "NOT_FOUND");
    let own = invited(&agent, &id, "a.txt", 5).await;
    put(&agent, &own, b"bytes").await.expect(200);
    complete(&stranger, &own).await.expect_error(404, "NOT_FOUND");
    complete(&agent.without_key(), &own).await.expect_error(401, "UNAUTHORIZED");
    let late = invited(&agent, &id, "late.txt", 5).await;
    world.advance(Duration::from_secs(15 * 60)).await;
    put(&agent, &late, b"bytes").await.expect(403);
    let forged = json!({"complete_url": format!("{}x", own["complete_url"].as_str().unwrap())});
    complete(&agent, &forged).await.expect_error(404, "NOT_FOUND");

    let body = json!({"action": "deny"});
    world.admin.post(&format!("/decisions/{id}/resolve"), &body).await.expect(200);
    world.expect_webhook("decision.resolved").await;
    complete(&agent, &own).await.expect_error(409, "ALREADY_RESOLVED");
    agent.post(&path, &json!({"name": "a.txt", "size": 5})).await.expect_error(409, "ALREADY_RESOLVED");
    world.advance(Duration::from_secs(45 * 60)).await;
    complete(&agent, &own).await.expect_error(404, "NOT_FOUND");
}
