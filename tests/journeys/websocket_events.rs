//! `GET /ws`: the events of `GET /events` over a WebSocket, read with an independent client.

use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use crate::packets::{create_packet, get_packet, packet_body, patch_packet};

const TIMEOUT: Duration = Duration::from_secs(30);

struct Socket(WebSocketStream<MaybeTlsStream<TcpStream>>);

fn websocket_url(client: &Client, key: &str) -> String {
    format!("{}/ws?api_key={key}", client.origin().replacen("http", "ws", 1))
}

impl Socket {
    async fn open(client: &Client) -> Self {
        let (socket, _) = connect_async(websocket_url(client, client.key())).await.expect("a socket opens");
        let mut socket = Self(socket);
        let hello = socket.next().await.expect("a greeting comes");
        assert_eq!((&hello["type"], &hello["tier"]), (&json!("connected"), &json!("enterprise")));
        assert!(hello["connection_id"].is_string() && hello["message"].is_string(), "{hello}");
        socket
    }

    /// Returns `None` if the connection was closed.
    async fn next(&mut self) -> Option<Value> {
        loop {
            match tokio::time::timeout(TIMEOUT, self.0.next()).await.expect("something comes, or the end") {
                Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).expect("frames are JSON")),
                Some(Ok(Message::Close(_)) | Err(_)) | None => return None,
                Some(Ok(_)) => {}
            }
        }
    }

    async fn send(&mut self, text: impl Into<String>) -> Option<Value> {
        self.0.send(Message::text(text.into())).await.expect("it can be sent");
        self.next().await
    }

    async fn send_action(&mut self, action: &str, channel: &str) -> Value {
        self.send(json!({"action": action, "channel": channel}).to_string()).await.expect("it is answered")
    }
}

#[tokio::test]
async fn websocket_and_event_stream_send_same_events() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let mut socket = Socket::open(&agent).await;
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    server.run_due_work().await;
    let shown = get_packet(&agent, &id).await;
    let expected = json!({
        "type": "packet.created",
        "packet_id": id,
        "data": {"status": "created", "metadata": shown["metadata"]},
        "timestamp": shown["created_at"],
    });
    assert_eq!(socket.next().await, Some(expected));
    let channel = format!("packet:{id}");
    assert_eq!(socket.send_action("subscribe", &channel).await, json!({"type": "subscribed", "channel": channel}));
    let other = create_packet(&agent, &packet_body("billing-01")).await;
    patch_packet(&agent, &id, json!({"status": "failed"})).await.expect(200);
    server.run_due_work().await;
    let event = socket.next().await.unwrap();
    assert_eq!((&event["type"], &event["packet_id"]), (&json!("packet.failed"), &json!(id)));
    assert_eq!(socket.send_action("unsubscribe", &channel).await, json!({"type": "unsubscribed", "channel": channel}));
    patch_packet(&agent, &other, json!({"status": "failed"})).await.expect(200);
    server.run_due_work().await;
    assert_eq!(socket.next().await.unwrap()["packet_id"], json!(other));
    let pong = socket.send(r#"{"action":"ping"}"#).await.unwrap();
    assert_eq!((&pong["type"], &pong["timestamp"]), (&json!("pong"), &json!(server.now())));
    server.advance(Duration::from_secs(30)).await;
    assert_eq!(socket.next().await.unwrap(), json!({"type": "ping", "timestamp": server.now()}));
    let stats = server.admin.of_packets().get("/api/v1/stats").await.expect(200).json;
    assert_eq!((&stats["active_ws_connections"], &stats["total_packets"]), (&json!(1), &json!(2)));
    server.finish().await;
}

#[tokio::test]
async fn invalid_message_is_answered_with_error() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
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
        let answer = socket.send(text).await.unwrap();
        assert!(answer["type"] == "error" && answer["message"].is_string(), "{text}: {answer}");
    }
    // A frame beyond the limit ends the connection, not the service.
    assert_eq!(socket.send("x".repeat(100_000)).await, None);
    Socket::open(&agent).await;
    server.finish().await;
}

#[tokio::test]
async fn unauthorized_websocket_is_refused() {
    let server = TestServer::new().await;
    let made_key =
        server.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = server.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    server.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    for (key, status) in [("", 401), ("hr_unknown", 401), (reader.key(), 403)] {
        let refused = connect_async(websocket_url(&reader, key)).await.expect_err("it is refused");
        let tokio_tungstenite::tungstenite::Error::Http(response) = refused else { panic!("{refused}") };
        assert_eq!(response.status().as_u16(), status, "{key}");
    }
    let agent = server.key("writer").await.of_packets();
    agent.get(&format!("/ws?api_key={}", agent.key())).await.expect_detail(426);
    server.finish().await;
}

#[tokio::test]
async fn revoked_key_closes_websocket() {
    let server = TestServer::new().await;
    let made_key =
        server.admin.post("/auth/api-keys", &json!({"name": "follower", "role": "reader"})).await.expect(201);
    let reader = server.admin.with_key(made_key.json["key"].as_str().unwrap()).of_packets();
    let mut socket = Socket::open(&reader).await;
    server.admin.delete(&format!("/auth/api-keys/{}", made_key.id())).await.expect(200);
    server.advance(Duration::from_secs(10)).await;
    assert_eq!(socket.next().await, None);
    server.finish().await;
}
