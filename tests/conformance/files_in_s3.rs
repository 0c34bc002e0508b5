//! Files on an independent S3 emulator: temporary and retained files, download URLs, presigned uploads.

use aws_sdk_s3::Client;
use bytes::Bytes;
use handrail_domain::ids::RecordId;
use handrail_platform::blob_store::{BlobId, BlobKey, BlobStore, Download, DownloadHeaders, PresignedUpload};
use handrail_platform::clock::{Clock, SystemClock};
use handrail_s3::{S3, TEMPORARY_TAG};

use crate::tools::{Emulator, NOON, tenant};

const BUCKET: &str = "handrail-files";

struct Bucket {
    client: Client,
    files: S3,
    http: reqwest::Client,
    _part: Emulator,
}

impl Bucket {
    async fn start() -> Self {
        let emulator = Emulator::start("ministack");
        let config = emulator.sdk_config();
        let s3_config = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let client = Client::from_conf(s3_config);
        let files = S3::new(&config, BUCKET.to_owned());
        for _ in 0..2 {
            files.create_bucket().await.unwrap();
        }
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { client, files, http, _part: emulator }
    }

    async fn tags(&self, key: &BlobKey) -> Vec<String> {
        let request = self.client.get_object_tagging().bucket(BUCKET).key(key.to_string());
        let found = request.send().await.unwrap();
        found.tag_set().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect()
    }

    async fn put(&self, upload: &PresignedUpload, bytes: &'static [u8]) -> u16 {
        let mut put = self.http.put(&upload.url).body(bytes);
        for (name, value) in &upload.headers {
            // The client library sets the length itself.
            if name != "content-length" {
                put = put.header(name, value);
            }
        }
        put.send().await.unwrap().status().as_u16()
    }
}

fn key(n: u8) -> BlobKey {
    BlobKey { tenant: tenant(), record: RecordId::new(NOON, [3; 10]), id: BlobId::from_bytes([n; 16]) }
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn files_work_on_independent_s3() {
    let bucket = Bucket::start().await;
    file_is_temporary_until_retained(&bucket).await;
    unknown_file_is_absent(&bucket).await;
    download_url_expires(&bucket).await;
    upload_url_works_once_and_expires(&bucket).await;
}

async fn file_is_temporary_until_retained(bucket: &Bucket) {
    bucket.files.put(&key(1), Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(bucket.tags(&key(1)).await, [TEMPORARY_TAG]);
    for _ in 0..2 {
        bucket.files.retain(&key(1)).await.unwrap();
        assert_eq!(bucket.tags(&key(1)).await, Vec::<String>::new());
    }
    assert_eq!(bucket.files.get(&key(1), 3).await.unwrap(), Some(Bytes::from_static(b"one")));
    assert!(bucket.files.get(&key(1), 2).await.is_err(), "the file is larger than allowed");
}

async fn unknown_file_is_absent(bucket: &Bucket) {
    assert_eq!(bucket.files.get(&key(9), 100).await.unwrap(), None);
    bucket.files.retain(&key(9)).await.unwrap();
}

async fn download_url_expires(bucket: &Bucket) {
    let headers = DownloadHeaders { file_name: "Zoë.csv", content_type: "text/csv" };
    let now = SystemClock.now();
    let Download::Url(url) = bucket.files.download(&key(1), headers, now).await.unwrap() else {
        panic!("no download URL")
    };
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=60"), "{url}");
    let fetched = bucket.http.get(&url).send().await.unwrap();
    let header = |name: &str| fetched.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv");
    assert_eq!(header("content-disposition"), "attachment; filename=\"Zo_.csv\"; filename*=UTF-8''Zo%C3%AB.csv");
    assert_eq!(fetched.text().await.unwrap(), "one");
    let Download::Url(expired_url) = bucket.files.download(&key(1), headers, now.plus_ms(-120_000)).await.unwrap()
    else {
        panic!("no download URL")
    };
    assert_eq!(bucket.http.get(&expired_url).send().await.unwrap().status(), 403, "the URL has expired");
}

async fn upload_url_works_once_and_expires(bucket: &Bucket) {
    let now = SystemClock.now();
    let expires_at = now.plus_ms(15 * 60_000);
    let upload = bucket.files.presign_upload(&key(2), 5, now, expires_at).await.unwrap();
    let signed = upload.url.split("X-Amz-SignedHeaders=").nth(1).unwrap().split('&').next().unwrap();
    for header in ["content-length", "if-none-match", "x-amz-tagging"] {
        assert!(signed.contains(header), "{header} is not signed: {signed}");
    }
    assert!(upload.url.contains("X-Amz-Expires=900"), "{}", upload.url);
    assert_eq!(bucket.put(&upload, b"too many bytes").await, 403, "the size is signed");
    let untagged = PresignedUpload { headers: Vec::new(), ..upload.clone() };
    assert_eq!(bucket.put(&untagged, b"bytes").await, 403, "the tag is signed");
    assert_eq!(bucket.put(&upload, b"bytes").await, 200);
    assert_eq!(bucket.tags(&key(2)).await, [TEMPORARY_TAG]);
    assert_eq!(bucket.put(&upload, b"other").await, 412, "an existing file is not overwritten");
    assert_eq!(bucket.files.get(&key(2), 5).await.unwrap(), Some(Bytes::from_static(b"bytes")));
    let long_ago = now.plus_ms(-20 * 60_000);
    let expired = bucket.files.presign_upload(&key(3), 5, long_ago, long_ago.plus_ms(15 * 60_000)).await.unwrap();
    assert_eq!(bucket.put(&expired, b"bytes").await, 403, "the URL has expired");
    assert_eq!(bucket.files.get(&key(3), 5).await.unwrap(), None);
}
