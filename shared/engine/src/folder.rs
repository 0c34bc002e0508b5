//! Files in a folder, where AWS has a bucket.
//!
//! ```text
//! part/   being written; worth nothing
//! lent/   whole; goes away unless somebody keeps it
//! kept/   stays
//! ```
//!
//! A file becomes visible whole or not at all: it is written aside, synced, renamed, and the folder is synced. Names are
//! made here from ids and never from what a client says. One process owns the folder, as it owns the database beside it.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use handrail_domain::file::FILE_BYTES_MAX;
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::{BlobKey, Blobs, HandedOut, Invitation, Shown};
use handrail_kernel::door::Awaited;
use handrail_kernel::fault::Fault;

/// As many files of the largest size as a record may have, and the form around them.
const REQUEST_BYTES_MAX: usize = 5 * FILE_BYTES_MAX + 64 * 1024;

/// Says where a client may put a file itself: the runner knows, which serves that address.
pub type Inviter = Arc<dyn Fn(&BlobKey, u64, Timestamp) -> Result<Invitation, Fault> + Send + Sync>;

#[derive(Clone)]
pub struct Folder(Arc<Parts>);

struct Parts {
    path: PathBuf,
    inviter: Inviter,
    written: AtomicU64,
    /// Between the look whether a name is free and the taking of it.
    taking: Mutex<()>,
}

impl Folder {
    pub fn open(path: &Path, inviter: Inviter) -> std::io::Result<Self> {
        for folder in ["part", "lent", "kept"] {
            fs::create_dir_all(path.join(folder))?;
        }
        sync_folder(path)?;
        let parts = Parts { path: path.to_owned(), inviter, written: AtomicU64::new(0), taking: Mutex::new(()) };
        Ok(Self(Arc::new(parts)))
    }

    /// `false`: something lies under that name already, and stays as it is.
    pub async fn put_once(&self, key: &BlobKey, bytes: Bytes) -> Result<bool, Fault> {
        let (folder, key) = (self.clone(), *key);
        blocking("keep a file", move || folder.0.put(&key, &bytes)).await
    }

    /// Removes what was lent before `before` and nobody kept, and what was left half written. Returns how many.
    pub async fn remove_lent(&self, before: SystemTime) -> Result<usize, Fault> {
        let folder = self.clone();
        blocking("remove old files", move || folder.0.remove_lent(before)).await
    }
}

impl Parts {
    fn at(&self, folder: &str, key: &BlobKey) -> PathBuf {
        self.path.join(folder).join(format!("{}.{}.{}", key.tenant, key.record, key.id))
    }

    fn put(&self, key: &BlobKey, bytes: &[u8]) -> std::io::Result<bool> {
        let number = self.written.fetch_add(1, Ordering::Relaxed);
        let aside = self.path.join("part").join(format!("{}.{}.{number}", key.id, std::process::id()));
        let mut file = File::create(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let taking = self.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if self.at("lent", key).exists() || self.at("kept", key).exists() {
            fs::remove_file(&aside)?;
            return Ok(false);
        }
        fs::rename(&aside, self.at("lent", key))?;
        drop(taking);
        sync_folder(&self.path.join("lent"))?;
        Ok(true)
    }

    /// It moves once in its life, from the second of these to the first: whoever misses it in both looks into the first again.
    fn read(&self, key: &BlobKey, bytes_max: usize) -> std::io::Result<Option<Bytes>> {
        for folder in ["kept", "lent", "kept"] {
            let path = self.at(folder, key);
            match fs::metadata(&path) {
                Ok(found) if found.len() > bytes_max as u64 => {
                    return Err(std::io::Error::new(ErrorKind::FileTooLarge, "a file is larger than was let in"));
                }
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => return Err(error),
            }
            match fs::read(&path) {
                Ok(bytes) => return Ok(Some(bytes.into())),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => return Err(error),
            }
        }
        Ok(None)
    }

    fn keep(&self, key: &BlobKey) -> std::io::Result<()> {
        match fs::rename(self.at("lent", key), self.at("kept", key)) {
            Ok(()) => {
                sync_folder(&self.path.join("kept"))?;
                sync_folder(&self.path.join("lent"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove_lent(&self, before: SystemTime) -> std::io::Result<usize> {
        let mut removed = 0;
        for folder in ["part", "lent"] {
            for entry in fs::read_dir(self.path.join(folder))? {
                let entry = entry?;
                if entry.metadata()?.modified()? < before {
                    fs::remove_file(entry.path())?;
                    removed += 1;
                }
            }
        }
        Ok(removed)
    }
}

impl Blobs for Folder {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> Awaited<'a, ()> {
        Box::pin(async move { self.put_once(key, bytes).await.map(drop) })
    }

    fn read<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> Awaited<'a, Option<Bytes>> {
        let (folder, key) = (self.clone(), *key);
        Box::pin(blocking("read a file", move || folder.0.read(&key, bytes_max)))
    }

    fn keep<'a>(&'a self, key: &'a BlobKey) -> Awaited<'a, ()> {
        let (folder, key) = (self.clone(), *key);
        Box::pin(blocking("keep a file", move || folder.0.keep(&key)))
    }

    fn invite<'a>(&'a self, key: &'a BlobKey, size: u64, _now: Timestamp, until: Timestamp) -> Awaited<'a, Invitation> {
        Box::pin(async move { (self.0.inviter)(key, size, until) })
    }

    fn hand_out<'a>(&'a self, key: &'a BlobKey, _shown: Shown<'a>, _now: Timestamp) -> Awaited<'a, HandedOut> {
        Box::pin(async move { Ok(self.read(key, FILE_BYTES_MAX).await?.map_or(HandedOut::Gone, HandedOut::Bytes)) })
    }

    fn request_bytes_max(&self) -> usize {
        REQUEST_BYTES_MAX
    }
}

/// A rename is safe when the folder that holds the name is.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

async fn blocking<T: Send + 'static>(
    what: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await.map_err(|error| Fault::broken_by(what, error))?;
    done.map_err(|error| Fault::broken_by(what, error))
}
