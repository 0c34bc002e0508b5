//! Files in S3: what a function uses that touches files, and no other function is built from.
//!
//! What is put carries the tag `lent`, and the bucket's lifecycle deletes what carries it after some days; to keep is to
//! take the tag away. A client that puts bytes itself is bound by its signed address to the size, to the tag and to a name
//! under which nothing lies yet, so what was checked once can't be exchanged afterwards.

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
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::{BlobKey, Blobs, FUNCTION_REQUEST_BYTES_MAX, HandedOut, Invitation, Shown, disposition};
use handrail_kernel::door::Awaited;
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::Environment;

/// The lifecycle rule of the bucket looks for exactly this.
pub const LENT_TAG: &str = "handrail=lent";
/// Who was sent there comes at once.
const HANDED_OUT_FOR: Duration = Duration::from_secs(60);

pub struct S3 {
    client: Client,
    bucket: String,
}

/// For `serve_with` and `on_messages_with`.
pub fn open(environment: &mut Environment<'_>, config: &SdkConfig) -> Arc<dyn Blobs> {
    Arc::new(S3::new(config, environment.required("HANDRAIL_FILES_BUCKET")))
}

impl S3 {
    pub fn new(config: &SdkConfig, bucket: String) -> Self {
        let config = aws_sdk_s3::config::Builder::from(config)
            // A signed address would otherwise hold the checksum of bytes that are not there yet.
            .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
            // Servers that are compatible have no names of their own for each bucket.
            .force_path_style(config.endpoint_url().is_some() || std::env::var_os("AWS_ENDPOINT_URL_S3").is_some())
            .build();
        Self { client: Client::from_conf(config), bucket }
    }

    /// For a server on this machine. On AWS the template makes the bucket, with its policy and its lifecycle.
    pub async fn create_bucket(&self) -> Result<(), Fault> {
        match self.client.create_bucket().bucket(&self.bucket).send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateBucketError::is_bucket_already_owned_by_you) => {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("make the bucket", error)),
        }
    }
}

impl Blobs for S3 {
    fn put<'a>(&'a self, key: &'a BlobKey, bytes: Bytes) -> Awaited<'a, ()> {
        Box::pin(async move {
            let put = self.client.put_object().bucket(&self.bucket).key(key.to_string()).tagging(LENT_TAG);
            let put = put.content_type("application/octet-stream").body(ByteStream::from(bytes));
            put.send().await.map(drop).map_err(|error| Fault::from_sdk("put a file", error))
        })
    }

    fn read<'a>(&'a self, key: &'a BlobKey, bytes_max: usize) -> Awaited<'a, Option<Bytes>> {
        Box::pin(async move {
            let found = match self.client.get_object().bucket(&self.bucket).key(key.to_string()).send().await {
                Ok(found) => found,
                Err(error) if is_absent(&error) => return Ok(None),
                Err(error) => return Err(Fault::from_sdk("read a file", error)),
            };
            let mut body = found.body;
            let mut bytes = BytesMut::new();
            while let Some(chunk) = body.next().await {
                let chunk = chunk.map_err(|error| Fault::Unknown(Box::new(error)))?;
                if bytes.len() + chunk.len() > bytes_max {
                    return Err(Fault::broken("a file is larger than was let in"));
                }
                bytes.extend_from_slice(&chunk);
            }
            Ok(Some(bytes.freeze()))
        })
    }

    fn keep<'a>(&'a self, key: &'a BlobKey) -> Awaited<'a, ()> {
        Box::pin(async move {
            let untag = self.client.delete_object_tagging().bucket(&self.bucket).key(key.to_string());
            match untag.send().await {
                Ok(_) => Ok(()),
                Err(error) if error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404) => Ok(()),
                Err(error) => Err(Fault::from_sdk("keep a file", error)),
            }
        })
    }

    fn invite<'a>(&'a self, key: &'a BlobKey, size: u64, now: Timestamp, until: Timestamp) -> Awaited<'a, Invitation> {
        Box::pin(async move {
            let length = i64::try_from(size).map_err(|error| Fault::broken_by("a file of that size", error))?;
            let put = self.client.put_object().bucket(&self.bucket).key(key.to_string()).tagging(LENT_TAG);
            let put = put.content_type("application/octet-stream").content_length(length).if_none_match("*");
            let lasting = Duration::from_millis(until.ms_since(now).max(0).unsigned_abs());
            let signed = put.presigned(for_a_while(now, lasting)?).await;
            let signed = signed.map_err(|error| Fault::from_sdk("sign an upload", error))?;
            Ok(Invitation { url: signed.uri().to_owned(), headers: headers(&signed) })
        })
    }

    fn hand_out<'a>(&'a self, key: &'a BlobKey, shown: Shown<'a>, now: Timestamp) -> Awaited<'a, HandedOut> {
        Box::pin(async move {
            let get = self
                .client
                .get_object()
                .bucket(&self.bucket)
                .key(key.to_string())
                .response_content_type(shown.content_type)
                .response_content_disposition(disposition(shown.name))
                .response_cache_control("private, max-age=60");
            let signed = get.presigned(for_a_while(now, HANDED_OUT_FOR)?).await;
            let signed = signed.map_err(|error| Fault::from_sdk("sign a download", error))?;
            Ok(HandedOut::At(signed.uri().to_owned()))
        })
    }

    fn request_bytes_max(&self) -> usize {
        FUNCTION_REQUEST_BYTES_MAX
    }
}

/// Some servers that are compatible send no code with what is not there.
fn is_absent(error: &SdkError<GetObjectError>) -> bool {
    error.as_service_error().is_some_and(GetObjectError::is_no_such_key)
        || error.raw_response().is_some_and(|raw| raw.status().as_u16() == 404)
}

fn for_a_while(now: Timestamp, lasting: Duration) -> Result<PresigningConfig, Fault> {
    let since_1970 = Duration::from_millis(now.as_unix_ms().max(0).unsigned_abs());
    let config =
        PresigningConfig::builder().start_time(SystemTime::UNIX_EPOCH + since_1970).expires_in(lasting).build();
    config.map_err(|error| Fault::broken_by("an address can't be signed for that time", error))
}

/// What was signed with the address and is not of the client's own making.
fn headers(signed: &PresignedRequest) -> Vec<(String, String)> {
    signed.headers().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
