//! The test server with its clock, mail and receiver.

use std::sync::Arc;
use std::time::Duration;

use handrail_context::settings::PublicRateLimits;
use handrail_context::slack::SlackSettings;
use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::KeyId;
use handrail_domain::ip_network::IpNetwork;
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_platform::clock::Clock;
use handrail_runner::cors::CorsOrigins;
use handrail_runner::{ClockMode, Listen, LocalMail, Options, Running, Storage, start};
use handrail_secrets::purpose_key::new_api_key;
use handrail_sender::CallLimits;
use handrail_store::ApiKey;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::fault_injector::FaultInjector;
use crate::receiver::{Received, Receiver};
use crate::unread::UnreadMessages;

/// Start time of every test server's clock.
const START_TIME: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
const MAX_MAILS: usize = 200;

pub type Mail = LocalMail;

#[derive(Default)]
pub struct TestServerOptions {
    /// Engine of an earlier test server, with its data.
    pub engine: Option<Engine>,
    pub begins_at: Option<Timestamp>,
    /// Receiver of an earlier test server; it outlives the killed process.
    pub receiver: Option<Receiver>,
    /// What the test has read of an earlier test server's messages.
    pub unread: Option<UnreadMessages>,
    /// Slack app as registered at the fake Slack.
    pub slack: SlackSettings,
    /// Rate limits of requests without an API key. `None` uses the local ones, which no test reaches.
    pub limits: Option<PublicRateLimits>,
    /// File directory of an earlier test server.
    pub files: Option<Arc<TempDir>>,
    /// Timeout of outgoing calls. `None` uses the ten seconds of the service.
    pub call_timeout: Option<Duration>,
    /// Network that reads the metrics without an API key.
    pub metrics_network: Option<IpNetwork>,
    pub cors_origins: CorsOrigins,
}

/// Full service for one test. Call [`TestServer::finish`] last: it does all due work and fails on mails and calls that
/// were not expected. Dropping the server without it fails on those that the test has not read.
pub struct TestServer {
    pub running: Running,
    pub engine: Engine,
    pub fault_injector: FaultInjector,
    /// Directory of stored files.
    pub files: Arc<TempDir>,
    /// Receiver for callbacks and webhook deliveries.
    pub receiver: Receiver,
    /// Client with the admin key.
    pub admin: Client,
    unread: UnreadMessages,
}

impl TestServer {
    pub async fn new() -> Self {
        Self::with(TestServerOptions::default()).await
    }

    pub async fn with(options: TestServerOptions) -> Self {
        let engine = options.engine.unwrap_or_else(|| Engine::in_memory().expect("an engine opens in memory"));
        let fault_injector = FaultInjector::around(engine.connector());
        let client = engine.client_with_http_client(fault_injector.clone());
        let limits = options.limits.unwrap_or(PublicRateLimits::LOCAL);
        let files = options.files.unwrap_or_else(|| Arc::new(tempfile::tempdir().expect("a folder can be made")));
        let storage = Storage::Engine { engine: engine.clone(), client, files: files.path().to_owned() };
        let time = ClockMode::FixedAt(options.begins_at.unwrap_or(START_TIME));
        let service_limits = CallLimits::default();
        let total_timeout = options.call_timeout.unwrap_or(service_limits.total_timeout);
        let call_limits = CallLimits { total_timeout, ..service_limits };
        let start_options = Options {
            listen: Listen::on_loopback(0),
            storage,
            key: None,
            time,
            slack: options.slack,
            limits,
            call_limits,
            metrics_network: options.metrics_network,
            address_policy: AddressPolicy::AllowLoopback,
            cors_origins: options.cors_origins,
        };
        let running = start(start_options).await.expect("Handrail starts");
        let admin = Client::new(&running.origin).with_key(&running.key);
        running.pump.run_until_idle().await;
        let receiver = match options.receiver {
            Some(receiver) => receiver,
            None => Receiver::start().await,
        };
        let unread = options.unread.unwrap_or_else(|| UnreadMessages::new(&engine, receiver.inbox()));
        Self { running, engine, fault_injector, files, receiver, admin, unread }
    }

    pub fn now(&self) -> Timestamp {
        self.running.clock.now()
    }

    /// Does all due work without moving the clock.
    pub async fn run_due_work(&self) {
        self.running.pump.run_until_idle().await;
    }

    /// Moves the clock and does the work that becomes due, each at its time.
    pub async fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a sensible time");
        self.running.pump.advance_to(self.now().plus_ms(ms)).await;
    }

    /// Moves the clock and runs no worker, as when every worker is late.
    pub fn advance_clock_only(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a sensible time");
        self.running.clock.move_to(self.now().plus_ms(ms));
    }

    /// Creates an API key with this role and returns a client that uses it.
    pub async fn key(&self, role: &str) -> Client {
        self.key_with(json!({"name": format!("{role} of the test"), "role": role})).await
    }

    /// Creates an API key with these settings. It may ask anyone unless the settings name its approvers; `null` stands for
    /// the default of a new key.
    pub async fn key_with(&self, mut body: Value) -> Client {
        let settings = body.as_object_mut().expect("settings of a key");
        settings.entry("approvers").or_insert_with(|| json!(["*"]));
        let created = self.admin.post("/auth/api-keys", &body).await.expect(201);
        self.admin.with_key(created.json["key"].as_str().expect("the key is shown once"))
    }

    /// Creates another tenant's API key in the same installation and returns its client.
    pub async fn other_tenant(&self, role: Role) -> Client {
        let cx = &self.running.cx;
        let secret = new_api_key(cx.entropy.bytes());
        let (id, name) = (KeyId::new(self.now(), cx.entropy.bytes()), format!("{} of another tenant", role.name()));
        let key = ApiKey {
            prefix: secret.chars().take(14).collect(),
            role,
            approvers: vec![ApproverPattern::Anyone],
            ..ApiKey::new(id, cx.new_tenant_id(), name, self.now())
        };
        assert!(cx.store.put_key(&hash_of_key(&secret), &key).await.expect("the key is stored"));
        self.admin.with_key(&secret)
    }

    /// Creates a tenant of this tier, owned by this person, and returns a client with a key of it.
    pub async fn client_of_tenant(&self, email: &str, tier: Tier, role: Role) -> Client {
        let (cx, created_at) = (&self.running.cx, self.now());
        let email = EmailAddress::parse(email).expect("an address");
        let tenant = Tenant::new(cx.new_tenant_id(), "The owner", tier, created_at);
        let tenant = Tenant { email: Some(email), ..tenant };
        assert!(cx.store.put_tenant(&tenant).await.expect("the tenant is stored"));
        let secret = new_api_key(cx.entropy.bytes());
        let id = KeyId::new(created_at, cx.entropy.bytes());
        let key = ApiKey::new(id, tenant.tenant, "the owner's key", created_at);
        let prefix = secret.chars().take(14).collect();
        let requests_per_minute = tier.limits().requests_per_minute;
        let approvers = vec![ApproverPattern::Anyone];
        let key = ApiKey { prefix, role, tier, approvers, requests_per_minute, ..key };
        assert!(cx.store.put_key(&hash_of_key(&secret), &key).await.expect("the key is stored"));
        self.admin.with_key(&secret)
    }

    /// Creates a decision from [`TestServer::decision_body`]. Returns its id and the link in the approver's mail.
    pub async fn create_decision(&mut self, agent: &Client) -> (String, String) {
        let id = agent.post("/decisions", &self.decision_body()).await.expect(201).id();
        let mail = self.expect_mail("ann@example.com").await;
        (id, mail.links[0].clone())
    }

    /// Request body of a decision whose callbacks go to the receiver. Reminders are off, so that moving the clock sends
    /// no mails.
    pub fn decision_body(&self) -> Value {
        json!({
            "action": "Refund order 1234 (80 EUR)",
            "context": "Wrong size, twice.",
            "approver": "ann@example.com",
            "callback_url": self.receiver.url,
            "reminders": false,
        })
    }

    /// Asserts that exactly one new mail went to this address, and returns the mail.
    #[track_caller]
    pub fn expect_mail(&mut self, to: &str) -> impl Future<Output = Mail> {
        let location = std::panic::Location::caller();
        let to = to.to_owned();
        async move {
            self.run_due_work().await;
            let unread: Vec<Mail> = self.mails().await.into_iter().filter(|mail| mail.to == to).collect();
            assert_eq!(unread.len(), 1, "{location}: mails to {to}: {:?}", subjects(&unread));
            let mail = unread.into_iter().next().expect("counted");
            self.unread.mark_read(&mail);
            mail
        }
    }

    /// Returns all new mails to this address, newest first.
    pub async fn unread_mails(&mut self, to: &str) -> Vec<Mail> {
        self.run_due_work().await;
        let unread: Vec<Mail> = self.mails().await.into_iter().filter(|mail| mail.to == to).collect();
        unread.iter().for_each(|mail| self.unread.mark_read(mail));
        unread
    }

    /// Asserts that exactly one new call came, with this event, and returns the call.
    #[track_caller]
    pub fn expect_webhook(&mut self, event: &str) -> impl Future<Output = Received> {
        let location = std::panic::Location::caller();
        let event = event.to_owned();
        async move {
            self.run_due_work().await;
            self.unread.take_calls();
            let names: Vec<String> = self.unread.calls.iter().map(Received::name).collect();
            assert_eq!(names.len(), 1, "{location}: calls: {names:?}");
            let call = self.unread.calls.remove(0);
            assert_eq!(call.json()["event"], event, "{location}");
            call
        }
    }

    /// Asserts that there are no new mails and no new calls.
    pub async fn expect_no_messages(&mut self) {
        self.run_due_work().await;
        self.unread.take_calls();
        let unread = self.mails().await;
        assert!(unread.is_empty(), "unexpected mails: {:?}", subjects(&unread));
        let calls = self.unread.calls.iter();
        let bodies: Vec<_> = calls.map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
        assert!(bodies.is_empty(), "unexpected calls: {bodies:?}");
    }

    /// Lets the test end with unread mails and calls. `reason` says why the test has nothing to learn from them.
    pub fn ignore_messages(&mut self, reason: &str) {
        assert!(!reason.is_empty(), "a test that ignores its messages says why");
        self.unread.ignore();
    }

    /// Asserts that no messages are left, unless the test ignores them, and stops the server.
    pub async fn finish(mut self) {
        if !self.unread.is_ignored() {
            self.expect_no_messages().await;
        }
        self.running.stop().await;
    }

    /// Stops the server as a killed process: running work is cut off. Returns the options to start again with the same
    /// data, time, receiver and unread messages.
    pub async fn kill(self) -> TestServerOptions {
        let settings = self.running.cx.settings.clone();
        let begins_at = Some(self.now());
        self.running.stop().await;
        TestServerOptions {
            engine: Some(self.engine),
            begins_at,
            receiver: Some(self.receiver),
            unread: Some(self.unread),
            slack: settings.slack,
            limits: Some(settings.public_rate_limits),
            files: Some(self.files),
            call_timeout: None,
            metrics_network: settings.metrics_network,
            cors_origins: CorsOrigins::default(),
        }
    }

    /// Returns the mails that the test has not read.
    async fn mails(&self) -> Vec<Mail> {
        let mails = self.running.local_store.mails(MAX_MAILS).await.expect("the mailbox can be read");
        mails.into_iter().filter(|mail| self.unread.is_unread(mail)).collect()
    }
}

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}
