//! Outbox on AWS: SQS for delays up to its maximum, EventBridge Scheduler for longer ones.

use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use handrail_context::settings::{EnvReader, RequiredSetting};
use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_effects::{Message, Outbox, Queue};
use handrail_platform::boxed::BoxFuture;
use handrail_platform::clock::Clock;
use handrail_platform::fault::Fault;
use sha2::{Digest, Sha256};
use std::sync::Arc;

/// Longest delay of an SQS message.
const DELAY_SECONDS_MAX: i64 = 900;

pub struct SqsOutbox {
    sqs: aws_sdk_sqs::Client,
    clock: Arc<dyn Clock>,
    deliveries: Option<String>,
    notices: Option<String>,
    timers: Option<String>,
    files: Option<String>,
    scheduler: Option<Scheduler>,
}

struct Scheduler {
    client: aws_sdk_scheduler::Client,
    group: String,
    role_arn: String,
    timers_arn: String,
}

impl SqsOutbox {
    /// Reads the queue URLs and the scheduler that `required` names from the environment.
    pub fn from_environment(
        environment: &mut EnvReader<'_>,
        required: &[RequiredSetting],
        config: &aws_config::SdkConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut queue = |setting: RequiredSetting| {
            required.contains(&setting).then(|| environment.required(setting.variables()[0]))
        };
        let (deliveries, notices, timers) = (
            queue(RequiredSetting::DeliveriesQueue),
            queue(RequiredSetting::NoticesQueue),
            queue(RequiredSetting::TimersQueue),
        );
        let files = queue(RequiredSetting::FilesQueue);
        let scheduler = required.contains(&RequiredSetting::Scheduler).then(|| Scheduler {
            client: aws_sdk_scheduler::Client::new(config),
            timers_arn: environment.required("HANDRAIL_TIMERS_QUEUE_ARN"),
            role_arn: environment.required("HANDRAIL_SCHEDULE_ROLE_ARN"),
            group: environment.required("HANDRAIL_SCHEDULE_GROUP"),
        });
        Self { sqs: aws_sdk_sqs::Client::new(config), clock, deliveries, notices, timers, files, scheduler }
    }

    fn queue_url(&self, queue: Queue) -> Result<&str, Fault> {
        let url = match queue {
            Queue::Deliveries => &self.deliveries,
            Queue::Notices => &self.notices,
            Queue::Timers => &self.timers,
            Queue::Files => &self.files,
        };
        url.as_deref().ok_or_else(|| Fault::internal(format!("this function has no URL of the queue {}", queue.name())))
    }

    async fn enqueue(&self, message: &Message, wait_ms: i64) -> Result<(), Fault> {
        // Rounded up, because a message that arrives too early is only sent again.
        let delay = (wait_ms.max(0) + 999) / 1000;
        let send = self
            .sqs
            .send_message()
            .queue_url(self.queue_url(message.queue())?)
            .message_body(message_body(message)?)
            // On a standard queue this makes a fair queue: the messages of a receiver that occupies the workers are
            // handed out after those of others.
            .set_message_group_id(message.delivery_group().map(|group| group.to_string()))
            .delay_seconds(i32::try_from(delay.min(DELAY_SECONDS_MAX)).unwrap_or(0));
        send.send().await.map(drop).map_err(|error| Fault::from_sdk("send a message", error))
    }
}

impl Outbox for SqsOutbox {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            let wait_ms = at.ms_since(self.clock.now());
            match &self.scheduler {
                Some(scheduler) if wait_ms > DELAY_SECONDS_MAX * 1000 && message.queue() == Queue::Timers => {
                    scheduler.schedule(message, at).await
                }
                _ => self.enqueue(message, wait_ms).await,
            }
        })
    }
}

impl Scheduler {
    /// Creates a schedule for the message. A schedule with this name exists already if the message was sent before.
    async fn schedule(&self, message: &Message, at: Timestamp) -> Result<(), Fault> {
        let build_fault = |error| Fault::internal_with_source("cannot build a schedule", error);
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(build_fault)?;
        let target = Target::builder().arn(&self.timers_arn).role_arn(&self.role_arn).input(message_body(message)?);
        let create = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(schedule_name(message))
            .schedule_expression(at_expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .target(target.build().map_err(build_fault)?)
            .action_after_completion(ActionAfterCompletion::Delete);
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) => Ok(()),
            Err(error) => Err(Fault::from_sdk("create a schedule", error)),
        }
    }
}

fn message_body(message: &Message) -> Result<String, Fault> {
    serde_json::to_string(message).map_err(|error| Fault::internal_with_source("cannot serialize a message", error))
}

/// Returns a hash of the message id, because a schedule's name has at most 64 characters of a small alphabet.
fn schedule_name(message: &Message) -> String {
    format!("timer-{}", &hex(&Sha256::digest(message.id()))[..40])
}

/// Returns the schedule expression for a time, rounded up to whole seconds.
fn at_expression(at: Timestamp) -> String {
    let rounded = Timestamp::from_unix_ms((at.as_unix_ms() + 999).div_euclid(1000) * 1000);
    format!("at({})", rounded.to_string().get(..19).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schedule_expression_rounds_up_to_seconds() {
        assert_eq!(at_expression(Timestamp::from_unix_ms(1_769_851_800_001)), "at(2026-01-31T09:30:01)");
        assert_eq!(at_expression(Timestamp::from_unix_ms(1_769_851_800_000)), "at(2026-01-31T09:30:00)");
    }
}
