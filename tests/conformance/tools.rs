//! Emulators, their AWS clients, and fixtures.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_smithy_http_client::tls;
use handrail_context::cx::Cx;
use handrail_context::settings::{PublicRateLimits, Settings};
use handrail_context::slack::SlackSettings;
use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::approvers::AskablePeople;
use handrail_domain::decision::{Act, Choice, Decision, DecisionSpec, NewDecision, Requester, SubmittedAnswer};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::Command;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_secrets::keys::Keys;
use handrail_store::{Store, table};
use handrail_test_app::{CountingEntropy, FixedClock};

pub(crate) const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const TABLE: &str = "handrail";

/// Emulator process, stopped on drop.
pub(crate) struct Emulator {
    child: Child,
    pub url: String,
}

impl Emulator {
    /// Starts an emulator. Panics if it is not installed or does not get ready.
    pub(crate) fn start(name: &str) -> Self {
        tool("local/bin/python");
        let launcher = root().join("tests/tools").join(name);
        let mut child = std::process::Command::new(&launcher)
            .args(["0", "--until-stdin-closes"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.trim().strip_prefix("ready ").and_then(|port| port.parse::<u16>().ok());
        let port = port.unwrap_or_else(|| panic!("{0} did not get ready: run `{0} 0` to see why", launcher.display()));
        Self { child, url: format!("http://127.0.0.1:{port}") }
    }

    /// Returns the SDK configuration with this emulator's endpoint.
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
        // The process may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Returns the path of an outside tool. Panics if it is not installed.
#[track_caller]
pub(crate) fn tool(path: &str) -> PathBuf {
    let Some(folder) = std::env::var_os("HANDRAIL_TOOLS") else {
        panic!("HANDRAIL_TOOLS must name the folder of the outside tools: run ./check")
    };
    let tool = Path::new(&folder).join(path);
    assert!(tool.exists(), "{} is missing: run tests/tools/setup", tool.display());
    tool
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// Creates the table on the emulator and returns a context for it.
pub(crate) async fn context(emulator: &Emulator, clock: Arc<FixedClock>) -> Cx {
    let db = aws_sdk_dynamodb::Client::new(&emulator.sdk_config());
    table::create(&db, TABLE).await.unwrap();
    let settings = Settings {
        table: TABLE.to_owned(),
        keys: Keys::from_master_secret("the master secret of the conformance tests"),
        origin: Some("https://handrail.example".to_owned()),
        address_policy: AddressPolicy::AllowLoopback,
        slack: SlackSettings::default(),
        public_rate_limits: PublicRateLimits::PRODUCTION,
        metrics_network: None,
    };
    Cx::new(Store::new(db, TABLE), clock, Arc::new(CountingEntropy::default()), settings)
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(NOON, [7; 10])
}

/// Returns a new decision, not stored yet, with this context.
pub(crate) fn new_decision(cx: &Cx, context: &str) -> (Record<Decision>, CommandId) {
    new_decision_with_callback(cx, context, None)
}

/// Returns a new decision, not stored yet, with this context and callback URL.
pub(crate) fn new_decision_with_callback(
    cx: &Cx,
    context: &str,
    callback_url: Option<String>,
) -> (Record<Decision>, CommandId) {
    let now = cx.clock.now();
    let key = KeyId::new(NOON, [9; 10]);
    let proposal = NewDecision {
        action: Some("Refund order 1234".to_owned()),
        approver: Some("ann@example.com".to_owned()),
        context: Some(context.to_owned()),
        callback_url,
        ..NewDecision::default()
    };
    let requester = Requester {
        key,
        name: "conformance",
        askable: AskablePeople::Anyone,
        backup: None,
        escalation_stays_pending: false,
        rules: &[],
        trusts_stated_amounts: false,
        slack: false,
        reach: cx.settings.address_policy,
    };
    let spec = DecisionSpec::check(proposal, &requester, now).unwrap();
    let id: RecordId = cx.new_record_id();
    let command = CommandId::new(&id.to_string(), b"");
    let actor = Actor::Key { key, role: Role::Agent };
    (Record::create(tenant(), id, spec, actor, command.clone(), now, cx.new_record_salt()), command)
}

/// Returns an approving answer by an app key, resolved by `name`.
pub(crate) fn approve(name: &str) -> Command<Decision> {
    Command {
        id: CommandId::new(name, b""),
        actor: Actor::Key { key: KeyId::new(NOON, [9; 10]), role: Role::App },
        act: Act::Answer(
            Choice::Approve,
            SubmittedAnswer { resolved_by: Some(name.to_owned()), ..SubmittedAnswer::default() },
        ),
    }
}
