//! What a handler or a worker is handed: the table, the clock, the entropy, the settings. One per process, cheap to clone.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use handrail_domain::ids::{RecordId, TenantId};

use crate::access::Gate;
use crate::blobs::Blobs;
use crate::clock::{Clock, Entropy};
use crate::doorbell::Doorbell;
use crate::fault::Fault;
use crate::feed::Feeds;
use crate::master::MasterKey;
use crate::settings::Settings;
use crate::store::Store;

#[derive(Clone)]
pub struct Cx(Arc<Parts>);

pub struct Parts {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Settings,
    pub gate: Gate,
    pub doorbell: Doorbell,
    pub feeds: Feeds,
    blobs: OnceLock<Arc<dyn Blobs>>,
}

impl Cx {
    pub fn new(store: Store, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, settings: Settings) -> Self {
        let (gate, doorbell, feeds, blobs) = (Gate::default(), Doorbell::default(), Feeds::default(), OnceLock::new());
        Self(Arc::new(Parts { store, clock, entropy, settings, gate, doorbell, feeds, blobs }))
    }

    /// For whoever touches files: where they lie. Said once.
    #[must_use]
    pub fn with_blobs(self, blobs: Arc<dyn Blobs>) -> Self {
        self.0.blobs.get_or_init(|| blobs);
        self
    }

    pub fn blobs(&self) -> Result<&dyn Blobs, Fault> {
        let blobs = self.0.blobs.get().map(|blobs| &**blobs);
        blobs.ok_or_else(|| Fault::broken("this function was not told where files lie"))
    }

    /// Only for functions that declare that they need it.
    pub fn master(&self) -> Result<&MasterKey, Fault> {
        self.settings.master_key.as_ref().ok_or_else(|| Fault::broken("this function has no master key"))
    }

    pub fn origin(&self) -> Result<&str, Fault> {
        self.settings.origin.as_deref().ok_or_else(|| Fault::broken("this function does not know its public origin"))
    }

    pub fn new_record_id(&self) -> RecordId {
        RecordId::new(self.clock.now(), self.entropy.bytes())
    }

    pub fn new_tenant_id(&self) -> TenantId {
        TenantId::new(self.clock.now(), self.entropy.bytes())
    }
}

impl Deref for Cx {
    type Target = Parts;

    fn deref(&self) -> &Parts {
        &self.0
    }
}
