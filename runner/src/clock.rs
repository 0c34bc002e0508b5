//! A clock that runs with the machine's and can be moved ahead, or stands still until it is moved.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use handrail_domain::time::Timestamp;
use handrail_kernel::clock::Clock;
use tokio::sync::watch;

pub struct MovableClock {
    /// Stands still when there is none.
    base: Option<Arc<dyn Clock>>,
    /// On top of the base; the whole time when there is no base.
    offset_ms: AtomicI64,
    /// Wakes whoever waits for a time when the clock was moved.
    moved: watch::Sender<()>,
}

impl MovableClock {
    /// Runs with `base`, ahead of it by an offset that survived a restart.
    pub fn running(base: Arc<dyn Clock>, ahead_ms: i64) -> Self {
        Self { base: Some(base), offset_ms: AtomicI64::new(ahead_ms), moved: watch::Sender::new(()) }
    }

    /// Stands still: for tests, where nothing may happen unless the test says so.
    pub fn standing_at(at: Timestamp) -> Self {
        Self { base: None, offset_ms: AtomicI64::new(at.as_unix_ms()), moved: watch::Sender::new(()) }
    }

    /// How far it is ahead of the machine's clock.
    pub fn ahead_ms(&self) -> i64 {
        if self.base.is_some() { self.offset_ms.load(Ordering::SeqCst) } else { 0 }
    }

    /// The same for a reader: moving it takes some milliseconds, and who moved it by 90 seconds expects to see 90.
    pub fn ahead_seconds(&self) -> i64 {
        (self.ahead_ms() + 500) / 1000
    }

    pub fn stands_still(&self) -> bool {
        self.base.is_none()
    }

    /// Never back: what was due stays due.
    pub fn move_to(&self, at: Timestamp) {
        let ahead = at.ms_since(self.now());
        if ahead > 0 {
            self.offset_ms.fetch_add(ahead, Ordering::SeqCst);
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

    fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let mut moved = self.moved.subscribe();
            loop {
                let now = self.now();
                if now >= at {
                    return;
                }
                let moving = moved.changed();
                match &self.base {
                    // The base was not moved: it gets there in as many milliseconds.
                    Some(base) => tokio::select! {
                        () = base.until(base.now().plus_ms(at.ms_since(now))) => {}
                        _ = moving => {}
                    },
                    None => drop(moving.await),
                }
            }
        })
    }
}
