//! Files that an event brought stay. Before, they were only lent, and would go away by themselves.

use handrail_kernel::fault::Fault;
use handrail_kernel::store::{DeliveryKey, HeadKey};

use crate::works::Works;

/// Safe to call late and often.
pub async fn keep(works: &Works, kind: &str, key: DeliveryKey) -> Result<(), Fault> {
    let head = HeadKey { tenant: key.tenant, id: key.record };
    let files = works.door(kind)?.files(&works.cx, head, key.seq).await?;
    for file in &files {
        works.cx.blobs()?.keep(file).await?;
    }
    tracing::info!(kind, delivery = key.id(), files = files.len(), "kept");
    Ok(())
}
