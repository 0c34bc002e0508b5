//! Declared file accesses match the S3 calls that functions make, and the template's bucket has the required settings.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use aws_lambda_events::event::sqs;
use bytes::Bytes;
use handrail_context::settings::RequiredSetting;
use handrail_domain::time::Timestamp;
use handrail_effects::{Change, KEEP, WORKERS, dispatch};
use handrail_effects_aws::{BatchResponse, handle_messages};
use handrail_platform::blob_store::{
    BlobKey, BlobStore, Download, DownloadHeaders, FUNCTION_REQUEST_BYTES_MAX, PresignedUpload, TEMPORARY_DAYS,
};
use handrail_platform::boxed::BoxFuture;
use handrail_runner::{cors, endpoints};
use serde_json::{Value, json};

use crate::examples::message;
use crate::replay::{app_for, example, file_upload_app, run_example, run_examples};
use crate::replay_app::{TABLE, blob_key};
use crate::samples::invoke;
use crate::template::Template;

/// In-memory blob store that records the S3 actions its calls would need.
#[derive(Default)]
pub(crate) struct RecordingBlobStore {
    files: Mutex<BTreeMap<String, (Bytes, bool)>>,
    actions: Mutex<BTreeSet<&'static str>>,
}

const PUT: [&str; 2] = ["s3:PutObject", "s3:PutObjectTagging"];

impl RecordingBlobStore {
    fn record(&self, actions: &[&'static str]) {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner).extend(actions);
    }

    fn files(&self) -> std::sync::MutexGuard<'_, BTreeMap<String, (Bytes, bool)>> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Clears the recorded actions and keeps the files.
    pub(crate) fn clear_actions(&self) {
        self.actions.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// Adds a temporary file, as if a client had uploaded it.
    pub(crate) fn add_uploaded(&self, key: &BlobKey, bytes: &'static [u8]) {
        self.files().insert(key.to_string(), (Bytes::from_static(bytes), false));
    }

    fn is_retained(&self, key: &BlobKey) -> bool {
        self.files().get(&key.to_string()).is_some_and(|(_, is_retained)| *is_retained)
    }
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, T> {
    Box::pin(std::future::ready(Ok(value)))
}

impl BlobStore for RecordingBlobStore {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> BoxFuture<'a, ()> {
        self.record(&PUT);
        self.files().insert(key.to_string(), (bytes, false));
        ready(())
    }

    fn get<'a>(&'a self, key: &'a BlobKey, _bytes_max: usize) -> BoxFuture<'a, Option<Bytes>> {
        self.record(&["s3:GetObject", "s3:ListBucket"]);
        ready(self.files().get(&key.to_string()).map(|(bytes, _)| bytes.clone()))
    }

    fn retain<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, ()> {
        self.record(&["s3:DeleteObjectTagging"]);
        if let Some((_, is_retained)) = self.files().get_mut(&key.to_string()) {
            *is_retained = true;
        }
        ready(())
    }

    fn presign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        _: u64,
        _: Timestamp,
        _: Timestamp,
    ) -> BoxFuture<'a, PresignedUpload> {
        self.record(&PUT);
        ready(PresignedUpload { url: format!("https://files.example.com/{key}"), headers: Vec::new() })
    }

    fn download<'a>(&'a self, key: &'a BlobKey, _: DownloadHeaders<'a>, _: Timestamp) -> BoxFuture<'a, Download> {
        self.record(&["s3:GetObject"]);
        ready(Download::Url(format!("https://files.example.com/{key}")))
    }

    fn request_bytes_max(&self) -> usize {
        FUNCTION_REQUEST_BYTES_MAX
    }
}

#[tokio::test]
async fn declared_file_actions_match_s3_calls() {
    for endpoint in endpoints() {
        let (mut app, event) = match endpoint.function {
            // The page accepts files only for a `file_upload` decision.
            "decisions-page-answer" => file_upload_app().await,
            function => (app_for(function).await, example(function)),
        };
        app.cold_start();
        assert!(invoke(&endpoint, &app, &event).await.is_success(), "{}", endpoint.function);
        let called_actions = std::mem::take(&mut *app.files.actions.lock().unwrap());
        let declared_actions: BTreeSet<&str> =
            endpoint.accesses.iter().flat_map(|access| access.file_actions()).copied().collect();
        assert_eq!(called_actions, declared_actions, "{}", endpoint.function);
        let requires_bucket = endpoint.required_settings.contains(&RequiredSetting::FilesBucket);
        assert_eq!(
            requires_bucket,
            !declared_actions.is_empty(),
            "{}: the bucket is required only for file access",
            endpoint.function
        );
    }
    let workers = WORKERS.iter().filter(|worker| worker.required_settings.contains(&RequiredSetting::FilesBucket));
    assert_eq!(workers.map(|worker| worker.function).collect::<Vec<_>>(), ["keep"]);
}

#[tokio::test]
async fn keep_worker_retains_attachments() {
    let mut app = app_for("files-get").await;
    assert!(!app.files.is_retained(&blob_key()), "the file is temporary");
    for change in app.engine.changes_after(TABLE, None, 1_000).unwrap() {
        dispatch(&app.worker_context(), &Change { old: change.old, new: change.new }).await.unwrap();
    }
    assert!(app.sent.messages().contains(&message("keep")));
    app.cold_start();
    let event: sqs::SqsEvent = serde_json::from_str(&example("keep")).unwrap();
    assert_eq!(handle_messages(&app.worker_context(), event).await, BatchResponse::default());
    assert!(app.files.is_retained(&blob_key()));
    assert_eq!(app.files.actions.lock().unwrap().iter().copied().collect::<Vec<_>>(), KEEP.actions);
}

#[tokio::test]
async fn refused_request_touches_no_file() {
    let mut app = run_examples().await;
    run_example(&mut app, "decisions-resolve").await;
    for function in ["decisions-attachments-add", "decisions-attachments-invite"] {
        let endpoint = crate::replay::operation(function);
        assert_eq!(invoke(&endpoint, &app, &example(function)).await.status, 409, "{function}");
    }
    assert!(app.files.actions.lock().unwrap().is_empty());
}

#[test]
fn bucket_is_private_and_expires_temporary_files() {
    let template = Template::root();
    let bucket = template.resource("FilesBucket");
    assert!(bucket["PublicAccessBlockConfiguration"].as_object().unwrap().values().all(|block| *block == true));
    assert_eq!(bucket["PublicAccessBlockConfiguration"].as_object().unwrap().len(), 4);
    assert!(bucket["BucketEncryption"].is_object());
    let (tag, value) = handrail_s3::TEMPORARY_TAG.split_once('=').unwrap();
    let expiration_rule = json!([{
        "Id": "lent",
        "Status": "Enabled",
        "TagFilters": [{"Key": tag, "Value": value}],
        "ExpirationInDays": TEMPORARY_DAYS,
    }]);
    assert_eq!(bucket["LifecycleConfiguration"]["Rules"], expiration_rule);
    let policy = template.resource("FilesBucketPolicy");
    let statement = &policy["PolicyDocument"]["Statement"][0];
    assert_eq!((&statement["Effect"], &statement["Principal"]), (&json!("Deny"), &json!("*")));
    assert_eq!(statement["Condition"], json!({"Bool": {"aws:SecureTransport": "false"}}));
}

#[test]
fn temporary_files_outlive_retain_messages() {
    let template = Template::root();
    let retention_seconds = |queue: &str| template.resource(queue)["MessageRetentionPeriod"].as_u64().unwrap();
    let longest_wait_seconds = retention_seconds("FilesQueue") + retention_seconds("FilesDeadQueue");
    assert!(longest_wait_seconds < u64::from(TEMPORARY_DAYS) * 24 * 60 * 60);
}

#[test]
fn cors_settings_match_the_template() {
    let template_cors = &Template::root().resource("Api")["CorsConfiguration"].clone();
    let expected: Value = json!({
        "AllowOrigins": "!Ref CorsOrigins",
        "AllowMethods": cors::METHODS,
        "AllowHeaders": cors::HEADERS,
        "ExposeHeaders": cors::EXPOSED,
        "AllowCredentials": false,
        "MaxAge": cors::MAX_AGE_SECONDS,
    });
    assert_eq!(*template_cors, expected);
}
