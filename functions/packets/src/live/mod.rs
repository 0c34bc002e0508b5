//! Live events: the account's feed, followed. `GET /events` sends it as server-sent events, the runner's `/ws` as frames of
//! a WebSocket; both say the same and both stand on [`Watch`].

mod channel;
mod event;
mod follower;
mod watch;

pub use channel::{Channel, Channels};
pub use event::Event;
pub use follower::Follower;
pub use watch::{News, PING_EVERY_MS, Watch, Ways};

use handrail_domain::ids::hex;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::time::Timestamp;
use handrail_kernel::cx::Cx;
use handrail_kernel::store::{FeedKey, Key};
use serde_json::{Value, json};

/// The feed of an account's packets.
pub(crate) fn feed_of(key: &Key) -> FeedKey {
    FeedKey { tenant: key.tenant, kind: Packet::KIND }
}

/// The first that is said on a connection.
pub fn hello(cx: &Cx, key: &Key) -> Value {
    json!({
        "type": "connected",
        "connection_id": hex(&cx.entropy.bytes::<8>()),
        "tier": key.tier.name(),
        "message": "Connected. Without a subscription every event of the account comes.",
    })
}

/// Still there.
pub fn ping(now: Timestamp) -> Value {
    json!({"type": "ping", "timestamp": now})
}
