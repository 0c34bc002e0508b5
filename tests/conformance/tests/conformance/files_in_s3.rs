//! Files on an S3 that others made: lent and kept, handed out for a moment, put by clients at signed addresses.

use aws_sdk_s3::Client;
use bytes::Bytes;
use handrail_domain::ids::RecordId;
use handrail_kernel::blobs::{BlobId, BlobKey, Blobs, HandedOut, Invitation, Shown};
use handrail_kernel::clock::{Clock, SystemClock};
use handrail_s3::{LENT_TAG, S3};

use crate::tools::{Emulator, NOON, tenant};

const BUCKET: &str = "handrail-files";

struct Bucket {
    client: Client,
    files: S3,
    http: reqwest::Client,
    _part: Emulator,
}

impl Bucket {
    async fn start() -> Option<Self> {
        let part = Emulator::start("ministack")?;
        let config = part.sdk_config();
        let config_of_s3 = aws_sdk_s3::config::Builder::from(&config).force_path_style(true).build();
        let client = Client::from_conf(config_of_s3);
        let files = S3::new(&config, BUCKET.to_owned());
        for _ in 0..2 {
            files.create_bucket().await.unwrap();
        }
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Some(Self { client, files, http, _part: part })
    }

    async fn tags(&self, key: &BlobKey) -> Vec<String> {
        let asked = self.client.get_object_tagging().bucket(BUCKET).key(key.to_string());
        let found = asked.send().await.unwrap();
        found.tag_set().iter().map(|tag| format!("{}={}", tag.key(), tag.value())).collect()
    }

    async fn put(&self, invitation: &Invitation, bytes: &'static [u8]) -> u16 {
        let mut put = self.http.put(&invitation.url).body(bytes);
        for (name, value) in &invitation.headers {
            // The length is the client library's own to say.
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
async fn files_hold_on_an_s3_that_others_made() {
    let Some(bucket) = Bucket::start().await else { return };
    what_is_put_is_lent_until_it_is_kept(&bucket).await;
    what_is_not_there_is_absent(&bucket).await;
    a_file_is_handed_out_as_a_download_for_a_moment(&bucket).await;
    a_client_puts_a_file_once_and_for_a_while(&bucket).await;
}

async fn what_is_put_is_lent_until_it_is_kept(bucket: &Bucket) {
    bucket.files.put(&key(1), Bytes::from_static(b"one")).await.unwrap();
    assert_eq!(bucket.tags(&key(1)).await, [LENT_TAG]);
    for _ in 0..2 {
        bucket.files.keep(&key(1)).await.unwrap();
        assert_eq!(bucket.tags(&key(1)).await, Vec::<String>::new());
    }
    assert_eq!(bucket.files.read(&key(1), 3).await.unwrap(), Some(Bytes::from_static(b"one")));
    assert!(bucket.files.read(&key(1), 2).await.is_err(), "more than may be read");
}

async fn what_is_not_there_is_absent(bucket: &Bucket) {
    assert_eq!(bucket.files.read(&key(9), 100).await.unwrap(), None);
    bucket.files.keep(&key(9)).await.unwrap();
}

async fn a_file_is_handed_out_as_a_download_for_a_moment(bucket: &Bucket) {
    let shown = Shown { name: "Zoë.csv", content_type: "text/csv" };
    let now = SystemClock.now();
    let HandedOut::At(url) = bucket.files.hand_out(&key(1), shown, now).await.unwrap() else { panic!("an address") };
    assert!(url.contains("X-Amz-Signature=") && url.contains("X-Amz-Expires=60"), "{url}");
    let fetched = bucket.http.get(&url).send().await.unwrap();
    let header = |name: &str| fetched.headers()[name].to_str().unwrap().to_owned();
    assert_eq!(header("content-type"), "text/csv");
    assert_eq!(header("content-disposition"), "attachment; filename=\"Zo_.csv\"; filename*=UTF-8''Zo%C3%AB.csv");
    assert_eq!(fetched.text().await.unwrap(), "one");
    let HandedOut::At(old) = bucket.files.hand_out(&key(1), shown, now.plus_ms(-120_000)).await.unwrap() else {
        panic!("an address")
    };
    assert_eq!(bucket.http.get(&old).send().await.unwrap().status(), 403, "it is over");
}

async fn a_client_puts_a_file_once_and_for_a_while(bucket: &Bucket) {
    let now = SystemClock.now();
    let until = now.plus_ms(15 * 60_000);
    let invitation = bucket.files.invite(&key(2), 5, now, until).await.unwrap();
    let signed = invitation.url.split("X-Amz-SignedHeaders=").nth(1).unwrap().split('&').next().unwrap();
    for bound in ["content-length", "if-none-match", "x-amz-tagging"] {
        assert!(signed.contains(bound), "{bound} is not signed: {signed}");
    }
    assert!(invitation.url.contains("X-Amz-Expires=900"), "{}", invitation.url);
    assert_eq!(bucket.put(&invitation, b"too many bytes").await, 403, "the size is signed");
    let untagged = Invitation { headers: Vec::new(), ..invitation.clone() };
    assert_eq!(bucket.put(&untagged, b"bytes").await, 403, "the tag is signed");
    assert_eq!(bucket.put(&invitation, b"bytes").await, 200);
    assert_eq!(bucket.tags(&key(2)).await, [LENT_TAG]);
    assert_eq!(bucket.put(&invitation, b"other").await, 412, "what lies there stays");
    assert_eq!(bucket.files.read(&key(2), 5).await.unwrap(), Some(Bytes::from_static(b"bytes")));
    let long_ago = now.plus_ms(-20 * 60_000);
    let over = bucket.files.invite(&key(3), 5, long_ago, long_ago.plus_ms(15 * 60_000)).await.unwrap();
    assert_eq!(bucket.put(&over, b"bytes").await, 403, "it is over");
    assert_eq!(bucket.files.read(&key(3), 5).await.unwrap(), None);
}
