//! Rings when this process has moved a record, for requests that wait for one.
//!
//! On a laptop every write passes through one process, so a waiting request hears of an answer at once. On AWS another
//! process may have made it: whoever waits looks again every now and then too.

use handrail_domain::ids::RecordId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Rings that a slow listener may be behind before it is told that it missed some.
const RINGS_KEPT: usize = 256;

pub struct Doorbell(broadcast::Sender<RecordId>);

impl Default for Doorbell {
    fn default() -> Self {
        Self(broadcast::channel(RINGS_KEPT).0)
    }
}

impl Doorbell {
    pub fn ring(&self, record: RecordId) {
        // An error: nobody listens.
        let _ = self.0.send(record);
    }

    /// Hears what is rung from now on.
    pub fn listen(&self) -> Listener {
        Listener(self.0.subscribe())
    }
}

pub struct Listener(broadcast::Receiver<RecordId>);

impl Listener {
    /// Until it rings for this record, or may have done so unheard.
    pub async fn heard(&mut self, record: RecordId) {
        loop {
            match self.0.recv().await {
                Ok(rung) if rung != record => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The bell lives as long as the process: whoever waits has it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
