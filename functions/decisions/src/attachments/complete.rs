//! `POST /uploads/{token}`: validates a file that was uploaded to its presigned URL, and attaches it.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::file::check_file;
use handrail_domain::ids::CommandId;
use handrail_platform::blob_store::{BlobId, BlobKey};
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::signed_token;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{PathParam, PublicOrigin};
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;

use super::create_upload::{TOKEN_PURPOSE, UploadClaims};
use super::{AttachmentList, attach, attach_command, attachment_list, check_can_attach};
use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;
use crate::uploads::{FILE_FIELD, file_error_to_problem, to_attachment};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-complete",
    method: HttpMethod::Post,
    path: "/uploads/{token}",
    auth: Auth::ApiKey(Scope::DecisionsWrite),
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::Origin,
        RequiredSetting::FilesBucket,
    ],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Read,
        DataAccess::Transition,
        DataAccess::ReadFile,
    ],
    summary: "Complete the upload of a large file, to attach it",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[400, 409, 410, 413])
}

const UPLOAD_NOT_FOUND: Problem = Problem::NotFound { resource: "Upload" };

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(token): PathParam,
    PublicOrigin(origin): PublicOrigin,
) -> Result<Created<AttachmentList>, Problem> {
    let key = caller.key;
    let claims: UploadClaims =
        signed_token::verify(cx.key(KeyPurpose::Files)?, TOKEN_PURPOSE, &token).ok_or(UPLOAD_NOT_FOUND)?;
    if claims.tenant != key.tenant || cx.clock.now() >= claims.expires_at {
        return Err(UPLOAD_NOT_FOUND);
    }
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let record = cx.store.record::<Decision>(key.tenant, claims.record).await?.ok_or(DECISION_NOT_FOUND)?;
    // The command id is made of the upload, so that a repeated completion attaches the file once.
    let command_id = CommandId::new(&format!("upload {}", claims.blob_id), &[]);
    let record = if record.entry_of_command(&command_id).is_some() {
        record
    } else {
        let blob: BlobId = claims.blob_id.parse().map_err(|_| UPLOAD_NOT_FOUND)?;
        let blob_key = BlobKey { tenant: key.tenant, record: claims.record, id: blob };
        let size = usize::try_from(claims.size).map_err(|_| UPLOAD_NOT_FOUND)?;
        let bytes = cx.blob_store()?.get(&blob_key, size).await?;
        let bytes = bytes.filter(|bytes| bytes.len() == size);
        let bytes = bytes.ok_or_else(|| {
            Problem::invalid(
                FILE_FIELD,
                "is not uploaded yet: PUT the whole file to upload.url, then complete the upload",
            )
        })?;
        let file = check_file(&claims.name, &bytes).map_err(|error| file_error_to_problem(&error))?;
        let command = attach_command(&key, command_id, vec![to_attachment(&file, blob)]);
        check_can_attach(&cx, &record, &command)?;
        attach(&cx, record, &command).await?
    };
    Ok(Created(attachment_list(&cx, &origin, &record)?))
}
