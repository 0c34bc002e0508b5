//! Builds what is measured, so that nobody measures yesterday's program.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, ensure};

#[derive(clap::Args)]
pub(crate) struct Build {
    /// `deploy` is what goes to AWS; it takes minutes for each function
    #[arg(long, default_value = "release")]
    pub(crate) profile: String,
    /// Measure the programs that lie in the target folder, however old they are
    #[arg(long)]
    as_built: bool,
}

impl Build {
    /// Builds with cargo and says in which folder the programs lie. `None`: every program of these packages.
    pub(crate) fn programs(&self, packages: &[&str], only: Option<&[String]>) -> anyhow::Result<PathBuf> {
        if !self.as_built {
            self.build(packages, only)?;
        }
        // Beside the folder of this program.
        Ok(target()?.join(&self.profile))
    }

    fn build(&self, packages: &[&str], only: Option<&[String]>) -> anyhow::Result<()> {
        let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
        cargo.current_dir(crate::root()).args(["build", "--locked", "--quiet", "--profile", &self.profile]);
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

/// The folder that everything is built in, wherever cargo was told to have it.
pub(crate) fn target() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    Ok(this.ancestors().nth(2).context("this program lies in no target folder")?.to_owned())
}
