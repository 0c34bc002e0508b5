//! The folder blob store: files are stored whole, retained files stay and temporary files expire.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_engine::FolderBlobStore;
use handrail_platform::blob_store::{BlobId, BlobKey, BlobStore};
use handrail_platform::fault::Fault;

const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn key(n: u8) -> BlobKey {
    BlobKey {
        tenant: TenantId::new(NOON, [1; 10]),
        record: RecordId::new(NOON, [2; 10]),
        id: BlobId::from_bytes([n; 16]),
    }
}

fn open_folder(path: &std::path::Path) -> FolderBlobStore {
    FolderBlobStore::open(path, Arc::new(|_, _, _| Err(Fault::internal("uploads are not offered here")))).unwrap()
}

fn one_minute_from_now() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "files carry the system's time")]
    let now = SystemTime::now();
    now + Duration::from_secs(60)
}

#[tokio::test]
async fn retained_files_stay_and_temporary_files_expire() {
    let directory = tempfile::tempdir().unwrap();
    let folder = open_folder(directory.path());
    for n in [1, 2] {
        folder.put(&key(n), Bytes::from(vec![n; 100])).await.unwrap();
    }
    folder.retain(&key(1)).await.unwrap();
    folder.retain(&key(1)).await.unwrap();
    folder.retain(&key(3)).await.unwrap();
    assert_eq!(folder.remove_temporary(SystemTime::UNIX_EPOCH).await.unwrap(), 0, "a new file was removed");
    assert_eq!(folder.remove_temporary(one_minute_from_now()).await.unwrap(), 1);
    // Reopened, as after a restart.
    let folder = open_folder(directory.path());
    assert_eq!(folder.get(&key(1), 100).await.unwrap(), Some(Bytes::from(vec![1; 100])));
    assert_eq!(folder.get(&key(2), 100).await.unwrap(), None);
    assert!(folder.get(&key(1), 99).await.is_err());
}

#[tokio::test]
async fn concurrent_puts_store_one_file() {
    let directory = tempfile::tempdir().unwrap();
    let folder = open_folder(directory.path());
    let puts = (0..20_u8).map(|n| {
        let folder = folder.clone();
        tokio::spawn(async move { folder.put_if_absent(&key(1), Bytes::from(vec![n; 1_000])).await.unwrap() })
    });
    let mut stored = 0;
    for put in puts.collect::<Vec<_>>() {
        stored += usize::from(put.await.unwrap());
    }
    assert_eq!(stored, 1);
    let found = folder.get(&key(1), 1_000).await.unwrap().unwrap();
    assert!(found.len() == 1_000 && found.iter().all(|byte| *byte == found[0]), "the file mixes several puts");
    folder.retain(&key(1)).await.unwrap();
    assert!(!folder.put_if_absent(&key(1), Bytes::new()).await.unwrap(), "a retained file was overwritten");
    assert_eq!(folder.remove_temporary(one_minute_from_now()).await.unwrap(), 0, "another file is left");
}
