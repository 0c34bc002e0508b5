//! Live events from the tenant's feed. `GET /events` sends server-sent events, the runner's `/ws` WebSocket messages.
//! Both use [`Subscription`] and send equal messages.

mod channel;
mod event;
mod live_request;
mod subscription;

pub use channel::{Channel, Channels};
pub use event::Event;
pub use live_request::LiveRequest;
pub(crate) use subscription::feed_key;
pub use subscription::{PING_INTERVAL_MS, Subscription, SubscriptionItem, SubscriptionOptions};

use handrail_context::cx::Cx;
use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_store::ApiKey;
use serde_json::{Value, json};

/// Builds the first message of a connection.
pub fn connected_message(cx: &Cx, key: &ApiKey) -> Value {
    json!({
        "type": "connected",
        "connection_id": hex(&cx.entropy.bytes::<8>()),
        "tier": key.tier.name(),
        "message": "Connected. Without a subscription every event of the account comes.",
    })
}

/// Builds the message that keeps an idle connection open.
pub fn ping_message(now: Timestamp) -> Value {
    json!({"type": "ping", "timestamp": now})
}
