//! Blob store in S3. Only functions that handle files depend on this crate.
//!
//! A new object carries the tag `lent`, and the bucket's lifecycle deletes tagged objects after some days. Retaining a
//! file removes the tag. A presigned upload fixes the size and the tag and fails if the object exists, so a checked
//! file cannot be replaced.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use aws_config::SdkConfig;
use aws_sdk_s3::Client;
use aws_sdk_s3::config::RequestChecksumCalculation;
use aws_sdk_s3::error::SdkError;
use aws_sdk_s3::operation::create_bucket::CreateBucketError;
use aws_sdk_s3::operation::get_object::GetObjectError;
use aws_sdk_s3::presigning::{PresignedRequest, PresigningConfig};
use aws_sdk_s3::primitives::ByteStream;
use bytes::{Bytes, BytesMut};
use handrail_context::settings::EnvReader;
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::{
    BlobKey, BlobStore, Download, DownloadHeaders, FUNCTION_REQUEST_BYTES_MAX, PresignedUpload, content_disposition,
};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::fault::Fault;

/// Tag of temporary objects, which the bucket's lifecycle rule deletes.
pub const TEMPORARY_TAG: &str = "handrail=lent";
/// Validity of a download URL. Browsers follow the redirect at once.
const DOWNLOAD_URL_TTL: Duration = Duration::from_secs(60);

/// Blob store in one S3 bucket.
pub struct S3 {
    client: Client,
    bucket: String,
}

/// Opens the bucket of `HANDRAIL_FILES_BUCKET`, for the binaries in `functions/` that use files.
pub fn open(environment: &mut EnvReader<'_>, config: &SdkConfig) -> Arc<dyn BlobStore> {
    Arc::new(S3::new(config, environment.required("HANDRAIL_FILES_BUCKET")))
}

impl S3 {
    pub fn new(config: &SdkConfig, bucket: String) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config)
            // Otherwise a presigned URL would contain a checksum before the bytes are known.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            // Compatible servers have no host name for each bucket.
            .force_path_style(config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
            .build();
        Self { client: Client::from_conf(config), bucket }
    }

    /// Creates the bucket on a compatible server. On AWS the template creates the bucket with its policy and lifecycle.
    pub async fn create_bucket(&self) -> Result<(), Fault> {
        match self.client.create_bucket().bucket(&self.bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateBucketError::is_bucket_already_owned_by_you) => {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("create the bucket", error)),
        }
    }
}

impl BlobStore for S3 {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let put = self.client.put_object().bucket(&self.bucket).key(key.to_string()).tagging(TEMPORARY_TAG);
            let put = put.content_type("application/octet-stream").body(ByteStream::from(bytes));
            put.send().await.map(drop).map_err(|error| Fault::from_sdk("put a file", error))
        })
    }

    fn get<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> BoxFuture<'a, Option<Bytes>> {
        Box::pin(async move {
            let found = match self.client.get_object().bucket(&self.bucket).key(key.to_string()).send().await {
                Ok(found) => found,
                Err(error) if is_not_found(&error) => return Ok(None),
                Err(error) => return Err(Fault::from_sdk("read a file", error)),
            };
            let mut body = found.body;
            let mut bytes = BytesMut::new();
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|error| Fault::OutcomeUnknown(Box::new(error)))?;
                if bytes.len() + chunk.len() > bytes_max {
                    return Err(Fault::internal("a stored file is larger than the size limit"));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(bytes.freeze()))
        })
    }

    fn retain<'a>(&'a self, key: &'a BlobKey) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let untag = self.client.delete_object_tagging().bucket(&self.bucket).key(key.to_string());
            match untag.send().await {
                Ok(_) => Ok(()),
                Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404) => Ok(()),
                Err(error) => Err(Fault::from_sdk("retain a file", error)),
            }
        })
    }

    fn presign_upload<'a>(
        &'a self,
        key: &'a BlobKey,
        size: u64,
        now: Timestamp,
        until: Timestamp,
    ) -> BoxFuture<'a, PresignedUpload> {
        Box::pin(async move {
            let length = i64::try_from(size)
                .map_err(|error| Fault::internal_with_source("the file size is out of range", error))?;
            let put = self.client.put_object().bucket(&self.bucket).key(key.to_string()).tagging(TEMPORARY_TAG);
            let put = put.content_type("application/octet-stream").content_length(length).if_none_match("*");
            let valid_for = Duration::from_millis(until.ms_since(now).max(0).unsigned_abs());
            let signed = put.presigned(presigning_config(now, valid_for)?).await;
            let signed = signed.map_err(|error| Fault::from_sdk("sign an upload", error))?;
            Ok(PresignedUpload { url: signed.uri().to_owned(), headers: signed_headers(&signed) })
        })
    }

    fn download<'a>(
        &'a self,
        key: &'a BlobKey,
        headers: DownloadHeaders<'a>,
        now: Timestamp,
    ) -> BoxFuture<'a, Download> {
        Box::pin(async move {
            let get = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(key.to_string())
                .response_content_type(headers.content_type)
                .response_content_disposition(content_disposition(headers.file_name))
                .response_cache_control("private, max-age=60");
            let signed = get.presigned(presigning_config(now, DOWNLOAD_URL_TTL)?).await;
            let signed = signed.map_err(|error| Fault::from_sdk("sign a download", error))?;
            Ok(Download::Url(signed.uri().to_owned()))
        })
    }

    fn request_bytes_max(&self) -> usize {
        FUNCTION_REQUEST_BYTES_MAX
    }
}

/// Returns `true` for a missing object. Some compatible servers send status 404 without an error code.
fn is_not_found(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
        || error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404)
}

fn presigning_config(now: Timestamp, valid_for: Duration) -> Result<PresigningConfig, Fault> {
    let since_1970 = Duration::from_millis(now.as_unix_ms().max(0).unsigned_abs());
    let config =
        PresigningConfig::builder().start_time(SystemTime::UNIX_EPOCH + since_1970).expires_in(valid_for).build();
    config.map_err(|error| Fault::internal_with_source("cannot presign a URL for that time", error))
}

/// Returns the signed headers that the client has to send.
fn signed_headers(signed: &PresignedRequest) -> Vec<(String, String)> {
    signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
