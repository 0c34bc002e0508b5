//! Builds the measured programs, so that they are current.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

#[derive(clap::Args)]
pub(crate) struct Build {
    /// `deploy` is what goes to AWS; it takes minutes for each function
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
    /// Measure the programs in the target folder without building them
    #[arg(long)]
    as_built: bool,
}

impl Build {
    /// Builds the programs and returns their folder. `only` selects programs; `None` builds all of these packages.
    pub(crate) fn programs(&self, packages: &[&str], only: Option<&[String]>) -> anyhow::Result<PathBuf> {
        if !self.as_built {
            self.build(packages, only)?;
        }
        // Profiles are sibling folders in the target folder.
        Ok(target()?.join(&self.profile))
    }

    fn build(&self, packages: &[&str], only: Option<&[String]>) -> anyhow::Result<()> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(root()).args(["build", "--locked", "--quiet", "--profile", &self.profile]);
        for package in packages {
            cargo.args(["--package", package]);
        }
        match only {
            Some(names) => names.iter().for_each(|name| {
                cargo.args(["--bin", name]);
            }),
            None => {
                cargo.arg("--bins");
            }
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
