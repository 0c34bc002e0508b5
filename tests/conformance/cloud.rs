//! Installation on an AWS emulator: queues, schedules, mail and the table's stream.

use std::sync::Arc;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use handrail_context::cx::Cx;
use handrail_context::settings::{EnvReader, RequiredSetting};
use handrail_domain::time::Timestamp;
use handrail_effects::{Message, Queue, WorkerContext};
use handrail_effects_aws::{SesMailer, SqsOutbox};
use handrail_test_app::FixedClock;
use serde_json::{Value, json};

use crate::tools::Emulator;

pub(crate) const GROUP: &str = "handrail-timers";
pub(crate) const SENDER: &str = "desk@handrail.example";
/// Longest wait that SQS allows; longer than the emulator's interval between checks of due schedules.
const WAIT_SECONDS_MAX: i32 = 20;

pub(crate) struct Cloud {
    pub emulator: Emulator,
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    http: reqwest::Client,
    urls: [String; Queue::ALL.len()],
    timers_arn: String,
}

impl Cloud {
    /// Starts the emulator and creates queues, a schedule group and a verified sender.
    pub(crate) async fn start() -> Self {
        let emulator = Emulator::start("ministack");
        let config = emulator.sdk_config();
        let sqs = aws_sdk_sqs::Client::new(&config);
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        let mut urls = Vec::new();
        for queue in Queue::ALL {
            urls.push(sqs.create_queue().queue_name(queue.name()).send().await.unwrap().queue_url.unwrap());
        }
        let urls: [String; Queue::ALL.len()] = urls.try_into().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut cloud = Self { emulator, sqs, scheduler, http, urls, timers_arn: String::new() };
        cloud.timers_arn = cloud.arn(cloud.url(Queue::Timers)).await;
        cloud.scheduler.create_schedule_group().name(GROUP).send().await.unwrap();
        cloud.aws("ses", "/v2/email/identities", "", json!({"EmailIdentity": SENDER})).await;
        cloud
    }

    pub(crate) fn url(&self, queue: Queue) -> &str {
        let index = Queue::ALL.iter().position(|other| *other == queue).unwrap();
        &self.urls[index]
    }

    pub(crate) async fn arn(&self, url: &str) -> String {
        let name = QueueAttributeName::QueueArn;
        let request = self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        request.send().await.unwrap().attributes().unwrap()[&name].clone()
    }

    pub(crate) fn outbox(&self, clock: Arc<FixedClock>) -> SqsOutbox {
        let lookup = |name: &str| match name {
            "HANDRAIL_DELIVERIES_QUEUE" => Some(self.url(Queue::Deliveries).to_owned()),
            "HANDRAIL_NOTICES_QUEUE" => Some(self.url(Queue::Notices).to_owned()),
            "HANDRAIL_FILES_QUEUE" => Some(self.url(Queue::Files).to_owned()),
            "HANDRAIL_TIMERS_QUEUE" => Some(self.url(Queue::Timers).to_owned()),
            "HANDRAIL_TIMERS_QUEUE_ARN" => Some(self.timers_arn.clone()),
            "HANDRAIL_SCHEDULE_ROLE_ARN" => Some("arn:aws:iam::000000000000:role/handrail-schedule".to_owned()),
            "HANDRAIL_SCHEDULE_GROUP" => Some(GROUP.to_owned()),
            _ => None,
        };
        let mut environment = EnvReader::new(&lookup);
        let needs = [
            RequiredSetting::DeliveriesQueue,
            RequiredSetting::NoticesQueue,
            RequiredSetting::FilesQueue,
            RequiredSetting::TimersQueue,
            RequiredSetting::Scheduler,
        ];
        let outbox = SqsOutbox::from_environment(&mut environment, &needs, &self.emulator.sdk_config(), clock);
        environment.finish(outbox).unwrap()
    }

    pub(crate) fn mailer(&self, from: &str) -> SesMailer {
        mailer_at(&self.emulator.sdk_config(), from)
    }

    /// Returns the worker context with SQS, the scheduler and SES, as on AWS.
    pub(crate) fn worker_context(&self, cx: Cx, clock: Arc<FixedClock>) -> WorkerContext {
        let mut worker_context = WorkerContext::new(cx, handrail_kinds::KINDS);
        worker_context.outbox = Some(Arc::new(self.outbox(clock)));
        worker_context.mailer = Some(Arc::new(self.mailer(SENDER)));
        worker_context
    }

    /// Receives the messages of a queue. Waits for a first one if `wait` is set.
    pub(crate) async fn receive(&self, url: &str, wait: bool) -> Vec<aws_sdk_sqs::types::Message> {
        let receive = self.sqs.receive_message().queue_url(url).max_number_of_messages(10);
        let receive = receive.message_system_attribute_names(MessageSystemAttributeName::All);
        let wait_seconds = if wait { WAIT_SECONDS_MAX } else { 0 };
        receive.wait_time_seconds(wait_seconds).send().await.unwrap().messages.unwrap_or_default()
    }

    pub(crate) async fn delete(&self, url: &str, message: &aws_sdk_sqs::types::Message) {
        let delete = self.sqs.delete_message().queue_url(url).receipt_handle(message.receipt_handle().unwrap());
        delete.send().await.unwrap();
    }

    /// Asserts that exactly one message arrives in the queue, and returns it.
    pub(crate) async fn expect(&self, queue: Queue) -> Message {
        let url = self.url(queue);
        let messages = self.receive(url, true).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        self.delete(url, &messages[0]).await;
        serde_json::from_str(messages[0].body().unwrap()).unwrap()
    }

    /// Returns the accepted mails, as the emulator lists them.
    pub(crate) async fn mails(&self) -> Vec<Value> {
        let list = self.http.get(format!("{}/_ministack/ses/messages", self.emulator.url)).send().await.unwrap();
        let list: Value = list.json().await.unwrap();
        let accounts = list["messages"].as_object().unwrap().values();
        accounts.flat_map(|mails| mails.as_array().unwrap().clone()).collect()
    }

    /// Calls an AWS API without an SDK client. The emulator does not check signatures.
    pub(crate) async fn aws(&self, service: &str, path: &str, target: &str, body: Value) -> Value {
        let call = self.http.post(format!("{}{path}", self.emulator.url));
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let call = call.header("authorization", credential).header("x-amz-target", target).json(&body);
        let response = call.send().await.unwrap();
        let (status, text) = (response.status(), response.text().await.unwrap());
        assert!(status.is_success(), "{target}{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

pub(crate) fn mailer_at(config: &aws_config::SdkConfig, from: &str) -> SesMailer {
    let lookup = |_: &str| Some(from.to_owned());
    let mut environment = EnvReader::new(&lookup);
    let mailer = SesMailer::from_environment(&mut environment, config);
    environment.finish(mailer).unwrap()
}

/// Returns the messages as an SQS event of Lambda.
pub(crate) fn sqs_event(messages: &[aws_sdk_sqs::types::Message]) -> Value {
    let records = messages.iter().map(|message| json!({"messageId": message.message_id(), "body": message.body()}));
    json!({"Records": records.collect::<Vec<_>>()})
}

/// Reads the table's stream from its beginning and returns new records as Lambda events.
pub(crate) struct Stream<'a> {
    cloud: &'a Cloud,
    iterator: String,
}

impl<'a> Stream<'a> {
    pub(crate) async fn open(cloud: &'a Cloud, table: &str) -> Self {
        let stream = Self { cloud, iterator: String::new() };
        let streams = stream.call("ListStreams", json!({"TableName": table})).await;
        let arn = streams["Streams"][0]["StreamArn"].clone();
        let described = stream.call("DescribeStream", json!({"StreamArn": arn})).await;
        let shards = described["StreamDescription"]["Shards"].as_array().unwrap();
        assert_eq!(shards.len(), 1, "the emulator has one shard per stream");
        let iterator = json!({"StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let iterator = stream.call("GetShardIterator", iterator).await["ShardIterator"].as_str().unwrap().to_owned();
        Self { iterator, ..stream }
    }

    pub(crate) async fn next(&mut self) -> Value {
        let read = self.call("GetRecords", json!({"ShardIterator": self.iterator})).await;
        self.iterator = read["NextShardIterator"].as_str().unwrap().to_owned();
        json!({"Records": read["Records"]})
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let target = format!("DynamoDBStreams_20120810.{operation}");
        self.cloud.aws("dynamodb", "/", &target, body).await
    }
}

/// Returns a clock two hours before `at`.
pub(crate) fn clock_two_hours_before(at: Timestamp) -> Arc<FixedClock> {
    FixedClock::at(at.plus_ms(-2 * 60 * 60 * 1000))
}
