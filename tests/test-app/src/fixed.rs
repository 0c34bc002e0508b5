//! Clock and entropy that only a test moves.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU64, Ordering};

use handrail_domain::time::Timestamp;
use handrail_platform::clock::{Clock, Entropy};

/// Clock that stands still until the test moves it.
pub struct FixedClock(AtomicI64);

impl FixedClock {
    pub fn at(at: Timestamp) -> Arc<Self> {
        Arc::new(Self(AtomicI64::new(at.as_unix_ms())))
    }

    pub fn move_to(&self, at: Timestamp) {
        self.0.store(at.as_unix_ms(), Ordering::SeqCst);
    }

    pub fn advance(&self, ms: i64) {
        self.0.fetch_add(ms, Ordering::SeqCst);
    }
}

impl Clock for FixedClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, _: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(std::future::pending())
    }
}

/// Entropy that fills each draw with the next byte: draws differ, and every run draws the same.
pub struct RepeatingEntropy(AtomicU8);

impl RepeatingEntropy {
    pub fn from(first: u8) -> Self {
        Self(AtomicU8::new(first))
    }
}

impl Entropy for RepeatingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(self.0.fetch_add(1, Ordering::SeqCst));
    }
}

/// Entropy that writes the number of the draw, so that no value repeats however many are drawn.
#[derive(Default)]
pub struct CountingEntropy(AtomicU64);

impl Entropy for CountingEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::SeqCst).to_be_bytes();
        for (byte, from) in bytes.iter_mut().rev().zip(next.iter().rev()) {
            *byte = *from;
        }
    }
}
