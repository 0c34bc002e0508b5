//! Dependencies of a worker, and the description of each worker function.

use std::sync::Arc;

use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_records::kind::Kind;
use handrail_sender::{CallLimits, Sender};
use handrail_slack_api::{SLACK_API_URL, Slack, WORKER_TIMEOUT};
use handrail_web::endpoint::Grant;

use crate::message::Queue;
use crate::ports::{Mailer, Outbox};

/// Description of a function that is started by the stream, a queue or a schedule, not by HTTP.
#[derive(Clone, Copy)]
pub struct Worker {
    pub function: &'static str,
    pub event_source: EventSource,
    pub required_settings: &'static [RequiredSetting],
    /// Permissions on the table.
    pub grants: &'static [Grant],
    /// IAM actions on other AWS services.
    pub actions: &'static [&'static str],
    pub summary: &'static str,
}

/// Event source that starts a worker function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSource {
    Stream,
    Queue(Queue),
    Schedule,
}

/// Dependencies of the workers. `outbox` and `mailer` are `None` in functions without them; using them there is a
/// fault.
#[derive(Clone)]
pub struct WorkerContext {
    pub cx: Cx,
    pub kinds: &'static [Kind],
    pub outbox: Option<Arc<dyn Outbox>>,
    pub mailer: Option<Arc<dyn Mailer>>,
    pub sender: Sender,
    pub slack: Slack,
}

impl WorkerContext {
    pub fn new(cx: Cx, kinds: &'static [Kind]) -> Self {
        let address_policy: AddressPolicy = cx.settings.address_policy;
        let slack =
            Slack::new(cx.settings.slack.api_url.as_deref().unwrap_or(SLACK_API_URL), address_policy, WORKER_TIMEOUT);
        Self {
            cx,
            kinds,
            outbox: None,
            mailer: None,
            sender: Sender::new(address_policy, CallLimits::default()),
            slack,
        }
    }

    /// Returns the kind with this name.
    pub(crate) fn kind(&self, name: &str) -> Result<&'static Kind, Fault> {
        let kind = self.kinds.iter().find(|kind| kind.name == name);
        kind.ok_or_else(|| Fault::internal(format!("no kind of records has the name {name}")))
    }

    pub fn outbox(&self) -> Result<&dyn Outbox, Fault> {
        self.outbox.as_deref().ok_or_else(|| Fault::internal("this worker has no outbox"))
    }

    pub(crate) fn mailer(&self) -> Result<&dyn Mailer, Fault> {
        self.mailer.as_deref().ok_or_else(|| Fault::internal("this worker has no mailer"))
    }
}

/// Result of a worker that did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Handled {
    /// The message can be deleted.
    Done,
    /// Nothing was done: the webhook is paused. The message has to be handled again at this time.
    WaitsUntil(Timestamp),
}
