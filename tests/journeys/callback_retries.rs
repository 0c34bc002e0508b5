//! Callback retries depend on the receiver's response: at once, at once again, after 5 s and after 30 s, or not at all.

use std::time::Duration;

use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};
use tokio::net::TcpListener;

async fn create_approved_decision(server: &mut TestServer, agent: &Client) -> String {
    let (id, page) = server.create_decision(agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    id
}

async fn get_callback(agent: &Client, id: &str) -> Value {
    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    sent["deliveries"]
        .as_array()
        .unwrap()
        .iter()
        .find(|sent| sent["purpose"] == "announce-resolved")
        .expect("it was sent")
        .clone()
}

fn attempt_statuses(delivery: &Value) -> Vec<Value> {
    delivery["attempts"].as_array().unwrap().iter().map(|attempt| attempt["status"].clone()).collect()
}

#[tokio::test]
async fn failing_receiver_gets_four_identical_callbacks() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    server.receiver.answer_with(&[500, 500, 500, 500]);
    let begun = server.now();
    let id = create_approved_decision(&mut server, &agent).await;
    server.run_due_work().await;
    let mut calls = server.receiver.take();
    assert_eq!(calls.len(), 2);
    for (wait_ms, expected) in [(4_999, 0), (1, 1), (29_999, 0), (1, 1), (86_400_000, 0)] {
        let waiting = get_callback(&agent, &id).await;
        server.advance(Duration::from_millis(wait_ms)).await;
        let more = server.receiver.take();
        assert_eq!(more.len(), expected, "after {wait_ms} ms: {waiting}");
        calls.extend(more);
    }
    for call in &calls {
        assert_eq!((&call.body, call.header("webhook-id")), (&calls[0].body, calls[0].header("webhook-id")));
        assert_eq!(call.header("x-handover-signature"), calls[0].header("x-handover-signature"));
    }
    let sent = get_callback(&agent, &id).await;
    assert_eq!((&sent["status"], &sent["next_attempt_at"]), (&json!("dead"), &json!(null)));
    let tried: Vec<&Value> = sent["attempts"].as_array().unwrap().iter().map(|attempt| &attempt["at"]).collect();
    assert_eq!(tried, [0, 0, 5_000, 35_000].map(|ms| begun.plus_ms(ms).to_string()).each_ref());
    // The answer stays recorded although every attempt failed.
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "approved");
    server.finish().await;
}

#[tokio::test]
async fn success_ends_retries() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    for (answers, calls) in [(vec![500, 200], 2), (vec![503, 404, 204], 3), (vec![201], 1)] {
        server.receiver.answer_with(&answers);
        let id = create_approved_decision(&mut server, &agent).await;
        server.advance(Duration::from_mins(10)).await;
        assert_eq!(server.receiver.take().len(), calls, "{answers:?}");
        let sent = get_callback(&agent, &id).await;
        assert_eq!(
            (&sent["status"], attempt_statuses(&sent)),
            (&json!("delivered"), answers.iter().map(|status| json!(status)).collect())
        );
    }
    server.finish().await;
}

#[tokio::test]
async fn status_410_ends_retries_immediately() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    server.receiver.answer_with(&[410]);
    let id = create_approved_decision(&mut server, &agent).await;
    server.advance(Duration::from_mins(10)).await;
    assert_eq!(server.receiver.take().len(), 1);
    assert_eq!(get_callback(&agent, &id).await["status"], "dead");
    server.finish().await;
}

#[tokio::test]
async fn redirect_is_not_followed() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    server.receiver.answer_with(&[301, 302, 307, 308]);
    let id = create_approved_decision(&mut server, &agent).await;
    server.advance(Duration::from_mins(10)).await;
    let paths: Vec<String> = server.receiver.take().into_iter().map(|call| call.path).collect();
    assert_eq!(paths, ["/hook"; 4]);
    let sent = get_callback(&agent, &id).await;
    assert_eq!(
        (&sent["status"], attempt_statuses(&sent)),
        (&json!("dead"), vec![json!(301), json!(302), json!(307), json!(308)])
    );
    server.finish().await;
}

#[tokio::test]
async fn failing_receiver_does_not_delay_other_callbacks() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    let unused_address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let mut body = server.decision_body();
    body["callback_url"] = json!(format!("http://{unused_address}/hook"));
    let id = agent.post("/decisions", &body).await.expect(201).id();
    server.expect_mail("ann@example.com").await;
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    server.advance(Duration::from_mins(10)).await;
    let sent = get_callback(&agent, &id).await;
    assert_eq!((&sent["status"], attempt_statuses(&sent)), (&json!("dead"), vec![json!(null); 4]));
    assert!(sent["attempts"][0]["error"].as_str().is_some_and(|error| !error.is_empty()));
    server.finish().await;
}
