//! Database calls per request, on a warm process: the API key is cached and a block of the rate limit is reserved.

use handrail_access::find_key;
use handrail_context::cx::Cx;
use handrail_domain::access::Role;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::text::EmailAddress;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::{ApproverRole, Link};
use handrail_testkit::{ApiOnlyServer, Client, FaultInjector, TestServer};
use serde_json::{Value, json};

use crate::journeys::incompressible_text;

/// Requests after which the reserved block of the rate limit covers the next few. A block is as large as the use so
/// far.
const WARM_UP_REQUESTS: usize = 20;

/// API process without workers, on the table of a stopped test server: every database call comes from a request.
struct CallCounter {
    fault_injector: FaultInjector,
    agent: Client,
    decision_body: Value,
    cx: Cx,
    _process: ApiOnlyServer,
}

impl CallCounter {
    /// Starts the process and creates some decisions with the API key `key`.
    async fn start_warmed_up(key: Value) -> Self {
        let server = TestServer::new().await;
        let (created, mut body) = (server.key_with(key).await, server.decision_body());
        body["channel"] = "webhook".into();
        let (cx, fault_injector) = (server.running.cx.clone(), server.fault_injector.clone());
        server.kill().await;
        let process = ApiOnlyServer::start(&cx, AddressPolicy::AllowLoopback).await;
        let counter =
            Self { fault_injector, agent: process.client(&created), decision_body: body, cx, _process: process };
        for _ in 0..WARM_UP_REQUESTS {
            counter.agent.post("/decisions", &counter.decision_body()).await.expect(201);
        }
        counter
    }

    /// Returns the path of the approval page of this packet's checkpoint.
    async fn approval_page(&self, packet: &str) -> String {
        let key = find_key(&self.cx, self.agent.key()).await.expect("the table can be read").expect("it is a key");
        let (master, approver) = (
            self.cx.key(KeyPurpose::ApprovalLinks).expect("a secret"),
            EmailAddress::parse("ann@example.com").expect("one"),
        );
        let (tenant, id) = (key.tenant, packet.parse().expect("an id"));
        format!(
            "/d/{}",
            Link::new(master, tenant, id, ApproverRole::Approver, &approver)
                .for_checkpoint(1, master, &approver)
                .token()
        )
    }

    fn decision_body(&self) -> Value {
        self.decision_body.clone()
    }

    /// Returns the operations of the calls since the previous `take_operations`.
    fn take_operations(&self) -> Vec<String> {
        self.fault_injector.take().into_iter().map(|call| call.operation).collect()
    }

    async fn create(&self, headers: &[(&str, &str)], body: &Value) -> (Vec<String>, String) {
        self.take_operations();
        let id = self.agent.post_with("/decisions", headers, body).await.expect(201).id();
        (self.take_operations(), id)
    }
}

#[tokio::test]
async fn create_costs_one_call_or_two_if_large() {
    let counter = CallCounter::start_warmed_up(json!({"name": "agent"})).await;
    let (calls, _) = counter.create(&[], &counter.decision_body()).await;
    assert_eq!(calls, ["PutItem"]);
    let mut large = counter.decision_body();
    large["context"] = incompressible_text(12_000).into();
    let (calls, _) = counter.create(&[], &large).await;
    assert_eq!(calls, ["PutItem", "PutItem"]);
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.decision_body()).await;
    assert_eq!(calls, ["PutItem"]);
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.decision_body()).await;
    assert_eq!(calls, ["PutItem"], "the conditional write finds the first request");
}

#[tokio::test]
async fn get_costs_one_call_and_answer_two() {
    let counter = CallCounter::start_warmed_up(json!({"name": "app", "role": "app"})).await;
    let (_, id) = counter.create(&[], &counter.decision_body()).await;
    let path = format!("/decisions/{id}");
    for _ in 0..WARM_UP_REQUESTS {
        counter.agent.get(&path).await.expect(200);
    }
    counter.take_operations();
    counter.agent.get(&path).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query"]);
    for _ in 0..WARM_UP_REQUESTS {
        counter.agent.get("/decisions?limit=1").await.expect(200);
    }
    counter.take_operations();
    counter.agent.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query", "UpdateItem"]);
}

#[tokio::test]
async fn use_of_an_approval_costs_two_calls_and_a_receipt_one() {
    let counter = CallCounter::start_warmed_up(json!({"name": "app", "role": "app"})).await;
    let (_, id) = counter.create(&[], &counter.decision_body()).await;
    let path = format!("/decisions/{id}");
    let hash = counter.agent.get(&path).await.expect(200).json["action_hash"].clone();
    counter.agent.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    for _ in 0..WARM_UP_REQUESTS {
        counter.agent.get("/decisions?limit=1").await.expect(200);
    }
    counter.take_operations();
    counter.agent.get(&format!("{path}/receipt")).await.expect(200);
    let calls: Vec<_> = counter.take_operations().into_iter().filter(|call| call != "UpdateItem").collect();
    assert_eq!(calls, ["Query", "PutItem"], "the first receipt of a process stores its public key");
    for _ in 0..WARM_UP_REQUESTS {
        counter.agent.get(&format!("{path}/receipt")).await.expect(200);
    }
    counter.take_operations();
    counter.agent.get(&format!("{path}/receipt")).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query"]);
    let body = json!({"execution_id": "run-1", "action_hash": hash});
    counter.agent.post(&format!("{path}/consume"), &body).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query", "UpdateItem"]);
    counter.agent.post(&format!("{path}/consume"), &body).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query"], "a repeat writes nothing");
    counter.agent.post(&format!("{path}/executions/run-1"), &json!({"outcome": "succeeded"})).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query", "UpdateItem"]);
    counter.agent.without_key().get("/.well-known/jwks.json").await.expect(200);
    assert_eq!(counter.take_operations(), ["Query"]);
}

#[tokio::test]
async fn checkpoint_costs_no_call_and_answer_four() {
    let counter = CallCounter::start_warmed_up(json!({"name": "agent", "role": "writer"})).await;
    let agent = counter.agent.of_packets();
    let mut packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Half done"},
        "hitl": {"reason": "Go on?"},
    });
    let mut created = Vec::new();
    for approver in [json!(null), json!("ann@example.com")] {
        packet["hitl"]["approver"] = approver;
        counter.take_operations();
        created.push(agent.post("/api/v1/packets", &packet).await.expect(201).id());
        assert_eq!(counter.take_operations(), ["PutItem", "TransactWriteItems"], "the body, then head and labels");
    }
    let page = counter.approval_page(&created[1]).await;
    counter.take_operations();
    let person = counter.agent.without_key();
    person.get(&page).await.expect(200);
    let page_calls: Vec<_> = counter.take_operations().into_iter().filter(|call| call != "UpdateItem").collect();
    assert_eq!(page_calls, ["Query"], "besides the visitor's rate limit, one query reads head and body");
    person.post_form(&page, &[("choice", "approve"), ("text-0", "yes")]).await.expect(303);
    assert_eq!(counter.take_operations(), ["Query", "Query", "PutItem", "UpdateItem"]);
}

#[tokio::test]
async fn unlimited_key_makes_no_quota_calls() {
    let counter = CallCounter::start_warmed_up(json!({"name": "limited", "decisions_per_month": 1_000})).await;
    let (calls, _) = counter.create(&[], &counter.decision_body()).await;
    assert_eq!(calls, ["UpdateItem", "PutItem"], "the monthly quota and the decision");
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.decision_body()).await;
    assert_eq!(
        calls,
        ["Query", "UpdateItem", "PutItem"],
        "an earlier request is looked up before the quota is reserved"
    );
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.decision_body()).await;
    assert_eq!(calls, ["Query", "PutItem"], "a repeat reserves no quota");
    let unlimited = CallCounter::start_warmed_up(json!({"name": "without a limit"})).await;
    let (calls, _) = unlimited.create(&[], &unlimited.decision_body()).await;
    assert_eq!(calls, ["PutItem"]);
}

#[tokio::test]
async fn journal_entry_costs_one_write() {
    let server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let packet = json!({
        "metadata": {"source_agent": {"id": "a-1", "name": "Sales"}, "target_agent": {"id": "b-1", "name": "Billing"}},
        "context": {"summary": "Upgrade to Business"},
    });
    let journal_calls = || {
        let calls = server.fault_injector.take().into_iter();
        let calls = calls.filter(|call| call.partitions.iter().any(|pk| pk.starts_with("feed#")));
        calls.map(|call| call.operation).collect::<Vec<_>>()
    };
    let create_packet = async || {
        agent.post("/api/v1/packets", &packet).await.expect(201);
        server.run_due_work().await;
        journal_calls()
    };
    assert_eq!(create_packet().await, ["Query", "PutItem"], "the newest entry is read once");
    assert_eq!(create_packet().await, ["PutItem"], "the journal entry costs one write");
    let admin = server.admin.of_packets();
    admin.get("/metrics").await.expect(200);
    let calls = ["Query", "Query", "Query"];
    assert_eq!(
        journal_calls(),
        calls,
        "the newest entry holds all totals, and two calls read the latest events of agents"
    );
    admin.get("/api/v1/stats").await.expect(200);
    assert_eq!(journal_calls(), ["Query", "Query"], "today's count takes a second entry");
    server.finish().await;
}

/// A list with one filter reads its count, its page and nothing else.
#[tokio::test]
async fn list_costs_the_same_calls_for_any_number_of_packets() {
    let server = TestServer::new().await;
    let (agent, admin) = (server.key("writer").await.of_packets(), server.admin.of_packets());
    let packet = json!({
        "metadata": {
            "source_agent": {"id": "a-1", "name": "Sales"},
            "target_agent": {"id": "b-1", "name": "Billing"},
            "tags": ["upgrade"],
        },
        "context": {"summary": "Upgrade to Business"},
    });
    let queries = [
        ("", vec!["BatchGetItem"; 3], 4),
        ("source_agent=a-1", vec!["BatchGetItem"; 3], 4),
        ("target_agent=b-1", vec!["BatchGetItem"; 3], 4),
        ("priority=normal", vec!["BatchGetItem"; 3], 4),
        ("tags=upgrade", vec!["BatchGetItem"; 3], 4),
        ("status=created", vec!["BatchGetItem"; 3], 4 + 8),
    ];
    for batches in [3, 4] {
        for _ in 0..batches {
            let batch: Vec<&Value> = vec![&packet; 50];
            agent.post("/api/v1/packets/batch", &json!({"packets": batch})).await.expect(201);
        }
        server.run_due_work().await;
        for (query, batches_read, index_reads) in &queries {
            for _ in 0..WARM_UP_REQUESTS {
                admin.get("/api/v1/packets?limit=1").await.expect(200);
            }
            server.fault_injector.take();
            let found = admin.get(&format!("/api/v1/packets?limit=20&{query}")).await.expect(200);
            assert_eq!(found.json["packets"].as_array().map(Vec::len), Some(20), "{query}");
            let calls = server.fault_injector.take();
            // The list reads indexes and batches; the workers and the check of the key do not.
            let of_list = calls.iter().filter(|call| call.index.is_some() || call.operation == "BatchGetItem");
            let mut operations: Vec<&str> = of_list.map(|call| call.operation.as_str()).collect();
            operations.sort_unstable();
            let expected = [batches_read.clone(), vec!["Query"; *index_reads]].concat();
            assert_eq!(operations, expected, "{query}: the count, the index, heads and bodies: {calls:?}");
        }
    }
    let all = admin.get("/api/v1/packets?limit=1").await.expect(200);
    assert_eq!((&all.json["total"], all.header("x-total-is-minimum")), (&json!(350), ""));
    server.finish().await;
}

/// Hourly and daily limits are counted only if the tenant has them.
#[tokio::test]
async fn unlimited_tenant_makes_no_rate_limit_calls() {
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade"},
    });
    for (body, extra_calls) in [
        (json!({"name": "Limited", "tier": "enterprise", "handoffs_per_day": 1_000}), vec!["UpdateItem"]),
        (json!({"name": "Unlimited", "tier": "enterprise"}), vec![]),
    ] {
        let server = TestServer::new().await;
        let operator = server.other_tenant(Role::Operator).await.of_packets();
        let tenant = operator.post("/api/v1/tenants", &body).await.expect(201).id();
        let body = json!({"name": "writer", "role": "writer", "tenant_id": tenant});
        let created = operator.post("/api/v1/keys", &body).await.expect(201);
        let writer = operator.with_key(created.json["key"].as_str().expect("the key is shown once"));
        let (cx, fault_injector) = (server.running.cx.clone(), server.fault_injector.clone());
        server.kill().await;
        let process = ApiOnlyServer::start(&cx, AddressPolicy::AllowLoopback).await;
        let writer = process.client(&writer);
        for _ in 0..WARM_UP_REQUESTS {
            writer.post("/api/v1/packets", &packet).await.expect(201);
        }
        fault_injector.take();
        writer.post("/api/v1/packets", &packet).await.expect(201);
        let calls: Vec<String> = fault_injector.take().into_iter().map(|call| call.operation).collect();
        assert_eq!(calls, [extra_calls, vec!["PutItem", "TransactWriteItems"]].concat());
    }
}

/// Schemas never change, so a process caches them.
#[tokio::test]
async fn schema_validation_costs_no_extra_calls() {
    let counter = CallCounter::start_warmed_up(json!({"name": "app", "role": "app"})).await;
    let app = counter.agent.clone().of_packets();
    let schema = json!({"name": "order", "json_schema": {"type": "object"}});
    let id = app.post("/api/v1/schemas", &schema).await.expect(201).id();
    let mut packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade"},
    });
    counter.take_operations();
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.take_operations(), ["PutItem", "TransactWriteItems"], "the body, then head and labels");
    packet["schema_id"] = id.into();
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.take_operations(), ["GetItem", "PutItem", "TransactWriteItems"]);
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.take_operations(), ["PutItem", "TransactWriteItems"]);
}

/// Each part beyond the first costs one write, and all of them together one query.
#[tokio::test]
async fn packet_in_two_parts_costs_one_extra_call() {
    let counter = CallCounter::start_warmed_up(json!({"name": "agent", "role": "writer"})).await;
    let agent = counter.agent.clone().of_packets();
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade", "custom": {"text": incompressible_text(960_000)}},
    });
    counter.take_operations();
    let id = agent.post("/api/v1/packets", &packet).await.expect(201).id();
    assert_eq!(counter.take_operations(), ["PutItem", "PutItem", "TransactWriteItems"], "two parts and the head");
    let path = format!("/api/v1/packets/{id}");
    for _ in 0..WARM_UP_REQUESTS {
        agent.get(&path).await.expect(200);
    }
    counter.take_operations();
    agent.get(&path).await.expect(200);
    assert_eq!(counter.take_operations(), ["Query", "Query"]);
    agent.get("/api/v1/packets").await.expect(200);
    let list_calls = counter.take_operations();
    assert_eq!(
        list_calls.iter().filter(|call| *call == "BatchGetItem").count(),
        3,
        "the count, heads, then all parts: {list_calls:?}"
    );
}
