//! Server-sent events client, like a browser's `EventSource`: reads one event at a time and stores the last event id.

use std::time::Duration;

use serde_json::Value;

use crate::client::Client;

/// Longest wait for the next bytes; far longer than a busy machine needs.
const TIMEOUT: Duration = Duration::from_secs(30);

pub struct EventStream {
    response: reqwest::Response,
    unread: String,
    pub last_id: String,
}

/// Server-sent event with JSON data.
#[derive(Clone, Debug)]
pub struct ServerEvent {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl EventStream {
    /// Opens `/events` with the client's API key. A `query` that is not empty begins with `&`.
    pub async fn open(client: &Client, query: &str, last_id: Option<&str>) -> Self {
        let path = format!("/events?api_key={}{query}", client.key());
        let headers: Vec<(&str, &str)> = last_id.map(|id| ("last-event-id", id)).into_iter().collect();
        let response = client.open(&path, &headers).await;
        let status = response.status().as_u16();
        let mut stream = Self { response, unread: String::new(), last_id: last_id.unwrap_or_default().to_owned() };
        if status != 200 {
            panic!("{path} returned {status}: {:?}", stream.chunk().await);
        }
        assert_eq!(stream.next().await.expect("the stream sends a first event").name, "connected");
        stream
    }

    /// Opens a stream, closes it at once, and returns the status.
    pub async fn try_open(client: &Client) -> u16 {
        client.open(&format!("/events?api_key={}", client.key()), &[]).await.status().as_u16()
    }

    /// Returns the next event that has data. Returns `None` if the stream ended.
    pub async fn next(&mut self) -> Option<ServerEvent> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                let field = |name: &str| {
                    block.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default()
                };
                if !field("id").is_empty() {
                    self.last_id = field("id").to_owned();
                }
                if !field("data").is_empty() {
                    let data = serde_json::from_str(field("data")).expect("the data is JSON");
                    return Some(ServerEvent { name: field("event").to_owned(), id: self.last_id.clone(), data });
                }
            }
            let chunk = self.chunk().await?;
            self.unread.push_str(&chunk);
        }
    }

    async fn chunk(&mut self) -> Option<String> {
        let chunk =
            tokio::time::timeout(TIMEOUT, self.response.chunk()).await.expect("bytes or the end of the stream arrive");
        chunk.ok().flatten().map(|bytes| String::from_utf8(bytes.to_vec()).expect("events are text"))
    }
}
