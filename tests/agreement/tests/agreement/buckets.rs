//! What a function says that it does to the files is what it does, and the template's bucket is the one that it needs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_lambda_events::event::sqs;
use bytes::Bytes;
use handrail_domain::time::Timestamp;
use handrail_effects::aws::{Failures, take_messages};
use handrail_effects::{Change, dispatch};
use handrail_kernel::blobs::{BlobKey, Blobs, FUNCTION_REQUEST_BYTES_MAX, HandedOut, Invitation, LENT_DAYS, Shown};
use handrail_kernel::door::Awaited;
use handrail_kernel::settings::Need;
use handrail_runner::{cors, endpoints};
use handrail_workers::{KEEP, WORKERS};
use serde_json::{Value, json};

use crate::examples::message;
use crate::replay::{asked_for_a_file, example, happen, stage_for, story};
use crate::samples::invoke;
use crate::stage::{TABLE, blob_key};
use crate::template::Template;

/// Files in memory, and notes of what S3 would be asked to allow.
#[derive(Default)]
pub(crate) struct NotedFiles {
    files: Mutex<BTreeMap<String, (Bytes, bool)>>,
    actions: Mutex<BTreeSet<&'static str>>,
}

const PUT: [&str; 2] = ["s3:PutObject", "s3:PutObjectTagging"];

impl NotedFiles {
    fn note(&self, actions: &[&'static str]) {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner).extend(actions);
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Bytes, bool)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The notes, not the files.
    pub(crate) fn forget(&self) {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// As when a client put it itself.
    pub(crate) fn lie(&self, key: &BlobKey, bytes: &'static [u8]) {
        self.files().insert(key.to_string(), (Bytes::from_static(bytes), false));
    }

    fn is_kept(&self, key: &BlobKey) -> bool {
        self.files().get(&key.to_string()).is_some_and(|(_, kept)| *kept)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> Awaited<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Blobs for NotedFiles {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> Awaited<'a, ()> {
        self.note(&PUT);
        self.files().insert(key.to_string(), (bytes, false));
        ready(())
    }

    fn read<'a>(&'a self, key: &'a BlobKey, _bytes_max: usize) -> Awaited<'a, Option<Bytes>> {
        self.note(&["s3:GetObject", "s3:ListBucket"]);
        ready(self.files().get(&key.to_string()).map(|(bytes, _)| bytes.clone()))
    }

    fn keep<'a>(&'a self, key: &'a BlobKey) -> Awaited<'a, ()> {
        self.note(&["s3:DeleteObjectTagging"]);
        if let Some((_, kept)) = self.files().get_mut(&key.to_string()) {
            *kept = true;
        }
        ready(())
    }

    fn invite<'a>(&'a self, key: &'a BlobKey, _: u64, _: Timestamp, _: Timestamp) -> Awaited<'a, Invitation> {
        self.note(&PUT);
        ready(Invitation { url: format!("https://files.example.com/{key}"), headers: Vec::new() })
    }

    fn hand_out<'a>(&'a self, key: &'a BlobKey, _: Shown<'a>, _: Timestamp) -> Awaited<'a, HandedOut> {
        self.note(&["s3:GetObject"]);
        ready(HandedOut::At(format!("https://files.example.com/{key}")))
    }

    fn request_bytes_max(&self) -> usize {
        FUNCTION_REQUEST_BYTES_MAX
    }
}

#[tokio::test]
async fn an_operation_does_to_files_what_it_says_and_all_of_it() {
    for endpoint in endpoints() {
        let (mut stage, event) = match endpoint.function {
            // Files are on its way only where some were asked for.
            "decisions-page-answer" => asked_for_a_file().await,
            function => (stage_for(function).await, example(function)),
        };
        stage.forget();
        assert!(invoke(&endpoint, &stage, &event).await.is_success(), "{}", endpoint.function);
        let done = std::mem::take(&mut *stage.files.actions.lock().unwrap());
        let said: BTreeSet<&str> = endpoint.touches.iter().flat_map(|touch| touch.file_actions()).copied().collect();
        assert_eq!(done, said, "{}", endpoint.function);
        let needs = endpoint.needs.contains(&Need::FilesBucket);
        assert_eq!(needs, !said.is_empty(), "{} needs a bucket or it does not", endpoint.function);
    }
    let workers = WORKERS.iter().filter(|worker| worker.needs.contains(&Need::FilesBucket));
    assert_eq!(workers.map(|worker| worker.function).collect::<Vec<_>>(), ["keep"]);
}

#[tokio::test]
async fn what_was_attached_is_kept_by_the_worker_that_dispatch_tells() {
    let mut stage = stage_for("files-get").await;
    assert!(!stage.files.is_kept(&blob_key()), "it is only lent");
    for change in stage.engine.changes_after(TABLE, None, 1_000).unwrap() {
        dispatch(&stage.works(), &Change { old: change.old, new: change.new }).await.unwrap();
    }
    assert!(stage.sent.messages().contains(&message("keep")));
    stage.forget();
    let event: sqs::SqsEvent = serde_json::from_str(&example("keep")).unwrap();
    assert_eq!(take_messages(&stage.works(), event).await, Failures::default());
    assert!(stage.files.is_kept(&blob_key()));
    assert_eq!(stage.files.actions.lock().unwrap().iter().copied().collect::<Vec<_>>(), KEEP.actions);
}

#[tokio::test]
async fn what_is_refused_touches_no_file() {
    let mut stage = story().await;
    happen(&mut stage, "decisions-resolve").await;
    for function in ["decisions-attachments-add", "decisions-attachments-invite"] {
        let endpoint = crate::replay::operation(function);
        assert_eq!(invoke(&endpoint, &stage, &example(function)).await.status, 409, "{function}");
    }
    assert!(stage.files.actions.lock().unwrap().is_empty());
}

#[test]
fn the_bucket_is_private_and_lends_before_it_keeps() {
    let template = Template::read();
    let bucket = template.resource("FilesBucket");
    assert!(bucket["PublicAccessBlockConfiguration"].as_object().unwrap().values().all(|block| *block == true));
    assert_eq!(bucket["PublicAccessBlockConfiguration"].as_object().unwrap().len(), 4);
    assert!(bucket["BucketEncryption"].is_object());
    let (tag, value) = handrail_s3::LENT_TAG.split_once('=').unwrap();
    let lent = json!([{
        "Id": "lent",
        "Status": "Enabled",
        "TagFilters": [{"Key": tag, "Value": value}],
        "ExpirationInDays": LENT_DAYS,
    }]);
    assert_eq!(bucket["LifecycleConfiguration"]["Rules"], lent);
    let policy = template.resource("FilesBucketPolicy");
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Principal"]), (&json!("Deny"), &json!("*")));
    assert_eq!(statement["Condition"], json!({"Bool": {"aws:SecureTransport": "false"}}));
}

#[test]
fn the_word_to_keep_a_file_is_not_lost_before_the_file_is() {
    let template = Template::read();
    let seconds = |queue: &str| template.resource(queue)["MessageRetentionPeriod"].as_u64().unwrap();
    let waits = seconds("FilesQueue") + seconds("FilesDeadQueue");
    assert!(waits < u64::from(LENT_DAYS) * 24 * 60 * 60);
}

#[test]
fn scripts_of_other_pages_may_ask_the_same_there_and_here() {
    let stated = &Template::read().resource("Api")["CorsConfiguration"].clone();
    let expected: Value = json!({
        "AllowOrigins": ["*"],
        "AllowMethods": cors::METHODS,
        "AllowHeaders": cors::HEADERS,
        "ExposeHeaders": cors::EXPOSED,
        "AllowCredentials": false,
        "MaxAge": cors::MAX_AGE_SECONDS,
    });
    assert_eq!(*stated, expected);
}
