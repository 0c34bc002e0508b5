//! Blob store in a folder, in place of the bucket on AWS.
//!
//! ```text
//! part/   incomplete files that are being written
//! lent/   temporary files, which expire
//! kept/   retained files
//! ```
//!
//! A file is written to `part`, synced and renamed, and then its folder is synced, so no incomplete file is visible.
//! File names consist of ids and never contain text of a client. One process owns the folder.

use std::fs::{self, File};
use std::io::{ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use handrail_domain::file::FILE_BYTES_MAX;
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::{BlobKey, BlobStore, Download, DownloadHeaders, PresignedUpload};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::fault::Fault;

/// Size of a form with the most files of a record, each of the largest size.
const REQUEST_BYTES_MAX: usize = 5 * FILE_BYTES_MAX + 64 * 1024;

/// Builds the upload URL for a client. The runner provides the function, because it serves that URL.
pub type UploadUrlMaker = Arc<dyn Fn(&BlobKey, u64, Timestamp) -> Result<PresignedUpload, Fault> + Send + Sync>;

/// Blob store in a folder.
#[derive(Clone)]
pub struct FolderBlobStore(Arc<FolderInner>);

struct FolderInner {
    path: PathBuf,
    upload_url_maker: UploadUrlMaker,
    files_written: AtomicU64,
    /// Held from the check that a name is free until the rename to that name.
    rename_lock: Mutex<()>,
}

impl FolderBlobStore {
    /// Opens the folder and creates its subfolders if necessary.
    pub fn open(path: &Path, upload_url_maker: UploadUrlMaker) -> std::io::Result<Self> {
        for folder in ["part", "lent", "kept"] {
            fs::create_dir_all(path.join(folder))?;
        }
        sync_folder(path)?;
        let inner = FolderInner {
            path: path.to_owned(),
            upload_url_maker,
            files_written: AtomicU64::new(0),
            rename_lock: Mutex::new(()),
        };
        Ok(Self(Arc::new(inner)))
    }

    /// Stores a file. Returns `false`, without a change, if a file with this key exists.
    pub async fn put_if_absent(&self, key: &BlobKey, bytes: Bytes) -> Result<bool, Fault> {
        let (folder, key) = (self.clone(), *key);
        run_blocking_io("write a file", move || folder.0.put(&key, &bytes)).await
    }

    /// Removes the temporary and incomplete files last modified before `before`, and returns their number.
    pub async fn remove_temporary(&self, before: SystemTime) -> Result<usize, Fault> {
        let folder = self.clone();
        run_blocking_io("remove old files", move || folder.0.remove_temporary(before)).await
    }
}

impl FolderInner {
    fn path_of(&self, folder: &str, key: &BlobKey) -> PathBuf {
        self.path.join(folder).join(format!("{}.{}.{}", key.tenant, key.record, key.id))
    }

    fn put(&self, key: &BlobKey, bytes: &[u8]) -> std::io::Result<bool> {
        let number = self.files_written.fetch_add(1, Ordering::Relaxed);
        let part_path = self.path.join("part").join(format!("{}.{}.{number}", key.id, std::process::id()));
        let mut file = File::create(&part_path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        let guard = self.rename_lock.lock().unwrap_or_else(PoisonError::into_inner);
        if self.path_of("lent", key).exists() || self.path_of("kept", key).exists() {
            fs::remove_file(&part_path)?;
            return Ok(false);
        }
        fs::rename(&part_path, self.path_of("lent", key))?;
        drop(guard);
        sync_folder(&self.path.join("lent"))?;
        Ok(true)
    }

    /// Returns the bytes of a file. Looks into `kept` twice, because `retain` may move the file there in between.
    fn read(&self, key: &BlobKey, bytes_max: usize) -> std::io::Result<Option<Bytes>> {
        for folder in ["kept", "lent", "kept"] {
            let path = self.path_of(folder, key);
            match fs::metadata(&path) {
                Ok(found) if found.len() > bytes_max as u64 => {
                    return Err(std::io::Error::new(
                        ErrorKind::FileTooLarge,
                        "a stored file is larger than the size limit",
                    ));
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

    fn retain(&self, key: &BlobKey) -> std::io::Result<()> {
        match fs::rename(self.path_of("lent", key), self.path_of("kept", key)) {
            Ok(()) => {
                sync_folder(&self.path.join("kept"))?;
                sync_folder(&self.path.join("lent"))
            }
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
            Err(error) => Err(error),
        }
    }

    fn remove_temporary(&self, before: SystemTime) -> std::io::Result<usize> {
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

impl BlobStore for FolderBlobStore {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> BoxFuture<'a, ()> {
        Box::pin(async move { self.put_if_absent(key, bytes).await.map(drop) })
    }

    fn get<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> BoxFuture<'a, Option<Bytes>> {
        let (folder, key) = (self.clone(), *key);
        Box::pin(run_blocking_io("read a file", move || folder.0.read(&key, bytes_max)))
    }

    fn retain<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, ()> {
        let (folder, key) = (self.clone(), *key);
        Box::pin(run_blocking_io("retain a file", move || folder.0.retain(&key)))
    }

    fn presign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        size: u64,
        _now: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'a, PresignedUpload> {
        Box::pin(async move { (self.0.upload_url_maker)(key, size, until) })
    }

    fn download<'a>(
        &'a self,
        key: &'a BlobKey,
        _headers: DownloadHeaders<'a>,
        _now: Timestamp,
    ) -> BoxFuture<'a, Download> {
        Box::pin(async move { Ok(self.get(key, FILE_BYTES_MAX).await?.map_or(Download::NotFound, Download::Bytes)) })
    }

    fn request_bytes_max(&self) -> usize {
        REQUEST_BYTES_MAX
    }
}

/// Syncs a folder, which makes the renames in it durable.
fn sync_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    File::open(path)?.sync_all()?;
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

async fn run_blocking_io<T: Send + 'static>(
    operation: &'static str,
    work: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T, Fault> {
    let result =
        tokio::task::spawn_blocking(work).await.map_err(|error| Fault::internal_with_source(operation, error))?;
    result.map_err(|error| Fault::internal_with_source(operation, error))
}
