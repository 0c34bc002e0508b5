//! An installation on an AWS emulator: its queues, its schedules, its mail, its table's stream.

use std::sync::Arc;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use handrail_domain::time::Timestamp;
use handrail_effects::aws::{SesMailer, SqsOutbox};
use handrail_effects::{Message, Queue, Works};
use handrail_kernel::cx::Cx;
use handrail_kernel::settings::{Environment, Need};
use serde_json::{Value, json};

use crate::tools::{Emulator, TestClock};

pub(crate) const GROUP: &str = "handrail-timers";
pub(crate) const SENDER: &str = "desk@handrail.example";
/// Longer than the emulator looks for schedules that are due; SQS itself waits no longer.
const WAIT_SECONDS_MAX: i32 = 20;

pub(crate) struct Cloud {
    pub part: Emulator,
    pub sqs: aws_sdk_sqs::Client,
    pub scheduler: aws_sdk_scheduler::Client,
    http: reqwest::Client,
    urls: [String; Queue::ALL.len()],
    timers_arn: String,
}

impl Cloud {
    /// `None`: there are no tools, and the test is left out.
    pub(crate) async fn start() -> Option<Self> {
        let part = Emulator::start("ministack")?;
        let config = part.sdk_config();
        let sqs = aws_sdk_sqs::Client::new(&config);
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        let mut urls = Vec::new();
        for queue in Queue::ALL {
            urls.push(sqs.create_queue().queue_name(queue.name()).send().await.unwrap().queue_url.unwrap());
        }
        let urls: [String; Queue::ALL.len()] = urls.try_into().unwrap();
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        let mut cloud = Self { part, sqs, scheduler, http, urls, timers_arn: String::new() };
        cloud.timers_arn = cloud.arn(cloud.url(Queue::Timers)).await;
        cloud.scheduler.create_schedule_group().name(GROUP).send().await.unwrap();
        cloud.aws("ses", "/v2/email/identities", "", json!({"EmailIdentity": SENDER})).await;
        Some(cloud)
    }

    pub(crate) fn url(&self, queue: Queue) -> &str {
        let at = Queue::ALL.iter().position(|other| *other == queue).unwrap();
        &self.urls[at]
    }

    pub(crate) async fn arn(&self, url: &str) -> String {
        let name = QueueAttributeName::QueueArn;
        let asked = self.sqs.get_queue_attributes().queue_url(url).attribute_names(name.clone());
        asked.send().await.unwrap().attributes().unwrap()[&name].clone()
    }

    pub(crate) fn outbox(&self, clock: Arc<TestClock>) -> SqsOutbox {
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
        let mut environment = Environment::new(&lookup);
        let needs = [Need::DeliveriesQueue, Need::NoticesQueue, Need::FilesQueue, Need::TimersQueue, Need::Scheduler];
        let outbox = SqsOutbox::from(&mut environment, &needs, &self.part.sdk_config(), clock);
        environment.finish(outbox).unwrap()
    }

    pub(crate) fn mailer(&self, from: &str) -> SesMailer {
        mailer_at(&self.part.sdk_config(), from)
    }

    /// As the functions are made on AWS.
    pub(crate) fn works(&self, cx: Cx, clock: Arc<TestClock>) -> Works {
        let mut works = Works::new(cx, handrail_workers::DOORS);
        works.outbox = Some(Arc::new(self.outbox(clock)));
        works.mailer = Some(Arc::new(self.mailer(SENDER)));
        works
    }

    /// What can be taken from a queue now, or after the wait that a message is worth.
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

    /// The one message that comes.
    pub(crate) async fn expect(&self, queue: Queue) -> Message {
        let url = self.url(queue);
        let messages = self.receive(url, true).await;
        assert_eq!(messages.len(), 1, "{messages:?}");
        self.delete(url, &messages[0]).await;
        serde_json::from_str(messages[0].body().unwrap()).unwrap()
    }

    /// The mails that were taken, as the emulator lists them.
    pub(crate) async fn mails(&self) -> Vec<Value> {
        let listed = self.http.get(format!("{}/_ministack/ses/messages", self.part.url)).send().await.unwrap();
        let listed: Value = listed.json().await.unwrap();
        let accounts = listed["messages"].as_object().unwrap().values();
        accounts.flat_map(|mails| mails.as_array().unwrap().clone()).collect()
    }

    /// A call for which the service has no client of its own. The emulator does not check signatures.
    pub(crate) async fn aws(&self, service: &str, path: &str, target: &str, body: Value) -> Value {
        let call = self.http.post(format!("{}{path}", self.part.url));
        let credential = format!(
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
        );
        let call = call.header("authorization", credential).header("x-amz-target", target).json(&body);
        let answer = call.send().await.unwrap();
        let (status, text) = (answer.status(), answer.text().await.unwrap());
        assert!(status.is_success(), "{target}{path}: {status}: {text}");
        serde_json::from_str(&text).unwrap()
    }
}

pub(crate) fn mailer_at(config: &aws_config::SdkConfig, from: &str) -> SesMailer {
    let lookup = |_: &str| Some(from.to_owned());
    let mut environment = Environment::new(&lookup);
    let mailer = SesMailer::from(&mut environment, config);
    environment.finish(mailer).unwrap()
}

/// Messages as Lambda hands them to a function.
pub(crate) fn event_of(messages: &[aws_sdk_sqs::types::Message]) -> Value {
    let records = messages.iter().map(|message| json!({"messageId": message.message_id(), "body": message.body()}));
    json!({"Records": records.collect::<Vec<_>>()})
}

/// Reads the table's stream from its beginning, as Lambda does, and hands out what is new as Lambda would.
pub(crate) struct Stream<'a> {
    cloud: &'a Cloud,
    place: String,
}

impl<'a> Stream<'a> {
    pub(crate) async fn of(cloud: &'a Cloud, table: &str) -> Self {
        let stream = Self { cloud, place: String::new() };
        let streams = stream.call("ListStreams", json!({"TableName": table})).await;
        let arn = streams["Streams"][0]["StreamArn"].clone();
        let described = stream.call("DescribeStream", json!({"StreamArn": arn})).await;
        let shards = described["StreamDescription"]["Shards"].as_array().unwrap();
        assert_eq!(shards.len(), 1, "the emulator gives a stream one shard");
        let place = json!({"StreamArn": arn, "ShardId": shards[0]["ShardId"], "ShardIteratorType": "TRIM_HORIZON"});
        let place = stream.call("GetShardIterator", place).await["ShardIterator"].as_str().unwrap().to_owned();
        Self { place, ..stream }
    }

    pub(crate) async fn next(&mut self) -> Value {
        let read = self.call("GetRecords", json!({"ShardIterator": self.place})).await;
        self.place = read["NextShardIterator"].as_str().unwrap().to_owned();
        json!({"Records": read["Records"]})
    }

    async fn call(&self, operation: &str, body: Value) -> Value {
        let target = format!("DynamoDBStreams_20120810.{operation}");
        self.cloud.aws("dynamodb", "/", &target, body).await
    }
}

/// Two hours before `at`, as a clock that is slow would tell it.
pub(crate) fn long_before(at: Timestamp) -> Arc<TestClock> {
    TestClock::at(at.plus_ms(-2 * 60 * 60 * 1000))
}
