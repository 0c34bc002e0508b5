//! Makes the numbers of docs/performance.md again, a command for each table. Everything runs on this machine, on loopback,
//! and ends by itself.
//!
//! Absolute times say as much about the machine and its neighbours as about Handrail; what each command puts beside them is
//! something bare that was measured in the same minute, and the ratio of the two.

mod build;
mod cold_start;
mod numbers;
mod packets;
mod process;
mod round_trips;
mod service;
mod sizes;
mod stand_in;

use std::path::PathBuf;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(about = "Measures Handrail; see docs/performance.md")]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Requests per second, latency, memory and start of the laptop's program
    Service(service::Plan),
    /// Packets handed over, and lists of very many
    Packets(packets::Plan),
    /// Calls to DynamoDB that each operation and each worker makes
    RoundTrips,
    /// How large the functions are
    Sizes(sizes::Plan),
    /// From the start of a function's process to its first event, and through its first events
    ColdStart(cold_start::Plan),
    /// The least that a function's process can do: what `cold-start` compares with
    #[command(hide = true)]
    Nothing,
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    match Cli::parse().command {
        Command::Service(plan) => service::run(&plan).await,
        Command::Packets(plan) => packets::run(&plan).await,
        Command::RoundTrips => round_trips::run().await,
        Command::Sizes(plan) => sizes::run(&plan),
        Command::ColdStart(plan) => cold_start::run(&plan).await,
        Command::Nothing => cold_start::ask_once(),
    }
}

/// The root of the repository.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
