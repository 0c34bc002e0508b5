//! `handrail`: the whole service on one machine, and its command line.

use std::path::PathBuf;

use clap::{Parser, Subcommand};
use handrail_domain::access::Role;
use handrail_domain::account::{PRESETS, Tier};
use handrail_domain::ids::TenantId;
use handrail_domain::text::EmailAddress;
use handrail_kernel::settings::{Limits, Need};
use handrail_kernel::slack::SlackSettings;
use handrail_runner::{LOCAL_EMAIL, Options, Storage, Time, accounts, demo, emulated, start};
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
    /// Play one decision from ask to answer in this terminal: you tap the button
    Demo(Demo),
    /// The table on AWS or on a server that speaks DynamoDB (AWS_ENDPOINT_URL_DYNAMODB)
    Table {
        #[command(subcommand)]
        command: TableCommand,
    },
    /// Accounts in that table: whoever holds one can sign in
    Account {
        #[command(subcommand)]
        command: AccountCommand,
    },
    /// Keys in that table: how an installation gets its first one
    Key {
        #[command(subcommand)]
        command: KeyCommand,
    },
    /// Run the workers from the table's stream, beside `cargo lambda watch`
    Workers {
        /// Where the mailbox page is
        #[arg(long, env = "HANDRAIL_WORKERS_PORT", default_value_t = 8788)]
        port: u16,
    },
}

#[derive(Subcommand)]
enum TableCommand {
    /// Make it if it is not there
    Create {
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(Subcommand)]
enum AccountCommand {
    /// Make an account for the person with this address
    Create {
        #[arg(long, value_parser = email)]
        email: EmailAddress,
        #[arg(long)]
        name: String,
        /// free, pro, scale or enterprise: what it may use in a month and whom it may ask
        #[arg(long, default_value = "enterprise", value_parser = tier)]
        tier: Tier,
        /// The tenant whose keys it gets, such as ten_01J...: a new one when not given
        #[arg(long)]
        tenant: Option<TenantId>,
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(Subcommand)]
enum KeyCommand {
    /// Make a key and print it, this once
    Create {
        /// Approvers see it as the one who asks
        #[arg(long)]
        name: String,
        /// agent asks; app may answer too; admin may also make keys; operator looks after all accounts and reads none
        #[arg(long, default_value = "admin", value_parser = role)]
        role: Role,
        /// The account that it belongs to, such as ten_01J...: a new one when not given
        #[arg(long)]
        tenant: Option<TenantId>,
        #[arg(long, env = "HANDRAIL_TABLE", default_value = "handrail")]
        table: String,
    },
}

#[derive(clap::Args)]
struct Serve {
    #[arg(long, env = "HANDRAIL_PORT", default_value_t = 8787)]
    port: u16,
    /// The folder that keeps everything
    #[arg(long, env = "HANDRAIL_DATA", default_value = "./.handrail")]
    data: PathBuf,
    /// The admin key: made once, kept and printed when not given
    #[arg(long, env = "HANDRAIL_KEY", hide_env_values = true)]
    key: Option<String>,
}

#[derive(clap::Args)]
struct Demo {
    /// Any free port when not given
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Tap this button yourself instead of waiting for the reader
    #[arg(long, value_parser = ["approve", "deny"])]
    tap: Option<String>,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let cli = Cli::parse();
    let quiet = matches!(cli.command, Some(Command::Demo(_)));
    let default = if quiet { "error" } else { "info" };
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| default.into());
    tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).init();
    match cli.command {
        None => serve(cli.serve).await,
        Some(Command::Serve(options)) => serve(options).await,
        Some(Command::Demo(options)) => demo::play(options.port, options.tap.as_deref()).await,
        Some(Command::Table { command: TableCommand::Create { table } }) => {
            let made = emulated::create_table(&table).await?;
            println!(
                "{}",
                if made { format!("Made the table {table}.") } else { format!("The table {table} was there already.") }
            );
            Ok(())
        }
        Some(Command::Account { command: AccountCommand::Create { email, name, tier, tenant, table } }) => {
            let store = emulated::store_of(&table).await;
            let made = accounts::create_account(&store, email.clone(), &name, tier, tenant).await?;
            eprintln!("Made the {} account of {email}. Its tenant:", made.tier.name());
            println!("{}", made.tenant);
            Ok(())
        }
        Some(Command::Key { command: KeyCommand::Create { name, role, tenant, table } }) => {
            let made = accounts::create_key(&emulated::store_of(&table).await, &name, role, tenant).await?;
            // The key alone on standard output, so that a shell can take it.
            eprintln!(
                "Made the {} key {} of the account {}. It is shown this once:",
                role.name(),
                made.id,
                made.tenant
            );
            println!("{}", made.secret);
            Ok(())
        }
        Some(Command::Workers { port }) => emulated::workers(port).await,
    }
}

fn email(text: &str) -> Result<EmailAddress, String> {
    EmailAddress::parse(text).map_err(|fault| fault.to_string())
}

fn tier(name: &str) -> Result<Tier, String> {
    Tier::from_name(name).ok_or_else(|| format!("is none of {}", PRESETS.map(|preset| preset.name).join(", ")))
}

fn role(name: &str) -> Result<Role, String> {
    Role::from_name(name).ok_or_else(|| format!("is none of {}", Role::ALL.map(Role::name).join(", ")))
}

async fn serve(options: Serve) -> anyhow::Result<()> {
    let given = options.key.is_some();
    if let Some(key) = &options.key {
        check_key(key)?;
    }
    let storage = Storage::Folder(options.data.clone());
    let slack = SlackSettings::read(&Need::SLACK, &|name| std::env::var(name).ok());
    let running = start(Options {
        port: options.port,
        storage,
        key: options.key,
        time: Time::Running,
        slack,
        limits: Limits::OF_ONE_MACHINE,
    })
    .await?;
    let (origin, operator, data) = (&running.origin, &running.operator, options.data.display());
    let key = if given { "(the one you gave)" } else { &running.key };
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
        demo::curl_line(origin, &running.key)
    );
    tokio::signal::ctrl_c().await?;
    running.stop().await;
    Ok(())
}

/// A key goes into a header, and a short one can be guessed.
fn check_key(key: &str) -> anyhow::Result<()> {
    let fits = (16..=200).contains(&key.len()) && key.chars().all(|c| c.is_ascii_graphic());
    anyhow::ensure!(fits, "HANDRAIL_KEY must be 16 to 200 printable ASCII characters without spaces");
    Ok(())
}
