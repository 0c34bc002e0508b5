//! `handrail`: the whole service on one machine, with its command line.

use std::io::IsTerminal;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Parser, Subcommand};
use handrail_context::settings::{PublicRateLimits, RequiredSetting, is_origin, read_slack};
use handrail_domain::access::Role;
use handrail_domain::account::{TIERS, Tier};
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::ids::TenantId;
use handrail_domain::ip_network::IpNetwork;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::text::EmailAddress;
use handrail_platform::clock::{Clock, SystemClock};
use handrail_runner::cors::CorsOrigins;
use handrail_runner::{ClockMode, LOCAL_EMAIL, Listen, Options, Running, Storage};
use handrail_runner::{accounts, audit, demo, external_dynamodb, health, receipt, start};
use handrail_secrets::signed_note::NoteKey;
use handrail_sender::CallLimits;
use tracing_subscriber::EnvFilter;

#[derive(Parser)]
#[command(
    version,
    about = "The desk where AI agents hand work to people and to each other, and get it back exactly once"
)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    serve: Serve,
}

#[derive(Subcommand)]
enum Command {
    /// Run the service on this machine (what `handrail` does without a command)
    Serve(Serve),
    /// Show one decision from request to answer in this terminal: you click the button
    Demo(Demo),
    /// Ask the service on this machine whether it and its data respond; the exit status is 0 if they do
    Health(Address),
    /// Manage the table on AWS or on a DynamoDB-compatible server (AWS_ENDPOINT_URL_DYNAMODB)
    Table {
        #[command(subcommand)]
        command: TableCommand,
    },
    /// Manage accounts in that table; their owners can sign in
    Account {
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Manage API keys in that table, for example the first one of an installation
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Check an exported journal, without the service that made it
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Check a receipt, without the service that signed it; the exit status is 0 only for an approval that counts now
    VerifyReceipt(VerifyReceipt),
    /// Run the workers from the table's stream, beside `cargo lambda watch`
    Workers {
        /// Port of the mailbox page
        #[arg(long, env = "HANDRAIL_WORKERS_PORT", default_value_t = 8788)]
        port: u16,
    },
}

#[derive(Subcommand)]
enum TableCommand {
    /// Create the table if it does not exist
    Create {
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Create an account for the person with this email address
    Create {
        #[arg(long, value_parser = email)]
        email: EmailAddress,
        #[arg(long)]
        name: String,
        /// Tier with its limits: free, pro, scale or enterprise
        #[arg(long, default_value = "enterprise", value_parser = tier)]
        tier: Tier,
        /// Tenant with existing keys, such as ten_01J...; a new one by default
        #[arg(long)]
        tenant: Option<TenantId>,
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Create an API key and print it once
    Create {
        /// Name of the requester that approvers see
        #[arg(long)]
        name: String,
        /// agent creates decisions; app may answer too; admin may also create keys; operator manages all accounts
        #[arg(long, default_value = "admin", value_parser = role)]
        role: Role,
        /// Tenant of the key, such as ten_01J...; a new one by default
        #[arg(long)]
        tenant: Option<TenantId>,
        /// Whom the key may ask: an address, *@example.com, or * for anyone; several by repeating the option. Without it
        /// agents may ask the account's owner, apps and admins anyone
        #[arg(long = "approver", value_parser = approver)]
        approvers: Vec<ApproverPattern>,
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(Subcommand)]
enum AuditCommand {
    /// Check that an export has every row that a checkpoint covers, unchanged and in order
    Verify {
        /// File from GET /audit/export, as JSON lines or CSV; several parts one after the other
        export: PathBuf,
        /// File from GET /audit/checkpoint
        #[arg(long)]
        checkpoint: PathBuf,
        /// Earlier checkpoint: shows that nothing before it has changed
        #[arg(long)]
        previous: Option<PathBuf>,
        /// Key of the checkpoints, from GET /audit/key; several by repeating the option
        #[arg(long = "key", value_parser = note_key)]
        keys: Vec<NoteKey>,
    },
}

#[derive(clap::Args)]
struct VerifyReceipt {
    /// File with a receipt: its text, the response that contains it, or the body of a callback
    file: PathBuf,
    /// File or URL of the keys, from GET /.well-known/jwks.json of the service that you trust; by default those of the data
    /// folder
    #[arg(long, env = "HANDRAIL_JWKS")]
    jwks: Option<String>,
    /// Text of the action that must have been approved
    #[arg(long)]
    action: Option<String>,
    /// Tool that must have been approved
    #[arg(long, requires = "action")]
    tool: Option<String>,
    /// File with the JSON object of the arguments that must have been approved
    #[arg(long, requires = "action")]
    arguments: Option<PathBuf>,
    /// Data folder of a service on this machine
    #[arg(long, env = "HANDRAIL_DATA", default_value = "./.handrail")]
    data: PathBuf,
}

#[derive(clap::Args)]
struct Address {
    #[arg(long, env = "HANDRAIL_PORT", default_value_t = 8787)]
    port: u16,
    /// Address to listen on: this machine alone, unless another is named. 0.0.0.0 lets other machines connect
    #[arg(long, env = "HANDRAIL_LISTEN", default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST))]
    listen: IpAddr,
}

#[derive(clap::Args)]
struct Serve {
    #[command(flatten)]
    address: Address,
    /// Origin of the links in mails, such as https://handrail.example.com; by default the address on this machine
    #[arg(long, env = "HANDRAIL_ORIGIN", value_parser = origin)]
    origin: Option<String>,
    /// Data folder
    #[arg(long, env = "HANDRAIL_DATA", default_value = "./.handrail")]
    data: PathBuf,
    /// Admin key; by default one is generated, stored and printed
    #[arg(long, env = "HANDRAIL_KEY", hide_env_values = true)]
    key: Option<String>,
    /// Network that reads /metrics without a key, such as 127.0.0.0/8; none by default
    #[arg(long, env = "HANDRAIL_METRICS_NETWORK", value_parser = network)]
    metrics_network: Option<IpNetwork>,
    /// Hosts in private networks that callbacks and webhooks may reach, separated by commas
    #[arg(long, env = "HANDRAIL_WEBHOOK_HOSTS")]
    webhook_hosts: Option<String>,
    /// Origins whose pages may call the API, separated by commas; * for all
    #[arg(long, env = "HANDRAIL_CORS_ORIGINS", default_value = "*", value_parser = cors_origins)]
    cors_origins: CorsOrigins,
}

#[derive(clap::Args)]
struct Demo {
    /// Port to listen on; 0 for any free port
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Click this button automatically instead of waiting for the reader
    #[arg(long, value_parser = ["approve", "deny"])]
    tap: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let is_demo = matches!(cli.command, Some(Command::Demo(_)));
    let default = if is_demo { "error" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    let colours = std::io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_ansi(colours).init();
    match cli.command {
        None => serve(cli.serve).await,
        Some(Command::Serve(options)) => serve(options).await,
        Some(Command::Demo(options)) => demo::play(options.port, options.tap.as_deref()).await,
        Some(Command::Health(Address { listen, port })) => health::check(listen, port).await,
        Some(Command::Table { command: TableCommand::Create { table } }) => {
            let made = external_dynamodb::create_table(&table).await?;
            println!(
                "{}",
                if made { format!("Made the table {table}.") } else { format!("The table {table} was there already.") }
            );
            Ok(())
        }
        Some(Command::Account { command: AccountCommand::Create { email, name, tier, tenant, table } }) => {
            let store = external_dynamodb::open_store(&table).await;
            let made = accounts::create_account(&store, email.clone(), &name, tier, tenant).await?;
            eprintln!("Made the {} account of {email}. Its tenant:", made.tier.name());
            println!("{}", made.tenant);
            Ok(())
        }
        Some(Command::Key { command: KeyCommand::Create { name, role, tenant, approvers, table } }) => {
            let store = external_dynamodb::open_store(&table).await;
            let made = accounts::create_key(&store, &name, role, tenant, approvers).await?;
            // Only the key goes to standard output, so that a shell can capture it.
            eprintln!(
                "Made the {} key {} of the account {}. It is shown this once:",
                role.name(),
                made.id,
                made.tenant
            );
            println!("{}", made.secret);
            Ok(())
        }
        Some(Command::Audit { command: AuditCommand::Verify { export, checkpoint, previous, keys } }) => {
            println!("{}", audit::verify(&export, &checkpoint, previous.as_deref(), &keys)?);
            Ok(())
        }
        Some(Command::VerifyReceipt(options)) => {
            println!("{}", verify_receipt(options).await?);
            Ok(())
        }
        Some(Command::Workers { port }) => run_workers(port).await,
    }
}

async fn verify_receipt(options: VerifyReceipt) -> anyhow::Result<receipt::Proof> {
    let VerifyReceipt { file, jwks, action, tool, arguments, data } = options;
    let keys = receipt::read_keys(jwks.as_deref(), &data).await?;
    let expected = match action {
        Some(action) => Some(receipt::ExpectedAction::read(action, tool.as_deref(), arguments.as_deref())?),
        None => None,
    };
    receipt::verify(&file, &keys, expected.as_ref(), SystemClock.now())
}

#[cfg(feature = "external-table")]
async fn run_workers(port: u16) -> anyhow::Result<()> {
    handrail_runner::external_workers::run(port).await
}

#[cfg(not(feature = "external-table"))]
#[expect(clippy::unused_async, reason = "the build with the feature waits for the workers")]
async fn run_workers(_port: u16) -> anyhow::Result<()> {
    anyhow::bail!("this build has no clients for another server. Build with: --features external-table")
}

fn email(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).map_err(|fault| fault.to_string())
}

fn approver(text: &str) -> Result<ApproverPattern, String> {
    ApproverPattern::parse(text).map_err(|fault| fault.to_string())
}

fn tier(name: &str) -> Result<Tier, String> {
    Tier::from_name(name).ok_or_else(|| format!("is none of {}", TIERS.map(|preset| preset.name).join(", ")))
}

fn note_key(text: &str) -> Result<NoteKey, String> {
    NoteKey::parse(text).ok_or_else(|| "is not a key such as GET /audit/key returns".to_owned())
}

fn network(text: &str) -> Result<IpNetwork, String> {
    IpNetwork::parse(text).ok_or_else(|| "is not a network such as 127.0.0.0/8".to_owned())
}

fn origin(text: &str) -> Result<String, String> {
    let origin = is_origin(text).then(|| text.trim_end_matches('/').to_owned());
    origin.ok_or_else(|| "is not an http(s) origin such as https://handrail.example.com".to_owned())
}

/// Returns the addresses that callbacks and webhooks may reach: programs on this machine only if nobody else uses it.
fn address_policy(listen: &Listen, webhook_hosts: Option<&str>) -> anyhow::Result<AddressPolicy> {
    let policy = if listen.is_open() { AddressPolicy::PublicOnly } else { AddressPolicy::AllowLoopback };
    let Some(list) = webhook_hosts.filter(|list| !list.is_empty()) else { return Ok(policy) };
    let listed = policy.with_hosts(list);
    listed.context("HANDRAIL_WEBHOOK_HOSTS is not a list of hosts such as hooks.internal,10.0.0.7")
}

fn cors_origins(text: &str) -> Result<CorsOrigins, String> {
    CorsOrigins::parse(text)
}

fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| format!("is none of {}", Role::ALL.map(Role::name).join(", ")))
}

async fn serve(options: Serve) -> anyhow::Result<()> {
    let has_own_key = options.key.is_some();
    if let Some(key) = &options.key {
        check_key(key)?;
    }
    let storage = Storage::Folder(options.data.clone());
    let slack = read_slack(&RequiredSetting::SLACK, &|name| std::env::var(name).ok());
    let listen = Listen { address: options.address.listen, port: options.address.port, origin: options.origin };
    let address_policy = address_policy(&listen, options.webhook_hosts.as_deref())?;
    let is_open = listen.is_open();
    let running = start(Options {
        listen,
        storage,
        key: options.key,
        time: ClockMode::Running,
        slack,
        limits: PublicRateLimits::LOCAL,
        call_limits: CallLimits::default(),
        metrics_network: options.metrics_network,
        address_policy,
        cors_origins: options.cors_origins,
    })
    .await?;
    if is_open {
        print_open_service(&running, &options.data, has_own_key);
    } else {
        print_local_service(&running, &options.data, has_own_key, address_policy);
    }
    stop_requested().await?;
    running.stop().await;
    Ok(())
}

fn print_local_service(running: &Running, data: &Path, has_own_key: bool, address_policy: AddressPolicy) {
    let (origin, operator, data) = (&running.origin, &running.operator, data.display());
    let key = if has_own_key { "(the one you gave)" } else { &running.key };
    println!(
        "Handrail runs at {origin}\n\
         \n\
         Admin key   {key}\n\
         Operator    {operator}\n\
         Account     {origin}/account  (sign in as {LOCAL_EMAIL})\n\
         Mailbox     {origin}/local/mail\n\
         Webhooks    {origin}/local/hooks\n\
         Data        {data}\n\
         \n\
         Try it: ask for an approval,\n\
         \n  {}\n\
         \n\
         then open the mailbox, follow the link and tap Approve. Ctrl-C stops.",
        demo::curl_line(origin, &running.key, address_policy)
    );
}

/// Prints no secrets: the output of a service that others reach is usually kept and read by others.
fn print_open_service(running: &Running, data: &Path, has_own_key: bool) {
    let (origin, address, data) = (&running.origin, running.address, data.display());
    let key = if has_own_key { "the one you gave".to_owned() } else { format!("in {data}/admin.key") };
    println!(
        "Handrail runs at {origin}\n\
         \n\
         Listens on {address}. Whoever reaches that address can open the approvers' pages by their links, sign in by mail,\n\
         and use the API with a key. {origin}/local/mail, with all mails, asks other machines for an admin key.\n\
         There is no TLS here: put a proxy with TLS in front, or publish the port on this machine alone.\n\
         \n\
         Admin key   {key}\n\
         Operator    in {data}/operator.key\n\
         Account     {origin}/account  (sign in as {LOCAL_EMAIL})\n\
         Data        {data}"
    );
}

/// Waits for Ctrl-C, or for the signal by which a service manager or a container engine stops a program.
async fn stop_requested() -> anyhow::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result?,
            _ = terminate.recv() => {}
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await?;
    Ok(())
}

/// Checks that the admin key fits into a header and is long enough not to be guessed.
fn check_key(key: &str) -> anyhow::Result<()> {
    let is_valid = (16..=200).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    anyhow::ensure!(is_valid, "HANDRAIL_KEY must be 16 to 200 printable ASCII characters without spaces");
    Ok(())
}
