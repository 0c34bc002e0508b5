//! Local pages: start page, mailbox, received calls and clock.

use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use handrail_testkit::{Client, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

use crate::packets::{create_packet, packet_body};
use crate::webhooks::create_webhook;

async fn get_json(client: &Client, path: &str) -> Value {
    client.send(Method::GET, path, &[("accept", "application/json")], Vec::new()).await.expect(200).json
}

#[track_caller]
fn page_text(answer: TestResponse) -> String {
    let answer = answer.expect(200);
    assert!(answer.header("content-type").starts_with("text/html") && answer.header("cache-control") == "no-store");
    answer.text
}

#[tokio::test]
async fn home_page_command_works() {
    let mut server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    let first = page_text(anonymous.get("/").await);
    assert!(first.contains(&server.running.origin) && first.contains(&server.running.key));
    for endpoint in ["/decisions/{id}/resolve", "/auth/me", "/healthz"] {
        assert!(first.contains(endpoint), "{endpoint}");
    }
    let command = first.split("data-curl>").nth(1).unwrap().split("</pre>").next().unwrap().replace("&quot;", "\"");
    let body: Value = serde_json::from_str(command.split("-d '").nth(1).unwrap().trim_end_matches('\'')).unwrap();
    server.admin.post("/decisions", &body).await.expect(201);
    server.expect_mail("you@example.com").await;
    server.finish().await;
}

/// The start page shows the admin key, so requests with a foreign `Host` (DNS rebinding) must be refused.
#[tokio::test]
async fn other_origins_cannot_use_local_pages() {
    let server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    let by_name = async |path: &str, host: &str| anonymous.send(Method::GET, path, &[("host", host)], Vec::new()).await;
    for path in ["/", "/local/mail", "/local/hooks", "/local/clock"] {
        let refused = by_name(path, "example.com:8787").await.expect(403);
        assert!(refused.json["error"].is_string() && !refused.text.contains(&server.running.key), "{}", refused.text);
        by_name(path, "localhost:8787").await.expect(200);
    }
    let move_clock = async |origin: &str| {
        let later = br#"{"advance_seconds": 60}"#.to_vec();
        anonymous.send(Method::POST, "/local/clock", &[("origin", origin), ("content-type", "text/plain")], later).await
    };
    let before = server.now();
    for origin in ["https://example.com", "null"] {
        move_clock(origin).await.expect(403);
    }
    assert_eq!(server.now(), before);
    move_clock(&server.running.origin.clone()).await.expect(200);
    server.finish().await;
}

/// Other machines are recognised by their address, which the tests of `local_only.rs` vary. Here the host is foreign.
#[tokio::test]
async fn admin_key_opens_local_pages_from_elsewhere() {
    let server = TestServer::new().await;
    let (admin, app) = (server.running.key.clone(), server.key("app").await);
    let anonymous = server.admin.without_key();
    let send = async |method: Method, path: &str, origin: &str, authorization: &str| {
        let headers = [("host", "handrail.example.com"), ("origin", origin), ("authorization", authorization)];
        anonymous.send(method, path, &headers, br#"{"advance_seconds": 60}"#.to_vec()).await
    };
    let own = "https://handrail.example.com";
    let basic = |password: &str| format!("Basic {}", STANDARD.encode(format!("anybody:{password}")));
    for path in ["/", "/local/mail", "/local/hooks", "/local/clock"] {
        for authorization in [format!("Bearer {admin}"), basic(&admin)] {
            send(Method::GET, path, own, &authorization).await.expect(200);
        }
        for refused in [app.key(), &server.running.operator, "ho_unknown", ""] {
            send(Method::GET, path, own, &format!("Bearer {refused}")).await.expect(403);
            send(Method::GET, path, own, &basic(refused)).await.expect(403);
        }
    }
    let before = server.now();
    send(Method::POST, "/local/clock", "https://example.com", &basic(&admin)).await.expect(403);
    assert_eq!(server.now(), before, "a page of another origin");
    send(Method::POST, "/local/clock", own, &basic(&admin)).await.expect(200);
    assert_eq!(server.now(), before.plus_ms(60_000));
    server.finish().await;
}

#[tokio::test]
async fn mailbox_lists_each_mail() {
    let mut server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    assert!(page_text(anonymous.get("/local/mail").await).contains("No mail yet."));
    assert_eq!(get_json(&anonymous, "/local/mail").await, json!([]));
    server.admin.post("/decisions", &server.decision_body()).await.expect(201);
    let first = server.expect_mail("ann@example.com").await;
    server.advance(Duration::from_secs(1)).await;
    let mut new_decision = server.decision_body();
    new_decision["approver"] = json!("bob@example.com");
    server.admin.post("/decisions", &new_decision).await.expect(201);
    server.expect_mail("bob@example.com").await;

    let listed = get_json(&anonymous, "/local/mail").await;
    let to: Vec<&str> = listed.as_array().unwrap().iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["bob@example.com", "ann@example.com"]);
    assert_eq!(listed[1]["subject"], first.subject);
    let shown = page_text(anonymous.get("/local/mail").await);
    assert!(shown.contains(&format!("href=\"/local/mail/{}\"", first.id)));

    let mail_path = format!("/local/mail/{}", first.id);
    let shown = page_text(anonymous.get(&mail_path).await);
    assert!(shown.contains(&format!("<a href=\"{}\" data-link=\"page\">", first.links[0])));
    assert_eq!(get_json(&anonymous, &mail_path).await, listed[1]);
    for absent in ["x", "%00", "..%2f..", "msg_"] {
        anonymous.get(&format!("/local/mail/{absent}")).await.expect(404);
    }
    server.finish().await;
}

#[tokio::test]
async fn webhook_page_lists_sent_and_received_callbacks() {
    let mut server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    assert!(page_text(anonymous.get("/local/hooks").await).contains("Nothing was sent yet."));
    assert_eq!(get_json(&anonymous, "/local/hooks").await, json!({"deliveries": [], "received": []}));

    let mut new_decision = server.decision_body();
    new_decision["callback_url"] = json!(format!("{}/local/hooks/in/demo?status=500", server.running.origin));
    let id = server.admin.post("/decisions", &new_decision).await.expect(201).id();
    server.expect_mail("ann@example.com").await;
    server.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    server.advance(Duration::from_secs(5)).await;
    let hooks = get_json(&anonymous, "/local/hooks").await;
    let sent = hooks["deliveries"].as_array().unwrap();
    assert_eq!(
        (sent.len(), &sent[0]["status"], &sent[0]["purpose"]),
        (1, &json!("pending"), &json!("announce-resolved"))
    );
    assert_eq!(sent[0]["next_attempt_at"], server.now().plus_ms(30_000).to_string());
    let came = hooks["received"].as_array().unwrap();
    assert_eq!((came.len(), &came[0]["name"]), (3, &json!("demo")));
    let body: Value = serde_json::from_str(came[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["decision"]["id"], id);
    let shown = page_text(anonymous.get("/local/hooks").await);
    assert!(shown.contains("data-status=\"pending\"") && shown.contains("data-call=\"demo\""));
    server.finish().await;
}

#[tokio::test]
async fn webhook_page_lists_packet_events() {
    let server = TestServer::new().await;
    let (client, anonymous) = (server.admin.of_packets(), server.admin.without_key());
    create_webhook(&client, &format!("{}/local/hooks/in/packets", server.running.origin)).await;
    let id = create_packet(&client, &packet_body("b-1")).await;
    server.run_due_work().await;
    let hooks = get_json(&anonymous, "/local/hooks").await;
    let sent = hooks["deliveries"].as_array().unwrap();
    assert_eq!((sent.len(), &sent[0]["status"], &sent[0]["event"]), (1, &json!("delivered"), &json!("packet.created")));
    let body: Value = serde_json::from_str(hooks["received"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["packet_id"], id);
    let shown = page_text(anonymous.get("/local/hooks").await);
    assert!(shown.contains("packet.created") && shown.contains("data-status=\"delivered\""));
    server.finish().await;
}

#[tokio::test]
async fn local_receiver_accepts_any_request() {
    let server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    let hostile = b"<script>alert(1)</script>\xff\0".to_vec();
    for (path, status) in
        [("a", 200), ("%3Cb%3E", 200), ("a?status=204", 204), ("a?status=503", 503), ("a?status=99", 200), ("%00", 200)]
    {
        anonymous
            .send(Method::POST, &format!("/local/hooks/in/{path}"), &[("x-evil", "<img src=x>")], hostile.clone())
            .await
            .expect(status);
    }
    for path in ["a?status=x", "a?status=70000"] {
        anonymous.send(Method::POST, &format!("/local/hooks/in/{path}"), &[], Vec::new()).await.expect(400);
    }
    anonymous.send(Method::POST, "/local/hooks/in/a", &[], vec![b'x'; 3_000_000]).await.expect(413);
    assert_eq!(get_json(&anonymous, "/local/hooks").await["received"].as_array().unwrap().len(), 6);
    let shown = page_text(anonymous.get("/local/hooks").await);
    assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script") && !shown.contains("<img"));
    server.finish().await;
}

#[tokio::test]
async fn advanced_clock_runs_due_work() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let anonymous = server.admin.without_key();
    assert_eq!(anonymous.get("/local/clock").await.expect(200).json["now"], server.now().to_string());
    let later = server.now().plus_ms(3_600_500);
    let moved = anonymous.post("/local/clock", &json!({"advance_seconds": 3600.5})).await.expect(200);
    assert_eq!((&moved.json["now"], server.now()), (&json!(later.to_string()), later));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    server.expect_webhook("decision.expired").await;

    for bad in [
        "",
        "{}",
        "[]",
        "null",
        "1",
        "{\"advance_seconds\":\"1\"}",
        "{\"advance_seconds\":null}",
        "{\"advance_seconds\":-1}",
        "{\"advance_seconds\":1e300}",
        "{\"advance_seconds\":1e999}",
        "{\"advance_seconds\":31622401}",
        "{\"advance_seconds\":1",
    ] {
        let refused = anonymous.send(Method::POST, "/local/clock", &[], bad.as_bytes().to_vec()).await.expect(400);
        assert!(refused.json["error"].as_str().is_some_and(|error| error.contains("advance_seconds")), "{bad}");
    }
    assert_eq!(server.now(), later);
    anonymous.post("/local/clock", &json!({"advance_seconds": 0})).await.expect(200);
    assert_eq!(server.now(), later);
    server.finish().await;
}
