//! Files that an agent puts beside what it asks, for the person to judge by.

pub mod add;
pub mod complete;
pub mod invite;
pub mod list;

use handrail_domain::actor::Actor;
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{Act, Decision};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::Key;
use handrail_kernel::transition::{Stop, transition_from};
use serde_json::{Value, json};

use crate::dialect::refused;
use crate::file_links::FileLinks;

fn command(key: &Key, id: CommandId, files: Vec<Attachment>) -> Command<Decision> {
    Command { id, actor: Actor::Key { key: key.id, role: key.role }, act: Act::Attach(files) }
}

/// Would this be refused now? Asked before bytes are moved; the write asks again.
fn check_room(cx: &Cx, record: &Record<Decision>, command: &Command<Decision>) -> Result<(), Problem> {
    let now = cx.clock.now();
    decide(&record.seen_at(now), command, now).map(drop).map_err(refused)
}

/// The one write, after the bytes lie where it says.
async fn attach(cx: &Cx, record: Record<Decision>, command: &Command<Decision>) -> Result<Record<Decision>, Problem> {
    let applied = transition_from(cx, record, command).await;
    let applied = applied.map_err(|stop: Stop<Decision>| stop.into_problem("Decision", refused))?;
    Ok(applied.record)
}

/// `{"attachments": [all of them]}`
fn all(cx: &Cx, origin: &str, record: &Record<Decision>) -> Result<Value, Problem> {
    let links = FileLinks::new(cx.master()?, origin, cx.clock.now());
    Ok(json!({"attachments": links.list(record, &record.standing.attachments)}))
}
