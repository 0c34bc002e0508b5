//! AWS side of the workers on an independent emulator: queues, schedules, mail.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleError;
use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindowMode};
use aws_sdk_sqs::types::QueueAttributeName;
use handrail_domain::decision::CallbackPurpose;
use handrail_domain::ids::RecordId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::{MailFault, Mailer, Message, Outbox, OutgoingMail, Queue};
use handrail_effects_aws::handle_messages;
use handrail_platform::clock::{Clock, SystemClock};
use handrail_store::{DeliveryKey, HeadKey};
use handrail_test_app::FixedClock;
use handrail_testkit::Receiver;
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, SENDER, clock_two_hours_before, mailer_at, sqs_event};
use crate::tools::{NOON, context, new_decision, sdk_config_of, tenant};

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn queues_schedules_and_mail_work_on_emulator() {
    let cloud = Cloud::start().await;
    let due_schedule = create_schedule_due_in_one_second(&cloud).await;
    message_arrives_unchanged_in_its_queue(&cloud).await;
    message_is_delayed_until_due(&cloud).await;
    far_deadline_makes_one_schedule(&cloud).await;
    mail_is_sent_only_from_verified_sender(&cloud).await;
    failed_message_becomes_dead_letter(&cloud).await;
    schedule_fired_once_and_was_deleted(&cloud, &due_schedule).await;
}

fn delivery_key(seq: u64) -> DeliveryKey {
    let record = RecordId::new(NOON, [3; 10]);
    DeliveryKey { tenant: tenant(), record, seq, purpose: CallbackPurpose::Resolved.purpose(), webhook: None }
}

fn deliver(seq: u64) -> Message {
    Message::Deliver { kind: "decision".to_owned(), key: delivery_key(seq) }
}

fn timer(due_at: Timestamp) -> Message {
    let key = HeadKey { tenant: tenant(), id: RecordId::new(NOON, [3; 10]) };
    Message::Timer { kind: "decision".to_owned(), key, due_at }
}

async fn message_arrives_unchanged_in_its_queue(cloud: &Cloud) {
    let outbox = cloud.outbox(FixedClock::at(NOON));
    let (kind, key) = (|| "decision".to_owned(), delivery_key(2));
    for message in
        [deliver(1), Message::Notify { kind: kind(), key }, Message::RetainFiles { kind: kind(), key }, timer(NOON)]
    {
        outbox.send(&message, NOON).await.unwrap();
        assert_eq!(cloud.expect(message.queue()).await, message);
    }
}

async fn message_is_delayed_until_due(cloud: &Cloud) {
    let due = NOON.plus_ms(1_500);
    cloud.outbox(FixedClock::at(NOON)).send(&timer(due), due).await.unwrap();
    assert!(cloud.receive(cloud.url(Queue::Timers), false).await.is_empty(), "the message is delayed");
    let messages = cloud.receive(cloud.url(Queue::Timers), true).await;
    cloud.delete(cloud.url(Queue::Timers), &messages[0]).await;
    let timestamp = |name: &str| {
        let attributes = messages[0].attributes().unwrap().iter();
        let matching = attributes.filter(|(attribute, _)| attribute.as_str() == name).map(|(_, value)| value);
        matching.map(|value| value.parse::<i64>().unwrap()).next().unwrap()
    };
    let delay_ms = timestamp("ApproximateFirstReceiveTimestamp") - timestamp("SentTimestamp");
    assert!(delay_ms >= 1_500, "{delay_ms}");
}

/// Returns the names of the schedules.
async fn schedules(cloud: &Cloud) -> Vec<String> {
    let listed = cloud.scheduler.list_schedules().group_name(GROUP).send().await.unwrap();
    listed.schedules().iter().filter_map(|schedule| schedule.name().map(str::to_owned)).collect()
}

/// Uses the machine's clock, as the emulator does.
async fn far_deadline_makes_one_schedule(cloud: &Cloud) {
    let due = SystemClock.now().plus_ms(60 * 60 * 1000);
    let before = schedules(cloud).await;
    let outbox = cloud.outbox(clock_two_hours_before(due));
    outbox.send(&timer(due), due).await.unwrap();
    outbox.send(&timer(due), due).await.unwrap();
    let created: Vec<String> = schedules(cloud).await.into_iter().filter(|name| !before.contains(name)).collect();
    let [name] = &created[..] else { panic!("a repeated timer makes one schedule: {created:?}") };
    let schedule = cloud.scheduler.get_schedule().group_name(GROUP).name(name).send().await.unwrap();
    let rounded_up = Timestamp::from_unix_ms((due.as_unix_ms() + 999).div_euclid(1000) * 1000);
    let expected = format!("at({})", &rounded_up.to_string()[..19]);
    assert_eq!(schedule.schedule_expression(), Some(expected.as_str()));
    assert_eq!(schedule.schedule_expression_timezone(), Some("UTC"));
    assert_eq!(schedule.flexible_time_window().unwrap().mode(), &FlexibleTimeWindowMode::Off);
    assert_eq!(schedule.action_after_completion(), Some(&ActionAfterCompletion::Delete));
    let target = schedule.target().unwrap();
    assert_eq!(target.arn(), cloud.arn(cloud.url(Queue::Timers)).await);
    assert_eq!(serde_json::from_str::<Message>(target.input().unwrap()).unwrap(), timer(due));
}

struct DueSchedule {
    name: String,
    message: Message,
}

async fn create_schedule_due_in_one_second(cloud: &Cloud) -> DueSchedule {
    let due = SystemClock.now().plus_ms(1_000);
    cloud.outbox(clock_two_hours_before(due)).send(&timer(due), due).await.unwrap();
    let names = schedules(cloud).await;
    assert_eq!(names.len(), 1, "{names:?}");
    DueSchedule { name: names[0].clone(), message: timer(due) }
}

async fn schedule_fired_once_and_was_deleted(cloud: &Cloud, due_schedule: &DueSchedule) {
    assert_eq!(cloud.expect(Queue::Timers).await, due_schedule.message);
    let error = cloud.scheduler.get_schedule().group_name(GROUP).name(&due_schedule.name).send().await.unwrap_err();
    assert!(matches!(error.as_service_error(), Some(GetScheduleError::ResourceNotFoundException(_))), "{error:?}");
}

fn mail() -> OutgoingMail {
    OutgoingMail {
        id: "msg_1".to_owned(),
        to: EmailAddress::parse("ann@example.com").unwrap(),
        subject: "Grüße: \"Refund order 1234\"".to_owned(),
        text: "plain & simple".to_owned(),
        html: "<p>plain &amp; simple</p>".to_owned(),
    }
}

async fn mail_is_sent_only_from_verified_sender(cloud: &Cloud) {
    let result = cloud.mailer("stranger@example.com").send(&mail()).await;
    assert!(matches!(result, Err(MailFault::Refused(_))), "{result:?}");
    assert!(cloud.mails().await.is_empty());
    cloud.mailer(SENDER).send(&mail()).await.unwrap();
    let mails = cloud.mails().await;
    let [received] = &mails[..] else { panic!("{mails:?}") };
    let parts = ["Source", "To", "CC", "BCC", "Subject", "BodyText", "BodyHtml"].map(|name| received[name].clone());
    let none = json!([]);
    let expected = [
        json!(SENDER),
        json!([mail().to]),
        none.clone(),
        none,
        json!(mail().subject),
        json!(mail().text),
        json!(mail().html),
    ];
    assert_eq!(parts, expected);
}

/// The emulator drops mail headers, so the test receives the SES request itself.
#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn mail_has_delivery_id_and_auto_submitted_headers() {
    let receiver = Receiver::start().await;
    let origin = receiver.url.trim_end_matches("/hook");
    // The response does not matter; the test checks the request.
    let _ = mailer_at(&sdk_config_of(origin), SENDER).send(&mail()).await;
    let calls = receiver.take();
    assert_eq!(calls[0].path, "/v2/email/outbound-emails");
    let expected = json!([
        {"Name": "X-Handrail-Delivery", "Value": "msg_1"},
        {"Name": "Auto-Submitted", "Value": "auto-generated"},
    ]);
    assert_eq!(calls[0].json()["Content"]["Simple"]["Headers"], expected);
}

const DEAD_AFTER: usize = 3;

/// Receives messages as Lambda does: reported failures stay in the queue, the others are deleted.
async fn failed_message_becomes_dead_letter(cloud: &Cloud) {
    let clock = FixedClock::at(NOON);
    let cx = context(&cloud.emulator, clock.clone()).await;
    let (record, command) = new_decision(&cx, "timer");
    let record = handrail_records::transition::create(&cx, record, &command).await.unwrap().record;
    let worker_context = cloud.worker_context(cx, clock);
    let succeeding_message =
        Message::Timer { kind: "decision".to_owned(), key: HeadKey { tenant: tenant(), id: record.id }, due_at: NOON };
    let (succeeding_message, failing_message) =
        (serde_json::to_string(&succeeding_message).unwrap(), serde_json::to_string(&deliver(9)).unwrap());
    let queue = async |name: &str| {
        let create = cloud.sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "0");
        create.send().await.unwrap().queue_url.unwrap()
    };
    let (work_url, dead_url) = (queue("work").await, queue("dead").await);
    let redrive = json!({"deadLetterTargetArn": cloud.arn(&dead_url).await, "maxReceiveCount": DEAD_AFTER});
    let set = cloud.sqs.set_queue_attributes().queue_url(&work_url);
    set.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string()).send().await.unwrap();
    for body in [succeeding_message.as_str(), "{", failing_message.as_str()] {
        cloud.sqs.send_message().queue_url(&work_url).message_body(body).send().await.unwrap();
    }
    let mut received: Vec<Vec<String>> = Vec::new();
    for _ in 0..=DEAD_AFTER {
        let messages = cloud.receive(&work_url, false).await;
        let event = serde_json::from_value(sqs_event(&messages)).unwrap();
        let failures = serde_json::to_value(handle_messages(&worker_context, event).await).unwrap();
        let failed: Vec<&Value> = failures["batchItemFailures"].as_array().unwrap().iter().collect();
        let fails = |message: &&aws_sdk_sqs::types::Message| {
            failed.iter().any(|failure| failure["itemIdentifier"].as_str() == message.message_id())
        };
        for message in messages.iter().filter(|message| !fails(message)) {
            cloud.delete(&work_url, message).await;
        }
        received.push(sorted_bodies(&messages));
    }
    let failing = sorted(vec!["{".to_owned(), failing_message.clone()]);
    assert_eq!(received[0], sorted(vec!["{".to_owned(), failing_message, succeeding_message]));
    assert_eq!(received[1..], [failing.clone(), failing.clone(), Vec::new()]);
    assert_eq!(sorted_bodies(&cloud.receive(&dead_url, false).await), failing);
}

fn sorted_bodies(messages: &[aws_sdk_sqs::types::Message]) -> Vec<String> {
    sorted(messages.iter().filter_map(|message| message.body().map(str::to_owned)).collect())
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}
