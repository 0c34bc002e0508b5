//! How a worker function takes its events: what failed is named, so that only that comes again.

use std::future::Future;
use std::sync::Arc;

use aws_lambda_events::event::{dynamodb, sqs};
use futures_util::StreamExt;
use handrail_kernel::aws::{Error, OpenBlobs, sdk_config, start_tracing};
use handrail_kernel::clock::{SystemClock, SystemEntropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::door::Door;
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::{Environment, Need, Settings};
use handrail_kernel::store::{Item, Store};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use super::{SesMailer, SqsOutbox};
use crate::dispatch::{Change, dispatch};
use crate::message::Message;
use crate::sweep::sweep;
use crate::works::{Worker, Works, handle};

/// What both kinds of event source ask for in return.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Failures {
    batch_item_failures: Vec<FailedItem>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct FailedItem {
    item_identifier: String,
}

/// Serves the function on the table's stream.
pub async fn on_stream(worker: Worker, doors: &'static [&'static dyn Door]) -> Result<(), Error> {
    let works = works(worker, doors, None).await?;
    run(move |event: dynamodb::Event| {
        let works = works.clone();
        async move { Ok::<_, Error>(take_changes(&works, event).await) }
    })
    .await
}

/// Serves a function on a queue.
pub async fn on_messages(worker: Worker, doors: &'static [&'static dyn Door]) -> Result<(), Error> {
    take_from_queue(works(worker, doors, None).await?).await
}

/// The same for a worker that touches files.
pub async fn on_messages_with(
    worker: Worker,
    doors: &'static [&'static dyn Door],
    open: OpenBlobs,
) -> Result<(), Error> {
    take_from_queue(works(worker, doors, Some(open)).await?).await
}

async fn take_from_queue(works: Works) -> Result<(), Error> {
    run(move |event: sqs::SqsEvent| {
        let works = works.clone();
        async move { Ok::<_, Error>(take_messages(&works, event).await) }
    })
    .await
}

/// Serves the function that is called every few minutes.
pub async fn on_schedule(worker: Worker, doors: &'static [&'static dyn Door]) -> Result<(), Error> {
    let works = works(worker, doors, None).await?;
    run(move |_: Value| {
        let works = works.clone();
        async move { Ok::<_, Error>(serde_json::json!({"found": sweep(&works).await?})) }
    })
    .await
}

async fn run<E, R, F>(handler: impl Fn(E) -> F + Send + Sync) -> Result<(), Error>
where
    E: for<'de> serde::Deserialize<'de> + Send,
    R: Serialize,
    F: Future<Output = Result<R, Error>> + Send,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| handler(event.payload))).await
}

async fn works(worker: Worker, doors: &'static [&'static dyn Door], open: Option<OpenBlobs>) -> Result<Works, Error> {
    start_tracing();
    let lookup = |name: &str| std::env::var(name).ok();
    let mut environment = Environment::new(&lookup);
    let settings = Settings::from(&mut environment, worker.needs);
    let config = sdk_config().await;
    let clock = Arc::new(SystemClock);
    let outbox = SqsOutbox::from(&mut environment, worker.needs, &config, clock.clone());
    let mailer = worker.needs.contains(&Need::MailFrom).then(|| SesMailer::from(&mut environment, &config));
    let blobs = open.map(|open| open(&mut environment, &config));
    let settings = environment.finish(settings)?;
    let store = Store::new(aws_sdk_dynamodb::Client::new(&config), settings.table.clone());
    store.warm().await;
    let cx = Cx::new(store, clock, Arc::new(SystemEntropy), settings);
    let cx = match blobs {
        Some(blobs) => cx.with_blobs(blobs),
        None => cx,
    };
    let mut works = Works::new(cx, doors);
    works.outbox = Some(Arc::new(outbox));
    works.mailer = mailer.map(|mailer| Arc::new(mailer) as _);
    Ok(works)
}

/// In order, up to the first that fails: the stream comes again from there.
pub async fn take_changes(works: &Works, event: dynamodb::Event) -> Failures {
    for record in event.records {
        let sequence = record.change.sequence_number.clone().unwrap_or_default();
        let span = tracing::info_span!("change", sequence);
        let change = Change { old: image(record.change.old_image), new: image(record.change.new_image) };
        if let Err(fault) = dispatch(works, &change).instrument(span).await {
            report(&fault);
            return Failures { batch_item_failures: vec![FailedItem { item_identifier: sequence }] };
        }
    }
    Failures::default()
}

/// As many as come in one event: a receiver that takes its ten seconds must not keep the others waiting, nor may all of them
/// together take longer than the function lives.
const MESSAGES_AT_ONCE: usize = 10;

/// Each for itself: one that fails comes again, and after some tries goes to the dead letters.
pub async fn take_messages(works: &Works, event: sqs::SqsEvent) -> Failures {
    let taken = futures_util::stream::iter(event.records).map(|record| async move {
        let id = record.message_id.unwrap_or_default();
        let span = tracing::info_span!("message", id);
        let body = record.body.unwrap_or_default();
        let done = async {
            let message: Message =
                serde_json::from_str(&body).map_err(|error| Fault::broken_by("a message can't be read", error))?;
            handle(works, &message).await
        };
        let fault = done.instrument(span).await.err()?;
        report(&fault);
        Some(FailedItem { item_identifier: id })
    });
    let failed: Vec<Option<FailedItem>> = taken.buffered(MESSAGES_AT_ONCE).collect().await;
    Failures { batch_item_failures: failed.into_iter().flatten().collect() }
}

fn report(fault: &Fault) {
    if fault.may_pass() {
        tracing::warn!(fault = fault.chain(), "failed, will be tried again");
    } else {
        tracing::error!(fault = fault.chain(), "poison: trying again will not help");
    }
}

/// `None` for an absent image, which arrives as an empty one.
fn image(item: serde_dynamo::Item) -> Option<Item> {
    let item: Item = item.into();
    (!item.is_empty()).then_some(item)
}
