//! Notifies waiting requests inside a process of changed records, and live connections of new entries in a tenant's
//! journal.
//!
//! In the runner every write passes through one process, so listeners are notified at once. On AWS another process may
//! write, so listeners must also poll.

use handrail_domain::ids::RecordId;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;

/// Number of unread notifications after which a slow listener is treated as changed.
const NOTIFICATION_BUFFER_SIZE: usize = 256;

pub struct ChangeNotifier<T = RecordId>(broadcast::Sender<T>);

impl<T: Clone> Default for ChangeNotifier<T> {
    fn default() -> Self {
        Self(broadcast::channel(NOTIFICATION_BUFFER_SIZE).0)
    }
}

impl<T: Clone + PartialEq> ChangeNotifier<T> {
    pub fn notify(&self, id: T) {
        // Fails only without listeners.
        let _ = self.0.send(id);
    }

    /// Creates a listener for notifications from now on.
    pub fn subscribe(&self) -> ChangeListener<T> {
        ChangeListener(self.0.subscribe())
    }
}

pub struct ChangeListener<T = RecordId>(broadcast::Receiver<T>);

impl<T: Clone + PartialEq> ChangeListener<T> {
    /// Waits until this id is notified, or notifications were missed that may have been for this id.
    pub async fn changed(&mut self, id: T) {
        loop {
            match self.0.recv().await {
                Ok(changed) if changed != id => {}
                Ok(_) | Err(RecvError::Lagged(_)) => return,
                // Not reached: a waiting request holds the context and with it the notifier.
                Err(RecvError::Closed) => std::future::pending().await,
            }
        }
    }
}
