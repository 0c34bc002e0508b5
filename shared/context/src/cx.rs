//! Context of handlers and workers: table, clock, entropy, settings and caches. One per process, cheap to clone.

use std::any::{Any, TypeId};
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::personal_values::RecordSalt;
use handrail_domain::time::Timestamp;

use crate::settings::Settings;
use handrail_platform::blob_store::BlobStore;
use handrail_platform::clock::{Clock, Entropy};
use handrail_platform::fault::Fault;
use handrail_platform::notifier::ChangeNotifier;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_store::Store;

#[derive(Clone)]
pub struct Cx(Arc<CxInner>);

pub struct CxInner {
    pub store: Store,
    pub clock: Arc<dyn Clock>,
    pub entropy: Arc<dyn Entropy>,
    pub settings: Settings,
    pub notifier: ChangeNotifier,
    /// Time at which this process started.
    pub started_at: Timestamp,
    process_state: Mutex<HashMap<TypeId, Arc<dyn Any + Send + Sync>>>,
    blob_store: OnceLock<Arc<dyn BlobStore>>,
}

impl Cx {
    pub fn new(store: Store, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>, settings: Settings) -> Self {
        Self(Arc::new(CxInner {
            started_at: clock.now(),
            store,
            clock,
            entropy,
            settings,
            notifier: ChangeNotifier::default(),
            process_state: Mutex::default(),
            blob_store: OnceLock::new(),
        }))
    }

    /// Sets the file storage, for functions and workers that use files. Only the first call has an effect.
    #[must_use]
    pub fn with_blob_store(self, blob_store: Arc<dyn BlobStore>) -> Self {
        self.0.blob_store.get_or_init(|| blob_store);
        self
    }

    pub fn blob_store(&self) -> Result<&dyn BlobStore, Fault> {
        let blob_store = self.0.blob_store.get().map(|blob_store| &**blob_store);
        blob_store.ok_or_else(|| Fault::internal("this function has no file storage"))
    }

    /// Sets the one `T` of this process, before anything has asked for it.
    #[must_use]
    pub fn with_process_state<T: Default + Send + Sync + 'static>(self, state: T) -> Self {
        let mut states = self.0.process_state.lock().unwrap_or_else(PoisonError::into_inner);
        states.insert(TypeId::of::<T>(), Arc::new(state));
        drop(states);
        self
    }

    /// Returns the one `T` of this process, such as a cache. Made on first use, and kept while the process runs.
    pub fn process_state<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut states = self.0.process_state.lock().unwrap_or_else(PoisonError::into_inner);
        let state = states.entry(TypeId::of::<T>()).or_insert_with(|| Arc::new(T::default()));
        // The entry of `TypeId::of::<T>()` is a `T`: nothing else is ever put there.
        Arc::clone(state).downcast().unwrap_or_else(|_| Arc::new(T::default()))
    }

    /// Returns the key of a purpose. Fails in functions that don't declare [`RequiredSetting::Key`] with this purpose.
    ///
    /// [`RequiredSetting::Key`]: crate::settings::RequiredSetting::Key
    pub fn key(&self, purpose: KeyPurpose) -> Result<&PurposeKey, Fault> {
        let key = self.settings.keys.get(purpose);
        key.ok_or_else(|| Fault::internal(format!("this function has no key for {purpose:?}")))
    }

    pub fn origin(&self) -> Result<&str, Fault> {
        self.settings.origin.as_deref().ok_or_else(|| Fault::internal("this function has no public origin"))
    }

    pub fn new_record_id(&self) -> RecordId {
        RecordId::new(self.clock.now(), self.entropy.bytes())
    }

    /// Returns the secret of a new record that keeps personal values out of its hashes.
    pub fn new_record_salt(&self) -> RecordSalt {
        RecordSalt::from_bytes(self.entropy.bytes())
    }

    pub fn new_tenant_id(&self) -> TenantId {
        TenantId::new(self.clock.now(), self.entropy.bytes())
    }
}

impl Deref for Cx {
    type Target = CxInner;

    fn deref(&self) -> &CxInner {
        &self.0
    }
}
