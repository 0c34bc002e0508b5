//! The functions that nobody calls by HTTP: on the table's stream, on the queues, on a schedule.

use handrail_decisions::DecisionsDoor;
use handrail_decisions::account::LoginDoor;
use handrail_effects::{Queue, Trigger, Worker};
use handrail_kernel::door::Door;
use handrail_kernel::endpoint::Grant;
use handrail_kernel::settings::Need;
use handrail_packets::PacketsDoor;

/// The kinds of record there are. A new door is one more entry.
pub const DOORS: &[&dyn Door] = &[&DecisionsDoor, &LoginDoor, &PacketsDoor];

pub const WORKERS: &[Worker] = &[DISPATCH, DELIVER, NOTIFY, KEEP, TIMER, SWEEP];

const QUERY: Grant = Grant::on_table("dynamodb:Query");
const GET: Grant = Grant::on_table("dynamodb:GetItem");
const PUT: Grant = Grant::on_table("dynamodb:PutItem");
const UPDATE: Grant = Grant::on_table("dynamodb:UpdateItem");

pub const DISPATCH: Worker = Worker {
    function: "dispatch",
    trigger: Trigger::Stream,
    needs: &[
        Need::Table,
        Need::DeliveriesQueue,
        Need::NoticesQueue,
        Need::FilesQueue,
        Need::TimersQueue,
        Need::Scheduler,
    ],
    // Keeps each event as an item, and the large ask of a record that was committed.
    grants: &[QUERY, PUT, UPDATE],
    actions: &["sqs:SendMessage", "scheduler:CreateSchedule", "iam:PassRole"],
    summary: "From the table's stream to the queues",
};

pub const DELIVER: Worker = Worker {
    function: "deliver",
    trigger: Trigger::Queue(Queue::Deliveries),
    needs: &[Need::Table, Need::MasterKey, Need::Origin, Need::DeliveriesQueue],
    grants: &[QUERY, GET, PUT, UPDATE],
    actions: &["sqs:SendMessage"],
    summary: "One attempt of one webhook or callback",
};

pub const NOTIFY: Worker = Worker {
    function: "notify",
    trigger: Trigger::Queue(Queue::Notices),
    needs: &[Need::Table, Need::MasterKey, Need::Origin, Need::MailFrom, Need::NoticesQueue],
    grants: &[QUERY, GET, PUT, UPDATE],
    actions: &["ses:SendEmail", "sqs:SendMessage"],
    summary: "One message to one person, by mail or in Slack",
};

pub const KEEP: Worker = Worker {
    function: "keep",
    trigger: Trigger::Queue(Queue::Files),
    needs: &[Need::Table, Need::FilesBucket],
    grants: &[QUERY],
    actions: &["s3:DeleteObjectTagging"],
    summary: "Files that an event brought stay",
};

pub const TIMER: Worker = Worker {
    function: "timer",
    trigger: Trigger::Queue(Queue::Timers),
    needs: &[Need::Table, Need::DeliveriesQueue, Need::NoticesQueue, Need::TimersQueue],
    grants: &[QUERY, UPDATE],
    actions: &["sqs:SendMessage"],
    summary: "Raises what is due on a record, and sends on what had to wait",
};

pub const SWEEP: Worker = Worker {
    function: "sweep",
    trigger: Trigger::Schedule,
    needs: &[Need::Table, Need::TimersQueue],
    grants: &[Grant::on_index("by_due"), Grant::on_table("dynamodb:BatchGetItem")],
    actions: &["sqs:SendMessage"],
    summary: "Finds what some timer missed",
};
