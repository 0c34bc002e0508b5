//! Tests of operations that create no record, with an idempotency key: one effect, one response, for one day.

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_domain::ids::{CommandId, RequestFormat};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_store::OnceKey;
use handrail_web::endpoint::Endpoint;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use crate::hooks::create::ENDPOINT as CREATE_WEBHOOK;
use crate::keys::create::ENDPOINT as CREATE_KEY;
use crate::keys::rotate::ENDPOINT as ROTATE_KEY;
use crate::tenants::create::ENDPOINT as CREATE_TENANT;
use crate::testing::{ADMIN, NOON, OPERATOR, TestApp, TestResponse, WRITER, api_key, tenant};

const DAY_SECONDS: i64 = 24 * 60 * 60;
/// Longest time of a run.
const RUN_TIMEOUT_SECONDS: i64 = 30;

struct Operation {
    endpoint: Endpoint,
    path: String,
    key: &'static str,
    body: Value,
    /// Another body that is valid.
    other_body: Value,
}

impl Operation {
    fn create_key() -> Self {
        let (body, other_body) = (json!({"name": "Sales"}), json!({"name": "Sales", "role": "reader"}));
        Self { endpoint: CREATE_KEY, path: "/api/v1/keys".to_owned(), key: ADMIN, body, other_body }
    }

    fn create_webhook() -> Self {
        let body = |secret: &str| json!({"url": "https://example.com/hook", "secret": secret});
        let (body, other_body) = (body("a secret of sixteen letters"), body("another secret of sixteen letters"));
        Self { endpoint: CREATE_WEBHOOK, path: "/api/v1/hooks".to_owned(), key: ADMIN, body, other_body }
    }

    fn create_tenant() -> Self {
        let (body, other_body) = (json!({"name": "Acme"}), json!({"name": "Acme", "tier": "pro"}));
        Self { endpoint: CREATE_TENANT, path: "/api/v1/tenants".to_owned(), key: OPERATOR, body, other_body }
    }

    fn all() -> [Self; 3] {
        [Self::create_key(), Self::create_webhook(), Self::create_tenant()]
    }

    async fn send(&self, app: &TestApp, idempotency_key: &str) -> TestResponse {
        self.send_body(app, idempotency_key, &self.body).await
    }

    async fn send_body(&self, app: &TestApp, idempotency_key: &str, body: &Value) -> TestResponse {
        let request = http::Request::builder().header("x-api-key", self.key).header("idempotency-key", idempotency_key);
        let body = if body.is_null() { String::new() } else { body.to_string() };
        app.send(self.endpoint, &self.path, request, body).await
    }
}

/// Counts the keys, webhooks and tenants that these operations created.
async fn count_created(app: &TestApp) -> usize {
    let keys = app.cx.store.keys(tenant()).await.unwrap();
    let webhooks = app.cx.store.webhooks(tenant(), Packet::KIND).await.unwrap();
    let tenants = app.cx.store.tenants(0, 100).await.unwrap();
    keys.iter().filter(|key| key.name == "Sales").count() + webhooks.len() + tenants.len()
}

#[tokio::test]
async fn repeats_return_the_first_response() {
    let app = TestApp::new().await;
    for (index, operation) in Operation::all().into_iter().enumerate() {
        let first = operation.send(&app, "order-7").await;
        assert_eq!(first.status.as_u16(), 201, "{}", first.json);
        app.advance(60);
        let repeat = operation.send(&app, "order-7").await;
        assert_eq!((repeat.status, &repeat.body), (first.status, &first.body));
        assert_eq!(repeat.headers.get(CONTENT_TYPE), first.headers.get(CONTENT_TYPE));
        assert_eq!(count_created(&app).await, index + 1);
    }
}

#[tokio::test]
async fn stored_responses_hide_secrets() {
    let app = TestApp::new().await;
    let created = Operation::create_key().send(&app, "order-7").await;
    let secret = created.json["key"].as_str().unwrap();
    Operation::create_webhook().send(&app, "order-7").await;
    let items = app.client().scan().table_name("handrail").send().await.unwrap();
    let stored: Vec<String> = items.items().iter().map(|item| format!("{item:?}")).collect();
    assert!(stored.iter().any(|item| item.contains("once#") && item.contains("sealed_response")));
    assert!(stored.iter().all(|item| !item.contains(secret) && !item.contains("a secret of sixteen letters")));
    let works = app.call(crate::list::ENDPOINT, "/api/v1/packets", secret, Value::Null).await;
    assert_eq!(works.status.as_u16(), 200);
}

#[tokio::test]
async fn idempotency_key_with_other_content_is_refused() {
    let app = TestApp::new().await;
    for operation in Operation::all() {
        let first = operation.send(&app, "order-7").await;
        let other = operation.send_body(&app, "order-7", &operation.other_body).await;
        assert_eq!(other.error(), (409, "This Idempotency-Key was used for another request: use a new one"));
        assert_eq!(operation.send(&app, "order-7").await.body, first.body);
    }
    assert_eq!(count_created(&app).await, 3);
}

#[tokio::test]
async fn fifty_concurrent_repeats_have_one_effect() {
    for operation in Operation::all() {
        let app = TestApp::new().await;
        let responses = futures_util::future::join_all((0..50).map(|_| operation.send(&app, "order-7"))).await;
        let (created, refused): (Vec<_>, Vec<_>) =
            responses.into_iter().partition(|response| response.status.as_u16() == 201);
        assert!(!created.is_empty());
        assert!(created.iter().all(|response| response.body == created[0].body));
        for response in &refused {
            let message = "A request with this Idempotency-Key is still in progress: repeat it in a moment";
            assert_eq!((response.error(), &response.headers["retry-after"]), ((409, message), &"1".parse().unwrap()));
        }
        assert_eq!(count_created(&app).await, 1);
        assert_eq!(operation.send(&app, "order-7").await.body, created[0].body);
    }
}

#[tokio::test]
async fn repeat_waits_for_a_run_in_progress() {
    let app = TestApp::new().await;
    let operation = Operation::create_key();
    let absent = ["tenant_id", "role", "scopes", "expires_at", "rate_limit"].map(|name| (name.to_owned(), Value::Null));
    let content = Value::Object([("name".to_owned(), json!("Sales"))].into_iter().chain(absent).collect());
    let format = RequestFormat { name: "packets.keys.create", version: 1 };
    let command = CommandId::from_request("order-7", format, &content);
    let caller = api_key(Role::Admin).id.to_string();
    let key = OnceKey { tenant: tenant(), operation: format.name, caller: &caller, idempotency_key: "order-7" };
    app.cx.store.begin_run(key, &command, "a run of a dead process", NOON, DAY_SECONDS).await.unwrap();
    for _ in 0..RUN_TIMEOUT_SECONDS {
        let refused = operation.send(&app, "order-7").await;
        assert_eq!((refused.status.as_u16(), &refused.headers["retry-after"]), (409, &"1".parse().unwrap()));
        app.advance(1);
    }
    let created = operation.send(&app, "order-7").await;
    assert_eq!(created.status.as_u16(), 201);
    assert_eq!(operation.send(&app, "order-7").await.body, created.body);
    assert_eq!(count_created(&app).await, 1);
}

#[tokio::test]
async fn idempotency_key_is_new_after_a_day() {
    let app = TestApp::new().await;
    let operation = Operation::create_key();
    let first = operation.send(&app, "order-7").await;
    app.advance(DAY_SECONDS - 1);
    assert_eq!(operation.send(&app, "order-7").await.body, first.body);
    app.advance(1);
    let second = operation.send_body(&app, "order-7", &operation.other_body).await;
    assert_eq!(second.status.as_u16(), 201, "{}", second.json);
    assert_ne!((&second.json["id"], &second.json["key"]), (&first.json["id"], &first.json["key"]));
    assert_eq!(count_created(&app).await, 2);
}

#[tokio::test]
async fn refused_request_leaves_its_idempotency_key_free() {
    let app = TestApp::new().await;
    let operation = Operation::create_key();
    let refused = operation.send_body(&app, "order-7", &json!({"name": "Sales", "role": "operator"})).await;
    assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("role")));
    assert_eq!(operation.send(&app, "order-7").await.status.as_u16(), 201);
    let operation = Operation::create_tenant();
    let other = app.create_tenant("Other", Tier::Pro).await;
    app.cx.store.claim_name("Other", other, app.cx.clock.now()).await.unwrap();
    let refused = operation.send_body(&app, "order-7", &json!({"name": "Other"})).await;
    assert_eq!(refused.error(), (409, "Tenant with name 'Other' already exists"));
    assert_eq!(operation.send(&app, "order-7").await.status.as_u16(), 201);
}

#[tokio::test]
async fn idempotency_keys_of_two_callers_are_separate() {
    let app = TestApp::new().await;
    let by_admin = Operation::create_webhook();
    let by_writer = Operation { key: WRITER, ..Operation::create_webhook() };
    let (first, second) = (by_admin.send(&app, "order-7").await, by_writer.send(&app, "order-7").await);
    assert_eq!((first.status.as_u16(), second.status.as_u16()), (201, 201));
    assert_ne!(first.json["id"], second.json["id"]);
}

#[tokio::test]
async fn repeated_rotation_returns_the_first_response() {
    let app = TestApp::new().await;
    let path = format!("/api/v1/keys/{}/rotate", api_key(Role::Agent).id);
    let rotate = Operation { endpoint: ROTATE_KEY, path, key: ADMIN, body: Value::Null, other_body: Value::Null };
    let first = rotate.send(&app, "rotate-1").await;
    assert_eq!(first.status.as_u16(), 201, "{}", first.json);
    assert_eq!(rotate.send(&app, "rotate-1").await.body, first.body);
    let other = rotate.send(&app, "rotate-2").await;
    assert_eq!(other.error(), (409, "API key is already revoked"));
}
