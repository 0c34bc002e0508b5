//! Event loops of the worker functions. The response names the failed items, so that AWS repeats only those.

use std::future::Future;
use std::sync::Arc;

use aws_lambda_events::event::{dynamodb, sqs};
use futures_util::StreamExt;
use handrail_context::aws::{Error, start_tracing};
use handrail_context::served_functions::select_functions;
use handrail_context::settings::RequiredSetting;
use handrail_domain::webhook::WebhookId;
use handrail_effects::{
    Change, DeliveryGroup, EventSource, Handled, Message, WORKERS, Worker, WorkerContext, dispatch, handle_message,
    sweep,
};
use handrail_platform::clock::SystemClock;
use handrail_platform::fault::Fault;
use handrail_records::kind::Kind;
use handrail_store::Item;
use handrail_web::aws::{OpenBlobStore, start_function};
use lambda_runtime::{LambdaEvent, service_fn};
use serde::Serialize;
use serde_json::Value;
use tracing::Instrument;

use crate::outbox::SqsOutbox;
use crate::ses::SesMailer;

/// Partial batch response, which the stream and the queues expect.
#[derive(Debug, Default, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct BatchResponse {
    batch_item_failures: Vec<FailedItem>,
}

#[derive(Debug, Serialize, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
struct FailedItem {
    item_identifier: String,
}

/// Serves the worker that `HANDRAIL_FUNCTION` names, and ends with an error if there is none.
pub async fn serve(kinds: &'static [Kind], open: OpenBlobStore) -> Result<(), Error> {
    start_tracing();
    let lookup = |name: &str| std::env::var(name).ok();
    let [worker] = select_functions(WORKERS, |worker| worker.function, &lookup)? else {
        return Err("the workers have different events, so a process serves one of them".into());
    };
    let context = worker_context(worker, kinds, open, &lookup).await?;
    let context = &context;
    match worker.event_source {
        EventSource::Stream => {
            run_handler(|event: dynamodb::Event| async { Ok(handle_changes(context, event).await) }).await
        }
        EventSource::Queue(_) => {
            run_handler(|event: sqs::SqsEvent| async { Ok(handle_messages(context, event).await) }).await
        }
        EventSource::Schedule => {
            run_handler(|_: Value| async { Ok(serde_json::json!({"found": sweep(context).await?})) }).await
        }
    }
}

async fn run_handler<E, R, F>(handler: impl Fn(E) -> F + Send + Sync) -> Result<(), Error>
where
    E: for<'de> serde::Deserialize<'de> + Send,
    R: Serialize,
    F: Future<Output = Result<R, Error>> + Send,
{
    let handler = &handler;
    lambda_runtime::run(service_fn(move |event: LambdaEvent<E>| handler(event.payload))).await
}

async fn worker_context(
    worker: &Worker,
    kinds: &'static [Kind],
    open: OpenBlobStore,
    lookup: &dyn Fn(&str) -> Option<String>,
) -> Result<WorkerContext, Error> {
    let required = worker.required_settings;
    let open = required.contains(&RequiredSetting::FilesBucket).then_some(open);
    let (cx, (outbox, mailer)) = start_function(required, lookup, open, |environment, config| {
        let outbox = SqsOutbox::from_environment(environment, required, config, Arc::new(SystemClock));
        let sends_mail = required.contains(&RequiredSetting::MailFrom);
        (outbox, sends_mail.then(|| SesMailer::from_environment(environment, config)))
    })
    .await?;
    let mut context = WorkerContext::new(cx, kinds);
    context.outbox = Some(Arc::new(outbox));
    context.mailer = mailer.map(|mailer| Arc::new(mailer) as _);
    Ok(context)
}

/// Dispatches the changes of a stream batch in order, up to the first failure. The stream repeats the batch from there.
pub async fn handle_changes(context: &WorkerContext, event: dynamodb::Event) -> BatchResponse {
    for record in event.records {
        let sequence = record.change.sequence_number.clone().unwrap_or_default();
        let span = tracing::info_span!("change", sequence);
        let change =
            Change { old: non_empty_image(record.change.old_image), new: non_empty_image(record.change.new_image) };
        if let Err(fault) = dispatch(context, &change).instrument(span).await {
            log_fault(&fault);
            return BatchResponse { batch_item_failures: vec![FailedItem { item_identifier: sequence }] };
        }
    }
    BatchResponse::default()
}

/// Calls of one webhook at the same time, in one copy of the function. A batch has ten messages and a call takes ten
/// seconds at most, so a batch for one webhook ends after fifty seconds, within the function's timeout of sixty.
const CALLS_PER_WEBHOOK: usize = 2;

/// Handles a queue batch. The queue repeats failed messages and, after some attempts, moves them to its dead-letter
/// queue.
///
/// Messages are handled concurrently, except many of one webhook, so that a slow receiver does not delay the others.
pub async fn handle_messages(context: &WorkerContext, event: sqs::SqsEvent) -> BatchResponse {
    let mut groups: Vec<(Option<WebhookId>, Vec<QueueMessage>)> = Vec::new();
    for record in event.records {
        let parsed = serde_json::from_str::<Message>(&record.body.unwrap_or_default());
        let webhook = match parsed.as_ref().ok().and_then(Message::delivery_group) {
            Some(DeliveryGroup::Webhook { webhook, .. }) => Some(webhook),
            _ => None,
        };
        let message = QueueMessage { id: record.message_id.unwrap_or_default(), parsed };
        match groups.iter_mut().find(|(existing, _)| webhook.is_some() && *existing == webhook) {
            Some((_, messages)) => messages.push(message),
            None => groups.push((webhook, vec![message])),
        }
    }
    let results = groups.into_iter().map(|(_, messages)| async move {
        let results = messages.into_iter().map(|message| handle_queue_message(context, message));
        futures_util::stream::iter(results).buffered(CALLS_PER_WEBHOOK).collect::<Vec<_>>().await
    });
    let failed = futures_util::future::join_all(results).await;
    BatchResponse { batch_item_failures: failed.into_iter().flatten().flatten().collect() }
}

struct QueueMessage {
    id: String,
    parsed: Result<Message, serde_json::Error>,
}

/// Returns the message's id if it failed.
async fn handle_queue_message(context: &WorkerContext, message: QueueMessage) -> Option<FailedItem> {
    let QueueMessage { id, parsed } = message;
    let span = tracing::info_span!("message", id);
    let handled = async {
        let message = parsed.map_err(|error| Fault::internal_with_source("cannot parse a queue message", error))?;
        match handle_message(context, &message).await? {
            Handled::Done => Ok(()),
            Handled::WaitsUntil(at) => context.outbox()?.send(&message, at).await,
        }
    };
    let fault = handled.instrument(span).await.err()?;
    log_fault(&fault);
    Some(FailedItem { item_identifier: id })
}

fn log_fault(fault: &Fault) {
    if fault.is_retryable() {
        tracing::warn!(fault = fault.with_causes(), "failed; will be retried");
    } else {
        tracing::error!(fault = fault.with_causes(), "failed permanently; a retry will not help");
    }
}

/// Returns `None` for an absent image, which arrives as an empty item.
fn non_empty_image(item: serde_dynamo::Item) -> Option<Item> {
    let item: Item = item.into();
    (!item.is_empty()).then_some(item)
}
