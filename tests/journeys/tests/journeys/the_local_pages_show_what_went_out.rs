//! What only a laptop has: the first page, the mailbox, the calls, the clock.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use http::Method;
use serde_json::{Value, json};

use crate::hooks::hooked;
use crate::packets::{made, packet};

async fn json_of(client: &Client, path: &str) -> Value {
    client.send(Method::GET, path, &[("accept", "application/json")], Vec::new()).await.expect(200).json
}

#[track_caller]
fn page(answer: Answer) -> String {
    let answer = answer.expect(200);
    assert!(answer.header("content-type").starts_with("text/html") && answer.header("cache-control") == "no-store");
    answer.text
}

#[tokio::test]
async fn the_first_page_has_a_command_that_works() {
    let mut world = World::new().await;
    let nobody = world.admin.without_key();
    let first = page(nobody.get("/").await);
    assert!(first.contains(&world.running.origin) && first.contains(&world.running.key));
    for endpoint in ["/decisions/{id}/resolve", "/auth/me", "/healthz"] {
        assert!(first.contains(endpoint), "{endpoint}");
    }
    let command = first.split("data-curl>").nth(1).unwrap().split("</pre>").next().unwrap().replace("&quot;", "\"");
    let body: Value = serde_json::from_str(command.split("-d '").nth(1).unwrap().trim_end_matches('\'')).unwrap();
    world.admin.post("/decisions", &body).await.expect(201);
    world.expect_mail("you@example.com").await;
    world.end().await;
}

/// The first page shows the admin's key. A browser takes a name that was made to lead here for that page's own server.
#[tokio::test]
async fn no_page_from_elsewhere_reads_them_or_moves_the_clock() {
    let world = World::new().await;
    let nobody = world.admin.without_key();
    let by_name = async |path: &str, host: &str| nobody.send(Method::GET, path, &[("host", host)], Vec::new()).await;
    for path in ["/", "/local/mail", "/local/hooks", "/local/clock"] {
        let refused = by_name(path, "example.com:8787").await.expect(403);
        assert!(refused.json["error"].is_string() && !refused.text.contains(&world.running.key), "{}", refused.text);
        by_name(path, "localhost:8787").await.expect(200);
    }
    let move_clock = async |origin: &str| {
        let later = br#"{"advance_seconds": 60}"#.to_vec();
        nobody.send(Method::POST, "/local/clock", &[("origin", origin), ("content-type", "text/plain")], later).await
    };
    let before = world.now();
    for origin in ["https://example.com", "null"] {
        move_clock(origin).await.expect(403);
    }
    assert_eq!(world.now(), before);
    move_clock(&world.running.origin.clone()).await.expect(200);
    world.end().await;
}

#[tokio::test]
async fn the_mailbox_holds_each_mail() {
    let mut world = World::new().await;
    let nobody = world.admin.without_key();
    assert!(page(nobody.get("/local/mail").await).contains("No mail yet."));
    assert_eq!(json_of(&nobody, "/local/mail").await, json!([]));
    world.admin.post("/decisions", &world.ask()).await.expect(201);
    let first = world.expect_mail("ann@example.com").await;
    world.advance(Duration::from_secs(1)).await;
    let mut ask = world.ask();
    ask["approver"] = json!("bob@example.com");
    world.admin.post("/decisions", &ask).await.expect(201);
    world.expect_mail("bob@example.com").await;

    let listed = json_of(&nobody, "/local/mail").await;
    let to: Vec<&str> = listed.as_array().unwrap().iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(to, ["bob@example.com", "ann@example.com"]);
    assert_eq!(listed[1]["subject"], first.subject);
    let shown = page(nobody.get("/local/mail").await);
    assert!(shown.contains(&format!("href=\"/local/mail/{}\"", first.id)));

    let one = format!("/local/mail/{}", first.id);
    let shown = page(nobody.get(&one).await);
    assert!(shown.contains(&format!("<a href=\"{}\" data-link=\"page\">", first.links[0])));
    assert_eq!(json_of(&nobody, &one).await, listed[1]);
    for absent in ["x", "%00", "..%2f..", "msg_"] {
        nobody.get(&format!("/local/mail/{absent}")).await.expect(404);
    }
    world.end().await;
}

#[tokio::test]
async fn the_hooks_hold_what_was_sent_and_what_came() {
    let mut world = World::new().await;
    let nobody = world.admin.without_key();
    assert!(page(nobody.get("/local/hooks").await).contains("Nothing was sent yet."));
    assert_eq!(json_of(&nobody, "/local/hooks").await, json!({"deliveries": [], "received": []}));

    let mut ask = world.ask();
    ask["callback_url"] = json!(format!("{}/local/hooks/in/demo?status=500", world.running.origin));
    let id = world.admin.post("/decisions", &ask).await.expect(201).id();
    world.expect_mail("ann@example.com").await;
    world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
    world.advance(Duration::from_secs(5)).await;
    let hooks = json_of(&nobody, "/local/hooks").await;
    let sent = hooks["deliveries"].as_array().unwrap();
    assert_eq!(
        (sent.len(), &sent[0]["status"], &sent[0]["purpose"]),
        (1, &json!("pending"), &json!("announce-resolved"))
    );
    assert_eq!(sent[0]["next_attempt_at"], world.now().plus_ms(30_000).to_string());
    let came = hooks["received"].as_array().unwrap();
    assert_eq!((came.len(), &came[0]["name"]), (3, &json!("demo")));
    let body: Value = serde_json::from_str(came[0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["decision"]["id"], id);
    let shown = page(nobody.get("/local/hooks").await);
    assert!(shown.contains("data-status=\"pending\"") && shown.contains("data-call=\"demo\""));
    world.end().await;
}

#[tokio::test]
async fn the_hooks_hold_what_packets_told_too() {
    let world = World::new().await;
    let (client, nobody) = (world.admin.of_packets(), world.admin.without_key());
    hooked(&client, &format!("{}/local/hooks/in/packets", world.running.origin)).await;
    let id = made(&client, &packet("b-1")).await;
    world.settle().await;
    let hooks = json_of(&nobody, "/local/hooks").await;
    let sent = hooks["deliveries"].as_array().unwrap();
    assert_eq!((sent.len(), &sent[0]["status"], &sent[0]["event"]), (1, &json!("delivered"), &json!("packet.created")));
    let body: Value = serde_json::from_str(hooks["received"][0]["body"].as_str().unwrap()).unwrap();
    assert_eq!(body["packet_id"], id);
    let shown = page(nobody.get("/local/hooks").await);
    assert!(shown.contains("packet.created") && shown.contains("data-status=\"delivered\""));
    world.end().await;
}

#[tokio::test]
async fn the_receiver_takes_whatever_comes() {
    let world = World::new().await;
    let nobody = world.admin.without_key();
    let hostile = b"<script>alert(1)</script>\xff\0".to_vec();
    for (path, status) in
        [("a", 200), ("%3Cb%3E", 200), ("a?status=204", 204), ("a?status=503", 503), ("a?status=99", 200), ("%00", 200)]
    {
        nobody
            .send(Method::POST, &format!("/local/hooks/in/{path}"), &[("x-evil", "<img src=x>")], hostile.clone())
            .await
            .expect(status);
    }
    for path in ["a?status=x", "a?status=70000"] {
        nobody.send(Method::POST, &format!("/local/hooks/in/{path}"), &[], Vec::new()).await.expect(400);
    }
    nobody.send(Method::POST, "/local/hooks/in/a", &[], vec![b'x'; 3_000_000]).await.expect(413);
    assert_eq!(json_of(&nobody, "/local/hooks").await["received"].as_array().unwrap().len(), 6);
    let shown = page(nobody.get("/local/hooks").await);
    assert!(shown.contains("&lt;script&gt;") && !shown.contains("<script") && !shown.contains("<img"));
    world.end().await;
}

#[tokio::test]
async fn the_clock_moves_ahead_and_does_what_is_due() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let nobody = world.admin.without_key();
    assert_eq!(nobody.get("/local/clock").await.expect(200).json["now"], world.now().to_string());
    let later = world.now().plus_ms(3_600_500);
    let moved = nobody.post("/local/clock", &json!({"advance_seconds": 3600.5})).await.expect(200);
    assert_eq!((&moved.json["now"], world.now()), (&json!(later.to_string()), later));
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    world.expect_webhook("decision.expired").await;

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
        let refused = nobody.send(Method::POST, "/local/clock", &[], bad.as_bytes().to_vec()).await.expect(400);
        assert!(refused.json["error"].as_str().is_some_and(|error| error.contains("advance_seconds")), "{bad}");
    }
    assert_eq!(world.now(), later);
    nobody.post("/local/clock", &json!({"advance_seconds": 0})).await.expect(200);
    assert_eq!(world.now(), later);
    world.end().await;
}
