//! The workers from end to end on an emulator that others made: the table with its stream, the queues, the schedules and
//! the mail are the emulator's, and everything between them is what runs on AWS.

use std::sync::Arc;

use handrail_domain::decision::{Decision, State};
use handrail_domain::ids::RecordId;
use handrail_effects::aws::{take_changes, take_messages};
use handrail_effects::{Queue, Works};
use handrail_kernel::clock::{Clock, SystemClock};
use handrail_kernel::cx::Cx;
use handrail_kernel::transition::{create, transition};
use handrail_testkit::Receiver;
use serde_json::{Value, json};

use crate::cloud::{Cloud, Stream, event_of};
use crate::tools::{TABLE, TestClock, approve, asked_to, context, tenant};

const HOUR_MS: i64 = 60 * 60 * 1000;

struct Installation<'a> {
    cloud: &'a Cloud,
    stream: Stream<'a>,
    cx: Cx,
    works: Works,
    clock: Arc<TestClock>,
    receiver: Receiver,
    /// Every event of the stream so far.
    seen: Vec<Value>,
}

#[tokio::test]
async fn an_ask_becomes_a_mail_an_answer_a_callback_and_a_deadline_an_end() {
    let Some(cloud) = Cloud::start().await else { return };
    // The emulator goes by the machine's clock: what is due within the hour lies in its past.
    let begin = SystemClock.now().plus_ms(-2 * HOUR_MS);
    let clock = TestClock::at(begin);
    let cx = context(&cloud.part, clock.clone()).await;
    let works = cloud.works(cx.clone(), clock.clone());
    let stream = Stream::of(&cloud, TABLE).await;
    let receiver = Receiver::start().await;
    let mut all = Installation { cloud: &cloud, stream, cx, works, clock, receiver, seen: Vec::new() };
    an_ask_is_mailed_and_its_answer_told(&mut all, "small").await;
    let large: String = (0..9_000_u32).map(|at| char::from(b'a' + (at * at % 26) as u8)).collect();
    an_ask_is_mailed_and_its_answer_told(&mut all, &large).await;
    let waits = all.ask("waits for its answer").await;
    all.settle().await;
    a_stream_that_is_seen_twice_does_nothing_twice(&mut all).await;
    a_deadline_is_raised_by_its_schedule(&mut all, waits).await;
}

impl Installation<'_> {
    async fn ask(&self, context: &str) -> RecordId {
        let (record, command) = asked_to(&self.cx, context, Some(self.receiver.url.clone()));
        create(&self.cx, record, &command).await.unwrap().record.id
    }

    /// Does what the functions on the stream and on the queues of mails and calls do.
    async fn settle(&mut self) {
        let event = self.stream.next().await;
        self.seen.push(event.clone());
        self.take(event).await;
    }

    async fn take(&self, event: Value) {
        let failures = take_changes(&self.works, serde_json::from_value(event).unwrap()).await;
        assert_eq!(serde_json::to_value(failures).unwrap(), json!({"batchItemFailures": []}));
        for queue in [Queue::Notices, Queue::Deliveries] {
            self.work_on(self.cloud.url(queue), false).await;
        }
    }

    async fn work_on(&self, url: &str, wait: bool) {
        let messages = self.cloud.receive(url, wait).await;
        let event = serde_json::from_value(event_of(&messages)).unwrap();
        let failures = serde_json::to_value(take_messages(&self.works, event).await).unwrap();
        assert_eq!(failures, json!({"batchItemFailures": []}));
        for message in &messages {
            self.cloud.delete(url, message).await;
        }
    }

    async fn state(&self, id: RecordId) -> State {
        self.cx.store.record::<Decision>(tenant(), id).await.unwrap().unwrap().state()
    }

    /// The one call that came.
    fn call(&self) -> Value {
        let calls = self.receiver.take();
        assert_eq!(calls.len(), 1, "{calls:?}");
        calls[0].json()
    }
}

async fn an_ask_is_mailed_and_its_answer_told(all: &mut Installation<'_>, context: &str) {
    let mails_before = all.cloud.mails().await.len();
    let id = all.ask(context).await;
    all.settle().await;
    let mails = all.cloud.mails().await;
    assert_eq!(mails.len(), mails_before + 1);
    let mail = mails.last().unwrap();
    assert_eq!(mail["To"], json!(["ann@example.com"]));
    assert!(mail["BodyText"].as_str().unwrap().contains("https://handrail.example/d/"), "{mail}");
    assert!(all.receiver.take().is_empty());

    transition(&all.cx, tenant(), id, &approve("Ann")).await.unwrap();
    all.settle().await;
    let call = all.call();
    assert_eq!(call["event"], "decision.resolved");
    assert_eq!(call["decision"]["id"], json!(id));
    assert_eq!((&call["decision"]["status"], &call["decision"]["resolved_by"]), (&json!("approved"), &json!("Ann")));
}

async fn a_stream_that_is_seen_twice_does_nothing_twice(all: &mut Installation<'_>) {
    let mails = all.cloud.mails().await.len();
    for event in all.seen.clone() {
        all.take(event).await;
    }
    assert_eq!(all.cloud.mails().await.len(), mails);
    assert!(all.receiver.take().is_empty());
}

/// The emulator fires a schedule of the past when it next looks for what is due.
async fn a_deadline_is_raised_by_its_schedule(all: &mut Installation<'_>, id: RecordId) {
    all.clock.set(all.clock.now().plus_ms(HOUR_MS));
    // The other requests have deadlines too, and theirs may come first.
    for _ in 0..4 {
        all.work_on(all.cloud.url(Queue::Timers), true).await;
        if all.state(id).await != State::Pending {
            break;
        }
    }
    assert_eq!(all.state(id).await, State::Expired);
    all.settle().await;
    assert_eq!(all.call()["event"], "decision.expired");
}
