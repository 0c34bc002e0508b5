//! Clock and source of entropy.
//!
//! Both are passed in `Cx`, so that tests can control them; a lint forbids direct use of the system's.

use std::pin::Pin;
use std::time::Duration;

use handrail_domain::time::Timestamp;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Waits until this clock shows the given time.
    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads the system clock")]
        let now = std::time::SystemTime::now();
        let ms = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Timestamp::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let wait_ms = u64::try_from(at.ms_since(self.now())).unwrap_or(0);
        #[expect(clippy::disallowed_methods, reason = "the only place that waits for the system clock")]
        let sleep = tokio::time::sleep(Duration::from_millis(wait_ms));
        Box::pin(sleep)
    }
}

/// Source of random bytes for ids and secrets.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "the only place that reads system entropy")]
        let filled = getrandom::fill(bytes);
        #[expect(clippy::expect_used, reason = "without entropy no key and no id is safe, so the process must stop")]
        filled.expect("the system has entropy");
    }
}

impl dyn Entropy + '_ {
    pub fn bytes<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }
}
