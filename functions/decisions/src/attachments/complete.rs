//! `POST /uploads/{token}`: the file was put where the invitation said. Now it is looked at, and counts.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::file::check_file;
use handrail_domain::ids::CommandId;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::blobs::{BlobId, BlobKey};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::ticket;
use http::StatusCode;
use serde_json::Value;

use super::invite::{Invited, PURPOSE};
use super::{all, attach, check_room, command};
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;
use crate::uploads::{FIELD, describe, refused};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-complete",
    method: Verb::Post,
    path: "/uploads/{token}",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin, Need::FilesBucket],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move, Touch::ReadFile],
    summary: "Say that a large file was put, so that it counts",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

const NO_UPLOAD: Problem = Problem::NotFound { what: "Upload" };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    Segment(token): Segment,
    OwnOrigin(origin): OwnOrigin,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = caller.key;
    let invited: Invited = ticket::read(cx.master()?, PURPOSE, &token).ok_or(NO_UPLOAD)?;
    if invited.tenant != key.tenant || cx.clock.now() >= invited.until {
        return Err(NO_UPLOAD);
    }
    spend(&cx, &key, Budget::Calls).await?;
    let record = cx.store.record::<Decision>(key.tenant, invited.record).await?.ok_or(NOT_FOUND)?;
    // An upload counts once, however often it is completed.
    let once = CommandId::new(&format!("upload {}", invited.blob), &[]);
    let record = if record.made_by(&once).is_some() {
        record
    } else {
        let blob: BlobId = invited.blob.parse().map_err(|_| NO_UPLOAD)?;
        let place = BlobKey { tenant: key.tenant, record: invited.record, id: blob };
        let size = usize::try_from(invited.size).map_err(|_| NO_UPLOAD)?;
        let bytes = cx.blobs()?.read(&place, size).await?;
        let bytes = bytes.filter(|bytes| bytes.len() == size);
        let bytes = bytes
            .ok_or_else(|| Problem::invalid(FIELD, "is not there yet: PUT it whole to upload.url, then complete it"))?;
        let file = check_file(&invited.name, &bytes).map_err(|refusal| refused(&refusal))?;
        let command = command(&key, once, vec![describe(&file, blob)]);
        check_room(&cx, &record, &command)?;
        attach(&cx, record, &command).await?
    };
    Ok((StatusCode::CREATED, axum::Json(all(&cx, &origin, &record)?)))
}
