//! What a worker is handed, and the workers as data.

use std::sync::Arc;

use handrail_domain::outbound::Reach;
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Door;
use handrail_kernel::endpoint::Grant;
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::Need;
use handrail_sender::{Limits, Sender};
use handrail_slack_api::{SLACK_API, Slack, WORKER_PATIENCE};

use crate::message::{Message, Queue};
use crate::ports::{Mailer, Outbox};

/// A function that is not called by HTTP.
#[derive(Clone, Copy)]
pub struct Worker {
    pub function: &'static str,
    pub trigger: Trigger,
    pub needs: &'static [Need],
    /// What it does to the table.
    pub grants: &'static [Grant],
    /// What it does elsewhere.
    pub actions: &'static [&'static str],
    pub summary: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Stream,
    Queue(Queue),
    Schedule,
}

/// What every worker stands on. A part that a function was not given is absent, and missing it is a fault.
#[derive(Clone)]
pub struct Works {
    pub cx: Cx,
    pub doors: &'static [&'static dyn Door],
    pub outbox: Option<Arc<dyn Outbox>>,
    pub mailer: Option<Arc<dyn Mailer>>,
    pub sender: Sender,
    pub slack: Slack,
}

impl Works {
    pub fn new(cx: Cx, doors: &'static [&'static dyn Door]) -> Self {
        let reach: Reach = cx.settings.reach;
        let slack = Slack::new(cx.settings.slack.api.as_deref().unwrap_or(SLACK_API), reach, WORKER_PATIENCE);
        Self { cx, doors, outbox: None, mailer: None, sender: Sender::new(reach, Limits::default()), slack }
    }

    pub(crate) fn door(&self, kind: &str) -> Result<&'static dyn Door, Fault> {
        let door = self.doors.iter().find(|door| door.kind() == kind);
        door.copied().ok_or_else(|| Fault::broken(format!("no door knows records of kind {kind}")))
    }

    pub(crate) fn outbox(&self) -> Result<&dyn Outbox, Fault> {
        self.outbox.as_deref().ok_or_else(|| Fault::broken("this worker has no outbox"))
    }

    pub(crate) fn mailer(&self) -> Result<&dyn Mailer, Fault> {
        self.mailer.as_deref().ok_or_else(|| Fault::broken("this worker has no mailer"))
    }
}

/// Hands a message to the worker of its queue.
pub async fn handle(works: &Works, message: &Message) -> Result<(), Fault> {
    match message {
        Message::Deliver { kind, key } => crate::deliver(works, kind, *key).await,
        Message::Notify { kind, key } => crate::notify(works, kind, *key).await,
        Message::Keep { kind, key } => crate::keep(works, kind, *key).await,
        Message::Timer { kind, key, due_at } => crate::timer(works, kind, *key, *due_at).await,
        Message::Later { message: held, at } => crate::release(works, message, held, *at).await,
    }
}
