//! `POST /decisions/{id}/attachments/uploads`: creates a presigned URL for a file that is too large for a request. The
//! file is attached when the upload is completed.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::Decision;
use handrail_domain::file::{FILE_BYTES_MAX, check_name};
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::{BlobId, BlobKey};
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::signed_token;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, PublicOrigin};
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{attach_command, check_can_attach};
use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-invite",
    method: HttpMethod::Post,
    path: "/decisions/{id}/attachments/uploads",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::Origin,
        RequiredSetting::FilesBucket,
    ],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read, DataAccess::PutFile],
    summary: "Get a URL for the upload of a large file",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409, 410])
}

/// Time to start the upload. The file store limits how long a started upload may take.
const UPLOAD_URL_TTL_MS: i64 = 15 * 60_000;
/// Time to complete the upload.
const UPLOAD_TOKEN_TTL_MS: i64 = 60 * 60_000;
pub const TOKEN_PURPOSE: &str = "upload";

/// Claims in the signed token that the client sends to complete the upload.
#[derive(Serialize, Deserialize)]
pub struct UploadClaims {
    pub tenant: TenantId,
    pub record: RecordId,
    /// Id of the file in the store.
    #[serde(rename = "blob")]
    pub blob_id: String,
    pub name: String,
    pub size: u64,
    #[serde(rename = "until")]
    pub expires_at: Timestamp,
}

#[derive(JsonSchema)]
#[schemars(rename = "NewUpload")]
struct RequestBody {
    /// Required: the file name.
    name: Option<String>,
    /// Required: the file size in bytes.
    size: Option<u64>,
}

json_body!(RequestBody { name, size });

/// How a file is uploaded, and the URL that then attaches it.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "Upload")]
struct ResponseBody {
    upload: UploadRequest,
    /// URL to which the client posts once the file is uploaded.
    complete_url: String,
}

/// Request by which the client uploads the file.
#[derive(Serialize, JsonSchema)]
struct UploadRequest {
    method: &'static str,
    url: String,
    /// Headers that the request must have.
    #[schemars(with = "BTreeMap<String, String>")]
    headers: Map<String, Value>,
    expires_at: Timestamp,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(id): PathParam,
    PublicOrigin(origin): PublicOrigin,
    Json(body): Json<RequestBody>,
) -> Result<Created<ResponseBody>, Problem> {
    let key = caller.key;
    let name = body.name.ok_or_else(|| Problem::invalid("name", "is required: the file name"))?;
    let (name, content_type) = check_name(&name).map_err(|error| Problem::invalid("name", error.message()))?;
    let size = validate_size(body.size)?;
    let id: RecordId = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(DECISION_NOT_FOUND)?;
    let blob = BlobId::new(&*cx.entropy);
    let attachment = Attachment {
        id: blob.to_string(),
        name: name.clone(),
        content_type: content_type.to_owned(),
        size,
        sha256: String::new(),
    };
    check_can_attach(&cx, &record, &attach_command(&key, CommandId::new(&blob.to_string(), &[]), vec![attachment]))?;
    let now = cx.clock.now();
    let expires_at = now.plus_ms(UPLOAD_URL_TTL_MS);
    let blob_key = BlobKey { tenant: key.tenant, record: id, id: blob };
    let upload = cx.blob_store()?.presign_upload(&blob_key, size, now, expires_at).await?;
    let token_expires_at = now.plus_ms(UPLOAD_TOKEN_TTL_MS);
    let claims = UploadClaims {
        tenant: key.tenant,
        record: id,
        blob_id: blob.to_string(),
        name,
        size,
        expires_at: token_expires_at,
    };
    let token = signed_token::sign(cx.key(KeyPurpose::Files)?, TOKEN_PURPOSE, &claims).ok_or(Problem::Internal)?;
    let headers = upload.headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    Ok(Created(ResponseBody {
        upload: UploadRequest { method: "PUT", url: upload.url, headers, expires_at },
        complete_url: format!("{origin}/uploads/{token}"),
    }))
}

fn validate_size(size: Option<u64>) -> Result<u64, Problem> {
    let size = size.filter(|size| *size > 0);
    let size = size.ok_or_else(|| Problem::invalid("size", "is required: the file size in bytes, at least 1"))?;
    if size <= FILE_BYTES_MAX as u64 {
        return Ok(size);
    }
    let details = Map::from_iter([("field".to_owned(), Value::from("size"))]);
    let message = format!("size is too large: a file may have at most {FILE_BYTES_MAX} bytes");
    Err(Problem::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "VALIDATION_ERROR", message, details })
}
