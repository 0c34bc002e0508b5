//! Tenants and their API keys under failed calls and crashes: revoked keys never work, active keys always do, and no
//! retry creates a second tenant or key.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::ids::TenantId;
use handrail_store::ApiKey;
use handrail_testkit::{CallFilter, Client, FaultPlan, TestResponse, TestServer};
use http::Method;
use serde_json::{Value, json};

use crate::each_call::{check_broken_calls, run_isolated};
use crate::journeys::CallCount;
use crate::snapshot::TABLE;

const KEYS: &str = "/api/v1/keys";
const TENANTS: &str = "/api/v1/tenants";
const PACKETS: &str = "/api/v1/packets";
/// One fault makes one attempt fail.
const MAX_ATTEMPTS: usize = 4;
/// More calls than any of these journeys makes.
const MAX_CALLS: usize = 120;

/// Calls of the whole journey, from the tenant's creation to its deletion.
const DELETION_CALLS: CallCount = CallCount { total: 48, writes: 24 };
/// Calls of a rotation.
const ROTATION_CALLS: CallCount = CallCount { total: 9, writes: 6 };

/// Plan for the k-th call, and whether only writes are counted.
type PlannedFault = (fn(usize) -> FaultPlan, bool);

/// Sends a request, retrying on broken connections and on 503, as real clients do.
async fn retry_until_answered(
    server: &TestServer,
    client: &Client,
    method: Method,
    path: &str,
    body: &Value,
) -> TestResponse {
    for _ in 0..MAX_ATTEMPTS {
        let headers = [("content-type", "application/json")];
        match client.try_send(method.clone(), path, &headers, body.to_string().into_bytes()).await {
            Ok(response) if response.status == 503 => {
                let wait = response.header("retry-after").parse().expect("a 503 has Retry-After");
                server.advance(Duration::from_secs(wait)).await;
            }
            Ok(response) => return response,
            // The connection broke, so the result is unknown.
            Err(_) => {}
        }
    }
    panic!("{method} {path} was never answered");
}

fn secret_of(response: &TestResponse) -> String {
    response.json["key"].as_str().expect("a key is shown once").to_owned()
}

async fn ensure_tenant(server: &TestServer, operator: &Client) -> TenantId {
    let body = json!({"name": "Acme", "tier": "pro", "max_api_keys": 3});
    let created = retry_until_answered(server, operator, Method::POST, TENANTS, &body).await;
    // 409: a lost response, and the retry finds the name taken by its own first attempt.
    assert!([201, 409].contains(&created.status), "{}", created.text);
    let tenants = retry_until_answered(server, operator, Method::GET, TENANTS, &Value::Null).await.json;
    let same_name: Vec<&Value> =
        tenants.as_array().expect("a list").iter().filter(|tenant| tenant["name"] == "Acme").collect();
    let [tenant] = same_name[..] else { panic!("{} tenants have the same name", same_name.len()) };
    tenant["id"].as_str().and_then(|id| id.parse().ok()).expect("a tenant's id")
}

/// Creates a tenant, uses and rotates a key, changes the tenant and deletes it. Returns the tenant and its keys.
async fn run_journey(server: &TestServer, operator: &Client) -> (TenantId, Vec<String>) {
    let tenant = ensure_tenant(server, operator).await;
    let body = json!({"name": "writer", "role": "writer", "tenant_id": tenant});
    let created = retry_until_answered(server, operator, Method::POST, KEYS, &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    let mut secrets = vec![secret_of(&created)];
    let response =
        retry_until_answered(server, &operator.with_key(&secrets[0]), Method::GET, PACKETS, &Value::Null).await;
    assert_eq!(response.status, 200, "{}", response.text);
    let path = format!("{KEYS}/{}/rotate?tenant_id={tenant}", created.id());
    let rotated = retry_until_answered(server, operator, Method::POST, &path, &Value::Null).await;
    match rotated.status {
        201 => secrets.push(secret_of(&rotated)),
        // The rotation happened and its response was lost.
        status => assert_eq!(status, 409, "{}", rotated.text),
    }
    let changed =
        retry_until_answered(server, operator, Method::PATCH, &format!("{TENANTS}/{tenant}"), &json!({"tier": "free"}))
            .await;
    assert_eq!((changed.status, &changed.json["tier"]), (200, &json!("free")));
    let deleted =
        retry_until_answered(server, operator, Method::DELETE, &format!("{TENANTS}/{tenant}"), &Value::Null).await;
    assert!([204, 404].contains(&deleted.status), "{}", deleted.text);
    (tenant, secrets)
}

async fn assert_tenant_is_deleted(server: &TestServer, operator: &Client, tenant: TenantId, secrets: &[String]) {
    server.advance(Duration::from_secs(5)).await;
    for key in secrets {
        operator.with_key(key).get(PACKETS).await.expect(403);
    }
    let keys = server.running.cx.store.keys(tenant).await.expect("keys can be listed");
    let active = keys.iter().filter(|key| key.revoked_at.is_none()).count();
    // A key whose response was lost may be among them; it still counts towards the key limit.
    assert!((1..=2).contains(&active) && keys.len() <= 3, "{keys:?}");
    operator.get(&format!("{TENANTS}/{tenant}")).await.expect(404);
    operator.post(KEYS, &json!({"name": "late", "tenant_id": tenant})).await.expect(404);
    let next_tenant = operator.post(TENANTS, &json!({"name": "Acme"})).await.expect(201);
    assert_ne!(next_tenant.id(), tenant.to_string());
}

#[tokio::test]
async fn deleted_tenant_stays_deleted_after_failed_calls() {
    let plans: [PlannedFault; 3] =
        [(FaultPlan::FailBefore, false), (FaultPlan::FailAfter, true), (FaultPlan::Duplicate, true)];
    for (plan, writes_only) in plans {
        let mut broken_calls = 0;
        for k in 1..=MAX_CALLS {
            let server = TestServer::new().await;
            let operator = server.other_tenant(Role::Operator).await.of_packets();
            let fault_injector = server.fault_injector.clone();
            fault_injector.plan_for(CallFilter { table: Some(TABLE.to_owned()), writes_only }, plan(k));
            let outcome = run_isolated(async move {
                let (tenant, secrets) = run_journey(&server, &operator).await;
                let fired = server.fault_injector.fired();
                server.fault_injector.plan(TABLE, FaultPlan::LetPass);
                assert_tenant_is_deleted(&server, &operator, tenant, &secrets).await;
                server.finish().await;
                fired
            });
            match outcome.await {
                Ok(true) => broken_calls = k,
                Ok(false) => break,
                Err(failure) => panic!("{:?} at {:?}: {failure}", plan(k), fault_injector.broken()),
            }
        }
        println!("{:?}: {broken_calls} calls were broken", plan(0));
        let expected = if writes_only { DELETION_CALLS.writes } else { DELETION_CALLS.total };
        let what = format!("DELETION_CALLS, {:?}", plan(0));
        assert_eq!(check_broken_calls(&what, broken_calls, expected), None);
    }
}

async fn active_keys(server: &TestServer, name: &str) -> Vec<ApiKey> {
    let admin = server.running.cx.store.key_by_hash(&handrail_domain::key_hash::hash_of_key(&server.running.key)).await;
    let tenant = admin.expect("the table can be read").expect("the admin's key is there").tenant;
    let keys = server.running.cx.store.keys(tenant).await.expect("keys can be listed");
    keys.into_iter().filter(|key| key.name == name && key.revoked_at.is_none()).collect()
}

/// At least one of the two keys always works, and a retry creates no third key.
#[tokio::test]
async fn interrupted_rotation_can_be_finished() {
    let plans: [PlannedFault; 2] = [(FaultPlan::CrashBefore, false), (FaultPlan::CrashAfter, true)];
    for (plan, writes_only) in plans {
        let (mut crashes, mut finished_by_retry) = (0, 0);
        for k in 1..=MAX_CALLS {
            let server = TestServer::new().await;
            let admin = server.admin.of_packets();
            let created = admin.post(KEYS, &json!({"name": "Sales", "role": "writer"})).await.expect(201);
            let (path, old_secret) = (format!("{KEYS}/{}/rotate", created.id()), secret_of(&created));
            server.run_due_work().await;
            let fault_injector = server.fault_injector.clone();
            fault_injector.plan_for(CallFilter { table: Some(TABLE.to_owned()), writes_only }, plan(k));
            let answered = tokio::select! {
                response = admin.post(&path, &Value::Null) => Some(response.expect(201)),
                () = fault_injector.crashed() => None,
            };
            if answered.is_some() {
                // Without further work, which the plan could still crash.
                server.running.stop().await;
                break;
            }
            crashes = k;
            let server = TestServer::with(server.kill().await).await;
            let admin = server.admin.of_packets();
            let (old_keys, new_keys) =
                (active_keys(&server, "Sales").await.len(), active_keys(&server, "Sales (rotated)").await.len());
            assert!(old_keys + new_keys >= 1, "{:?}: no key works", plan(k));
            let repeated = admin.post(&path, &Value::Null).await;
            if old_keys == 1 {
                finished_by_retry += 1;
                admin.with_key(&secret_of(&repeated.expect(201))).get(PACKETS).await.expect(200);
            } else {
                // The rotation was complete: the admin sees the new key in the list and can rotate that one.
                repeated.expect(409);
            }
            assert_eq!(active_keys(&server, "Sales").await.len(), 0, "{:?}", plan(k));
            assert_eq!(active_keys(&server, "Sales (rotated)").await.len(), 1, "{:?}", plan(k));
            admin.with_key(&old_secret).get(PACKETS).await.expect(403);
            server.finish().await;
        }
        println!("{:?}: {crashes} calls were broken", plan(0));
        let expected = if writes_only { ROTATION_CALLS.writes } else { ROTATION_CALLS.total };
        let what = format!("ROTATION_CALLS, {:?}", plan(0));
        assert_eq!(check_broken_calls(&what, crashes, expected), None);
        assert!(finished_by_retry >= 3, "{:?}: {finished_by_retry} retries finished the rotation", plan(0));
    }
}
