//! The AWS side of the workers on an emulator that others made: queues, schedules, mail.

use std::sync::Arc;

use aws_sdk_sqs::types::{MessageSystemAttributeName, QueueAttributeName};
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::aws::{SesMailer, SqsOutbox, take_messages};
use handrail_effects::{MailFault, Mailer, Message, Outbox, Posted, Works};
use handrail_kernel::settings::{Environment, Need};
use handrail_kernel::store::{DeliveryKey, HeadKey};
use serde_json::{Value, json};

use crate::tools::{Emulator, NOON, TestClock, asked, context, tenant};

const GROUP: &str = "handrail-timers";

struct Cloud {
    part: Emulator,
    sqs: aws_sdk_sqs::Client,
    scheduler: aws_sdk_scheduler::Client,
    deliveries: String,
    timers: String,
    timers_arn: String,
}

#[tokio::test]
async fn queues_schedules_and_mail_hold_on_another_emulator() {
    let Some(cloud) = Cloud::start().await else { return };
    a_message_arrives_in_its_queue_as_it_was_sent(&cloud).await;
    a_message_waits_for_its_time(&cloud).await;
    a_far_deadline_becomes_one_schedule(&cloud).await;
    mail_is_sent_whole_and_a_stranger_sends_none(&cloud).await;
    what_failed_comes_again_and_what_was_done_does_not(&cloud).await;
}

impl Cloud {
    async fn start() -> Option<Self> {
        let part = Emulator::start("ministack")?;
        let config = part.sdk_config();
        let sqs = aws_sdk_sqs::Client::new(&config);
        let scheduler = aws_sdk_scheduler::Client::new(&config);
        let queue = async |name: &str| sqs.create_queue().queue_name(name).send().await.unwrap().queue_url.unwrap();
        let (deliveries, timers) = (queue("deliveries").await, queue("timers").await);
        let arn = QueueAttributeName::QueueArn;
        let attributes =
            sqs.get_queue_attributes().queue_url(&timers).attribute_names(arn.clone()).send().await.unwrap();
        let timers_arn = attributes.attributes().unwrap()[&arn].clone();
        scheduler.create_schedule_group().name(GROUP).send().await.unwrap();
        Some(Self { part, sqs, scheduler, deliveries, timers, timers_arn })
    }

    fn outbox(&self, now: Timestamp) -> SqsOutbox {
        let lookup = |name: &str| match name {
            "HANDRAIL_DELIVERIES_QUEUE" => Some(self.deliveries.clone()),
            "HANDRAIL_TIMERS_QUEUE" => Some(self.timers.clone()),
            "HANDRAIL_TIMERS_QUEUE_ARN" => Some(self.timers_arn.clone()),
            "HANDRAIL_SCHEDULE_ROLE_ARN" => Some("arn:aws:iam::000000000000:role/handrail-schedule".to_owned()),
            "HANDRAIL_SCHEDULE_GROUP" => Some(GROUP.to_owned()),
            _ => None,
        };
        let mut environment = Environment::new(&lookup);
        let needs = [Need::DeliveriesQueue, Need::TimersQueue, Need::Scheduler];
        let outbox = SqsOutbox::from(&mut environment, &needs, &self.part.sdk_config(), TestClock::at(now));
        environment.finish(outbox).unwrap()
    }

    /// The next message of a queue, and how long it was held back.
    async fn receive(&self, queue: &str) -> Option<(Message, aws_sdk_sqs::types::Message)> {
        let receive = self
            .sqs
            .receive_message()
            .queue_url(queue)
            .wait_time_seconds(5)
            .message_system_attribute_names(MessageSystemAttributeName::All);
        let raw = receive.send().await.unwrap().messages.unwrap_or_default().into_iter().next()?;
        let handle = raw.receipt_handle().unwrap();
        self.sqs.delete_message().queue_url(queue).receipt_handle(handle).send().await.unwrap();
        Some((serde_json::from_str(raw.body().unwrap()).unwrap(), raw))
    }
}

fn deliver(seq: u64) -> Message {
    let record = RecordId::new(NOON, [3; 10]);
    let key = DeliveryKey { tenant: tenant(), record, seq, purpose: Purpose::AnnounceResolved };
    Message::Deliver { kind: "decision".to_owned(), key }
}

fn timer(due_at: Timestamp) -> Message {
    let key = HeadKey { tenant: tenant(), id: RecordId::new(NOON, [3; 10]) };
    Message::Timer { kind: "decision".to_owned(), key, due_at }
}

async fn a_message_arrives_in_its_queue_as_it_was_sent(cloud: &Cloud) {
    let outbox = cloud.outbox(NOON);
    outbox.send(&deliver(1), NOON).await.unwrap();
    outbox.send(&timer(NOON), NOON).await.unwrap();
    assert_eq!(cloud.receive(&cloud.deliveries).await.unwrap().0, deliver(1));
    assert_eq!(cloud.receive(&cloud.timers).await.unwrap().0, timer(NOON));
}

async fn a_message_waits_for_its_time(cloud: &Cloud) {
    let due = NOON.plus_ms(1_500);
    cloud.outbox(NOON).send(&timer(due), due).await.unwrap();
    let at_once = cloud.sqs.receive_message().queue_url(&cloud.timers).send().await.unwrap();
    assert!(at_once.messages().is_empty(), "it is held back");
    assert_eq!(cloud.receive(&cloud.timers).await.unwrap().0, timer(due));
}

/// The emulator goes by the machine's clock, so a schedule in its past fires at once.
async fn a_far_deadline_becomes_one_schedule(cloud: &Cloud) {
    let due = NOON.plus_ms(2 * 60 * 60 * 1000);
    let outbox = cloud.outbox(NOON);
    outbox.send(&timer(due), due).await.unwrap();
    // The same timer again is the same schedule.
    outbox.send(&timer(due), due).await.unwrap();
    let listed = cloud.scheduler.list_schedules().group_name(GROUP).send().await.unwrap();
    let names: Vec<&str> = listed.schedules().iter().filter_map(|schedule| schedule.name()).collect();
    if let [name] = names[..] {
        let schedule = cloud.scheduler.get_schedule().group_name(GROUP).name(name).send().await.unwrap();
        let expected = format!("at({})", &due.to_string()[..19]);
        assert_eq!(schedule.schedule_expression(), Some(expected.as_str()));
        let input = schedule.target().unwrap().input().unwrap();
        assert_eq!(serde_json::from_str::<Message>(input).unwrap(), timer(due));
    } else {
        // It fired already: then the message is there, and the schedule deleted itself.
        assert!(names.is_empty(), "{names:?}");
        assert_eq!(cloud.receive(&cloud.timers).await.unwrap().0, timer(due));
    }
}

async fn mail_is_sent_whole_and_a_stranger_sends_none(cloud: &Cloud) {
    let config = cloud.part.sdk_config();
    let ses = |from: &'static str| {
        let lookup = move |_: &str| Some(from.to_owned());
        let mut environment = Environment::new(&lookup);
        SesMailer::from(&mut environment, &config)
    };
    let mail = Posted {
        id: "msg_1".to_owned(),
        to: EmailAddress::parse("ann@example.com").unwrap(),
        subject: "Grüße: \"Refund order 1234\"".to_owned(),
        text: "plain & simple".to_owned(),
        html: "<p>plain &amp; simple</p>".to_owned(),
    };
    assert!(matches!(ses("stranger@example.com").send(&mail).await, Err(MailFault::Refused(_))));
    let verify = reqwest::Client::new()
        .post(format!("{}/v2/email/identities", cloud.part.url))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=0",
        )
        .json(&json!({"EmailIdentity": "desk@handrail.example"}));
    assert!(verify.send().await.unwrap().status().is_success());
    ses("desk@handrail.example").send(&mail).await.unwrap();
}

/// One that can't be read and one whose record is gone come again; one that is done does not.
async fn what_failed_comes_again_and_what_was_done_does_not(cloud: &Cloud) {
    let cx = context(&cloud.part, TestClock::at(NOON)).await;
    let (record, command) = asked(&cx, "timer");
    let record = handrail_kernel::transition::create(&cx, record, &command).await.unwrap().record;
    let mut works = Works::new(cx, handrail_workers::DOORS);
    works.outbox = Some(Arc::new(cloud.outbox(NOON)));
    let due_now =
        Message::Timer { kind: "decision".to_owned(), key: HeadKey { tenant: tenant(), id: record.id }, due_at: NOON };
    let bodies = [
        ("done", serde_json::to_string(&due_now).unwrap()),
        ("poison", "{".to_owned()),
        ("gone", serde_json::to_string(&deliver(9)).unwrap()),
    ];
    let records: Vec<Value> = bodies.iter().map(|(id, body)| json!({"messageId": id, "body": body})).collect();
    let event = serde_json::from_value(json!({"Records": records})).unwrap();
    let failures = serde_json::to_value(take_messages(&works, event).await).unwrap();
    assert_eq!(failures, json!({"batchItemFailures": [{"itemIdentifier": "poison"}, {"itemIdentifier": "gone"}]}));
}
