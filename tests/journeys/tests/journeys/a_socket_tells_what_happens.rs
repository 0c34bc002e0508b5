//! `GET /ws`: the same as a WebSocket, read with a client that is none of ours.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use handrail_testkit::{Client, World};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::packets::{made, packet, patch, seen};

const PATIENCE: Duration = Duration::from_secs(30);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

fn address(client: &Client, key: &str) -> String {
    format!("{}/ws?api_key={key}", client.origin().replacen("http", "ws", 1))
}

impl Socket {
    async fn open(client: &Client) -> Self {
        let (socket, _) = connect_async(address(client, client.key())).await.expect("a socket opens");
        let mut socket = Self(socket);
        let hello = socket.next().await.expect("a greeting comes");
        assert_eq!((&hello["type"], &hello["tier"]), (&json!("connected"), &json!("enterprise")));
        assert!(hello["connection_id"].is_string() && hello["message"].is_string(), "{hello}");
        socket
    }

    /// `None`: it was closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(PATIENCE, self.0.next()).await.expect("something comes, or the end") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn say(&mut self, text: impl Into<String>) -> Option<Value> {
        self.0.send(Message::text(text.into())).await.expect("it can be sent");
        self.next().await
    }

    async fn wish(&mut self, action: &str, channel: &str) -> Value {
        self.say(json!({"action": action, "channel": channel}).to_string()).await.expect("it is answered")
    }
}

#[tokio::test]
async fn a_socket_says_what_a_stream_says() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut socket = Socket::open(&agent).await;
    let id = made(&agent, &packet("billing-01")).await;
    world.settle().await;
    let shown = seen(&agent, &id).await;
    let expected = json!({
        "type": "packet.created",
        "packet_id": id,
        "data": {"status": "created", "metadata": shown["metadata"]},
        "timestamp": shown["created_at"],
    });
    assert_eq!(socket.next().await, Some(expected));
    let channel = format!("packet:{id}");
    assert_eq!(socket.wish("subscribe", &channel).await, json!({"type": "subscribed", "channel": channel}));
    let other = made(&agent, &packet("billing-01")).await;
    patch(&agent, &id, json!({"status": "failed"})).await.expect(200);
    world.settle().await;
    let told = socket.next().await.unwrap();
    assert_eq!((&told["type"], &told["packet_id"]), (&json!("packet.failed"), &json!(id)));
    assert_eq!(socket.wish("unsubscribe", &channel).await, json!({"type": "unsubscribed", "channel": channel}));
    patch(&agent, &other, json!({"status": "failed"})).await.expect(200);
    world.settle().await;
    assert_eq!(socket.next().await.unwrap()["packet_id"], json!(other));
    let pong = socket.say(r#"{"action":"ping"}"#).await.unwrap();
    assert_eq!((&pong["type"], &pong["timestamp"]), (&json!("pong"), &json!(world.now())));
    world.advance(Duration::from_secs(30)).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "ping", "timestamp": world.now()}));
    let stats = world.admin.of_packets().get("/api/v1/stats").await.expect(200).json;
    assert_eq!((&stats["active_ws_connections"], &stats["total_packets"]), (&json!(1), &json!(2)));
    world.end().await;
}

#[tokio::test]
async fn what_is_no_wish_is_answered_with_an_error() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut socket = Socket::open(&agent).await;
    for text in [
        "",
        "{",
        "[]",
        "7",
        r#"{"action":"fly"}"#,
        r#"{"action":"subscribe"}"#,
        r#"{"action":"subscribe","channel":"x"}"#,
    ] {
        let answer = socket.say(text).await.unwrap();
        assert!(answer["type"] == "error" && answer["message"].is_string(), "{text}: {answer}");
    }
    // More than a wish: the connection ends, and not the service.
    assert_eq!(socket.say("x".repeat(100_000)).await, None);
    Socket::open(&agent).await;
    world.end().await;
}

#[tokio::test]
async fn who_may_not_come_in_gets_no_socket() {
    let world = World::new().await;
    let made_key = world.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = world.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    world.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    for (key, status) in [("", 401), ("hr_unknown", 401), (reader.key(), 403)] {
        let refused = connect_async(address(&reader, key)).await.expect_err("it is refused");
        let tokio_tungstenite::tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!(response.status().as_u16(), status, "{key}");
    }
    let agent = world.key("agent").await.of_packets();
    agent.get(&format!("/ws?api_key={}", agent.key())).await.expect_detail(426);
    world.end().await;
}

#[tokio::test]
async fn a_revoked_key_closes_its_socket() {
    let world = World::new().await;
    let made_key = world.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = world.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    let mut socket = Socket::open(&reader).await;
    world.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    world.advance(Duration::from_secs(10)).await;
    assert_eq!(socket.next().await, None);
    world.end().await;
}
