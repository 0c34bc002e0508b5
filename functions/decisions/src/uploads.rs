//! Files that come with a request: checked one by one before anything is kept, then put beside the record.

use axum::extract::Request;
use bytes::Bytes;
use handrail_domain::attachment::Attachment;
use handrail_domain::file::{CheckedFile, FileRefusal, check_file, check_wanted};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_kernel::blobs::{BlobId, BlobKey, FUNCTION_REQUEST_BYTES_MAX};
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::multipart::{AROUND_FILES_BYTES_MAX, Part, parts};
use handrail_kernel::problem::Problem;
use http::StatusCode;
use serde_json::{Map, Value};

/// The field that holds files, on every route.
pub const FIELD: &str = "file";

/// A file that may be kept.
pub struct Upload {
    pub file: CheckedFile,
    pub bytes: Bytes,
}

/// The parts of a form, as long as it is not longer than may come here.
pub async fn read(cx: &Cx, request: Request) -> Result<Vec<Part>, Problem> {
    let bytes_max = cx.blobs()?.request_bytes_max();
    parts(request, bytes_max + AROUND_FILES_BYTES_MAX).await.map_err(|problem| match problem {
        Problem::TooLarge { .. } => too_large(bytes_max),
        other => other,
    })
}

fn too_large(bytes_max: usize) -> Problem {
    let mb = bytes_max / (1024 * 1024);
    if bytes_max == FUNCTION_REQUEST_BYTES_MAX {
        return refused_for_size(format!(
            "A request may hold at most {mb} MB here: for a larger file, POST its name and size to \
             /decisions/{{id}}/attachments/uploads and follow what it answers"
        ));
    }
    refused_for_size(format!("A request may hold at most {mb} MB of files"))
}

fn refused_for_size(message: String) -> Problem {
    let details = Map::from_iter([("field".to_owned(), Value::from(FIELD))]);
    Problem::Refused { status: StatusCode::PAYLOAD_TOO_LARGE, code: "VALIDATION_ERROR", message, details }
}

/// The first file that may not be kept refuses all of them. Parts of other fields are not looked at.
pub fn checked(parts: &[Part]) -> Result<Vec<Upload>, Problem> {
    let files = parts.iter().filter(|part| part.field == FIELD);
    let uploads: Vec<Upload> = files
        .map(|part| {
            let name = part.file_name.as_deref().unwrap_or_default();
            Ok(Upload {
                file: check_file(name, &part.bytes).map_err(|refusal| refused(&refusal))?,
                bytes: part.bytes.clone(),
            })
        })
        .collect::<Result<_, Problem>>()?;
    if uploads.is_empty() {
        return Err(Problem::invalid(FIELD, "is required: send one or more parts of this name"));
    }
    Ok(uploads)
}

/// The files of a page's form. A browser sends an empty part where nothing was picked.
pub fn picked(parts: &[Part]) -> Vec<&Part> {
    let nothing = |part: &Part| part.file_name.as_deref().unwrap_or_default().is_empty() && part.bytes.is_empty();
    parts.iter().filter(|part| part.field == FIELD && !nothing(part)).collect()
}

/// For the page of a decision that asks for files: of such kinds as the asker wants.
pub fn wanted(picked: &[&Part], accept: &[String]) -> Result<Vec<Upload>, FileRefusal> {
    let one = |part: &&Part| {
        let file = check_file(part.file_name.as_deref().unwrap_or_default(), &part.bytes)?;
        check_wanted(&file.name, file.content_type, accept)?;
        Ok(Upload { file, bytes: part.bytes.clone() })
    };
    picked.iter().map(one).collect()
}

pub fn refused(refusal: &FileRefusal) -> Problem {
    let message = refusal.message();
    match refusal {
        FileRefusal::TooLarge { .. } => refused_for_size(format!("{FIELD} {message}")),
        FileRefusal::NoName
        | FileRefusal::Kind { .. }
        | FileRefusal::Program { .. }
        | FileRefusal::Disguised { .. }
        | FileRefusal::NotWanted { .. } => Problem::invalid(FIELD, message),
    }
}

/// What the record will say of them. Nothing is kept yet.
pub fn described(cx: &Cx, uploads: &[Upload]) -> Vec<Attachment> {
    uploads.iter().map(|upload| describe(&upload.file, BlobId::new(&*cx.entropy))).collect()
}

pub(crate) fn describe(file: &CheckedFile, id: BlobId) -> Attachment {
    Attachment {
        id: id.to_string(),
        name: file.name.clone(),
        content_type: file.content_type.to_owned(),
        size: file.size,
        sha256: file.sha256.clone(),
    }
}

/// Puts the bytes where the record will say that they are. To be called before the record says it: what is then not said
/// goes away by itself.
pub async fn put(
    cx: &Cx,
    tenant: TenantId,
    record: RecordId,
    uploads: &[Upload],
    files: &[Attachment],
) -> Result<(), Fault> {
    for (upload, file) in uploads.iter().zip(files) {
        let id = file.id.parse().map_err(|error| Fault::broken_by("a file without a place", error))?;
        cx.blobs()?.put(&BlobKey { tenant, record, id }, upload.bytes.clone()).await?;
    }
    Ok(())
}
