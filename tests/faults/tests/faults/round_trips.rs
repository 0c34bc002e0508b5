//! Calls to the database are counted: each is a round trip that somebody waits for. On a warm process, with the key
//! remembered and a lease in hand.

use handrail_domain::access::Role;
use handrail_domain::outbound::Reach;
use handrail_domain::text::EmailAddress;
use handrail_kernel::access::look_up;
use handrail_kernel::cx::Cx;
use handrail_kernel::link::{Link, Seat};
use handrail_testkit::{ApiOnly, Client, Meter, World};
use serde_json::{Value, json};

use crate::journeys::incompressible;

/// A process leases of a budget as much as it has spent of it in this minute: after so many requests the next few are free.
const WARM_UP: usize = 20;

/// A process that only answers, on the table of a Handrail that has ended: nothing else is at work there, so every call has
/// its request as cause.
struct Counter {
    meter: Meter,
    agent: Client,
    ask: Value,
    cx: Cx,
    _process: ApiOnly,
}

impl Counter {
    /// With an agent's key that has made some decisions.
    async fn warm(key: Value) -> Self {
        let world = World::new().await;
        let (made, mut ask) = (world.key_with(key).await, world.ask());
        ask["channel"] = "webhook".into();
        let (cx, meter) = (world.running.cx.clone(), world.meter.clone());
        world.kill().await;
        let process = ApiOnly::start(&cx, Reach::LoopbackToo).await;
        let counter = Self { meter, agent: process.client(&made), ask, cx, _process: process };
        for _ in 0..WARM_UP {
            counter.agent.post("/decisions", &counter.ask()).await.expect(201);
        }
        counter
    }

    /// The link in the mail of the person whom this packet asks.
    async fn page_of(&self, packet: &str) -> String {
        let key = look_up(&self.cx, self.agent.key()).await.expect("the table can be read").expect("it is a key");
        let (master, ann) = (self.cx.master().expect("a secret"), EmailAddress::parse("ann@example.com").expect("one"));
        let (tenant, id) = (key.tenant, packet.parse().expect("an id"));
        format!("/d/{}", Link::to(master, tenant, id, Seat::Approver, &ann).to_question(1, master, &ann).token())
    }

    fn ask(&self) -> Value {
        self.ask.clone()
    }

    /// The operations of the calls since the last time this was asked.
    fn taken(&self) -> Vec<String> {
        self.meter.take().into_iter().map(|call| call.operation).collect()
    }

    async fn create(&self, headers: &[(&str, &str)], ask: &Value) -> (Vec<String>, String) {
        self.taken();
        let id = self.agent.post_with("/decisions", headers, ask).await.expect(201).id();
        (self.taken(), id)
    }
}

#[tokio::test]
async fn asking_is_one_call_and_two_when_what_is_asked_is_large() {
    let counter = Counter::warm(json!({"name": "agent"})).await;
    let (calls, _) = counter.create(&[], &counter.ask()).await;
    assert_eq!(calls, ["PutItem"]);
    let mut large = counter.ask();
    large["context"] = incompressible(12_000).into();
    let (calls, _) = counter.create(&[], &large).await;
    assert_eq!(calls, ["PutItem", "PutItem"]);
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.ask()).await;
    assert_eq!(calls, ["PutItem"]);
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.ask()).await;
    assert_eq!(calls, ["PutItem"], "a repeat meets the first one in its own write");
}

#[tokio::test]
async fn looking_is_one_call_and_answering_two() {
    let counter = Counter::warm(json!({"name": "app", "role": "app"})).await;
    let (_, id) = counter.create(&[], &counter.ask()).await;
    let path = format!("/decisions/{id}");
    for _ in 0..WARM_UP {
        counter.agent.get(&path).await.expect(200);
    }
    counter.taken();
    counter.agent.get(&path).await.expect(200);
    assert_eq!(counter.taken(), ["Query"]);
    for _ in 0..WARM_UP {
        counter.agent.get("/decisions?limit=1").await.expect(200);
    }
    counter.taken();
    counter.agent.post(&format!("{path}/resolve"), &json!({"action": "approve"})).await.expect(200);
    assert_eq!(counter.taken(), ["Query", "UpdateItem"]);
}

#[tokio::test]
async fn asking_at_a_checkpoint_costs_no_call_and_its_answer_four() {
    let counter = Counter::warm(json!({"name": "agent"})).await;
    let agent = counter.agent.of_packets();
    let mut packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Half done"},
        "hitl": {"reason": "Go on?"},
    });
    let mut made = Vec::new();
    for approver in [json!(null), json!("ann@example.com")] {
        packet["hitl"]["approver"] = approver;
        counter.taken();
        made.push(agent.post("/api/v1/packets", &packet).await.expect(201).id());
        assert_eq!(counter.taken(), ["PutItem", "PutItem"], "what it carries, and the packet");
    }
    let page = counter.page_of(&made[1]).await;
    counter.taken();
    let person = counter.agent.without_key();
    person.get(&page).await.expect(200);
    let looked: Vec<_> = counter.taken().into_iter().filter(|call| call != "UpdateItem").collect();
    assert_eq!(looked, ["Query"], "beside the stranger's budget, the packet with all it carries");
    person.post_form(&page, &[("choice", "approve"), ("text-0", "yes")]).await.expect(303);
    assert_eq!(counter.taken(), ["Query", "Query", "PutItem", "UpdateItem"]);
}

#[tokio::test]
async fn a_key_without_a_limit_pays_nothing_for_months() {
    let counter = Counter::warm(json!({"name": "limited", "decisions_per_month": 1_000})).await;
    let (calls, _) = counter.create(&[], &counter.ask()).await;
    assert_eq!(calls, ["UpdateItem", "PutItem"], "the month's count, and the decision");
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.ask()).await;
    assert_eq!(calls, ["Query", "UpdateItem", "PutItem"], "a repeat is looked for before it is counted");
    let (calls, _) = counter.create(&[("idempotency-key", "once")], &counter.ask()).await;
    assert_eq!(calls, ["Query", "PutItem"], "and is not counted");
    let free = Counter::warm(json!({"name": "without a limit"})).await;
    let (calls, _) = free.create(&[], &free.ask()).await;
    assert_eq!(calls, ["PutItem"]);
}

#[tokio::test]
async fn an_event_of_a_packet_costs_one_write_to_be_told() {
    let world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let packet = json!({
        "metadata": {"source_agent": {"id": "a-1", "name": "Sales"}, "target_agent": {"id": "b-1", "name": "Billing"}},
        "context": {"summary": "Upgrade to Business"},
    });
    let told = async || {
        agent.post("/api/v1/packets", &packet).await.expect(201);
        world.settle().await;
        let calls =
            world.meter.take().into_iter().filter(|call| call.partitions.iter().any(|pk| pk.starts_with("feed#")));
        calls.map(|call| call.operation).collect::<Vec<_>>()
    };
    assert_eq!(told().await, ["Query", "PutItem"], "the newest entry is read once");
    assert_eq!(told().await, ["PutItem"], "beside the event's own item, which is written anyway");
    let admin = world.admin.of_packets();
    for _ in 0..WARM_UP {
        admin.get("/metrics").await.expect(200);
    }
    world.meter.take();
    admin.get("/metrics").await.expect(200);
    let calls: Vec<String> = world.meter.take().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["Query"], "all figures are in the newest entry");
    admin.get("/api/v1/stats").await.expect(200);
    let calls: Vec<String> = world.meter.take().into_iter().map(|call| call.operation).collect();
    assert_eq!(calls, ["Query", "Query"], "and of two entries one tells which were made today");
    world.end().await;
}

/// What an hour and a day allow is counted where there is a number, and nowhere else.
#[tokio::test]
async fn an_account_without_a_number_pays_nothing_for_hours_and_days() {
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade"},
    });
    for (wish, counted) in [
        (json!({"name": "Limited", "tier": "enterprise", "handoffs_per_day": 1_000}), vec!["UpdateItem"]),
        (json!({"name": "Unlimited", "tier": "enterprise"}), vec![]),
    ] {
        let world = World::new().await;
        let operator = world.stranger(Role::Operator).await.of_packets();
        let tenant = operator.post("/api/v1/tenants", &wish).await.expect(201).id();
        let wish = json!({"name": "writer", "role": "writer", "tenant_id": tenant});
        let made = operator.post("/api/v1/keys", &wish).await.expect(201);
        let writer = operator.with_key(made.json["key"].as_str().expect("the key is shown once"));
        let (cx, meter) = (world.running.cx.clone(), world.meter.clone());
        world.kill().await;
        let process = ApiOnly::start(&cx, Reach::LoopbackToo).await;
        let writer = process.client(&writer);
        for _ in 0..WARM_UP {
            writer.post("/api/v1/packets", &packet).await.expect(201);
        }
        meter.take();
        writer.post("/api/v1/packets", &packet).await.expect(201);
        let calls: Vec<String> = meter.take().into_iter().map(|call| call.operation).collect();
        assert_eq!(calls, [counted, vec!["PutItem", "PutItem"]].concat());
    }
}

/// A process remembers a schema, which never changes.
#[tokio::test]
async fn a_packet_with_a_schema_costs_no_more_calls_than_one_without() {
    let counter = Counter::warm(json!({"name": "app", "role": "app"})).await;
    let app = counter.agent.clone().of_packets();
    let schema = json!({"name": "order", "json_schema": {"type": "object"}});
    let id = app.post("/api/v1/schemas", &schema).await.expect(201).id();
    let mut packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade"},
    });
    counter.taken();
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.taken(), ["PutItem", "PutItem"], "what it carries, and its head");
    packet["schema_id"] = id.into();
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.taken(), ["GetItem", "PutItem", "PutItem"]);
    app.post("/api/v1/packets", &packet).await.expect(201);
    assert_eq!(counter.taken(), ["PutItem", "PutItem"]);
}

/// What one item does not hold costs one write more for each part, and one query more.
#[tokio::test]
async fn a_packet_in_two_parts_costs_one_call_more() {
    let counter = Counter::warm(json!({"name": "agent"})).await;
    let agent = counter.agent.clone().of_packets();
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Upgrade", "custom": {"text": incompressible(960_000)}},
    });
    counter.taken();
    let id = agent.post("/api/v1/packets", &packet).await.expect(201).id();
    assert_eq!(counter.taken(), ["PutItem", "PutItem", "PutItem"], "its parts, and its head");
    let path = format!("/api/v1/packets/{id}");
    for _ in 0..WARM_UP {
        agent.get(&path).await.expect(200);
    }
    counter.taken();
    agent.get(&path).await.expect(200);
    assert_eq!(counter.taken(), ["Query", "Query"]);
    agent.get("/api/v1/packets").await.expect(200);
    let listing = counter.taken();
    assert_eq!(listing.iter().filter(|call| *call == "BatchGetItem").count(), 2, "heads, then all parts: {listing:?}");
}
