//! A tenant's life with its keys: whatever call breaks, and wherever the process dies, nobody has a key that should not work,
//! nobody who should has none, and there is no more of anything than was asked for.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::ids::TenantId;
use handrail_kernel::store::Key;
use handrail_testkit::{Answer, Client, Counted, Plan, World};
use http::Method;
use serde_json::{Value, json};

use crate::evidence::TABLE;
use crate::sweep::apart;

const KEYS: &str = "/api/v1/keys";
const TENANTS: &str = "/api/v1/tenants";
const PACKETS: &str = "/api/v1/packets";
/// One fault makes one attempt fail.
const TRIES_MAX: usize = 4;
/// More than any of these walks makes.
const CALLS_MAX: usize = 120;

/// A plan for the k-th call, and whether only writes count for it.
type Fault = (fn(usize) -> Plan, bool);

/// Repeats what was not answered, or asks for a repeat, as real clients do.
async fn insist(world: &World, client: &Client, method: Method, path: &str, body: &Value) -> Answer {
    for _ in 0..TRIES_MAX {
        let headers = [("content-type", "application/json")];
        match client.try_send(method.clone(), path, &headers, body.to_string().into_bytes()).await {
            Ok(answer) if answer.status == 503 => {
                let wait = answer.header("retry-after").parse().expect("a client is told when to come back");
                world.advance(Duration::from_secs(wait)).await;
            }
            Ok(answer) => return answer,
            // The connection broke: nobody knows.
            Err(_) => {}
        }
    }
    panic!("{method} {path} was never answered");
}

fn secret(answer: &Answer) -> String {
    answer.json["key"].as_str().expect("a key is shown once").to_owned()
}

async fn tenant_of(world: &World, operator: &Client) -> TenantId {
    let wish = json!({"name": "Acme", "tier": "pro", "max_api_keys": 3});
    let made = insist(world, operator, Method::POST, TENANTS, &wish).await;
    // A repeat of what was made and not answered finds the name given away: to itself.
    assert!([201, 409].contains(&made.status), "{}", made.text);
    let listed = insist(world, operator, Method::GET, TENANTS, &Value::Null).await.json;
    let named: Vec<&Value> = listed.as_array().expect("a list").iter().filter(|one| one["name"] == "Acme").collect();
    let [one] = named[..] else { panic!("{} tenants have one name", named.len()) };
    one["id"].as_str().and_then(|id| id.parse().ok()).expect("a tenant's id")
}

/// From nothing to a tenant that was deleted: every key that anybody was given of it.
async fn walk(world: &World, operator: &Client) -> (TenantId, Vec<String>) {
    let tenant = tenant_of(world, operator).await;
    let wish = json!({"name": "writer", "role": "writer", "tenant_id": tenant});
    let made = insist(world, operator, Method::POST, KEYS, &wish).await;
    assert_eq!(made.status, 201, "{}", made.text);
    let mut given = vec![secret(&made)];
    let works = insist(world, &operator.with_key(&given[0]), Method::GET, PACKETS, &Value::Null).await;
    assert_eq!(works.status, 200, "{}", works.text);
    let path = format!("{KEYS}/{}/rotate?tenant_id={tenant}", made.id());
    let rotated = insist(world, operator, Method::POST, &path, &Value::Null).await;
    match rotated.status {
        201 => given.push(secret(&rotated)),
        // It was done and not answered.
        status => assert_eq!(status, 409, "{}", rotated.text),
    }
    let changed =
        insist(world, operator, Method::PATCH, &format!("{TENANTS}/{tenant}"), &json!({"tier": "free"})).await;
    assert_eq!((changed.status, &changed.json["tier"]), (200, &json!("free")));
    let gone = insist(world, operator, Method::DELETE, &format!("{TENANTS}/{tenant}"), &Value::Null).await;
    assert!([204, 404].contains(&gone.status), "{}", gone.text);
    (tenant, given)
}

async fn nothing_works_any_more(world: &World, operator: &Client, tenant: TenantId, given: &[String]) {
    world.advance(Duration::from_secs(5)).await;
    for key in given {
        operator.with_key(key).get(PACKETS).await.expect(403);
    }
    let keys = world.running.cx.store.keys(tenant).await.expect("keys can be listed");
    let live = keys.iter().filter(|key| key.revoked_at.is_none()).count();
    // One that was made and not answered may be among them. Nobody has it, and it has its place.
    assert!((1..=2).contains(&live) && keys.len() <= 3, "{keys:?}");
    operator.get(&format!("{TENANTS}/{tenant}")).await.expect(404);
    operator.post(KEYS, &json!({"name": "late", "tenant_id": tenant})).await.expect(404);
    let again = operator.post(TENANTS, &json!({"name": "Acme"})).await.expect(201);
    assert_ne!(again.id(), tenant.to_string());
}

#[tokio::test]
async fn a_deleted_tenant_stays_deleted_whatever_call_breaks() {
    let plans: [Fault; 3] = [(Plan::FailBefore, false), (Plan::FailAfter, true), (Plan::Twice, true)];
    for (plan, writes_only) in plans {
        let mut broken = 0;
        for k in 1..=CALLS_MAX {
            let world = World::new().await;
            let operator = world.stranger(Role::Operator).await.of_packets();
            let meter = world.meter.clone();
            meter.plan_for(Counted { table: Some(TABLE.to_owned()), writes_only }, plan(k));
            let done = apart(async move {
                let (tenant, given) = walk(&world, &operator).await;
                let fired = world.meter.fired();
                world.meter.plan(TABLE, Plan::LetPass);
                nothing_works_any_more(&world, &operator, tenant, &given).await;
                world.running.stop().await;
                fired
            });
            match done.await {
                Ok(true) => broken = k,
                Ok(false) => break,
                Err(failure) => panic!("{:?} at {:?}: {failure}", plan(k), meter.broken()),
            }
        }
        let least = if writes_only { 8 } else { 15 };
        println!("{:?}: {broken} calls were broken", plan(0));
        assert!((least..CALLS_MAX).contains(&broken), "{:?}: {broken} calls were broken", plan(0));
    }
}

async fn live_keys(world: &World, name: &str) -> Vec<Key> {
    let admin = world.running.cx.store.key_by_hash(&handrail_kernel::master::hash_of_key(&world.running.key)).await;
    let tenant = admin.expect("the table can be read").expect("the admin's key is there").tenant;
    let keys = world.running.cx.store.keys(tenant).await.expect("keys can be listed");
    keys.into_iter().filter(|key| key.name == name && key.revoked_at.is_none()).collect()
}

/// Both work for a moment and never none, and the repeat makes no third.
#[tokio::test]
async fn a_rotation_is_finished_wherever_the_process_dies() {
    let plans: [Fault; 2] = [(Plan::DieBefore, false), (Plan::DieAfter, true)];
    for (plan, writes_only) in plans {
        let (mut died, mut finished_by_a_repeat) = (0, 0);
        for k in 1..=CALLS_MAX {
            let world = World::new().await;
            let admin = world.admin.of_packets();
            let made = admin.post(KEYS, &json!({"name": "Sales", "role": "writer"})).await.expect(201);
            let (path, old) = (format!("{KEYS}/{}/rotate", made.id()), secret(&made));
            world.settle().await;
            let meter = world.meter.clone();
            meter.plan_for(Counted { table: Some(TABLE.to_owned()), writes_only }, plan(k));
            let answered = tokio::select! {
                answer = admin.post(&path, &Value::Null) => Some(answer.expect(201)),
                () = meter.died() => None,
            };
            if answered.is_some() {
                world.running.stop().await;
                break;
            }
            died = k;
            let world = World::with(world.kill().await).await;
            let admin = world.admin.of_packets();
            let (left, after) =
                (live_keys(&world, "Sales").await.len(), live_keys(&world, "Sales (rotated)").await.len());
            assert!(left + after >= 1, "{:?}: no key works", plan(k));
            let repeated = admin.post(&path, &Value::Null).await;
            if left == 1 {
                finished_by_a_repeat += 1;
                admin.with_key(&secret(&repeated.expect(201))).get(PACKETS).await.expect(200);
            } else {
                // All was done: the admin sees the new key in the list and can rotate that.
                repeated.expect(409);
            }
            assert_eq!(live_keys(&world, "Sales").await.len(), 0, "{:?}", plan(k));
            assert_eq!(live_keys(&world, "Sales (rotated)").await.len(), 1, "{:?}", plan(k));
            admin.with_key(&old).get(PACKETS).await.expect(403);
            world.running.stop().await;
        }
        assert!(died >= 4 && finished_by_a_repeat >= 3, "{:?}: {died}, {finished_by_a_repeat}", plan(0));
    }
}
