//! Builds the measured programs, so that they are current.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

#[derive(clap::Args)]
pub(crate) struct Build {
    /// `deploy` makes the smallest programs; it takes a minute or more for each
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
    /// Measure the programs in the target folder without building them
    #[arg(long)]
    as_built: bool,
}

impl Build {
    /// Builds the programs of these packages and returns their folder.
    pub(crate) fn programs(&self, packages: &[&str]) -> anyhow::Result<PathBuf> {
        if !self.as_built {
            self.build(packages)?;
        }
        // Profiles are sibling folders in the target folder.
        Ok(target()?.join(&self.profile))
    }

    fn build(&self, packages: &[&str]) -> anyhow::Result<()> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["build", "--locked", "--quiet", "--bins", "--profile", &self.profile]);
        for package in packages {
            cargo.args(["--package", package]);
        }
        ensure!(cargo.status().context("could not run cargo")?.success(), "cargo build failed");
        Ok(())
    }
}

/// Returns cargo's target folder.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.ancestors().nth(2).context("this program is not in a target folder")?.to_owned())
}

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}
