//! Files of a decision as clients see them: `{name, url, type, size}`, with an address that opens without a key.

use handrail_domain::attachment::Attachment;
use handrail_domain::decision::Decision;
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use handrail_kernel::blobs::BlobKey;
use handrail_kernel::file_link::FileLink;
use handrail_kernel::master::MasterKey;
use serde_json::{Value, json};

/// What the addresses are made with. The same on every reading of a day.
pub(crate) struct FileLinks<'a> {
    master: &'a MasterKey,
    origin: &'a str,
    at: Timestamp,
}

impl<'a> FileLinks<'a> {
    pub(crate) fn new(master: &'a MasterKey, origin: &'a str, at: Timestamp) -> Self {
        Self { master, origin, at }
    }

    pub(crate) fn list(&self, record: &Record<Decision>, files: &[Attachment]) -> Vec<Value> {
        let one = |file: &Attachment| {
            json!({
                "name": file.name,
                "url": format!("{}/files/{}", self.origin, token(self.master, record, file, self.at)),
                "type": file.content_type,
                "size": file.size,
            })
        };
        files.iter().map(one).collect()
    }
}

/// What opens a file. A file whose bytes have no place gets one that opens nothing.
pub(crate) fn token(master: &MasterKey, record: &Record<Decision>, file: &Attachment, now: Timestamp) -> String {
    blob_key(record, file).map_or_else(|| "none".to_owned(), |key| FileLink::to(master, key, now).token())
}

pub(crate) fn blob_key(record: &Record<Decision>, file: &Attachment) -> Option<BlobKey> {
    Some(BlobKey { tenant: record.tenant, record: record.id, id: file.id.parse().ok()? })
}
