//! Server-sent events of a subscription.
//!
//! The local runner keeps a stream open as long as the client wants. API Gateway cannot: there the response ends after
//! the first events or after some seconds, and the client reconnects with the id of the last event, as every
//! `EventSource` does. Each response ends with the position that was read, so no event is missed or sent twice.

use std::convert::Infallible;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::JournalEntry;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;

use crate::subscription::{Subscription, SubscriptionItem};

/// Delay before a client reconnects, as a field of server-sent events.
const RETRY_FIELD: &str = "retry: 1000\n\n";
/// Reads of the journal per response while the stream shows no entry. The response then reports the position.
const POLLS_PER_RESPONSE_MAX: usize = 50;

/// One server-sent event.
#[derive(Clone, Debug, PartialEq)]
pub struct ServerSentEvent {
    /// Number of the journal entry, from which a client resumes. `None` for events that are no entries.
    pub id: Option<u64>,
    pub name: String,
    pub data: Value,
}

/// Events that a stream shows, in the form of its door.
pub trait StreamEvents: Send + Sync + 'static {
    /// Returns the event of an entry, or `None` if the stream omits the entry.
    fn event(&self, entry: JournalEntry) -> Result<Option<ServerSentEvent>, Fault>;
    fn ping(&self, now: Timestamp) -> ServerSentEvent;
}

/// Sends the entries of a subscription until the client leaves or the subscription ends.
pub fn streaming_response(
    subscription: Subscription,
    events: impl StreamEvents,
    first: Option<&ServerSentEvent>,
) -> Response {
    let first = stream::once(std::future::ready(first.map(ServerSentEvent::encode).unwrap_or_default()));
    let rest = stream::unfold((subscription, events), |(mut subscription, events)| async move {
        match next_text(&mut subscription, &events).await {
            Ok(Some((text, _))) => Some((text, (subscription, events))),
            Ok(None) => None,
            // The client reconnects and continues at its last event.
            Err(fault) => {
                tracing::warn!(fault = fault.with_causes(), "event stream ended by an error");
                None
            }
        }
    });
    response(Body::from_stream(first.chain(rest).map(|text| Ok::<_, Infallible>(Bytes::from(text)))))
}

/// Waits for the first events and returns them in one response, which tells the client to reconnect.
pub async fn polled_response(
    mut subscription: Subscription,
    events: &impl StreamEvents,
    first: Option<&ServerSentEvent>,
) -> Result<Response, Fault> {
    let mut text = first.map(ServerSentEvent::encode).unwrap_or_default();
    for _ in 0..POLLS_PER_RESPONSE_MAX {
        let Some((next, shows_entry)) = next_text(&mut subscription, events).await? else { break };
        text.push_str(&next);
        if shows_entry {
            break;
        }
    }
    text.push_str(RETRY_FIELD);
    Ok(response(Body::from(text)))
}

/// Encodes the next item, and tells whether it shows an entry. Returns `None` at the end of the subscription.
async fn next_text(
    subscription: &mut Subscription,
    events: &impl StreamEvents,
) -> Result<Option<(String, bool)>, Fault> {
    match subscription.next().await? {
        SubscriptionItem::Entries(entries) => {
            let mut text = String::new();
            for entry in entries {
                if let Some(event) = events.event(entry)? {
                    text.push_str(&event.encode());
                }
            }
            let shows_entry = !text.is_empty();
            // A block without data sets the client's last event id and dispatches no event.
            text.push_str(&format!("id: {}\n\n", subscription.position()));
            Ok(Some((text, shows_entry)))
        }
        SubscriptionItem::Ping(now) => Ok(Some((events.ping(now).encode(), false))),
        SubscriptionItem::Closed => Ok(None),
    }
}

impl ServerSentEvent {
    /// Encodes the event. Serialised JSON has no line breaks, so `data` is one line.
    fn encode(&self) -> String {
        let id = self.id.map(|id| format!("id: {id}\n")).unwrap_or_default();
        format!("{id}event: {}\ndata: {}\n\n", self.name, self.data)
    }
}

fn response(body: Body) -> Response {
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies like nginx otherwise buffer the response.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    response
}
