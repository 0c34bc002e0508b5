//! A Handrail without a server: an engine in memory, a clock that stands still, entropy that repeats. What a replay needs
//! to have happened before it, happens here.

use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use handrail_asking::slack::{Kept, Ticket};
use handrail_decisions::attachments::invite::{self, Invited};
use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Choice, Decision};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{self, Login};
use handrail_domain::outbound::Reach;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::{MailFault, Mailer, Message, Outbox, Posted, Works};
use handrail_engine::Engine;
use handrail_kernel::blobs::{BlobId, BlobKey, Blobs};
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Awaited;
use handrail_kernel::file_link::FileLink;
use handrail_kernel::link::{Link, LoginLink, Seat};
use handrail_kernel::master::{MasterKey, hash_of_key};
use handrail_kernel::seal::seal;
use handrail_kernel::session::SESSION_LIVES_MS;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackUser;
use handrail_kernel::store::{Key, Session, Store, Workspace, table};
use handrail_kernel::ticket;
use handrail_kernel::transition::create;
use handrail_slack::State;
use handrail_testkit::{SlackStandIn, Tap};
use serde_json::json;

use crate::buckets::NotedFiles;
use crate::calls::{Calls, Watched};
use crate::packets::packet_id;

pub(crate) const TABLE: &str = "handrail";
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const ORIGIN: &str = "https://decisions.example.com";

pub(crate) const AGENT: &str = "ho_live_EXAMPLE-agent";
pub(crate) const APP: &str = "ho_live_EXAMPLE-app";
pub(crate) const ADMIN: &str = "ho_live_EXAMPLE-admin";
pub(crate) const READER: &str = "ho_live_EXAMPLE-reader";
pub(crate) const WRITER: &str = "ho_live_EXAMPLE-writer";
pub(crate) const OPERATOR: &str = "ho_live_EXAMPLE-operator";
/// Every role has a key.
pub(crate) const KEYS: [(Role, &str); 6] = [
    (Role::Agent, AGENT),
    (Role::App, APP),
    (Role::Admin, ADMIN),
    (Role::Reader, READER),
    (Role::Writer, WRITER),
    (Role::Operator, OPERATOR),
];
/// A person who signed in to the account.
pub(crate) const SESSION: &str = "hs_EXAMPLE-of-somebody-who-holds-the-account-0";
pub(crate) const SESSION_COOKIE: &str = "__Host-handrail-session=hs_EXAMPLE-of-somebody-who-holds-the-account-0";
/// An admin of another account.
pub(crate) const STRANGER: &str = "ho_live_EXAMPLE-stranger";

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOW, [1; 10])
}

pub(crate) fn key_id(role: Role) -> KeyId {
    KeyId::new(NOW, [2 + role as u8; 10])
}

/// The record that the example create makes.
pub(crate) fn record_id() -> RecordId {
    RecordId::from_idempotency_key(tenant(), key_id(Role::Agent), Decision::KIND, IDEMPOTENCY_KEY)
}

pub(crate) const IDEMPOTENCY_KEY: &str = "refund-4711";

pub(crate) fn approver() -> EmailAddress {
    EmailAddress::parse("ada@example.com").expect("an address")
}

/// The link in the approver's mail.
pub(crate) fn token() -> String {
    Link::to(&master(), tenant(), record_id(), Seat::Approver, &approver()).token()
}

/// The link in the mail of the person whom the example packet asks.
pub(crate) fn packet_token() -> String {
    let link = Link::to(&master(), tenant(), packet_id(), Seat::Approver, &approver());
    link.to_question(1, &master(), &approver()).token()
}

/// The request to sign in that the examples' link is for.
fn login_id() -> RecordId {
    RecordId::new(NOW, [7; 10])
}

/// The link in the mail that signs the account's holder in.
pub(crate) fn login_token() -> String {
    LoginLink::to(&master(), login_id(), &holder()).token()
}

fn holder() -> EmailAddress {
    EmailAddress::parse("holder@example.com").expect("an address")
}

/// A file that a client put itself.
pub(crate) fn blob_key() -> BlobKey {
    BlobKey { tenant: tenant(), record: record_id(), id: BlobId::from_bytes([5; 16]) }
}

pub(crate) const FILE: &[u8] = b"%PDF-1.7 an invoice";

/// What says that it was put.
pub(crate) fn upload_token() -> String {
    let invited = Invited {
        tenant: tenant(),
        record: record_id(),
        blob: blob_key().id.to_string(),
        name: "Rechnung 4711.pdf".to_owned(),
        size: FILE.len() as u64,
        until: NOW.plus_ms(60 * 60_000),
    };
    ticket::sign(&master(), invite::PURPOSE, &invited).expect("a short token")
}

/// The link to it, once it counts.
pub(crate) fn file_token() -> String {
    FileLink::to(&master(), blob_key(), NOW).token()
}

fn master() -> MasterKey {
    MasterKey::new("the master key of the examples")
}

/// The state with which an admin's browser comes back from Slack.
pub(crate) fn slack_state() -> String {
    State { tenant: tenant(), made_at: NOW }.signed(&master())
}

fn slack_user() -> SlackUser {
    SlackUser { team: "T0EXAMPLE".to_owned(), user: "U0EXAMPLE".to_owned() }
}

/// The dialog in which the same person answers the example packet.
pub(crate) fn slack_reply() -> Tap {
    let approver = slack_user();
    let kept = Kept { ticket: Ticket::issue(&master(), &packet_token(), &approver), choice: Choice::Approve };
    Tap::of(
        json!({
            "type": "view_submission",
            "team": {"id": approver.team, "domain": "example"},
            "user": {"id": approver.user, "username": "ada", "team_id": approver.team},
            "view": {
                "private_metadata": json!(kept).to_string(),
                "state": {"values": {"text0": {"v": {"type": "plain_text_input", "value": "Refund it."}}}},
            },
        }),
        NOW,
    )
}

/// A tap of the approver's, whose message the account's workspace got.
pub(crate) fn slack_tap(action: &str) -> Tap {
    let approver = slack_user();
    Tap::of(
        json!({
            "type": "block_actions",
            "team": {"id": approver.team, "domain": "example"},
            "user": {"id": approver.user, "username": "ada", "team_id": approver.team},
            "container": {"type": "message", "message_ts": "1790000000.000100", "channel_id": "D0EXAMPLE"},
            "trigger_id": "12466734323.1395872398",
            "actions": [{
                "type": "button",
                "action_id": action,
                "block_id": "answers",
                "value": Ticket::issue(&master(), &token(), &approver),
                "action_ts": "1790000000.000200",
            }],
        }),
        NOW,
    )
}

/// The code that an admin's browser brings along.
pub(crate) const SLACK_CODE: &str = "code.1";

pub(crate) struct Stage {
    pub(crate) cx: Cx,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<StandingClock>,
    pub(crate) calls: Calls,
    pub(crate) sent: Arc<Sent>,
    pub(crate) slack: Arc<SlackStandIn>,
    pub(crate) files: Arc<NotedFiles>,
}

impl Stage {
    /// With a key of each role, and a stranger's in another account.
    pub(crate) async fn new() -> Self {
        let engine = Engine::memory().expect("an engine opens in memory");
        let clock = Arc::new(StandingClock(AtomicI64::new(NOW.as_unix_ms())));
        let calls = Calls::default();
        let slack = Arc::new(SlackStandIn::start().await);
        assert_eq!(slack.grants(), SLACK_CODE);
        let files = Arc::<NotedFiles>::default();
        let cx = context(&engine, &clock, &calls, &slack, &files);
        let stage = Self { cx, engine, clock, calls, sent: Arc::default(), slack, files };
        assert!(table::create(&stage.engine.client(), TABLE).await.expect("a table can be made"));
        for (role, key) in KEYS {
            stage.put_key(key, key_id(role), tenant(), role).await;
        }
        let email = holder();
        let account = Account::new(tenant(), "The holder", Tier::Enterprise, NOW);
        let account = Account { email: Some(email.clone()), ..account };
        assert!(stage.cx.store.put_account(&account).await.expect("an account can be put"));
        let session = Session { tenant: tenant(), email, created_at: NOW, expires_at: NOW.plus_ms(SESSION_LIVES_MS) };
        assert!(stage.cx.store.put_session(&hash_of_key(SESSION), &session).await.expect("a session can be put"));
        stage.connect_slack().await;
        stage.put_key(STRANGER, KeyId::new(NOW, [9; 10]), TenantId::new(NOW, [9; 10]), Role::Admin).await;
        stage
    }

    pub(crate) fn signed(&self, state: State) -> String {
        state.signed(&master())
    }

    /// The account's holder has asked for a mail to sign in with.
    pub(crate) async fn login_is_requested(&self) {
        let command = CommandId::new("login", &[]);
        let ask = login::Ask::new(holder(), NOW);
        let record = Record::<Login>::open(login::tenant(), login_id(), ask, Actor::Visitor, command.clone(), NOW);
        create(&self.cx, record, &command).await.expect("a login can be requested");
    }

    /// As after a cold start: nothing is remembered but what lies in the table.
    pub(crate) fn forget(&mut self) {
        self.cx = context(&self.engine, &self.clock, &self.calls, &self.slack, &self.files);
        self.calls.take();
        self.files.forget();
    }

    async fn connect_slack(&self) {
        let token = self.slack.trusts();
        let sealed = seal(&master(), &*self.cx.entropy, "slack", &tenant().to_string(), &token);
        let workspace = Workspace {
            team: "T0EXAMPLE".to_owned(),
            team_name: "Example".to_owned(),
            bot_user: "U0HANDRAIL".to_owned(),
            installed_by: "U0ADMIN".to_owned(),
            scopes: Vec::new(),
            sealed_token: sealed.expect("a token can be sealed"),
            installed_at: NOW.plus_ms(-1),
        };
        self.cx.store.put_workspace(tenant(), &workspace).await.expect("a workspace can be put");
    }

    async fn put_key(&self, secret: &str, id: KeyId, tenant: TenantId, role: Role) {
        let key = Key {
            prefix: secret.chars().take(14).collect(),
            role,
            ..Key::new(id, tenant, format!("refund {}", role.name()), NOW)
        };
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
    }

    /// What a worker is handed. What it sends and mails is noted in `sent`.
    pub(crate) fn works(&self) -> Works {
        let mut works = Works::new(self.cx.clone(), handrail_workers::DOORS);
        works.outbox = Some(Arc::clone(&self.sent) as Arc<dyn Outbox>);
        works.mailer = Some(Arc::clone(&self.sent) as Arc<dyn Mailer>);
        works
    }
}

fn context(
    engine: &Engine,
    clock: &Arc<StandingClock>,
    calls: &Calls,
    slack: &SlackStandIn,
    files: &Arc<NotedFiles>,
) -> Cx {
    let client = engine.client_through(Watched::around(engine.connector(), calls));
    let settings = Settings {
        table: TABLE.to_owned(),
        master_key: Some(master()),
        origin: Some(ORIGIN.to_owned()),
        reach: Reach::LoopbackToo,
        slack: slack.settings(),
        limits: Limits::PUBLISHED,
    };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let entropy = Arc::new(RepeatingEntropy(AtomicU8::new(100)));
    Cx::new(Store::new(client, TABLE), clock, entropy, settings).with_blobs(Arc::clone(files) as Arc<dyn Blobs>)
}

pub(crate) struct StandingClock(AtomicI64);

impl StandingClock {
    pub(crate) fn move_to(&self, at: Timestamp) {
        self.0.store(at.as_unix_ms(), Ordering::SeqCst);
    }
}

impl Clock for StandingClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    fn until(&self, _: Timestamp) -> std::pin::Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Counts up: every draw differs, every run is the same.
struct RepeatingEntropy(AtomicU8);

impl Entropy for RepeatingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// Notes what a worker wanted to be sent.
#[derive(Default)]
pub(crate) struct Sent {
    messages: Mutex<Vec<Message>>,
    mails: Mutex<Vec<Posted>>,
}

impl Sent {
    pub(crate) fn messages(&self) -> Vec<Message> {
        std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn mails(&self) -> Vec<Posted> {
        std::mem::take(&mut *self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outbox for Sent {
    fn send<'a>(&'a self, message: &'a Message, _at: Timestamp) -> Awaited<'a, ()> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Mailer for Sent {
    fn send<'a>(
        &'a self,
        mail: &'a Posted,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}
