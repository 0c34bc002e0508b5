//! Starts the parts, and the AWS clients that talk to them.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls;
use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{Act, Ask, Asker, Choice, Decision, Given, Proposal};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::Reach;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_kernel::clock::{Clock, Entropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::master::MasterKey;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Store, table};

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const TABLE: &str = "handrail";

/// A part that runs as long as this lives.
pub(crate) struct Emulator {
    child: Child,
    pub url: String,
}

impl Emulator {
    /// `None`: there are no tools, and the test is left out.
    pub(crate) fn start(name: &str) -> Option<Self> {
        if tools().is_none() {
            eprintln!("left out: HANDRAIL_TOOLS does not say where {name} is");
            return None;
        }
        let launcher = root().join("tests/tools").join(name);
        let mut child = std::process::Command::new(launcher)
            .args(["0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port: u16 = line.trim().strip_prefix("ready ").unwrap().parse().unwrap();
        Some(Self { child, url: format!("http://127.0.0.1:{port}") })
    }

    /// What every AWS client of the service is made from, pointed at this part.
    pub(crate) fn sdk_config(&self) -> SdkConfig {
        sdk_config_of(&self.url)
    }
}

pub(crate) fn sdk_config_of(url: &str) -> SdkConfig {
    let http = aws_smithy_http_client::Builder::new()
        .tls_provider(tls::Provider::Rustls(tls::rustls_provider::CryptoMode::Ring))
        .build_https();
    let credentials = aws_sdk_dynamodb::config::Credentials::new("local", "local", None, None, "tests");
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(credentials))
        .http_client(http)
        .endpoint_url(url)
        .build()
}

impl Drop for Emulator {
    fn drop(&mut self) {
        // Ours, by its id; it may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub(crate) fn tools() -> Option<PathBuf> {
    std::env::var_os("HANDRAIL_TOOLS").map(PathBuf::from)
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Moved by the test alone.
pub(crate) struct TestClock(AtomicI64);

impl TestClock {
    pub(crate) fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at.as_unix_ms())))
    }

    pub(crate) fn set(&self, at: Timestamp) {
        self.0.store(at.as_unix_ms(), Ordering::SeqCst);
    }
}

impl Clock for TestClock {
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

/// A context on the table of a part.
pub(crate) async fn context(part: &Emulator, clock: Arc<TestClock>) -> Cx {
    let db = aws_sdk_dynamodb::Client::new(&part.sdk_config());
    table::create(&db, TABLE).await.unwrap();
    let settings = Settings {
        table: TABLE.to_owned(),
        master_key: Some(MasterKey::new("the master secret of the conformance tests")),
        origin: Some("https://handrail.example".to_owned()),
        reach: Reach::LoopbackToo,
        slack: SlackSettings::default(),
        limits: Limits::PUBLISHED,
    };
    Cx::new(Store::new(db, TABLE), clock, Arc::new(Counting(AtomicU64::new(1))), settings)
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [7; 10])
}

/// A decision that was asked now; `context` makes it as large as one likes.
pub(crate) fn asked(cx: &Cx, context: &str) -> (Record<Decision>, CommandId) {
    asked_to(cx, context, None)
}

/// The same, to be told to an address.
pub(crate) fn asked_to(cx: &Cx, context: &str, callback_url: Option<String>) -> (Record<Decision>, CommandId) {
    let now = cx.clock.now();
    let key = KeyId::new(NOON, [9; 10]);
    let proposal = Proposal {
        action: Some("Refund order 1234".to_owned()),
        approver: Some("ann@example.com".to_owned()),
        context: Some(context.to_owned()),
        callback_url,
        ..Proposal::default()
    };
    let asker = Asker {
        key,
        name: "conformance",
        approvers: &[],
        backup: None,
        escalation_stays_pending: false,
        rules: &[],
        slack: false,
        reach: cx.settings.reach,
    };
    let ask = Ask::check(proposal, &asker, now).unwrap();
    let id: RecordId = cx.new_record_id();
    let command = CommandId::new(&id.to_string(), b"");
    let by = Actor::Key { key, role: Role::Agent };
    (Record::open(tenant(), id, ask, by, command.clone(), now), command)
}

/// An approval by a program, in somebody's name.
pub(crate) fn approve(name: &str) -> Command<Decision> {
    Command {
        id: CommandId::new(name, b""),
        actor: Actor::Key { key: KeyId::new(NOON, [9; 10]), role: Role::App },
        act: Act::Answer(Choice::Approve, Given { resolved_by: Some(name.to_owned()), ..Given::default() }),
    }
}
