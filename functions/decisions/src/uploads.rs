//! Files in a request: all are validated before any is stored, then stored under the id of the record.

use axum::extract::Request;
use bytes::Bytes;
use handrail_context::cx::Cx;
use handrail_domain::attachment::Attachment;
use handrail_domain::file::{CheckedFile, FileError, check_accepted, check_file};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_platform::blob_store::{BlobId, BlobKey, FUNCTION_REQUEST_BYTES_MAX};
use handrail_platform::fault::Fault;
use handrail_web::multipart::{FORM_OVERHEAD_BYTES_MAX, FormPart, read_parts};
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::{Map, Value};

/// Form field of files, on every route.
pub const FILE_FIELD: &str = "file";

/// A validated file with its bytes.
pub struct Upload {
    pub file: CheckedFile,
    pub bytes: Bytes,
}

/// Reads the parts of a form. Returns an error if the request is larger than this process can receive.
pub async fn read_upload_form(cx: &Cx, request: Request) -> Result<Vec<FormPart>, Problem> {
    let bytes_max = cx.blob_store()?.request_bytes_max();
    read_parts(request, bytes_max + FORM_OVERHEAD_BYTES_MAX).await.map_err(|problem| match problem {
        Problem::TooLarge { .. } => request_too_large(bytes_max),
        other => other,
    })
}

fn request_too_large(bytes_max: usize) -> Problem {
    let mb = bytes_max / (1024 * 1024);
    if bytes_max == FUNCTION_REQUEST_BYTES_MAX {
        return payload_too_large(format!(
            "A request may have at most {mb} MB. For a larger file, POST its name and size to \
             /decisions/{{id}}/attachments/uploads and use the upload URL of the response."
        ));
    }
    payload_too_large(format!("A request may have at most {mb} MB of files"))
}

fn payload_too_large(message: String) -> Problem {
    let details = Map::from_iter([("field".to_owned(), Value::from(FILE_FIELD))]);
    Problem::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "VALIDATION_ERROR", message, details }
}

/// Validates the parts of the `file` field. Returns the error of the first invalid file.
pub fn validate_uploads(parts: &[FormPart]) -> Result<Vec<Upload>, Problem> {
    let files = parts.iter().filter(|part| part.field == FILE_FIELD);
    let uploads: Vec<Upload> = files
        .map(|part| {
            let name = part.file_name.as_deref().unwrap_or_default();
            Ok(Upload {
                file: check_file(name, &part.bytes).map_err(|error| file_error_to_problem(&error))?,
                bytes: part.bytes.clone(),
            })
        })
        .collect::<Result<_, Problem>>()?;
    if uploads.is_empty() {
        return Err(Problem::invalid(FILE_FIELD, "is required: send one or more parts of this name"));
    }
    Ok(uploads)
}

/// The file parts of a page's form, without the empty part that a browser sends when no file is picked.
pub fn non_empty(parts: &[FormPart]) -> Vec<&FormPart> {
    let is_empty = |part: &FormPart| part.file_name.as_deref().unwrap_or_default().is_empty() && part.bytes.is_empty();
    parts.iter().filter(|part| part.field == FILE_FIELD && !is_empty(part)).collect()
}

/// Validates the files of an answer against the types that the decision accepts.
pub fn check_all_accepted(picked: &[&FormPart], accept: &[String]) -> Result<Vec<Upload>, FileError> {
    let to_upload = |part: &&FormPart| {
        let file = check_file(part.file_name.as_deref().unwrap_or_default(), &part.bytes)?;
        check_accepted(&file.name, file.content_type, accept)?;
        Ok(Upload { file, bytes: part.bytes.clone() })
    };
    picked.iter().map(to_upload).collect()
}

pub fn file_error_to_problem(error: &FileError) -> Problem {
    let message = error.message();
    match error {
        FileError::TooLarge { .. } => payload_too_large(format!("{FILE_FIELD} {message}")),
        FileError::NoName
        | FileError::Kind { .. }
        | FileError::Program { .. }
        | FileError::Disguised { .. }
        | FileError::NotAccepted { .. } => Problem::invalid(FILE_FIELD, message),
    }
}

/// Attachments with new ids for the uploads. Stores nothing.
pub fn to_attachments(cx: &Cx, uploads: &[Upload]) -> Vec<Attachment> {
    uploads.iter().map(|upload| to_attachment(&upload.file, BlobId::new(&*cx.entropy))).collect()
}

pub(crate) fn to_attachment(file: &CheckedFile, id: BlobId) -> Attachment {
    Attachment {
        id: id.to_string(),
        name: file.name.clone(),
        content_type: file.content_type.to_owned(),
        size: file.size,
        sha256: file.sha256.clone(),
    }
}

/// Stores the bytes as temporary files, before the record names them. A file that no record names expires.
pub async fn put(
    cx: &Cx,
    tenant: TenantId,
    record: RecordId,
    uploads: &[Upload],
    files: &[Attachment],
) -> Result<(), Fault> {
    for (upload, file) in uploads.iter().zip(files) {
        let id = file
            .id
            .parse()
            .map_err(|error| Fault::internal_with_source("the attachment has no valid file id", error))?;
        cx.blob_store()?.put(&BlobKey { tenant, record, id }, upload.bytes.clone()).await?;
    }
    Ok(())
}
