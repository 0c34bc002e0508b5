//! Files of a decision with signed URLs, which open without an API key: as JSON `{name, url, type, size}`, and for pages.

use handrail_approvals::pages::FileView;
use handrail_context::cx::Cx;
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::Decision;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_platform::blob_store::BlobKey;
use handrail_secrets::file_link::FileLink;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::purpose_key::PurposeKey;
use schemars::JsonSchema;
use serde::Serialize;

/// JSON view of a file.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "File")]
pub(crate) struct FileJson {
    name: String,
    /// Signed URL, which opens without an API key for some days.
    url: String,
    #[serde(rename = "type")]
    content_type: String,
    /// Size in bytes.
    size: u64,
}

/// Builds signed file URLs. URLs issued on one day are equal.
pub(crate) struct FileLinks<'a> {
    key: &'a PurposeKey,
    origin: &'a str,
    issued_at: Timestamp,
}

impl<'a> FileLinks<'a> {
    pub(crate) fn new(key: &'a PurposeKey, origin: &'a str, issued_at: Timestamp) -> Self {
        Self { key, origin, issued_at }
    }

    pub(crate) fn files_json(&self, record: &Record<Decision>, files: &[Attachment]) -> Vec<FileJson> {
        let file_json = |file: &Attachment| FileJson {
            name: file.name.clone(),
            url: format!("{}/files/{}", self.origin, file_token(self.key, record, file, self.issued_at)),
            content_type: file.content_type.clone(),
            size: file.size,
        };
        files.iter().map(file_json).collect()
    }
}

/// Files of the page, with links that expire and are relative to the page, to work under any prefix.
pub(crate) fn file_views(cx: &Cx, current: &Record<Decision>, files: &[Attachment], now: Timestamp) -> Vec<FileView> {
    // Without a master key no link can be verified, so this page is never shown.
    let Ok(master) = cx.key(KeyPurpose::Files) else { return Vec::new() };
    let view = |file: &Attachment| FileView {
        name: file.name.clone(),
        content_type: file.content_type.clone(),
        size: file.size,
        href: format!("../files/{}", file_token(master, current, file, now)),
    };
    files.iter().map(view).collect()
}

/// Token of a file's URL. A file without a valid id gets a token that opens nothing.
fn file_token(master: &PurposeKey, record: &Record<Decision>, file: &Attachment, now: Timestamp) -> String {
    blob_key(record, file).map_or_else(|| "none".to_owned(), |key| FileLink::new(master, key, now).token())
}

pub(crate) fn blob_key(record: &Record<Decision>, file: &Attachment) -> Option<BlobKey> {
    Some(BlobKey { tenant: record.tenant, record: record.id, id: file.id.parse().ok()? })
}
