//! The worker functions as data, as the endpoints are for operations. The template and the tests are made from it.

use handrail_context::settings::RequiredSetting;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::endpoint::Grant;

use crate::message::Queue;
use crate::worker_context::{EventSource, Worker};

/// Time that each worker has for its events, in seconds. A message in a queue stays hidden six times as long.
pub const WORKER_TIMEOUT_SECONDS: u32 = 60;

pub const WORKERS: &[Worker] = &[DISPATCH, DELIVER, NOTIFY, KEEP, TIMER, SWEEP];

// No worker may write keys, sessions or tenants.
const QUERY: Grant = Grant::on_records("dynamodb:Query");
const GET: Grant = Grant::on_records("dynamodb:GetItem");
const PUT: Grant = Grant::on_records("dynamodb:PutItem");
const UPDATE: Grant = Grant::on_records("dynamodb:UpdateItem");
const BATCH_GET: Grant = Grant::on_records("dynamodb:BatchGetItem");

const DISPATCH: Worker = Worker {
    function: "dispatch",
    event_source: EventSource::Stream,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::DeliveriesQueue,
        RequiredSetting::NoticesQueue,
        RequiredSetting::FilesQueue,
        RequiredSetting::TimersQueue,
        RequiredSetting::Scheduler,
    ],
    // Stores each event as an item, and the large spec of a committed record. Counts the record for its lists.
    grants: &[
        QUERY,
        PUT,
        UPDATE,
        Grant::on_leading_key("dynamodb:Query", "feed#*"),
        Grant::on_leading_key("dynamodb:PutItem", "feed#*"),
        Grant::on_leading_key("dynamodb:Query", "hooks#*"),
        Grant::on_leading_key("dynamodb:PutItem", "call#*"),
        BATCH_GET,
        Grant::on_leading_key("dynamodb:BatchGetItem", "counts#*"),
        Grant::on_leading_key("dynamodb:UpdateItem", "counts#*"),
        Grant::on_index("by_kind"),
    ],
    actions: &["sqs:SendMessage", "scheduler:CreateSchedule", "iam:PassRole"],
    summary: "Move effects from the table's stream to the queues",
};

const DELIVER: Worker = Worker {
    function: "deliver",
    event_source: EventSource::Queue(Queue::Deliveries),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::Callbacks),
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::Key(KeyPurpose::Receipts),
        RequiredSetting::Key(KeyPurpose::Webhooks),
        RequiredSetting::Origin,
        RequiredSetting::DeliveriesQueue,
        RequiredSetting::WebhookHosts,
    ],
    grants: &[
        QUERY,
        PUT,
        UPDATE,
        GET,
        Grant::on_leading_key("dynamodb:GetItem", "call#*"),
        Grant::on_leading_key("dynamodb:UpdateItem", "call#*"),
        Grant::on_leading_key("dynamodb:GetItem", "hooks#*"),
        Grant::on_leading_key("dynamodb:UpdateItem", "hooks#*"),
        // The public key of the receipts in callbacks.
        Grant::on_leading_key("dynamodb:PutItem", "signing-keys#*"),
    ],
    actions: &["sqs:SendMessage"],
    summary: "Make one attempt of a webhook delivery or callback",
};

const NOTIFY: Worker = Worker {
    function: "notify",
    event_source: EventSource::Queue(Queue::Notices),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApprovalLinks),
        RequiredSetting::Key(KeyPurpose::Files),
        RequiredSetting::Key(KeyPurpose::SignIn),
        RequiredSetting::Key(KeyPurpose::Slack),
        RequiredSetting::Origin,
        RequiredSetting::MailFrom,
        RequiredSetting::NoticesQueue,
    ],
    grants: &[QUERY, PUT, UPDATE, GET, Grant::on_leading_key("dynamodb:GetItem", "slack#*")],
    actions: &["ses:SendEmail", "sqs:SendMessage"],
    summary: "Send one message to a person, by mail or in Slack",
};

pub const KEEP: Worker = Worker {
    function: "keep",
    event_source: EventSource::Queue(Queue::Files),
    required_settings: &[RequiredSetting::Table, RequiredSetting::FilesBucket],
    grants: &[QUERY],
    actions: &["s3:DeleteObjectTagging"],
    summary: "Retain the files of an event",
};

const TIMER: Worker = Worker {
    function: "timer",
    event_source: EventSource::Queue(Queue::Timers),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::DeliveriesQueue,
        RequiredSetting::NoticesQueue,
        RequiredSetting::TimersQueue,
    ],
    grants: &[QUERY, UPDATE],
    actions: &["sqs:SendMessage"],
    summary: "Fire due timers of a record and requeue delayed messages",
};

const SWEEP: Worker = Worker {
    function: "sweep",
    event_source: EventSource::Schedule,
    required_settings: &[RequiredSetting::Table, RequiredSetting::TimersQueue],
    grants: &[Grant::on_index("by_due"), BATCH_GET],
    actions: &["sqs:SendMessage"],
    summary: "Find timers that were missed",
};
