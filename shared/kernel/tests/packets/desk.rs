//! A table in memory, a clock that stands still, and somebody who takes notes of what is asked of the table.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::HttpRequest;
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::Reach;
use handrail_domain::packet::{Act, AgentRef, Ask, Content, Edit, Packet, Priority, TTL_MS};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_domain::words::Words;
use handrail_engine::{Engine, EngineConnector};
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::{Cx, Parts};
use handrail_kernel::door::news_of;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Body, Filter, Found, Item, Order, Page, Store, Whole, head_key_of, table};
use handrail_kernel::transition::{Applied, Proposed, Stop, create_whole, rework};

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const TABLE: &str = "handrail";

pub(crate) struct Desk {
    pub engine: Engine,
    pub cx: Cx,
    clock: Arc<StandingClock>,
    asked: Asked,
    seen: Mutex<Option<String>>,
}

impl Desk {
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().unwrap();
        let asked = Asked::default();
        let client = engine.client_through(Noted { inner: engine.connector(), asked: asked.clone() });
        table::create(&client, TABLE).await.unwrap();
        let clock = Arc::new(StandingClock(AtomicI64::new(NOON.as_unix_ms())));
        let settings = Settings {
            table: TABLE.to_owned(),
            master_key: None,
            origin: None,
            reach: Reach::PublicOnly,
            slack: SlackSettings::default(),
            limits: Limits::PUBLISHED,
        };
        let entropy = Arc::new(Counting(AtomicU64::new(1)));
        let cx = Cx::new(Store::new(client, TABLE), Arc::clone(&clock) as Arc<dyn Clock>, entropy, settings);
        Self { engine, cx, clock, asked, seen: Mutex::default() }
    }

    pub(crate) fn advance(&self, ms: i64) {
        self.clock.0.fetch_add(ms, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.cx.clock.now()
    }

    pub(crate) async fn make(&self, wish: Wish) -> Record<Packet> {
        let (record, command, body) = wish.record(&self.cx, tenant());
        create_whole(&self.cx, Whole { record, body: Some(body) }, &command).await.unwrap().0.record
    }

    pub(crate) async fn act(&self, id: RecordId, act: Act, content: Option<&Content>) -> Record<Packet> {
        self.try_act(id, act, content).await.unwrap().record
    }

    pub(crate) async fn try_act(
        &self,
        id: RecordId,
        act: Act,
        content: Option<&Content>,
    ) -> Result<Applied<Packet>, Stop<Packet>> {
        let command = command(&self.cx, act);
        let body = content.map(body_of);
        let propose = |_: &Whole<Packet>| Ok(Proposed { command: command.clone(), body: body.clone() });
        rework(&self.cx, tenant(), id, propose).await.map(|(applied, _)| applied)
    }

    /// Changes what a packet carries.
    pub(crate) async fn edit(&self, id: RecordId, content: &Content) -> Record<Packet> {
        let base = self.whole(id).await.record.standing.content;
        self.act(id, Act::Edit(edit(base, content)), Some(content)).await
    }

    pub(crate) async fn whole(&self, id: RecordId) -> Whole<Packet> {
        self.cx.store.whole::<Packet>(tenant(), id).await.unwrap().unwrap()
    }

    pub(crate) async fn content(&self, id: RecordId) -> Content {
        self.whole(id).await.body.unwrap().read().unwrap()
    }

    /// Works on the stream as the dispatcher does, and once more on the last of it, as a stream may tell it twice.
    pub(crate) async fn dispatch(&self) {
        let after = self.seen.lock().unwrap().clone();
        let changes = self.engine.changes_after(TABLE, after.as_deref(), 10_000).unwrap();
        let last = changes.last().cloned();
        for change in changes.into_iter().chain(last) {
            *self.seen.lock().unwrap() = Some(change.sequence);
            let Some(new) = change.new.filter(|new| head_key_of(new).is_some()) else { continue };
            news_of::<Packet>(&self.cx, change.old.as_ref(), &new).await.unwrap();
        }
    }

    /// Every change of a record's head, from the beginning.
    pub(crate) fn changes(&self) -> Vec<(Option<Item>, Item)> {
        let changes = self.engine.changes_after(TABLE, None, 10_000).unwrap().into_iter();
        let heads = changes.filter_map(|change| change.new.map(|new| (change.old, new)));
        heads.filter(|(_, new)| head_key_of(new).is_some()).collect()
    }

    /// Another process on the same table, which remembers nothing.
    pub(crate) fn another(&self) -> Cx {
        let Parts { store, clock, entropy, settings, .. } = &*self.cx;
        Cx::new(store.clone(), clock.clone(), entropy.clone(), settings.clone())
    }

    /// The items of a record whose sort key begins so.
    pub(crate) async fn items(&self, id: RecordId, sk: &str) -> Vec<Item> {
        let db = self.engine.client();
        let query = db.query().table_name(TABLE).key_condition_expression("pk = :pk AND begins_with(sk, :sk)");
        let query = query.expression_attribute_values(":pk", text(&format!("{}#{id}", tenant())));
        query.expression_attribute_values(":sk", text(sk)).send().await.unwrap().items.unwrap_or_default()
    }

    pub(crate) async fn find(&self, filter: &Filter<Packet>, page: &Page) -> Found<Packet> {
        self.cx.store.find(tenant(), filter, page, self.now()).await.unwrap()
    }

    /// The next call of this action is done, and its answer is lost.
    pub(crate) fn lose_answer_to(&self, action: &'static str) {
        self.asked.0.lock().unwrap().lost = Some(action);
    }

    /// Keys read by batch since the last time this was asked, and how many queries there were.
    pub(crate) fn asked(&self) -> Counts {
        std::mem::take(&mut self.asked.0.lock().unwrap())
    }
}

pub(crate) fn text(text: &str) -> aws_sdk_dynamodb::types::AttributeValue {
    aws_sdk_dynamodb::types::AttributeValue::S(text.to_owned())
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [7; 10])
}

pub(crate) fn page(limit: usize, offset: usize) -> Page {
    Page { limit, offset, after: None, order: Order::NewestFirst, bytes_max: usize::MAX }
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

/// By the summary alone: the door adds the rest of the context.
pub(crate) fn body_of(content: &Content) -> Body {
    Body::of(content, Words::of_record([content.context.summary.as_str()])).unwrap()
}

pub(crate) fn content(summary: &str) -> Content {
    let mut content = Content::default();
    content.context.summary = summary.to_owned();
    content
}

/// What a packet shall be.
#[derive(Clone)]
pub(crate) struct Wish {
    pub source: &'static str,
    pub target: &'static str,
    pub priority: Priority,
    pub tags: Vec<String>,
    pub content: Content,
}

impl Default for Wish {
    fn default() -> Self {
        let content = content("a handoff");
        Self { source: "planner", target: "coder", priority: Priority::Normal, tags: Vec::new(), content }
    }
}

impl Wish {
    pub(crate) fn summary(summary: &str) -> Self {
        Self { content: content(summary), ..Self::default() }
    }

    pub(crate) fn record(self, cx: &Cx, tenant: TenantId) -> (Record<Packet>, CommandId, Body) {
        let (now, made_by) = (cx.clock.now(), KeyId::new(NOON, [9; 10]));
        let ask = Ask {
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
        let by = Actor::Key { key: made_by, role: Role::App };
        (Record::open(tenant, id, ask, by, command.clone(), now), command, body_of(&self.content))
    }
}

struct StandingClock(AtomicI64);

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    fn until(&self, _: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Never the same twice, and the same in every run.
struct Counting(AtomicU64);

impl Entropy for Counting {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, from) in bytes.iter_mut().rev().zip(next.iter().rev()) {
            *byte = *from;
        }
    }
}

/// Requests by what they do, and the keys that batches read.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub by_action: BTreeMap<String, usize>,
    pub keys_in_batches: usize,
    lost: Option<&'static str>,
}

#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Counts>>);

#[derive(Clone)]
struct Noted {
    inner: EngineConnector,
    asked: Asked,
}

impl HttpConnector for Noted {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let target = request.headers().get("x-amz-target").unwrap_or_default();
        let action = target.rsplit('.').next().unwrap_or_default().to_owned();
        let body: serde_json::Value =
            request.body().bytes().and_then(|body| serde_json::from_slice(body).ok()).unwrap_or_default();
        let mut counts = self.asked.0.lock().unwrap();
        counts.keys_in_batches += body["RequestItems"][TABLE]["Keys"].as_array().map_or(0, Vec::len);
        let is_lost = counts.lost.take_if(|lost| *lost == action).is_some();
        *counts.by_action.entry(action).or_default() += 1;
        drop(counts);
        let answer = self.inner.call(request);
        if !is_lost {
            return answer;
        }
        HttpConnectorFuture::new(async move {
            answer.await?;
            Err(ConnectorError::timeout("the answer was lost, as the test asked".into()))
        })
    }
}

impl HttpClient for Noted {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl fmt::Debug for Noted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Noted")
    }
}
