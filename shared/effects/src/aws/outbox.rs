//! Messages on AWS: SQS up to its longest delay, EventBridge Scheduler beyond it.

use aws_sdk_scheduler::operation::create_schedule::CreateScheduleError;
use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindow, FlexibleTimeWindowMode, Target};
use handrail_domain::ids::hex;
use handrail_domain::time::Timestamp;
use handrail_kernel::clock::Clock;
use handrail_kernel::door::Awaited;
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::{Environment, Need};
use sha2::{Digest, Sha256};
use std::sync::Arc;

use crate::message::{Message, Queue};
use crate::ports::Outbox;

/// What SQS can hold a message back.
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
    /// With the queues that the function was told of.
    pub fn from(
        environment: &mut Environment<'_>,
        needs: &[Need],
        config: &aws_config::SdkConfig,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let mut queue = |need: Need| needs.contains(&need).then(|| environment.required(need.variables()[0]));
        let (deliveries, notices, timers) =
            (queue(Need::DeliveriesQueue), queue(Need::NoticesQueue), queue(Need::TimersQueue));
        let files = queue(Need::FilesQueue);
        let scheduler = needs.contains(&Need::Scheduler).then(|| Scheduler {
            client: aws_sdk_scheduler::Client::new(config),
            timers_arn: environment.required("HANDRAIL_TIMERS_QUEUE_ARN"),
            role_arn: environment.required("HANDRAIL_SCHEDULE_ROLE_ARN"),
            group: environment.required("HANDRAIL_SCHEDULE_GROUP"),
        });
        Self { sqs: aws_sdk_sqs::Client::new(config), clock, deliveries, notices, timers, files, scheduler }
    }

    fn url(&self, queue: Queue) -> Result<&str, Fault> {
        let url = match queue {
            Queue::Deliveries => &self.deliveries,
            Queue::Notices => &self.notices,
            Queue::Timers => &self.timers,
            Queue::Files => &self.files,
        };
        url.as_deref().ok_or_else(|| Fault::broken(format!("this function does not know the queue {}", queue.name())))
    }

    async fn enqueue(&self, message: &Message, wait_ms: i64) -> Result<(), Fault> {
        // Rounded up: early would only come back.
        let delay = (wait_ms.max(0) + 999) / 1000;
        let send = self
            .sqs
            .send_message()
            .queue_url(self.url(message.queue())?)
            .message_body(body(message)?)
            .delay_seconds(i32::try_from(delay.min(DELAY_SECONDS_MAX)).unwrap_or(0));
        send.send().await.map(drop).map_err(|error| Fault::from_sdk("send a message", error))
    }
}

impl Outbox for SqsOutbox {
    fn send<'a>(&'a self, message: &'a Message, at: Timestamp) -> Awaited<'a, ()> {
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
    /// A schedule of the same name is the same timer: it was made when this message was sent before.
    async fn schedule(&self, message: &Message, at: Timestamp) -> Result<(), Fault> {
        let unbuilt = |error| Fault::broken_by("a schedule can't be built", error);
        let window = FlexibleTimeWindow::builder().mode(FlexibleTimeWindowMode::Off).build().map_err(unbuilt)?;
        let target = Target::builder().arn(&self.timers_arn).role_arn(&self.role_arn).input(body(message)?);
        let create = self
            .client
            .create_schedule()
            .group_name(&self.group)
            .name(name_of(message))
            .schedule_expression(at_expression(at))
            .schedule_expression_timezone("UTC")
            .flexible_time_window(window)
            .target(target.build().map_err(unbuilt)?)
            .action_after_completion(ActionAfterCompletion::Delete);
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateScheduleError::is_conflict_exception) => Ok(()),
            Err(error) => Err(Fault::from_sdk("make a schedule", error)),
        }
    }
}

fn body(message: &Message) -> Result<String, Fault> {
    serde_json::to_string(message).map_err(|error| Fault::broken_by("a message can't be written", error))
}

/// At most 64 characters of a small alphabet, so a hash of what the timer is.
fn name_of(message: &Message) -> String {
    format!("timer-{}", &hex(&Sha256::digest(message.id()))[..40])
}

/// Whole seconds, rounded up.
fn at_expression(at: Timestamp) -> String {
    let rounded = Timestamp::from_unix_ms((at.as_unix_ms() + 999).div_euclid(1000) * 1000);
    format!("at({})", rounded.to_string().get(..19).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_never_fires_before_its_second() {
        assert_eq!(at_expression(Timestamp::from_unix_ms(1_769_851_800_001)), "at(2026-01-31T09:30:01)");
        assert_eq!(at_expression(Timestamp::from_unix_ms(1_769_851_800_000)), "at(2026-01-31T09:30:00)");
    }
}
