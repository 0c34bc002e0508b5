//! Time, ids and secrets of what an operation creates.
//!
//! An operation that runs under an idempotency key may be interrupted and run again. Everything that it creates must
//! then have the ids and secrets of the first run, so they are derived from the run. Without an idempotency key they
//! are random.

use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_secrets::keys::KeyPurpose;
use handrail_store::Run;

use crate::cx::Cx;

/// Source of the time, the ids and the secrets of what one operation creates.
#[derive(Clone)]
pub struct EffectIds {
    cx: Cx,
    run: Option<Run>,
    now: Timestamp,
}

impl EffectIds {
    /// Returns a source of random ids.
    pub fn random(cx: &Cx) -> Self {
        Self { now: cx.clock.now(), cx: cx.clone(), run: None }
    }

    /// Returns the source of ids for all runs under an idempotency key.
    pub fn of_run(cx: &Cx, run: &Run) -> Self {
        Self { now: run.begun_at, cx: cx.clone(), run: Some(run.clone()) }
    }

    /// Returns the time of the effect, which is the start of the first run.
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// Returns `true` if the request has an idempotency key.
    pub fn has_run(&self) -> bool {
        self.run.is_some()
    }

    /// Returns `true` if an earlier run may have had the effect already.
    pub fn is_repeat(&self) -> bool {
        self.run.as_ref().is_some_and(|run| run.is_repeat)
    }

    /// Returns bytes for an id. Two purposes have different bytes, and two runs have equal ones.
    pub fn bytes<const N: usize>(&self, purpose: &str) -> [u8; N] {
        match &self.run {
            None => self.cx.entropy.bytes(),
            Some(run) => run.derive_bytes(purpose),
        }
    }

    /// Returns bytes for a secret. Those of a run are derived from the master key, so that a reader of the table can't
    /// compute them.
    pub fn secret_bytes(&self, purpose: &str) -> Result<[u8; 32], Fault> {
        match &self.run {
            None => Ok(self.cx.entropy.bytes()),
            Some(run) => Ok(self.cx.key(KeyPurpose::ApiKeys)?.secret_of_run(&run.name_and_start(), purpose)),
        }
    }
}
