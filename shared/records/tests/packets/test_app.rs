//! Test app of packets: a table in memory, a fixed clock, and a connector that counts the calls to the table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_context::cx::{Cx, CxInner};
use handrail_context::settings::{PublicRateLimits, Settings};
use handrail_context::slack::SlackSettings;
use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::packet::{Act, AgentRef, Content, Edit, Packet, PacketSpec, Priority, TTL_MS};
use handrail_domain::record::Record;
use handrail_domain::search_terms::SearchTerms;
use handrail_domain::time::Timestamp;
use handrail_engine::{Engine, EngineConnector};
use handrail_platform::clock::Clock;
use handrail_records::kind::{EventMappers, follow_ups_of};
use handrail_records::transition::{
    AppliedCommand, PlannedChange, TransitionError, create_with_body, transition_with_body,
};
use handrail_store::{Body, Filter, FilterPage, Item, Order, PageRequest, RecordWithBody, Store, head_key_of, table};
use handrail_test_app::{CountingEntropy, FixedClock};

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const TABLE: &str = "handrail";

pub(crate) struct TestApp {
    pub engine: Engine,
    pub cx: Cx,
    clock: Arc<FixedClock>,
    call_counts: CallCounts,
    last_sequence: Mutex<Option<String>>,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let engine = Engine::in_memory().unwrap();
        let call_counts = CallCounts::default();
        let client = engine
            .client_with_http_client(CountingConnector { inner: engine.connector(), call_counts: call_counts.clone() });
        table::create(&client, TABLE).await.unwrap();
        let clock = FixedClock::at(NOON);
        let settings = Settings {
            table: TABLE.to_owned(),
            keys: handrail_secrets::keys::Keys::default(),
            origin: None,
            address_policy: AddressPolicy::PublicOnly,
            slack: SlackSettings::default(),
            public_rate_limits: PublicRateLimits::PRODUCTION,
            metrics_network: None,
        };
        let entropy = Arc::new(CountingEntropy::default());
        let cx = Cx::new(Store::new(client, TABLE), Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings);
        Self { engine, cx, clock, call_counts, last_sequence: Mutex::default() }
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.clock.advance(ms);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.cx.clock.now()
    }

    pub(crate) async fn create_packet(&self, fixture: PacketFixture) -> Record<Packet> {
        let (record, command, body) = fixture.record(&self.cx, tenant());
        create_with_body(&self.cx, RecordWithBody { record, body: Some(body) }, &command).await.unwrap().0.record
    }

    pub(crate) async fn act(&self, id: RecordId, act: Act, content: Option<&Content>) -> Record<Packet> {
        self.try_act(id, act, content).await.unwrap().record
    }

    pub(crate) async fn try_act(
        &self,
        id: RecordId,
        act: Act,
        content: Option<&Content>,
    ) -> Result<AppliedCommand<Packet>, TransitionError<Packet>> {
        let command = command(&self.cx, act);
        let body = content.map(body_of);
        let propose = |_: &RecordWithBody<Packet>| -> Result<_, TransitionError<Packet>> {
            Ok(PlannedChange { command: command.clone(), body: body.clone() })
        };
        transition_with_body(&self.cx, tenant(), id, propose).await.map(|(applied, _)| applied)
    }

    /// Replaces the content of a packet.
    pub(crate) async fn edit(&self, id: RecordId, content: &Content) -> Record<Packet> {
        let base = self.packet_with_body(id).await.record.state_data.content;
        self.act(id, Act::Edit(edit(base, content)), Some(content)).await
    }

    pub(crate) async fn packet_with_body(&self, id: RecordId) -> RecordWithBody<Packet> {
        self.cx.store.record_with_body::<Packet>(tenant(), id).await.unwrap().unwrap()
    }

    pub(crate) async fn content(&self, id: RecordId) -> Content {
        self.packet_with_body(id).await.body.unwrap().read().unwrap()
    }

    /// Handles the stream as the dispatcher does, and its last change twice, as a stream may deliver a change twice.
    pub(crate) async fn dispatch(&self) {
        let after = self.last_sequence.lock().unwrap().clone();
        let changes = self.engine.changes_after(TABLE, after.as_deref(), 10_000).unwrap();
        let last = changes.last().cloned();
        for change in changes.into_iter().chain(last) {
            *self.last_sequence.lock().unwrap() = Some(change.sequence);
            let Some(new) = change.new.filter(|new| head_key_of(new).is_some()) else { continue };
            follow_ups_of::<Packet>(&self.cx, change.old.as_ref(), &new, EventMappers::NONE).await.unwrap();
        }
    }

    /// Lets the dispatcher go on after all changes so far.
    pub(crate) fn skip_changes(&self) {
        let mut last = self.last_sequence.lock().unwrap();
        while let Some(change) = self.engine.changes_after(TABLE, last.as_deref(), 10_000).unwrap().pop() {
            *last = Some(change.sequence);
        }
    }

    /// Returns every change of a record's head, from the beginning.
    pub(crate) fn head_changes(&self) -> Vec<(Option<Item>, Item)> {
        let changes = self.engine.changes_after(TABLE, None, 10_000).unwrap().into_iter();
        let heads = changes.filter_map(|change| change.new.map(|new| (change.old, new)));
        heads.filter(|(_, new)| head_key_of(new).is_some()).collect()
    }

    /// Creates the context of another process on the same table, with empty caches.
    pub(crate) fn other_process(&self) -> Cx {
        let CxInner { store, clock, entropy, settings, .. } = &*self.cx;
        Cx::new(store.clone(), clock.clone(), entropy.clone(), settings.clone())
    }

    /// Returns the items of a record whose sort key has this prefix.
    pub(crate) async fn items(&self, id: RecordId, sk: &str) -> Vec<Item> {
        let db = self.engine.client();
        let query = db.query().table_name(TABLE).key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let query = query.expression_attribute_values(":pk", text(&format!("{}#{id}", tenant())));
        query.expression_attribute_values(":sk", text(sk)).send().await.unwrap().items.unwrap_or_default()
    }

    pub(crate) async fn find(&self, filter: &Filter<Packet>, page: &PageRequest) -> FilterPage<Packet> {
        self.cx.store.find(tenant(), filter, page, self.now()).await.unwrap()
    }

    /// Executes the next call of this action, but loses its response.
    pub(crate) fn lose_response_to(&self, action: &'static str) {
        self.call_counts.0.lock().unwrap().action_with_lost_response = Some(action);
    }

    /// Returns the calls counted since the last time, and resets the counts.
    pub(crate) fn take_call_counts(&self) -> CountedCalls {
        std::mem::take(&mut self.call_counts.0.lock().unwrap())
    }
}

pub(crate) fn text(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [7; 10])
}

pub(crate) fn page(limit: usize, offset: usize) -> PageRequest {
    PageRequest { limit, offset, cursor: None, order: Order::NewestFirst, bytes_max: usize::MAX }
}

pub(crate) fn agent(id: &str) -> AgentRef {
    AgentRef { id: id.to_owned(), name: id.to_owned(), framework: None, version: None }
}

pub(crate) fn claim(by: &str) -> Act {
    Act::Claim { by: agent(by), lease_seconds: None }
}

pub(crate) fn command(cx: &Cx, act: Act) -> Command<Packet> {
    let actor = Actor::Key { key: KeyId::new(NOON, [9; 10]), role: Role::App };
    Command { id: CommandId::new(&cx.new_record_id().to_string(), &[]), actor, act }
}

pub(crate) fn edit(base: handrail_domain::record::ContentRef, content: &Content) -> Edit {
    Edit {
        base,
        content: content.reference(),
        has_checkpoint: false,
        sets_checkpoint: false,
        answer_until: None,
        asks: None,
    }
}

/// Creates a body with the summary as its only search text: the door adds the rest of the context.
pub(crate) fn body_of(content: &Content) -> Body {
    Body::new(content, SearchTerms::of_record([content.context.summary.as_str()])).unwrap()
}

pub(crate) fn content(summary: &str) -> Content {
    let mut content = Content::default();
    content.context.summary = summary.to_owned();
    content
}

/// Properties of a packet to create.
#[derive(Clone)]
pub(crate) struct PacketFixture {
    pub source: &'static str,
    pub target: &'static str,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub content: Content,
}

impl Default for PacketFixture {
    fn default() -> Self {
        let content = content("a handoff");
        Self { source: "planner", target: "coder", priority: Priority::Normal, tags: Vec::new(), content }
    }
}

impl PacketFixture {
    pub(crate) fn with_summary(summary: &str) -> Self {
        Self { content: content(summary), ..Self::default() }
    }

    pub(crate) fn record(self, cx: &Cx, tenant: TenantId) -> (Record<Packet>, CommandId, Body) {
        let (now, made_by) = (cx.clock.now(), KeyId::new(NOON, [9; 10]));
        let spec = PacketSpec {
            parent: None,
            source: agent(self.source),
            target: agent(self.target),
            stated_at: None,
            claimed_at_given: None,
            completed_at_given: None,
            priority: self.priority,
            tags: self.tags,
            schema_id: None,
            chained: false,
            human_first: false,
            has_checkpoint: false,
            hitl_deadline: None,
            asks: None,
            expires_at: now.plus_ms(TTL_MS),
            content: self.content.reference(),
            made_by,
        };
        let id = cx.new_record_id();
        let command = CommandId::new(&id.to_string(), &[]);
        let actor = Actor::Key { key: made_by, role: Role::App };
        (
            Record::create(tenant, id, spec, actor, command.clone(), now, cx.new_record_salt()),
            command,
            body_of(&self.content),
        )
    }
}

/// Calls by action, and the number of keys in batches.
#[derive(Debug, Default)]
pub(crate) struct CountedCalls {
    pub by_action: BTreeMap<String, usize>,
    pub keys_in_batches: usize,
    action_with_lost_response: Option<&'static str>,
}

#[derive(Clone, Default)]
struct CallCounts(Arc<Mutex<CountedCalls>>);

#[derive(Clone)]
struct CountingConnector {
    inner: EngineConnector,
    call_counts: CallCounts,
}

impl HttpConnector for CountingConnector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: serde_json::Value =
            request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let mut counts = self.call_counts.0.lock().unwrap();
        counts.keys_in_batches += body["RequestItems"][TABLE]["Keys"].as_array().map_or(0, Vec::len);
        let is_lost = counts.action_with_lost_response.take_if(|lost| *lost == action).is_some();
        *counts.by_action.entry(action).or_default() += 1;
        drop(counts);
        let response = self.inner.call(request);
        if !is_lost {
            return response;
        }
        HttpConnectorFuture::new(async move {
            response.await?;
            Err(ConnectorError::timeout("the response was lost, as the test requested".into()))
        })
    }
}

impl HttpClient for CountingConnector {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for CountingConnector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CountingConnector")
    }
}
