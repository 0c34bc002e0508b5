//! Attachments of a decision: files for the approver to judge by.

pub mod add;
pub mod complete;
pub mod create_upload;
pub mod list;

use handrail_context::cx::Cx;
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{Act, Decision};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::record::Record;
use handrail_records::transition::{TransitionError, transition_from};
use handrail_secrets::keys::KeyPurpose;
use handrail_store::ApiKey;
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::file_links::{FileJson, FileLinks};
use handrail_approvals::errors::refusal_to_problem;

fn attach_command(key: &ApiKey, id: CommandId, files: Vec<Attachment>) -> Command<Decision> {
    Command { id, actor: key.actor(), act: Act::Attach(files) }
}

/// Returns an error if the files can't be attached now, before their bytes are uploaded. The write decides again.
fn check_can_attach(cx: &Cx, record: &Record<Decision>, command: &Command<Decision>) -> Result<(), Problem> {
    let now = cx.clock.now();
    decide(&record.as_of(now), command, now).map(drop).map_err(refusal_to_problem)
}

/// Attaches files that are already stored.
async fn attach(cx: &Cx, record: Record<Decision>, command: &Command<Decision>) -> Result<Record<Decision>, Problem> {
    let applied = transition_from(cx, record, command).await;
    let applied = applied
        .map_err(|error: TransitionError<Decision>| Problem::from_transition(error, "Decision", refusal_to_problem))?;
    Ok(applied.record)
}

/// All attachments of a decision.
#[derive(Serialize, JsonSchema)]
struct AttachmentList {
    attachments: Vec<FileJson>,
}

/// Returns the response body with all attachments of the decision.
fn attachment_list(cx: &Cx, origin: &str, record: &Record<Decision>) -> Result<AttachmentList, Problem> {
    let links = FileLinks::new(cx.key(KeyPurpose::Files)?, origin, cx.clock.now());
    Ok(AttachmentList { attachments: links.files_json(record, &record.state_data.attachments) })
}
