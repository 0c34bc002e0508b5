//! `PUT /local/files/{token}`: the presigned upload of a local installation. The token holds file, size and expiry, and
//! an uploaded file cannot be overwritten.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::{Path as Segment, Request, State};
use axum::response::{IntoResponse, Response};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_engine::FolderBlobStore;
use handrail_platform::blob_store::{BlobKey, PresignedUpload};
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_secrets::signed_token;
use handrail_web::extract::read_limited_body;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::response::LocalFault;
use super::state::Local;

const PURPOSE: &str = "put";

#[derive(Serialize, Deserialize)]
struct LocalUploadClaims {
    tenant: TenantId,
    record: RecordId,
    blob: String,
    size: u64,
    until: Timestamp,
}

/// Opens the blob store, whose presigned uploads lead to the route above.
pub(crate) fn open_folder(path: &Path, origin: &str, master: &PurposeKey) -> anyhow::Result<FolderBlobStore> {
    let (origin, master) = (origin.to_owned(), master.clone());
    let make_upload = move |key: &BlobKey, size: u64, until: Timestamp| {
        let claims =
            LocalUploadClaims { tenant: key.tenant, record: key.record, blob: key.id.to_string(), size, until };
        let token = signed_token::sign(&master, PURPOSE, &claims)
            .ok_or_else(|| Fault::internal("an upload URL is too long"))?;
        let headers = vec![("content-type".to_owned(), "application/octet-stream".to_owned())];
        Ok(PresignedUpload { url: format!("{origin}/local/files/{token}"), headers })
    };
    FolderBlobStore::open(path, Arc::new(make_upload))
        .with_context(|| format!("could not create the folder {}", path.display()))
}

pub(super) async fn put(
    State(local): State<Local>,
    Segment(token): Segment<String>,
    request: Request,
) -> Result<Response, LocalFault> {
    let Some(folder) = &local.folder else {
        return Ok(error_response(StatusCode::NOT_FOUND, "This server stores no files"));
    };
    let claims = signed_token::verify::<LocalUploadClaims>(local.cx.key(KeyPurpose::Files)?, PURPOSE, &token);
    let now = local.cx.clock.now();
    let Some((claims, id)) = claims.and_then(|claims| claims.blob.parse().ok().map(|id| (claims, id))) else {
        return Ok(error_response(StatusCode::FORBIDDEN, "The upload URL is invalid"));
    };
    if now >= claims.until {
        return Ok(error_response(StatusCode::FORBIDDEN, "The upload URL has expired: request a new one"));
    }
    let size = usize::try_from(claims.size).unwrap_or(0);
    let Ok(bytes) = read_limited_body(request, size).await else {
        return Ok(error_response(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than its declared size"));
    };
    if bytes.len() != size {
        return Ok(error_response(StatusCode::BAD_REQUEST, "The file is smaller than its declared size"));
    }
    let key = BlobKey { tenant: claims.tenant, record: claims.record, id };
    match folder.put_if_absent(&key, bytes).await? {
        true => Ok(StatusCode::OK.into_response()),
        false => Ok(error_response(StatusCode::PRECONDITION_FAILED, "The file was uploaded already")),
    }
}

fn error_response(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(json!({"error": error}))).into_response()
}
