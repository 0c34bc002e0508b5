//! Workers end to end on an independent AWS emulator, which provides the table with its stream, the queues, the
//! schedules and mail.

use std::sync::Arc;

use handrail_context::cx::Cx;
use handrail_domain::decision::{Decision, State};
use handrail_domain::ids::RecordId;
use handrail_effects::{Queue, WorkerContext};
use handrail_effects_aws::{handle_changes, handle_messages};
use handrail_platform::clock::{Clock, SystemClock};
use handrail_records::transition::{create, transition};
use handrail_test_app::FixedClock;
use handrail_testkit::Receiver;
use serde_json::{Value, json};

use crate::cloud::{Cloud, Stream, sqs_event};
use crate::tools::{TABLE, approve, context, new_decision_with_callback, tenant};

const HOUR_MS: i64 = 60 * 60 * 1000;

struct Installation<'a> {
    cloud: &'a Cloud,
    stream: Stream<'a>,
    cx: Cx,
    worker_context: WorkerContext,
    clock: Arc<FixedClock>,
    receiver: Receiver,
    /// Stream events so far.
    seen_events: Vec<Value>,
}

#[tokio::test]
#[cfg_attr(not(with_tools), ignore = "needs outside tools: run ./check")]
async fn workers_send_mail_callback_and_expiry() {
    let cloud = Cloud::start().await;
    // The emulator uses the machine's clock, so a start two hours ago makes deadlines within the hour due at once.
    let start = SystemClock.now().plus_ms(-2 * HOUR_MS);
    let clock = FixedClock::at(start);
    let cx = context(&cloud.emulator, clock.clone()).await;
    let worker_context = cloud.worker_context(cx.clone(), clock.clone());
    let stream = Stream::open(&cloud, TABLE).await;
    let receiver = Receiver::start().await;
    let mut installation =
        Installation { cloud: &cloud, stream, cx, worker_context, clock, receiver, seen_events: Vec::new() };
    decision_is_mailed_and_called_back(&mut installation, "small").await;
    let large: String = (0..9_000_u32).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect();
    decision_is_mailed_and_called_back(&mut installation, &large).await;
    let unanswered_id = installation.create_decision("waits for its answer").await;
    installation.run_due_work().await;
    repeated_stream_events_send_nothing(&mut installation).await;
    schedule_expires_decision(&mut installation, unanswered_id).await;
}

impl Installation<'_> {
    async fn create_decision(&self, context: &str) -> RecordId {
        let (record, command) = new_decision_with_callback(&self.cx, context, Some(self.receiver.url.clone()));
        create(&self.cx, record, &command).await.unwrap().record.id
    }

    /// Processes new stream events and the queues of mails and deliveries.
    async fn run_due_work(&mut self) {
        let event = self.stream.next().await;
        self.seen_events.push(event.clone());
        self.process(event).await;
    }

    async fn process(&self, event: Value) {
        let failures = handle_changes(&self.worker_context, serde_json::from_value(event).unwrap()).await;
        assert_eq!(serde_json::to_value(failures).unwrap(), json!({"batchItemFailures": []}));
        for queue in [Queue::Notices, Queue::Deliveries] {
            self.process_queue(self.cloud.url(queue), false).await;
        }
    }

    async fn process_queue(&self, url: &str, wait: bool) {
        let messages = self.cloud.receive(url, wait).await;
        let event = serde_json::from_value(sqs_event(&messages)).unwrap();
        let failures = serde_json::to_value(handle_messages(&self.worker_context, event).await).unwrap();
        assert_eq!(failures, json!({"batchItemFailures": []}));
        for message in &messages {
            self.cloud.delete(url, message).await;
        }
    }

    async fn state(&self, id: RecordId) -> State {
        self.cx.store.record::<Decision>(tenant(), id).await.unwrap().unwrap().state()
    }

    /// Asserts that the receiver got exactly one call, and returns its body.
    fn call(&self) -> Value {
        let calls = self.receiver.take();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].json()
    }
}

async fn decision_is_mailed_and_called_back(installation: &mut Installation<'_>, context: &str) {
    let mails_before = installation.cloud.mails().await.len();
    let id = installation.create_decision(context).await;
    installation.run_due_work().await;
    let mails = installation.cloud.mails().await;
    assert_eq!(mails.len(), mails_before + 1);
    let mail = mails.last().unwrap();
    assert_eq!(mail["To"], json!(["ann@example.com"]));
    assert!(mail["BodyText"].as_str().unwrap().contains("https://handrail.example/d/"), "{mail}");
    assert!(installation.receiver.take().is_empty());

    transition(&installation.cx, tenant(), id, &approve("Ann")).await.unwrap();
    installation.run_due_work().await;
    let call = installation.call();
    assert_eq!(call["event"], "decision.resolved");
    assert_eq!(call["decision"]["id"], json!(id));
    assert_eq!((&call["decision"]["status"], &call["decision"]["resolved_by"]), (&json!("approved"), &json!("Ann")));
}

async fn repeated_stream_events_send_nothing(installation: &mut Installation<'_>) {
    let mails = installation.cloud.mails().await.len();
    for event in installation.seen_events.clone() {
        installation.process(event).await;
    }
    assert_eq!(installation.cloud.mails().await.len(), mails);
    assert!(installation.receiver.take().is_empty());
}

/// The emulator fires a schedule of the past at its next check.
async fn schedule_expires_decision(installation: &mut Installation<'_>, id: RecordId) {
    installation.clock.move_to(installation.clock.now().plus_ms(HOUR_MS));
    // The timers of the other decisions may come first.
    for _ in 0..4 {
        installation.process_queue(installation.cloud.url(Queue::Timers), true).await;
        if installation.state(id).await != State::Pending {
            break;
        }
    }
    assert_eq!(installation.state(id).await, State::Expired);
    installation.run_due_work().await;
    assert_eq!(installation.call()["event"], "decision.expired");
}
