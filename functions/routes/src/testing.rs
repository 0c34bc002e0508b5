//! Test app of the routes API, with an API key of an agent.

use handrail_context::cx::Cx;
use handrail_domain::ids::{KeyId, RecordId};
use handrail_packet_records::PacketWithContent;
use handrail_store::ApiKey;
use handrail_test_app::settings;
pub(crate) use handrail_test_app::{NOON, TestResponse, tenant};
use handrail_web::endpoint::Endpoint;
use http::Request;
use serde_json::Value;

pub(crate) const AGENT: &str = "ho_test_agent";

pub(crate) struct TestApp {
    pub cx: Cx,
    app: handrail_test_app::TestApp,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let app = handrail_test_app::TestApp::new(settings()).await;
        app.with_key(api_key(), AGENT).await;
        Self { cx: app.cx.clone(), app }
    }

    pub(crate) fn advance(&self, seconds: i64) {
        self.app.advance_ms(seconds * 1_000);
    }

    /// Sends a request. A null body sends no body, and an empty key sends no key.
    pub(crate) async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> TestResponse {
        self.send_text(endpoint, path, key, &if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// Sends a request with an idempotency key.
    pub(crate) async fn call_idempotent(
        &self,
        endpoint: Endpoint,
        path: &str,
        key: &str,
        idempotency_key: &str,
        body: Value,
    ) -> TestResponse {
        let request = Request::builder()
            .header("authorization", format!("Bearer {key}"))
            .header("idempotency-key", idempotency_key);
        self.app.send(endpoint, path, request, body.to_string()).await
    }

    pub(crate) async fn send_text(&self, endpoint: Endpoint, path: &str, key: &str, body: &str) -> TestResponse {
        let mut request = Request::builder();
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.app.send(endpoint, path, request, body.to_owned()).await
    }

    pub(crate) async fn packet(&self, id: RecordId) -> PacketWithContent {
        let record = self.cx.store.record_with_body(tenant(), id).await.expect("the table can be read");
        PacketWithContent::from_record(record.expect("the packet exists")).expect("the packet can be read")
    }
}

fn api_key() -> ApiKey {
    ApiKey { requests_per_minute: 1_000, ..ApiKey::new(KeyId::new(NOON, [2; 10]), tenant(), "the agent", NOON) }
}
