//! Retains the files that an event names. Until then they are temporary and expire.

use handrail_platform::fault::Fault;
use handrail_store::{DeliveryKey, HeadKey};

use crate::worker_context::WorkerContext;

/// Retains the files of an event. Safe to repeat.
pub async fn retain_files(context: &WorkerContext, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let files = (context.kind(kind)?.files()?.of_event)(&context.cx, head, key.seq).await?;
    for file in &files {
        context.cx.blob_store()?.retain(file).await?;
    }
    tracing::info!(kind, delivery = key.id(), files = files.len(), "files retained");
    Ok(())
}
