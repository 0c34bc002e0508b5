//! The only two things a handler can't compute: what time it is, and what nobody can guess.
//!
//! Both are handed in through [`Cx`](crate::cx::Cx); everything else is forbidden to ask by lint. Tests move the clock.

use std::pin::Pin;
use std::time::Duration;

use handrail_domain::time::Timestamp;

pub trait Clock: Send + Sync {
    fn now(&self) -> Timestamp;
    /// Until this clock shows that time.
    fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>>;
}

pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
        let now = std::time::SystemTime::now();
        let ms = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_millis());
        Timestamp::from_unix_ms(i64::try_from(ms).unwrap_or(i64::MAX))
    }

    fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        let wait_ms = u64::try_from(at.ms_since(self.now())).unwrap_or(0);
        #[expect(clippy::disallowed_methods, reason = "the one place that waits for the system's clock")]
        let sleep = tokio::time::sleep(Duration::from_millis(wait_ms));
        Box::pin(sleep)
    }
}

/// Where ids and secrets get their unpredictability.
pub trait Entropy: Send + Sync {
    fn fill(&self, bytes: &mut [u8]);
}

pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
        let filled = getrandom::fill(bytes);
        #[expect(
            clippy::expect_used,
            reason = "without entropy no key and no id is safe: better to stop than to go on"
        )]
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
