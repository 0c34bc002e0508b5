//! `PUT /local/files/{token}`: what S3's signed address is on AWS. The token says where, how many bytes and until when, and
//! what lies there once stays as it is.

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::{Path as Segment, Request, State};
use axum::response::{IntoResponse, Response};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::{BlobKey, Invitation};
use handrail_kernel::extract::limited_body;
use handrail_kernel::fault::Fault;
use handrail_kernel::master::MasterKey;
use handrail_kernel::ticket;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Local, LocalFault};
use crate::engine::Folder;

const PURPOSE: &str = "put";

#[derive(Serialize, Deserialize)]
struct Invited {
    tenant: TenantId,
    record: RecordId,
    blob: String,
    size: u64,
    until: Timestamp,
}

/// The folder of files, which invites clients to the address above.
pub(crate) fn open_folder(path: &Path, origin: &str, master: &MasterKey) -> anyhow::Result<Folder> {
    let (origin, master) = (origin.to_owned(), master.clone());
    let inviter = move |key: &BlobKey, size: u64, until: Timestamp| {
        let invited = Invited { tenant: key.tenant, record: key.record, blob: key.id.to_string(), size, until };
        let token = ticket::sign(&master, PURPOSE, &invited).ok_or_else(|| Fault::broken("an address is too long"))?;
        let headers = vec![("content-type".to_owned(), "application/octet-stream".to_owned())];
        Ok(Invitation { url: format!("{origin}/local/files/{token}"), headers })
    };
    Folder::open(path, Arc::new(inviter)).with_context(|| format!("could not make the folder {}", path.display()))
}

pub(super) async fn put(
    State(local): State<Local>,
    Segment(token): Segment<String>,
    request: Request,
) -> Result<Response, LocalFault> {
    let Some(folder) = &local.folder else { return Ok(refusal(StatusCode::NOT_FOUND, "Files lie elsewhere")) };
    let invited = ticket::read::<Invited>(local.cx.master()?, PURPOSE, &token);
    let now = local.cx.clock.now();
    let Some((invited, id)) = invited.and_then(|invited| invited.blob.parse().ok().map(|id| (invited, id))) else {
        return Ok(refusal(StatusCode::FORBIDDEN, "This address was not given by us"));
    };
    if now >= invited.until {
        return Ok(refusal(StatusCode::FORBIDDEN, "This address is over: ask for another"));
    }
    let size = usize::try_from(invited.size).unwrap_or(0);
    let Ok(bytes) = limited_body(request, size).await else {
        return Ok(refusal(StatusCode::PAYLOAD_TOO_LARGE, "The file is larger than was said"));
    };
    if bytes.len() != size {
        return Ok(refusal(StatusCode::BAD_REQUEST, "The file is smaller than was said"));
    }
    let key = BlobKey { tenant: invited.tenant, record: invited.record, id };
    match folder.put_once(&key, bytes).await? {
        true => Ok(StatusCode::OK.into_response()),
        false => Ok(refusal(StatusCode::PRECONDITION_FAILED, "A file was put here already")),
    }
}

fn refusal(status: StatusCode, error: &str) -> Response {
    (status, axum::Json(json!({"error": error}))).into_response()
}
