//! What the operations' tests stand on: the desk, with an agent's key.

use handrail_domain::ids::{KeyId, RecordId};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::Endpoint;
use handrail_kernel::store::Key;
use handrail_packets::Held;
use handrail_test_desk::settings;
pub(crate) use handrail_test_desk::{Answer, NOON, tenant};
use http::Request;
use serde_json::Value;

pub(crate) const AGENT: &str = "ho_test_agent";

pub(crate) struct Desk {
    pub cx: Cx,
    desk: handrail_test_desk::Desk,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let desk = handrail_test_desk::Desk::new(settings()).await;
        desk.with_key(key(), AGENT).await;
        Self { cx: desk.cx.clone(), desk }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.desk.advance_ms(seconds * 1_000);
    }

    /// A request with a key. Null: no body. An empty key: none.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> Answer {
        self.send_text(endpoint, path, key, &if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// The same under an idempotency key.
    pub(crate) async fn call_once(&self, endpoint: Endpoint, path: &str, key: &str, name: &str, body: Value) -> Answer {
        let request =
            Request::builder().header("authorization", format!("Bearer {key}")).header("idempotency-key", name);
        self.desk.send(endpoint, path, request, body.to_string()).await
    }

    pub(crate) async fn send_text(&self, endpoint: Endpoint, path: &str, key: &str, body: &str) -> Answer {
        let mut request = Request::builder();
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.desk.send(endpoint, path, request, body.to_owned()).await
    }

    pub(crate) async fn packet(&self, id: RecordId) -> Held {
        let whole = self.cx.store.whole(tenant(), id).await.expect("the table can be read");
        Held::of(whole.expect("the packet is there")).expect("it can be read")
    }
}

fn key() -> Key {
    Key { requests_per_minute: 1_000, ..Key::new(KeyId::new(NOON, [2; 10]), tenant(), "the agent", NOON) }
}
