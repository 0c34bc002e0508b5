//! A killed process loses nothing: acknowledged answers stay, and their effects happen after the restart.

use std::time::Duration;

use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, TestServer, TestServerOptions};
use serde_json::json;

#[tokio::test]
async fn acknowledged_answer_survives_kill() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, page) = server.create_decision(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve"), ("notes", "go")]).await.expect(303);
    server.expect_webhook("decision.resolved").await;
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    let key = agent.key().to_owned();

    let server = TestServer::with(server.kill().await).await;
    let agent = server.admin.with_key(&key);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    let token = page.rsplit_once('/').unwrap().1;
    assert!(agent.without_key().get(&format!("/d/{token}")).await.expect(200).text.contains("Your answer is recorded"));
    server.finish().await;
}

/// The process dies right after its response, before any worker runs.
#[tokio::test]
async fn pending_mail_is_sent_after_restart() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    let api = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let (agent, body) = (api.client(&agent), server.decision_body());
    let options = server.kill().await;
    let created = agent.post("/decisions", &body).await.expect(201);
    drop(api);

    let mut server = TestServer::with(options).await;
    let mail = server.expect_mail("ann@example.com").await;
    let person = server.admin.without_key();
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    assert_eq!(server.expect_webhook("decision.resolved").await.json()["decision"]["id"], created.json["id"]);
    server.finish().await;
}

#[tokio::test]
async fn pending_callback_is_sent_after_restart() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let api = ApiOnlyServer::start(&server.running.cx, AddressPolicy::AllowLoopback).await;
    let admin = api.client(&server.admin);
    let options = server.kill().await;
    admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    drop(api);

    let mut server = TestServer::with(options).await;
    assert_eq!(server.expect_webhook("decision.resolved").await.json()["decision"]["status"], "denied");
    server.finish().await;
}

#[tokio::test]
async fn failed_callback_is_retried_after_restart() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (_, page) = server.create_decision(&agent).await;
    server.receiver.answer_with(&[500, 500]);
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    server.run_due_work().await;
    let before = server.receiver.take();
    assert_eq!(before.len(), 2);

    let mut server = TestServer::with(server.kill().await).await;
    server.expect_no_messages().await;
    server.advance(Duration::from_secs(5)).await;
    let after = server.expect_webhook("decision.resolved").await;
    assert_eq!((&after.body, after.header("webhook-id")), (&before[0].body, before[0].header("webhook-id")));
    server.finish().await;
}

#[tokio::test]
async fn missed_deadline_fires_after_restart() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let key = agent.key().to_owned();
    let options = server.kill().await;
    let later = options.begins_at.map(|at| at.plus_ms(5 * 60 * 60 * 1000));

    let mut server = TestServer::with(TestServerOptions { begins_at: later, ..options }).await;
    server.expect_webhook("decision.expired").await;
    assert_eq!(
        server.admin.with_key(&key).get(&format!("/decisions/{id}")).await.expect(200).json["status"],
        "expired"
    );
    server.advance(Duration::from_hours(5)).await;
    server.finish().await;
}

/// Killed while twenty answers arrive: accepted answers are recorded, and the other decisions are still pending.
#[tokio::test]
async fn kill_during_concurrent_answers_accepts_one() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(server.create_decision(&agent).await.0);
    }
    let racers: Vec<_> = ids
        .iter()
        .map(|id| {
            let (admin, path) = (server.admin.clone(), format!("/decisions/{id}/resolve"));
            tokio::spawn(async move {
                admin.try_send(http::Method::POST, &path, &[], b"{\"action\":\"approve\"}".to_vec()).await
            })
        })
        .collect();
    // The kill happens after half of the responses.
    let mut results = Vec::new();
    let mut racers = racers.into_iter();
    for racer in racers.by_ref().take(10) {
        results.push(racer.await.unwrap());
    }
    let options = server.kill().await;
    for racer in racers {
        racer.abort();
        if let Ok(answer) = racer.await {
            results.push(answer);
        }
    }

    let server = TestServer::with(options).await;
    for (number, id) in ids.iter().enumerate() {
        let status = server.admin.get(&format!("/decisions/{id}")).await.expect(200).json["status"].clone();
        let was_accepted =
            results.get(number).is_some_and(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200));
        assert!(status == "approved" || (status == "pending" && !was_accepted), "{number}: {status}");
        if status == "pending" {
            server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
        }
    }
    server.run_due_work().await;
    let mut called_ids: Vec<String> =
        server.receiver.take().iter().map(|call| call.json()["decision"]["id"].as_str().unwrap().to_owned()).collect();
    called_ids.sort();
    called_ids.dedup();
    ids.sort();
    assert_eq!(called_ids, ids);
    server.finish().await;
}
