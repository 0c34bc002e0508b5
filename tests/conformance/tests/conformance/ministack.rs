//! The AWS side of the workers on an emulator that others made: queues, schedules, mail.

use aws_sdk_scheduler::operation::get_schedule::GetScheduleError;
use aws_sdk_scheduler::types::{ActionAfterCompletion, FlexibleTimeWindowMode};
use aws_sdk_sqs::types::QueueAttributeName;
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::aws::take_messages;
use handrail_effects::{MailFault, Mailer, Message, Outbox, Posted, Queue};
use handrail_kernel::clock::{Clock, SystemClock};
use handrail_kernel::store::{DeliveryKey, HeadKey};
use handrail_testkit::Receiver;
use serde_json::{Value, json};

use crate::cloud::{Cloud, GROUP, SENDER, event_of, long_before, mailer_at};
use crate::tools::{NOON, TestClock, asked, context, sdk_config_of, tenant};

#[tokio::test]
async fn queues_schedules_and_mail_hold_on_another_emulator() {
    let Some(cloud) = Cloud::start().await else { return };
    let fires = a_schedule_that_is_due_in_a_second(&cloud).await;
    a_message_arrives_in_its_queue_as_it_was_sent(&cloud).await;
    a_message_waits_for_its_time(&cloud).await;
    a_far_deadline_becomes_one_schedule(&cloud).await;
    mail_is_sent_whole_and_a_stranger_sends_none(&cloud).await;
    what_fails_comes_again_until_it_is_a_dead_letter(&cloud).await;
    it_fired_once_and_is_gone(&cloud, &fires).await;
}

fn key_of(seq: u64) -> DeliveryKey {
    let record = RecordId::new(NOON, [3; 10]);
    DeliveryKey { tenant: tenant(), record, seq, purpose: Purpose::AnnounceResolved, hook: None }
}

fn deliver(seq: u64) -> Message {
    Message::Deliver { kind: "decision".to_owned(), key: key_of(seq) }
}

fn timer(due_at: Timestamp) -> Message {
    let key = HeadKey { tenant: tenant(), id: RecordId::new(NOON, [3; 10]) };
    Message::Timer { kind: "decision".to_owned(), key, due_at }
}

async fn a_message_arrives_in_its_queue_as_it_was_sent(cloud: &Cloud) {
    let outbox = cloud.outbox(TestClock::at(NOON));
    let (kind, key) = (|| "decision".to_owned(), key_of(2));
    for message in [deliver(1), Message::Notify { kind: kind(), key }, Message::Keep { kind: kind(), key }, timer(NOON)]
    {
        outbox.send(&message, NOON).await.unwrap();
        assert_eq!(cloud.expect(message.queue()).await, message);
    }
}

async fn a_message_waits_for_its_time(cloud: &Cloud) {
    let due = NOON.plus_ms(1_500);
    cloud.outbox(TestClock::at(NOON)).send(&timer(due), due).await.unwrap();
    assert!(cloud.receive(cloud.url(Queue::Timers), false).await.is_empty(), "it is held back");
    let messages = cloud.receive(cloud.url(Queue::Timers), true).await;
    cloud.delete(cloud.url(Queue::Timers), &messages[0]).await;
    let told = |name: &str| {
        let attributes = messages[0].attributes().unwrap().iter();
        let told = attributes.filter(|(attribute, _)| attribute.as_str() == name).map(|(_, value)| value);
        told.map(|value| value.parse::<i64>().unwrap()).next().unwrap()
    };
    let held_ms = told("ApproximateFirstReceiveTimestamp") - told("SentTimestamp");
    assert!(held_ms >= 1_500, "{held_ms}");
}

/// What is scheduled under the name of a timer.
async fn schedules(cloud: &Cloud) -> Vec<String> {
    let listed = cloud.scheduler.list_schedules().group_name(GROUP).send().await.unwrap();
    listed.schedules().iter().filter_map(|schedule| schedule.name().map(str::to_owned)).collect()
}

/// The emulator goes by the machine's clock, so that one decides here too.
async fn a_far_deadline_becomes_one_schedule(cloud: &Cloud) {
    let due = SystemClock.now().plus_ms(60 * 60 * 1000);
    let before = schedules(cloud).await;
    let outbox = cloud.outbox(long_before(due));
    outbox.send(&timer(due), due).await.unwrap();
    outbox.send(&timer(due), due).await.unwrap();
    let made: Vec<String> = schedules(cloud).await.into_iter().filter(|name| !before.contains(name)).collect();
    let [name] = &made[..] else { panic!("the same timer again is the same schedule: {made:?}") };
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

struct Fires {
    name: String,
    message: Message,
}

async fn a_schedule_that_is_due_in_a_second(cloud: &Cloud) -> Fires {
    let due = SystemClock.now().plus_ms(1_000);
    cloud.outbox(long_before(due)).send(&timer(due), due).await.unwrap();
    let names = schedules(cloud).await;
    assert_eq!(names.len(), 1, "{names:?}");
    Fires { name: names[0].clone(), message: timer(due) }
}

async fn it_fired_once_and_is_gone(cloud: &Cloud, fires: &Fires) {
    assert_eq!(cloud.expect(Queue::Timers).await, fires.message);
    let again = cloud.scheduler.get_schedule().group_name(GROUP).name(&fires.name).send().await.unwrap_err();
    assert!(matches!(again.as_service_error(), Some(GetScheduleError::ResourceNotFoundException(_))), "{again:?}");
}

fn mail() -> Posted {
    Posted {
        id: "msg_1".to_owned(),
        to: EmailAddress::parse("ann@example.com").unwrap(),
        subject: "Grüße: \"Refund order 1234\"".to_owned(),
        text: "plain & simple".to_owned(),
        html: "<p>plain &amp; simple</p>".to_owned(),
    }
}

async fn mail_is_sent_whole_and_a_stranger_sends_none(cloud: &Cloud) {
    let refused = cloud.mailer("stranger@example.com").send(&mail()).await;
    assert!(matches!(refused, Err(MailFault::Refused(_))), "{refused:?}");
    assert!(cloud.mails().await.is_empty());
    cloud.mailer(SENDER).send(&mail()).await.unwrap();
    let mails = cloud.mails().await;
    let [taken] = &mails[..] else { panic!("{mails:?}") };
    let parts = ["Source", "To", "CC", "BCC", "Subject", "BodyText", "BodyHtml"].map(|name| taken[name].clone());
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

/// The emulator forgets the headers, so they are looked at on their way.
#[tokio::test]
async fn a_mail_carries_the_id_of_its_delivery_and_says_that_nobody_wrote_it() {
    let receiver = Receiver::start().await;
    let address = receiver.url.trim_end_matches("/hook");
    // What SES says to it is not the point.
    let _ = mailer_at(&sdk_config_of(address), SENDER).send(&mail()).await;
    let calls = receiver.take();
    assert_eq!(calls[0].path, "/v2/email/outbound-emails");
    let expected = json!([
        {"Name": "X-Handrail-Delivery", "Value": "msg_1"},
        {"Name": "Auto-Submitted", "Value": "auto-generated"},
    ]);
    assert_eq!(calls[0].json()["Content"]["Simple"]["Headers"], expected);
}

const DEAD_AFTER: usize = 3;

/// Taken as Lambda takes them: what is named as failed stays in its queue, the rest is deleted.
async fn what_fails_comes_again_until_it_is_a_dead_letter(cloud: &Cloud) {
    let clock = TestClock::at(NOON);
    let cx = context(&cloud.part, clock.clone()).await;
    let (record, command) = asked(&cx, "timer");
    let record = handrail_kernel::transition::create(&cx, record, &command).await.unwrap().record;
    let works = cloud.works(cx, clock);
    let done =
        Message::Timer { kind: "decision".to_owned(), key: HeadKey { tenant: tenant(), id: record.id }, due_at: NOON };
    let (done, gone) = (serde_json::to_string(&done).unwrap(), serde_json::to_string(&deliver(9)).unwrap());
    let queue = async |name: &str| {
        let create = cloud.sqs.create_queue().queue_name(name).attributes(QueueAttributeName::VisibilityTimeout, "0");
        create.send().await.unwrap().queue_url.unwrap()
    };
    let (work, dead) = (queue("work").await, queue("dead").await);
    let redrive = json!({"deadLetterTargetArn": cloud.arn(&dead).await, "maxReceiveCount": DEAD_AFTER});
    let set = cloud.sqs.set_queue_attributes().queue_url(&work);
    set.attributes(QueueAttributeName::RedrivePolicy, redrive.to_string()).send().await.unwrap();
    for body in [done.as_str(), "{", gone.as_str()] {
        cloud.sqs.send_message().queue_url(&work).message_body(body).send().await.unwrap();
    }
    let mut taken: Vec<Vec<String>> = Vec::new();
    for _ in 0..=DEAD_AFTER {
        let messages = cloud.receive(&work, false).await;
        let event = serde_json::from_value(event_of(&messages)).unwrap();
        let failures = serde_json::to_value(take_messages(&works, event).await).unwrap();
        let failed: Vec<&Value> = failures["batchItemFailures"].as_array().unwrap().iter().collect();
        let fails = |message: &&aws_sdk_sqs::types::Message| {
            failed.iter().any(|failure| failure["itemIdentifier"].as_str() == message.message_id())
        };
        for message in messages.iter().filter(|message| !fails(message)) {
            cloud.delete(&work, message).await;
        }
        taken.push(sorted_bodies(&messages));
    }
    let failing = sorted(vec!["{".to_owned(), gone.clone()]);
    assert_eq!(taken[0], sorted(vec!["{".to_owned(), gone, done]));
    assert_eq!(taken[1..], [failing.clone(), failing.clone(), Vec::new()]);
    assert_eq!(sorted_bodies(&cloud.receive(&dead, false).await), failing);
}

fn sorted_bodies(messages: &[aws_sdk_sqs::types::Message]) -> Vec<String> {
    sorted(messages.iter().filter_map(|message| message.body().map(str::to_owned)).collect())
}

fn sorted(mut texts: Vec<String>) -> Vec<String> {
    texts.sort_unstable();
    texts
}
