//! The world itself.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::KeyId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_engine::Engine;
use handrail_kernel::clock::Clock;
use handrail_kernel::master::{hash_of_key, new_api_key};
use handrail_kernel::settings::Limits;
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::Key;
use handrail_runner::{LocalMail, Options, Running, Storage, Time, start};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::client::Client;
use crate::meter::Meter;
use crate::receiver::{Received, Receiver};

/// A world begins on this day, whenever the test runs.
const BEGINNING: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
const MAILS_READ_MAX: usize = 200;

pub type Mail = LocalMail;

#[derive(Default)]
pub struct WorldOptions {
    /// An engine that lived in an earlier world.
    pub engine: Option<Engine>,
    pub begins_at: Option<Timestamp>,
    /// The outside of an earlier world: it does not die with Handrail.
    pub receiver: Option<Receiver>,
    /// Ids of the mails that were seen in an earlier world.
    pub read: HashSet<String>,
    /// The app that is registered at the stand-in of Slack.
    pub slack: SlackSettings,
    /// What no key limits. `None`: as on a laptop, enough for every test.
    pub limits: Option<Limits>,
    /// Where the files of an earlier world lie.
    pub files: Option<Arc<TempDir>>,
}

/// A whole Handrail for one test. Call [`World::end`] last: it fails on mails and calls that nobody expected.
pub struct World {
    pub running: Running,
    pub engine: Engine,
    pub meter: Meter,
    /// Where files lie.
    pub files: Arc<TempDir>,
    /// Where this world's callbacks may go.
    pub receiver: Receiver,
    /// With the admin key.
    pub admin: Client,
    /// Mails that the test has seen.
    read: HashSet<String>,
    calls: Vec<Received>,
}

impl World {
    pub async fn new() -> Self {
        Self::with(WorldOptions::default()).await
    }

    pub async fn with(options: WorldOptions) -> Self {
        let engine = options.engine.unwrap_or_else(|| Engine::memory().expect("an engine opens in memory"));
        let meter = Meter::around(engine.connector());
        let client = engine.client_through(meter.clone());
        let limits = options.limits.unwrap_or(Limits::OF_ONE_MACHINE);
        let files = options.files.unwrap_or_else(|| Arc::new(tempfile::tempdir().expect("a folder can be made")));
        let storage = Storage::Engine { engine: engine.clone(), client, files: files.path().to_owned() };
        let time = Time::StandingAt(options.begins_at.unwrap_or(BEGINNING));
        let wanted = Options { port: 0, storage, key: None, time, slack: options.slack, limits };
        let running = start(wanted).await.expect("Handrail starts");
        let admin = Client::new(&running.origin).with_key(&running.key);
        running.pump.settle().await;
        let receiver = match options.receiver {
            Some(receiver) => receiver,
            None => Receiver::start().await,
        };
        Self { running, engine, meter, files, receiver, admin, read: options.read, calls: Vec::new() }
    }

    pub fn now(&self) -> Timestamp {
        self.running.clock.now()
    }

    /// Does everything that is due, without moving the clock.
    pub async fn settle(&self) {
        self.running.pump.settle().await;
    }

    /// Moves the clock, doing on the way everything at its time.
    pub async fn advance(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a sensible time");
        self.running.pump.advance_to(self.now().plus_ms(ms)).await;
    }

    /// Moves the clock and does nothing: as when every worker is late.
    pub fn advance_without_working(&self, by: Duration) {
        let ms = i64::try_from(by.as_millis()).expect("a sensible time");
        self.running.clock.move_to(self.now().plus_ms(ms));
    }

    /// A key of this role, and a client that uses it.
    pub async fn key(&self, role: &str) -> Client {
        self.key_with(json!({"name": format!("{role} of the test"), "role": role})).await
    }

    pub async fn key_with(&self, body: Value) -> Client {
        let made = self.admin.post("/auth/api-keys", &body).await.expect(201);
        self.admin.with_key(made.json["key"].as_str().expect("the key is shown once"))
    }

    /// A client of another account on the same installation.
    pub async fn stranger(&self, role: Role) -> Client {
        let cx = &self.running.cx;
        let secret = new_api_key(cx.entropy.bytes());
        let (id, name) = (KeyId::new(self.now(), cx.entropy.bytes()), format!("{} of another account", role.name()));
        let key = Key {
            prefix: secret.chars().take(14).collect(),
            role,
            ..Key::new(id, cx.new_tenant_id(), name, self.now())
        };
        assert!(cx.store.put_key(&hash_of_key(&secret), &key).await.expect("the key is kept"));
        self.admin.with_key(&secret)
    }

    /// A client of another account, which is held by a person under a tier.
    pub async fn account_of(&self, email: &str, tier: Tier, role: Role) -> Client {
        let (cx, created_at) = (&self.running.cx, self.now());
        let email = EmailAddress::parse(email).expect("an address");
        let account = Account::new(cx.new_tenant_id(), "The holder", tier, created_at);
        let account = Account { email: Some(email), ..account };
        assert!(cx.store.put_account(&account).await.expect("the account is kept"));
        let secret = new_api_key(cx.entropy.bytes());
        let id = KeyId::new(created_at, cx.entropy.bytes());
        let plain = Key::new(id, account.tenant, "the holder's key", created_at);
        let prefix = secret.chars().take(14).collect();
        let requests_per_minute = tier.preset().requests_per_minute;
        let key = Key { prefix, role, tier, requests_per_minute, ..plain };
        assert!(cx.store.put_key(&hash_of_key(&secret), &key).await.expect("the key is kept"));
        self.admin.with_key(&secret)
    }

    /// Asks as [`World::ask`] does, and gives the decision's id and the address of its page.
    pub async fn asked_by(&mut self, agent: &Client) -> (String, String) {
        let id = agent.post("/decisions", &self.ask()).await.expect(201).id();
        let mail = self.expect_mail("ann@example.com").await;
        (id, mail.links[0].clone())
    }

    /// A request that is answered to this world's receiver. Nobody is reminded of it: a test about something else moves
    /// the clock too.
    pub fn ask(&self) -> Value {
        json!({
            "action": "Refund order 1234 (80 EUR)",
            "context": "Wrong size, twice.",
            "approver": "ann@example.com",
            "callback_url": self.receiver.url,
            "reminders": false,
        })
    }

    /// The one mail to this address that was not seen before.
    #[track_caller]
    pub fn expect_mail(&mut self, to: &str) -> impl Future<Output = Mail> {
        let place = std::panic::Location::caller();
        let to = to.to_owned();
        async move {
            self.settle().await;
            let unread: Vec<Mail> = self.unread().await.into_iter().filter(|mail| mail.to == to).collect();
            assert_eq!(unread.len(), 1, "{place}: mails to {to}: {:?}", subjects(&unread));
            let mail = unread.into_iter().next().expect("counted");
            self.read.insert(mail.id.clone());
            mail
        }
    }

    /// All mails to this address that were not seen before, the newest first.
    pub async fn unread_mails(&mut self, to: &str) -> Vec<Mail> {
        self.settle().await;
        let unread: Vec<Mail> = self.unread().await.into_iter().filter(|mail| mail.to == to).collect();
        self.read.extend(unread.iter().map(|mail| mail.id.clone()));
        unread
    }

    /// The one call that came and was not seen before.
    #[track_caller]
    pub fn expect_webhook(&mut self, event: &str) -> impl Future<Output = Received> {
        let place = std::panic::Location::caller();
        let event = event.to_owned();
        async move {
            self.settle().await;
            self.calls.extend(self.receiver.take());
            let names: Vec<String> = self.calls.iter().map(|call| call.json()["event"].to_string()).collect();
            assert_eq!(self.calls.len(), 1, "{place}: calls: {names:?}");
            let call = self.calls.remove(0);
            assert_eq!(call.json()["event"], event, "{place}");
            call
        }
    }

    /// Nothing was mailed and nobody was called beyond what the test saw.
    pub async fn expect_silence(&mut self) {
        self.settle().await;
        self.calls.extend(self.receiver.take());
        let unread = self.unread().await;
        assert!(unread.is_empty(), "unexpected mails: {:?}", subjects(&unread));
        let bodies: Vec<_> = self.calls.iter().map(|call| String::from_utf8_lossy(&call.body).into_owned()).collect();
        assert!(bodies.is_empty(), "unexpected calls: {bodies:?}");
    }

    /// Ends the world, and fails on what nobody expected.
    pub async fn end(mut self) {
        self.expect_silence().await;
        self.running.stop().await;
    }

    /// Ends the process as a kill would: whatever was at work is cut off. The engine, the time and the
    /// outside are what is left.
    pub async fn kill(self) -> WorldOptions {
        let settings = self.running.cx.settings.clone();
        let begins_at = Some(self.now());
        self.running.stop().await;
        WorldOptions {
            engine: Some(self.engine),
            begins_at,
            receiver: Some(self.receiver),
            read: self.read,
            slack: settings.slack,
            limits: Some(settings.limits),
            files: Some(self.files),
        }
    }

    async fn unread(&self) -> Vec<Mail> {
        let mails = self.running.desk.mails(MAILS_READ_MAX).await.expect("the mailbox can be read");
        mails.into_iter().filter(|mail| !self.read.contains(&mail.id)).collect()
    }
}

fn subjects(mails: &[Mail]) -> Vec<&str> {
    mails.iter().map(|mail| mail.subject.as_str()).collect()
}
