//! Clock that runs with the machine's clock and can be moved ahead, or that moves only on command.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use handrail_domain::time::Timestamp;
use handrail_platform::clock::Clock;
use tokio::sync::watch;

pub struct MovableClock {
    /// Clock to follow. `None` if the time is fixed.
    base: Option<Arc<dyn Clock>>,
    /// Offset to the base, or the time itself if there is no base.
    offset_ms: AtomicI64,
    /// Wakes waiting tasks when the clock is moved.
    moved: watch::Sender<()>,
}

impl MovableClock {
    /// Returns a clock that runs ahead of `base` by a stored offset.
    pub fn running(base: Arc<dyn Clock>, ahead_ms: i64) -> Self {
        Self { base: Some(base), offset_ms: AtomicI64::new(ahead_ms), moved: watch::Sender::new(()) }
    }

    /// Returns a clock that moves only on command, for tests.
    pub fn fixed_at(at: Timestamp) -> Self {
        Self { base: None, offset_ms: AtomicI64::new(at.as_unix_ms()), moved: watch::Sender::new(()) }
    }

    /// Returns the milliseconds by which the clock is ahead of the machine's clock.
    pub fn offset_ms(&self) -> i64 {
        if self.base.is_some() { self.offset_ms.load(Ordering::SeqCst) } else { 0 }
    }

    /// Returns the offset in whole seconds, rounded, because a move by 90 seconds takes some milliseconds.
    pub fn ahead_seconds(&self) -> i64 {
        (self.offset_ms() + 500) / 1000
    }

    pub fn is_fixed(&self) -> bool {
        self.base.is_none()
    }

    /// Moves the clock ahead to `at`. Never moves it back, so due work stays due.
    pub fn move_to(&self, at: Timestamp) {
        let missing_ms = at.ms_since(self.now());
        if missing_ms > 0 {
            self.offset_ms.fetch_add(missing_ms, Ordering::SeqCst);
            self.moved.send_replace(());
        }
    }
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let offset = self.offset_ms.load(Ordering::SeqCst);
        match &self.base {
            Some(base) => base.now().plus_ms(offset),
            None => Timestamp::from_unix_ms(offset),
        }
    }

    fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut moved = self.moved.subscribe();
            loop {
                let now = self.now();
                if now >= at {
                    return;
                }
                let next_move = moved.changed();
                match &self.base {
                    // The offset does not apply to the base, so wait for the remaining milliseconds there.
                    Some(base) => tokio::select! {
                        () = base.sleep_until(base.now().plus_ms(at.ms_since(now))) => {}
                        _ = next_move => {}
                    },
                    None => drop(next_move.await),
                }
            }
        })
    }
}
