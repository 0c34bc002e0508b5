//! `POST /decisions/{id}/attachments`: files beside the request, all of them or none.

use axum::extract::{Request, State};
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::ids::{CommandId, RequestFormat};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{Caller, IdempotencyKey, OwnOrigin, Segment, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::{Value, json};

use super::{all, attach, check_room, command};
use crate::dialect::DIALECT;
use crate::get::NOT_FOUND;
use crate::uploads::{self, Upload};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-add",
    method: Verb::Post,
    path: "/decisions/{id}/attachments",
    auth: Auth::Key(Scope::DecisionsWrite),
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::OwnOrigin, Need::FilesBucket],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Read, Touch::Move, Touch::PutFile],
    summary: "Put files beside a request, for the approver to judge by",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::DecisionsWrite>,
    Segment(id): Segment,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    OwnOrigin(origin): OwnOrigin,
    request: Request,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = caller.key;
    let uploads = uploads::checked(&uploads::read(&cx, request).await?)?;
    let id = id.parse().map_err(|_| NOT_FOUND)?;
    spend(&cx, &key, Budget::Calls).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(NOT_FOUND)?;
    let name = match idempotency_key {
        Some(name) => format!("{} {name}", key.id),
        None => cx.new_record_id().to_string(),
    };
    let files = uploads::described(&cx, &uploads);
    let command = command(&key, CommandId::from_request(&name, FORMAT, &content(&uploads)), files.clone());
    if record.made_by(&command.id).is_none() {
        check_room(&cx, &record, &command)?;
        uploads::put(&cx, key.tenant, id, &uploads, &files).await?;
    }
    let record = attach(&cx, record, &command).await?;
    Ok((StatusCode::CREATED, axum::Json(all(&cx, &origin, &record)?)))
}

/// The format of [`content`] in the digest of a request.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.attachments.add", version: 1 };

/// What a repeat has in common with the first request: the same files under the same names.
fn content(uploads: &[Upload]) -> Value {
    uploads.iter().map(|upload| json!({"name": upload.file.name, "sha256": upload.file.sha256})).collect()
}
