//! The folder of files: what is put is whole, what is kept stays, what nobody keeps goes away.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_engine::Folder;
use handrail_kernel::blobs::{BlobId, BlobKey, Blobs};
use handrail_kernel::fault::Fault;

const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

fn key(n: u8) -> BlobKey {
    BlobKey {
        tenant: TenantId::new(NOON, [1; 10]),
        record: RecordId::new(NOON, [2; 10]),
        id: BlobId::from_bytes([n; 16]),
    }
}

fn open(path: &std::path::Path) -> Folder {
    Folder::open(path, Arc::new(|_, _, _| Err(Fault::broken("nobody is invited here")))).unwrap()
}

fn later() -> SystemTime {
    #[expect(clippy::disallowed_methods, reason = "files carry the system's time")]
    let now = SystemTime::now();
    now + Duration::from_secs(60)
}

#[tokio::test]
async fn what_is_kept_stays_and_what_is_only_lent_goes() {
    let place = tempfile::tempdir().unwrap();
    let folder = open(place.path());
    for n in [1, 2] {
        folder.put(&key(n), Bytes::from(vec![n; 100])).await.unwrap();
    }
    folder.keep(&key(1)).await.unwrap();
    folder.keep(&key(1)).await.unwrap();
    folder.keep(&key(3)).await.unwrap();
    assert_eq!(folder.remove_lent(SystemTime::UNIX_EPOCH).await.unwrap(), 0, "it is young");
    assert_eq!(folder.remove_lent(later()).await.unwrap(), 1);
    // As after a restart.
    let folder = open(place.path());
    assert_eq!(folder.read(&key(1), 100).await.unwrap(), Some(Bytes::from(vec![1; 100])));
    assert_eq!(folder.read(&key(2), 100).await.unwrap(), None);
    assert!(folder.read(&key(1), 99).await.is_err());
}

#[tokio::test]
async fn a_name_is_taken_once() {
    let place = tempfile::tempdir().unwrap();
    let folder = open(place.path());
    let tries = (0..20_u8).map(|n| {
        let folder = folder.clone();
        tokio::spawn(async move { folder.put_once(&key(1), Bytes::from(vec![n; 1_000])).await.unwrap() })
    });
    let mut taken = 0;
    for done in tries.collect::<Vec<_>>() {
        taken += usize::from(done.await.unwrap());
    }
    assert_eq!(taken, 1);
    let found = folder.read(&key(1), 1_000).await.unwrap().unwrap();
    assert!(found.len() == 1_000 && found.iter().all(|byte| *byte == found[0]), "it is whole");
    folder.keep(&key(1)).await.unwrap();
    assert!(!folder.put_once(&key(1), Bytes::new()).await.unwrap(), "kept ones are not written over either");
    assert_eq!(folder.remove_lent(later()).await.unwrap(), 0, "nothing is left beside it");
}
