//! What an `EventSource` does: reads server-sent events one by one, and remembers the id of the last.

use std::time::Duration;

use serde_json::Value;

use crate::client::Client;

/// More than a busy machine takes for anything that is on its way. What does not come is not on its way.
const PATIENCE: Duration = Duration::from_secs(30);

pub struct EventStream {
    response: reqwest::Response,
    unread: String,
    pub last_id: String,
}

/// One event.
#[derive(Clone, Debug)]
pub struct Told {
    pub name: String,
    pub id: String,
    pub data: Value,
}

impl EventStream {
    /// With this client's key. `query` begins with `&`, if there is one.
    pub async fn open(client: &Client, query: &str, last_id: Option<&str>) -> Self {
        let path = format!("/events?api_key={}{query}", client.key());
        let headers: Vec<(&str, &str)> = last_id.map(|id| ("last-event-id", id)).into_iter().collect();
        let response = client.open(&path, &headers).await;
        let status = response.status().as_u16();
        let mut stream = Self { response, unread: String::new(), last_id: last_id.unwrap_or_default().to_owned() };
        if status != 200 {
            panic!("{path} was answered {status}: {:?}", stream.chunk().await);
        }
        assert_eq!(stream.next().await.expect("a greeting comes").name, "connected");
        stream
    }

    /// The status alone: 200 when it was opened, and is closed again at once.
    pub async fn knock(client: &Client) -> u16 {
        client.open(&format!("/events?api_key={}", client.key()), &[]).await.status().as_u16()
    }

    /// The next event that has data. `None`: the stream ended.
    pub async fn next(&mut self) -> Option<Told> {
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
                    return Some(Told { name: field("event").to_owned(), id: self.last_id.clone(), data });
                }
            }
            let chunk = self.chunk().await?;
            self.unread.push_str(&chunk);
        }
    }

    async fn chunk(&mut self) -> Option<String> {
        let chunk = tokio::time::timeout(PATIENCE, self.response.chunk()).await.expect("something comes, or the end");
        chunk.ok().flatten().map(|bytes| String::from_utf8(bytes.to_vec()).expect("events are text"))
    }
}
