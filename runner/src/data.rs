//! Data folder: database, files, secrets, and a lock that admits one process.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use handrail_platform::clock::Entropy;
use handrail_secrets::purpose_key::new_api_key;

/// Name of the table in the embedded engine. On AWS the template names the table.
pub const TABLE: &str = "handrail";

/// File of the master secret in the data folder.
const MASTER_SECRET: &str = "master.key";

pub struct DataDir {
    path: PathBuf,
    /// Held until the process ends; the system releases it even after a kill.
    _lock: File,
}

impl DataDir {
    pub fn open(path: &Path) -> anyhow::Result<Self> {
        create_private_folder(path).with_context(|| format!("could not create the data folder {}", path.display()))?;
        let lock_path = path.join("lock");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .with_context(|| format!("could not open {}", lock_path.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { path: path.to_owned(), _lock: lock }),
            Err(TryLockError::WouldBlock) => {
                bail!("another Handrail works on {}: stop it, or set HANDRAIL_DATA to another folder", path.display())
            }
            Err(TryLockError::Error(error)) => Err(error).context("could not lock the data folder"),
        }
    }

    pub fn database(&self) -> PathBuf {
        self.path.join("handrail.db")
    }

    pub fn files(&self) -> PathBuf {
        self.path.join("files")
    }

    /// Returns the master secret of a data folder, which a service may have open. `None` if the folder has none.
    pub fn master_secret_of(path: &Path) -> anyhow::Result<Option<String>> {
        let path = path.join(MASTER_SECRET);
        match fs::read_to_string(&path) {
            Ok(secret) => Ok(Some(secret.trim().to_owned()).filter(|secret| !secret.is_empty())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("could not read {}", path.display())),
        }
    }

    /// Returns the master secret, from which link signatures and webhook secrets are derived. Creates it once.
    pub fn master_secret(&self, entropy: &dyn Entropy) -> anyhow::Result<String> {
        self.secret(MASTER_SECRET, entropy)
    }

    /// Returns the admin key for starts without `HANDRAIL_KEY`. Creates it once.
    pub fn admin_key(&self, entropy: &dyn Entropy) -> anyhow::Result<String> {
        self.secret("admin.key", entropy)
    }

    /// Returns the operator key. Creates it once.
    pub fn operator_key(&self, entropy: &dyn Entropy) -> anyhow::Result<String> {
        self.secret("operator.key", entropy)
    }

    fn secret(&self, name: &str, entropy: &dyn Entropy) -> anyhow::Result<String> {
        let path = self.path.join(name);
        match fs::read_to_string(&path) {
            Ok(secret) if !secret.trim().is_empty() => return Ok(secret.trim().to_owned()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("could not read {}", path.display())),
        }
        let secret = new_api_key(entropy.bytes());
        write_private(&path, &secret).with_context(|| format!("could not write {}", path.display()))?;
        Ok(secret)
    }
}

/// Creates a folder, if it does not exist, that only its owner can open: it will hold mails with their links, and keys.
fn create_private_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Writes a file that only its owner can read, by renaming a complete temporary file.
fn write_private(path: &Path, secret: &str) -> std::io::Result<()> {
    let temporary = path.with_extension("new");
    let mut options = OpenOptions::new();
    options.create(true).truncate(true).write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&temporary)?;
    file.write_all(secret.as_bytes())?;
    file.sync_all()?;
    fs::rename(&temporary, path)
}
