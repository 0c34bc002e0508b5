//! Packet record with its content.

use handrail_domain::packet::{Content, Packet};
use handrail_domain::record::Record;
use handrail_platform::fault::Fault;
use handrail_store::RecordWithBody;

/// Packet record with its content.
#[derive(Clone, Debug)]
pub struct PacketWithContent {
    pub record: Record<Packet>,
    pub content: Content,
}

impl PacketWithContent {
    pub fn from_record(record_with_body: RecordWithBody<Packet>) -> Result<Self, Fault> {
        let body = record_with_body.body.ok_or_else(|| Fault::internal("packet has no content"))?;
        Ok(Self { record: record_with_body.record, content: body.read()? })
    }

    /// Returns `true` if the newest event opened a checkpoint with an approver.
    pub fn opened_checkpoint(&self) -> bool {
        let checkpoint = self.record.state_data.question.as_ref();
        checkpoint.is_some_and(|checkpoint| checkpoint.number == self.record.seq)
    }
}
