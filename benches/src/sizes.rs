//! Sizes of the Lambda programs, as built and as uploaded. All functions of a crate share one program.

use std::fs;
use std::io::Write;

use flate2::Compression;
use flate2::write::DeflateEncoder;

use crate::build::Build;
use crate::numbers::print_table;

#[derive(clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    build: Build,
    /// Only these crates in `functions/`
    #[arg(long)]
    only: Vec<String>,
}

/// Size of the headers and the end record of a zip with one file named `bootstrap`.
const ZIP_FRAME_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let crates = handrail_runner::BINARIES.map(|(name, operations)| (name, operations.len()));
    let crates = crates.into_iter().chain([("workers", handrail_effects::WORKERS.len())]);
    let is_selected = |name: &str| args.only.is_empty() || args.only.iter().any(|selected| selected == name);
    let programs: Vec<(String, usize)> = crates
        .filter(|(name, _)| is_selected(name))
        .map(|(name, functions)| (format!("handrail-{name}"), functions))
        .collect();
    let names: Vec<&str> = programs.iter().map(|(name, _)| name.as_str()).collect();
    let folder = args.build.programs(&names)?;
    let mut rows = Vec::new();
    for (name, functions) in &programs {
        let program = fs::read(folder.join(name))?;
        rows.push(vec![format!("`{name}`"), functions.to_string(), mb(program.len()), mb(zipped(&program)?)]);
    }
    println!("Profile {}, target {}", args.build.profile, std::env::consts::ARCH);
    print_table(&["program", "functions", "program, MB", "zip, MB"], &rows);
    Ok(())
}

fn zipped(program: &[u8]) -> anyhow::Result<usize> {
    let mut packer = DeflateEncoder::new(Vec::new(), Compression::default());
    packer.write_all(program)?;
    Ok(packer.finish()?.len() + ZIP_FRAME_BYTES)
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn mb(bytes: usize) -> String {
    format!("{:.2}", bytes as f64 / 1e6)
}
