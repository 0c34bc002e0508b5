//! Reproduces the tables of docs/performance.md, one command each, on this machine and on loopback.
//!
//! Absolute times depend on the machine, so each command also measures a baseline in the same minute and prints the
//! ratio.

mod build;
mod cold_start;
mod fake_aws;
mod numbers;
mod packets;
mod process;
mod round_trips;
mod service;
mod sizes;
mod slow_webhooks;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Handrail; see docs/performance.md")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Requests per second, latency, memory and start of the local server
    Service(service::Args),
    /// Packets created and claimed, and lists of many packets
    Packets(packets::Args),
    /// Deliveries of a healthy webhook beside webhooks that hang
    Webhooks(slow_webhooks::Args),
    /// Calls to DynamoDB that each operation and each worker makes
    RoundTrips,
    /// Sizes of the functions
    Sizes(sizes::Args),
    /// Start of a function's process, and its first events
    ColdStart(cold_start::Args),
    /// Baseline process of `cold-start`
    #[command(hide = true)]
    Nothing,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Service(args) => service::run(&args).await,
        Command::Packets(args) => packets::run(&args).await,
        Command::Webhooks(args) => slow_webhooks::run(&args).await,
        Command::RoundTrips => round_trips::run().await,
        Command::Sizes(args) => sizes::run(&args),
        Command::ColdStart(args) => cold_start::run(&args).await,
        Command::Nothing => cold_start::ask_once(),
    }
}
