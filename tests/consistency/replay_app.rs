//! App that runs the examples without a server: in-memory engine, fixed clock, repeating entropy, fake Slack, and the
//! records that the examples need.

use std::sync::{Arc, Mutex, PoisonError};

use handrail_access::session::SESSION_TTL_MS;
use handrail_approvals::slack::{ButtonToken, DialogMetadata};
use handrail_context::cx::Cx;
use handrail_context::settings::{PublicRateLimits, RequiredSetting, Settings};
use handrail_decisions::attachments::create_upload::{self, UploadClaims};
use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::actor::Actor;
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::decision::{Choice, Decision};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::ip_network::IpNetwork;
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::login::{self, Login};
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::record::Record;
use handrail_domain::slack_user::SlackUser;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::{MailFault, Mailer, Message, Outbox, OutgoingMail, WorkerContext};
use handrail_engine::Engine;
use handrail_platform::blob_store::{BlobId, BlobKey, BlobStore};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::clock::Clock;
use handrail_records::transition::create;
use handrail_secrets::file_link::FileLink;
use handrail_secrets::keys::{KeyPurpose, Keys};
use handrail_secrets::link::{ApproverRole, Link, LoginLink};
use handrail_secrets::purpose_key::PurposeKey;
use handrail_secrets::seal::seal;
use handrail_secrets::signed_token;
use handrail_slack::OAuthState;
use handrail_store::{ApiKey, Session, Store, Workspace, table};
use handrail_test_app::{FixedClock, RepeatingEntropy};
use handrail_testkit::{FakeSlack, Interaction};
use serde_json::json;

use crate::buckets::RecordingBlobStore;
use crate::calls::{Calls, RecordingConnector};
use crate::packets::packet_id;

/// Address in the network that reads the metrics without a key.
pub(crate) const SCRAPER_ADDRESS: &str = "203.0.113.7";
pub(crate) const TABLE: &str = "handrail";
pub(crate) const NOW: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const ORIGIN: &str = "https://decisions.example.com";

pub(crate) const AGENT: &str = "ho_live_EXAMPLE-agent";
pub(crate) const APP: &str = "ho_live_EXAMPLE-app";
pub(crate) const ADMIN: &str = "ho_live_EXAMPLE-admin";
pub(crate) const READER: &str = "ho_live_EXAMPLE-reader";
pub(crate) const WRITER: &str = "ho_live_EXAMPLE-writer";
pub(crate) const OPERATOR: &str = "ho_live_EXAMPLE-operator";
/// API keys of all roles.
pub(crate) const KEYS: [(Role, &str); 6] = [
    (Role::Agent, AGENT),
    (Role::App, APP),
    (Role::Admin, ADMIN),
    (Role::Reader, READER),
    (Role::Writer, WRITER),
    (Role::Operator, OPERATOR),
];
/// Session of the tenant's signed-in owner.
pub(crate) const SESSION: &str = "hs_EXAMPLE-of-somebody-who-holds-the-account-0";
pub(crate) const SESSION_COOKIE: &str = "__Host-handrail-session=hs_EXAMPLE-of-somebody-who-holds-the-account-0";
/// Admin key of another tenant.
pub(crate) const OTHER_TENANT_KEY: &str = "ho_live_EXAMPLE-stranger";
/// Session of the other tenant's owner.
const OTHER_TENANT_SESSION: &str = "hs_EXAMPLE-of-somebody-who-holds-another-one-0";
pub(crate) const OTHER_TENANT_COOKIE: &str = "__Host-handrail-session=hs_EXAMPLE-of-somebody-who-holds-another-one-0";

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOW, [1; 10])
}

fn other_tenant() -> TenantId {
    TenantId::new(NOW, [9; 10])
}

pub(crate) fn key_id(role: Role) -> KeyId {
    KeyId::new(NOW, [2 + role as u8; 10])
}

/// Id of the decision that the `decisions-create` sample makes.
pub(crate) fn record_id() -> RecordId {
    RecordId::from_idempotency_key(tenant(), key_id(Role::Agent), Decision::KIND, IDEMPOTENCY_KEY)
}

pub(crate) const IDEMPOTENCY_KEY: &str = "refund-4711";

pub(crate) fn approver() -> EmailAddress {
    EmailAddress::parse("ada@example.com").expect("an address")
}

/// Token of the link in the approver's mail.
pub(crate) fn token() -> String {
    Link::new(&key(KeyPurpose::ApprovalLinks), tenant(), record_id(), ApproverRole::Approver, &approver()).token()
}

/// Token of the link to the sample packet's checkpoint.
pub(crate) fn packet_token() -> String {
    let link = Link::new(&key(KeyPurpose::ApprovalLinks), tenant(), packet_id(), ApproverRole::Approver, &approver());
    link.for_checkpoint(1, &key(KeyPurpose::ApprovalLinks), &approver()).token()
}

/// Id of the requested login.
fn login_id() -> RecordId {
    RecordId::new(NOW, [7; 10])
}

/// Token of the link in the owner's login mail.
pub(crate) fn login_token() -> String {
    LoginLink::new(&key(KeyPurpose::SignIn), login_id(), &owner()).token()
}

fn owner() -> EmailAddress {
    EmailAddress::parse("holder@example.com").expect("an address")
}

/// Key of a file that a client uploaded to its presigned URL.
pub(crate) fn blob_key() -> BlobKey {
    BlobKey { tenant: tenant(), record: record_id(), id: BlobId::from_bytes([5; 16]) }
}

pub(crate) const FILE: &[u8] = b"%PDF-1.7 an invoice";

/// Token that completes the upload.
pub(crate) fn upload_token() -> String {
    let claims = UploadClaims {
        tenant: tenant(),
        record: record_id(),
        blob_id: blob_key().id.to_string(),
        name: "Rechnung 4711.pdf".to_owned(),
        size: FILE.len() as u64,
        expires_at: NOW.plus_ms(60 * 60_000),
    };
    signed_token::sign(&key(KeyPurpose::Files), create_upload::TOKEN_PURPOSE, &claims).expect("a short token")
}

/// Token of the file's link.
pub(crate) fn file_token() -> String {
    FileLink::new(&key(KeyPurpose::Files), blob_key(), NOW).token()
}

/// Keys with another secret for each purpose, so that a key used for a wrong purpose shows.
pub(crate) fn keys() -> Keys {
    KeyPurpose::ALL.into_iter().fold(Keys::default(), |keys, purpose| keys.with(purpose, &secret(purpose)))
}

fn secret(purpose: KeyPurpose) -> String {
    format!("the {} of the examples", purpose.variable())
}

fn key(purpose: KeyPurpose) -> PurposeKey {
    keys().get(purpose).expect("every purpose has a key").clone()
}

/// OAuth state with which an admin's browser comes back from Slack.
pub(crate) fn slack_state() -> String {
    OAuthState { tenant: tenant(), created_at: NOW }.sign(&key(KeyPurpose::Slack))
}

fn slack_user() -> SlackUser {
    SlackUser { team: "T0EXAMPLE".to_owned(), user: "U0EXAMPLE".to_owned() }
}

/// Submitted dialog that answers the sample packet's checkpoint.
pub(crate) fn slack_dialog() -> Interaction {
    let approver = slack_user();
    let metadata = DialogMetadata {
        button_token: ButtonToken::issue(&key(KeyPurpose::Slack), &packet_token(), &approver),
        choice: Choice::Approve,
    };
    Interaction::of(
        json!({
            "type": "view_submission",
            "team": {"id": approver.team, "domain": "example"},
            "user": {"id": approver.user, "username": "ada", "team_id": approver.team},
            "view": {
                "private_metadata": json!(metadata).to_string(),
                "state": {"values": {"text0": {"v": {"type": "plain_text_input", "value": "Refund it."}}}},
            },
        }),
        NOW,
    )
}

/// Click of the approver on a button in the decision's Slack message.
pub(crate) fn slack_click(action: &str) -> Interaction {
    let approver = slack_user();
    Interaction::of(
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
                "value": ButtonToken::issue(&key(KeyPurpose::Slack), &token(), &approver),
                "action_ts": "1790000000.000200",
            }],
        }),
        NOW,
    )
}

/// OAuth code with which an admin's browser comes back from Slack.
pub(crate) const SLACK_CODE: &str = "code.1";

pub(crate) struct ReplayApp {
    pub(crate) cx: Cx,
    pub(crate) engine: Engine,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) calls: Calls,
    pub(crate) sent: Arc<RecordingOutbox>,
    pub(crate) slack: Arc<FakeSlack>,
    pub(crate) files: Arc<RecordingBlobStore>,
    keys: Keys,
}

impl ReplayApp {
    /// Creates an app with a key of each role, the owner's session, Slack, and a key of another tenant.
    pub(crate) async fn new() -> Self {
        let engine = Engine::in_memory().expect("an engine opens in memory");
        let clock = FixedClock::at(NOW);
        let calls = Calls::default();
        let slack = Arc::new(FakeSlack::start().await);
        assert_eq!(slack.issue_code(), SLACK_CODE);
        let files = Arc::<RecordingBlobStore>::default();
        let keys = keys();
        let cx = context(&engine, &clock, &calls, &slack, &files, &keys);
        let app = Self { cx, engine, clock, calls, sent: Arc::default(), slack, files, keys };
        assert!(table::create(&app.engine.client(), TABLE).await.expect("a table can be made"));
        for (role, key) in KEYS {
            app.put_key(key, key_id(role), tenant(), role).await;
        }
        app.put_owner(tenant(), owner(), SESSION).await;
        app.connect_slack().await;
        app.put_key(OTHER_TENANT_KEY, KeyId::new(NOW, [9; 10]), other_tenant(), Role::Admin).await;
        app
    }

    /// Gives the other tenant an owner who is signed in.
    pub(crate) async fn sign_in_other_tenant(&self) {
        let email = EmailAddress::parse("stranger@example.com").expect("an address");
        self.put_owner(other_tenant(), email, OTHER_TENANT_SESSION).await;
    }

    async fn put_owner(&self, tenant: TenantId, email: EmailAddress, session_secret: &str) {
        let stored_tenant = Tenant::new(tenant, "The holder", Tier::Enterprise, NOW);
        let stored_tenant = Tenant { email: Some(email.clone()), ..stored_tenant };
        assert!(self.cx.store.put_tenant(&stored_tenant).await.expect("a tenant can be put"));
        let session = Session { tenant, email, created_at: NOW, expires_at: NOW.plus_ms(SESSION_TTL_MS) };
        assert!(self.cx.store.put_session(&hash_of_key(session_secret), &session).await.expect("a session can be put"));
    }

    pub(crate) fn signed(&self, state: OAuthState) -> String {
        state.sign(&key(KeyPurpose::Slack))
    }

    /// Creates the login that the owner requested.
    pub(crate) async fn create_login(&self) {
        let command = CommandId::new("login", &[]);
        let spec = login::LoginSpec::new(owner(), NOW);
        let (tenant, salt) = (login::tenant(), self.cx.new_record_salt());
        let record = Record::<Login>::create(tenant, login_id(), spec, Actor::Anonymous, command.clone(), NOW, salt);
        create(&self.cx, record, &command).await.expect("a login can be requested");
    }

    /// Simulates the cold start of a function that has only the keys of these settings.
    pub(crate) fn cold_start_as(&mut self, required: &[RequiredSetting]) {
        self.keys = required.iter().fold(Keys::default(), |keys, setting| match setting {
            RequiredSetting::Key(purpose) => keys.with(*purpose, &secret(*purpose)),
            _ => keys,
        });
        self.cold_start();
    }

    /// Simulates a cold start: drops all caches and the recorded calls, and keeps the stored data.
    pub(crate) fn cold_start(&mut self) {
        self.cx = context(&self.engine, &self.clock, &self.calls, &self.slack, &self.files, &self.keys);
        self.calls.take();
        self.files.clear_actions();
    }

    async fn connect_slack(&self) {
        let token = self.slack.issue_bot_token();
        let sealed = seal(&key(KeyPurpose::Slack), &*self.cx.entropy, "slack", &tenant().to_string(), &token);
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
        let key = ApiKey {
            prefix: secret.chars().take(14).collect(),
            role,
            approvers: vec![ApproverPattern::Anyone],
            ..ApiKey::new(id, tenant, format!("refund {}", role.name()), NOW)
        };
        assert!(self.cx.store.put_key(&hash_of_key(secret), &key).await.expect("a key can be put"));
    }

    /// Returns the context of a worker. Its messages and mails are recorded in `sent`.
    pub(crate) fn worker_context(&self) -> WorkerContext {
        let mut worker_context = WorkerContext::new(self.cx.clone(), handrail_kinds::KINDS);
        worker_context.outbox = Some(Arc::clone(&self.sent) as Arc<dyn Outbox>);
        worker_context.mailer = Some(Arc::clone(&self.sent) as Arc<dyn Mailer>);
        worker_context
    }
}

fn context(
    engine: &Engine,
    clock: &Arc<FixedClock>,
    calls: &Calls,
    slack: &FakeSlack,
    files: &Arc<RecordingBlobStore>,
    keys: &Keys,
) -> Cx {
    let client = engine.client_with_http_client(RecordingConnector::around(engine.connector(), calls));
    let settings = Settings {
        table: TABLE.to_owned(),
        keys: keys.clone(),
        origin: Some(ORIGIN.to_owned()),
        address_policy: AddressPolicy::AllowLoopback,
        slack: slack.settings(),
        public_rate_limits: PublicRateLimits::PRODUCTION,
        metrics_network: IpNetwork::parse("203.0.113.0/24"),
    };
    let clock = Arc::clone(clock) as Arc<dyn Clock>;
    let entropy = Arc::new(RepeatingEntropy::from(100));
    Cx::new(Store::new(client, TABLE), clock, entropy, settings)
        .with_process_state(handrail_kinds::KIND_LIST)
        .with_blob_store(Arc::clone(files) as Arc<dyn BlobStore>)
}

/// Outbox and mailer that record messages and mails.
#[derive(Default)]
pub(crate) struct RecordingOutbox {
    messages: Mutex<Vec<Message>>,
    mails: Mutex<Vec<OutgoingMail>>,
}

impl RecordingOutbox {
    pub(crate) fn messages(&self) -> Vec<Message> {
        std::mem::take(&mut *self.messages.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn mails(&self) -> Vec<OutgoingMail> {
        std::mem::take(&mut *self.mails.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Outbox for RecordingOutbox {
    fn send<'a>(&'a self, message: &'a Message, _at: Timestamp) -> BoxFuture<'a, ()> {
        self.messages.lock().unwrap_or_else(PoisonError::into_inner).push(message.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}

impl Mailer for RecordingOutbox {
    fn send<'a>(
        &'a self,
        mail: &'a OutgoingMail,
    ) -> std::pin::Pin<Box<dyn Future<Output = Result<(), MailFault>> + Send + 'a>> {
        self.mails.lock().unwrap_or_else(PoisonError::into_inner).push(mail.clone());
        Box::pin(std::future::ready(Ok(())))
    }
}
