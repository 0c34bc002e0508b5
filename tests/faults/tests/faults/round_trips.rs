//! Calls to the database are counted: each is a round trip that somebody waits for. On a warm process, with the key
//! remembered and a lease in hand.

use handrail_domain::outbound::Reach;
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
        let counter = Self { meter, agent: process.client(&made), ask, _process: process };
        for _ in 0..WARM_UP {
            counter.agent.post("/decisions", &counter.ask()).await.expect(201);
        }
        counter
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
