//! Operations that create no record, with an idempotency key, under failed calls and crashes: however often the request
//! is repeated, it has one effect, and every 2xx response has the same bytes.

use std::time::Duration;

use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_store::ApiKey;
use handrail_testkit::{CallFilter, Client, FaultPlan, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

use crate::each_call::run_isolated;
use crate::snapshot::TABLE;

/// A request fails once because of the fault, and is in progress once.
const MAX_ATTEMPTS: usize = 4;
/// More calls than any of these operations makes.
const MAX_CALLS: usize = 60;
/// Longer than a run may take, so that a run whose process died is run again.
const AFTER_RUN_TIMEOUT: Duration = Duration::from_secs(31);

/// Plan for the k-th call, and whether only writes are counted.
type PlannedFault = (fn(usize) -> FaultPlan, bool);

const FAULTS: [PlannedFault; 5] = [
    (FaultPlan::FailBefore, false),
    (FaultPlan::FailAfter, true),
    (FaultPlan::Duplicate, true),
    (FaultPlan::CrashBefore, false),
    (FaultPlan::CrashAfter, true),
];

/// Operation that creates something other than a record.
#[derive(Clone, Copy, Debug)]
enum Operation {
    CreateKey,
    CreatePacketsKey,
    RotateKey,
    CreateWebhook,
    CreateTenant,
}

impl Operation {
    fn client(self, server: &TestServer) -> Client {
        match self {
            Self::CreateKey => server.admin.clone(),
            Self::CreateTenant => server.admin.with_key(&server.running.operator).of_packets(),
            Self::CreatePacketsKey | Self::RotateKey | Self::CreateWebhook => server.admin.of_packets(),
        }
    }

    /// Returns path and body of the request, after creating what the operation needs.
    async fn set_up(self, server: &TestServer) -> (String, Value) {
        match self {
            Self::CreateKey => ("/auth/api-keys".to_owned(), json!({"name": "Sales"})),
            Self::CreatePacketsKey => ("/api/v1/keys".to_owned(), json!({"name": "Sales"})),
            Self::RotateKey => {
                let old = server.admin.of_packets().post("/api/v1/keys", &json!({"name": "Old"})).await.expect(201);
                (format!("/api/v1/keys/{}/rotate", old.id()), Value::Null)
            }
            Self::CreateWebhook => {
                let url = server.receiver.url.as_str();
                ("/api/v1/hooks".to_owned(), json!({"url": url, "secret": "a secret of sixteen letters or more"}))
            }
            Self::CreateTenant => ("/api/v1/tenants".to_owned(), json!({"name": "Acme"})),
        }
    }

    /// Counts what the operation created.
    async fn count(self, server: &TestServer) -> usize {
        let store = &server.running.cx.store;
        match self {
            Self::CreateKey | Self::CreatePacketsKey => active_keys(server, "Sales").await.len(),
            Self::RotateKey => {
                assert!(active_keys(server, "Old").await.is_empty(), "the old key still works");
                active_keys(server, "Old (rotated)").await.len()
            }
            Self::CreateWebhook => {
                let tenant = own_key(server).await.tenant;
                store.webhooks(tenant, Packet::KIND).await.expect("webhooks can be listed").len()
            }
            Self::CreateTenant => {
                let tenants = store.tenants(0, 100).await.expect("tenants can be listed");
                tenants.iter().filter(|tenant| tenant.name == "Acme").count()
            }
        }
    }
}

async fn own_key(server: &TestServer) -> ApiKey {
    let hash = handrail_domain::key_hash::hash_of_key(&server.running.key);
    let key = server.running.cx.store.key_by_hash(&hash).await.expect("the table can be read");
    key.expect("the admin's key is there")
}

async fn active_keys(server: &TestServer, name: &str) -> Vec<ApiKey> {
    let tenant = own_key(server).await.tenant;
    let keys = server.running.cx.store.keys(tenant).await.expect("keys can be listed");
    keys.into_iter().filter(|key| key.name == name && key.revoked_at.is_none()).collect()
}

/// Sends the request until the response is a 201, as clients do that heed `Retry-After`.
async fn send_until_created(server: &TestServer, operation: Operation, (path, body): &(String, Value)) -> TestResponse {
    let client = operation.client(server);
    for _ in 0..MAX_ATTEMPTS {
        let headers = [("content-type", "application/json"), ("idempotency-key", "order-7")];
        match client.try_send(Method::POST, path, &headers, body.to_string().into_bytes()).await {
            Ok(response) if response.status == 201 => return response,
            Ok(response) => {
                assert!([503, 409].contains(&response.status), "{}", response.text);
                assert!(!response.header("retry-after").is_empty(), "{}", response.text);
                if response.status == 409 {
                    server.advance(AFTER_RUN_TIMEOUT).await;
                }
            }
            // The connection broke, so the result is unknown.
            Err(_) => {}
        }
    }
    panic!("{operation:?} never succeeded");
}

/// Runs the operation with a planned fault, and once more afterwards. Returns `false` if the fault did not happen.
async fn run_with_fault(operation: Operation, filter: CallFilter, plan: FaultPlan) -> bool {
    let mut server = TestServer::new().await;
    let request = operation.set_up(&server).await;
    server.run_due_work().await;
    let fault_injector = server.fault_injector.clone();
    fault_injector.plan_for(filter, plan);
    let acknowledged = tokio::select! {
        response = send_until_created(&server, operation, &request) => Some(response),
        () = fault_injector.crashed() => None,
    };
    let happened = fault_injector.fired();
    fault_injector.plan(TABLE, FaultPlan::LetPass);
    if acknowledged.is_none() {
        server = TestServer::with(server.kill().await).await;
    }
    let first = match acknowledged {
        Some(response) => response,
        None => send_until_created(&server, operation, &request).await,
    };
    let repeat = send_until_created(&server, operation, &request).await;
    assert_eq!(repeat.text, first.text);
    assert_eq!(operation.count(&server).await, 1);
    server.running.stop().await;
    happened
}

async fn check_each_call(operation: Operation) {
    for (plan, writes_only) in FAULTS {
        let mut broken_calls = 0;
        for k in 1..=MAX_CALLS {
            let filter = CallFilter { table: Some(TABLE.to_owned()), writes_only };
            match run_isolated(run_with_fault(operation, filter, plan(k))).await {
                Ok(true) => broken_calls = k,
                Ok(false) => break,
                Err(failure) => panic!("{operation:?}, {:?}: {failure}", plan(k)),
            }
        }
        println!("{operation:?}, {:?}: {broken_calls} calls were broken", plan(0));
        // The start of the run, at least one effect, and its response.
        assert!((3..MAX_CALLS).contains(&broken_calls), "{:?}: {broken_calls} calls were broken", plan(0));
    }
}

#[tokio::test]
async fn repeated_key_creates_make_one_key() {
    check_each_call(Operation::CreateKey).await;
    check_each_call(Operation::CreatePacketsKey).await;
}

#[tokio::test]
async fn repeated_rotations_make_one_key() {
    check_each_call(Operation::RotateKey).await;
}

#[tokio::test]
async fn repeated_webhook_creates_make_one_webhook() {
    check_each_call(Operation::CreateWebhook).await;
}

#[tokio::test]
async fn repeated_tenant_creates_make_one_tenant() {
    check_each_call(Operation::CreateTenant).await;
}
