//! State of the local pages.

use std::sync::Arc;

use handrail_context::cx::Cx;
use handrail_domain::ids::TenantId;
use handrail_engine::FolderBlobStore;

use crate::clock::MovableClock;
use crate::local_store::LocalStore;
use crate::worker_loop::PumpHandle;

#[derive(Clone)]
pub(crate) struct Local {
    pub cx: Cx,
    pub local_store: LocalStore,
    pub pump: PumpHandle,
    pub clock: Arc<MovableClock>,
    pub origin: String,
    /// Admin key for the command on the start page, if this process knows it.
    pub key: Option<String>,
    /// Tenant whose deliveries are listed.
    pub tenant: Option<TenantId>,
    /// Local blob store, if files are stored here.
    pub folder: Option<FolderBlobStore>,
}
