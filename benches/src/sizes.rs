//! Sizes of the functions, as built and as uploaded.

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
    /// Only these functions
    #[arg(long)]
    only: Vec<String>,
}

/// Size of the headers and the end record of a zip with one file named `bootstrap`.
const ZIP_FRAME_BYTES: usize = 30 + 46 + 22 + 2 * "bootstrap".len();

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let only = (!args.only.is_empty()).then_some(args.only.as_slice());
    let folder = args.build.programs(&["handrail-decisions", "handrail-workers"], only)?;
    let mut rows = Vec::new();
    for name in functions().filter(|name| only.is_none_or(|only| only.iter().any(|selected| selected == name))) {
        let program = fs::read(folder.join(name))?;
        rows.push(vec![format!("`{name}`"), mb(program.len()), mb(zipped(&program)?)]);
    }
    println!("Profile {}, target {}", args.build.profile, std::env::consts::ARCH);
    print_table(&["function", "program, MB", "zip, MB"], &rows);
    Ok(())
}

fn functions() -> impl Iterator<Item = &'static str> {
    let operations = handrail_runner::endpoints().into_iter().map(|endpoint| endpoint.function);
    operations.chain(handrail_workers::WORKERS.iter().map(|worker| worker.function))
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
