//! `POST /decisions/{id}/attachments/uploads`: an address where a file of any size that is taken can be put, past what a
//! function takes in a request. The file counts when the upload is completed.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::Decision;
use handrail_domain::file::{FILE_BYTES_MAX, check_name};
use handrail_domain::ids::{CommandId, RecordId, TenantId};
use handrail_domain::time::Timestamp;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::blobs::{BlobId, BlobKey};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, Json, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::ticket;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{check_room, command};
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-invite",
    method: Verb::Post,
    path: "/decisions/{id}/attachments/uploads",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin, Need::FilesBucket],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::PutFile],
    summary: "Get an address to put a large file at, past what a request may hold",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// To begin to put; the longest a started one may last is the other side's to say.
const PUT_WITHIN_MS: i64 = 15 * 60_000;
/// To complete.
const COMPLETE_WITHIN_MS: i64 = 60 * 60_000;
pub const PURPOSE: &str = "upload";

/// What the client carries from here to the completion.
#[derive(Serialize, Deserialize)]
pub struct Invited {
    pub tenant: TenantId,
    pub record: RecordId,
    /// Where the bytes go.
    pub blob: String,
    pub name: String,
    pub size: u64,
    pub until: Timestamp,
}

#[derive(Deserialize)]
struct Wire {
    name: Option<String>,
    size: Option<u64>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    Segment(id): Segment,
    OwnOrigin(origin): OwnOrigin,
    Json(wire): Json<Wire>,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = caller.key;
    let name = wire.name.ok_or_else(|| Problem::invalid("name", "is required: what the file is called"))?;
    let (name, content_type) = check_name(&name).map_err(|refusal| Problem::invalid("name", refusal.message()))?;
    let size = checked_size(wire.size)?;
    let id: RecordId = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &key, Budget::Calls).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(NOT_FOUND)?;
    let blob = BlobId::new(&*cx.entropy);
    let expected = Attachment {
        id: blob.to_string(),
        name: name.clone(),
        content_type: content_type.to_owned(),
        size,
        sha256: String::new(),
    };
    check_room(&cx, &record, &command(&key, CommandId::new(&blob.to_string(), &[]), vec![expected]))?;
    let now = cx.clock.now();
    let expires_at = now.plus_ms(PUT_WITHIN_MS);
    let place = BlobKey { tenant: key.tenant, record: id, id: blob };
    let invitation = cx.blobs()?.invite(&place, size, now, expires_at).await?;
    let until = now.plus_ms(COMPLETE_WITHIN_MS);
    let invited = Invited { tenant: key.tenant, record: id, blob: blob.to_string(), name, size, until };
    let token = ticket::sign(cx.master()?, PURPOSE, &invited).ok_or(Problem::Broken)?;
    let headers: Map<String, Value> =
        invitation.headers.into_iter().map(|(name, value)| (name, Value::from(value))).collect();
    let body = json!({
        "upload": {"method": "PUT", "url": invitation.url, "headers": headers, "expires_at": expires_at},
        "complete_url": format!("{origin}/uploads/{token}"),
    });
    Ok((StatusCode::CREATED, axum::Json(body)))
}

fn checked_size(size: Option<u64>) -> Result<u64, Problem> {
    let size = size.filter(|size| *size > 0);
    let size =
        size.ok_or_else(|| Problem::invalid("size", "is required: the bytes of the file, a number from 1 on"))?;
    if size <= FILE_BYTES_MAX as u64 {
        return Ok(size);
    }
    let details = Map::from_iter([("field".to_owned(), Value::from("size"))]);
    let message = format!("size is more than a file may have: at most {FILE_BYTES_MAX} bytes");
    Err(Problem::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "VALIDATION_ERROR", message, details })
}
