//! Live events of packets, from the tenant's journal. `GET /events` sends server-sent events, the runner's `/ws`
//! WebSocket messages. Both read a [`Subscription`] and send equal messages.

mod channel;
mod event;
mod live_request;

pub use channel::{Channel, Channels};
pub use event::Event;
pub use live_request::LiveRequest;

use handrail_context::cx::Cx;
use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_store::ApiKey;
use handrail_web::live_connections::LiveConnections;
use handrail_web::problem::Problem;
use handrail_web::subscription::{Subscriber, Subscription, SubscriptionOptions};
use http::StatusCode;
use serde_json::{Value, json};

use crate::errors::error;

/// Published interval between two pings.
pub const PING_INTERVAL_MS: i64 = 30_000;

/// Subscribes to the tenant's journal, as far as the tier of the key allows.
pub async fn subscribe(
    cx: &Cx,
    subscriber: Subscriber,
    after: Option<u64>,
    options: SubscriptionOptions,
) -> Result<Subscription, Problem> {
    let tier = subscriber.key.tier;
    Subscription::open(cx, subscriber, after, options).await?.ok_or_else(|| {
        let max = LiveConnections::max_connections(tier);
        error(StatusCode::FORBIDDEN, format!("Too many connections: at most {max} in the tier {}", tier.name()))
    })
}

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
