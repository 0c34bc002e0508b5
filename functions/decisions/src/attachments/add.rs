//! `POST /decisions/{id}/attachments`: attaches files to a decision, all or none.

use axum::extract::{Request, State};
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::decision::Decision;
use handrail_domain::ids::{CommandId, RequestFormat};
use handrail_secrets::keys::KeyPurpose;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::{Content, Description, MULTIPART};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{IdempotencyKey, PathParam, PublicOrigin};
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde_json::{Value, json};

use super::{AttachmentList, attach, attach_command, attachment_list, check_can_attach};
use crate::door::DOOR;
use crate::get::DECISION_NOT_FOUND;
use crate::uploads::{self, Upload};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "decisions-attachments-add",
    method: HttpMethod::Post,
    path: "/decisions/{id}/attachments",
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
        DataAccess::PutFile,
    ],
    summary: "Attach files to a decision, for the approver to judge by",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    /// Form with the files.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the form is read part by part")]
    struct FileForm {
        /// One or more files, at most five.
        file: Vec<String>,
    }
    Description::of(handler).body(&[Content::of::<FileForm>(MULTIPART)]).problems(&[403, 409, 410])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::DecisionsWrite>,
    PathParam(id): PathParam,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    PublicOrigin(origin): PublicOrigin,
    request: Request,
) -> Result<Created<AttachmentList>, Problem> {
    let key = caller.key;
    let uploads = uploads::validate_uploads(&uploads::read_upload_form(&cx, request).await?)?;
    let id = id.parse().map_err(|_| DECISION_NOT_FOUND)?;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let record = cx.store.record::<Decision>(key.tenant, id).await?.ok_or(DECISION_NOT_FOUND)?;
    let command_name = match idempotency_key {
        Some(idempotency_key) => format!("{} {idempotency_key}", key.id),
        None => cx.new_record_id().to_string(),
    };
    let files = uploads::to_attachments(&cx, &uploads);
    let command =
        attach_command(&key, CommandId::from_request(&command_name, FORMAT, &command_content(&uploads)), files.clone());
    if record.entry_of_command(&command.id).is_none() {
        check_can_attach(&cx, &record, &command)?;
        uploads::put(&cx, key.tenant, id, &uploads, &files).await?;
    }
    let record = attach(&cx, record, &command).await?;
    Ok(Created(attachment_list(&cx, &origin, &record)?))
}

/// Format of [`command_content`] in the request digest that recognises repeats.
const FORMAT: RequestFormat = RequestFormat { name: "decisions.attachments.add", version: 1 };

/// Content that a repeat shares with the first request: names and digests of the files.
fn command_content(uploads: &[Upload]) -> Value {
    uploads.iter().map(|upload| json!({"name": upload.file.name, "sha256": upload.file.sha256})).collect()
}
