//! Rings when this process has moved a record, for requests that wait for one; and when it has added to an account's feed,
//! for those that follow it.
//!
//! On a laptop every write passes through one process, so a waiting request hears of an answer at once. On AWS another
//! process may have made it: whoever waits looks again every now and then too.

use handrail_domain::ids::RecordId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Rings that a slow listener may be behind before it is told that it missed some.
const RINGS_KEPT: usize = 256;

pub struct Doorbell<T = RecordId>(broadcast::Sender<T>);

impl<T: Clone> Default for Doorbell<T> {
    fn default() -> Self {
        Self(broadcast::channel(RINGS_KEPT).0)
    }
}

impl<T: Clone + PartialEq> Doorbell<T> {
    pub fn ring(&self, about: T) {
        // An error: nobody listens.
        let _ = self.0.send(about);
    }

    /// Hears what is rung from now on.
    pub fn listen(&self) -> Listener<T> {
        Listener(self.0.subscribe())
    }
}

pub struct Listener<T = RecordId>(broadcast::Receiver<T>);

impl<T: Clone + PartialEq> Listener<T> {
    /// Until it rings for this one, or may have done so unheard.
    pub async fn heard(&mut self, about: T) {
        loop {
            match self.0.recv().await {
                Ok(rung) if rung != about => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // The bell lives as long as the process: whoever waits has it.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
