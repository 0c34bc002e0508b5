//! The one thread that works on the database.
//!
//! The connector and the engine's blocking methods hand it closures. SQLite takes one writer at
//! a time and the database sits behind one lock anyway; a queue in front of one thread keeps
//! the order of arrival, never blocks the threads of a runtime, needs no runtime of its own, and
//! measured faster than letting a blocking pool fight for the lock.
//!
//! Work that has been accepted is done even when nobody waits for it any more, as on AWS.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use dynoxide::Database;
use dynoxide::storage::Storage;
use tokio::sync::oneshot;

use crate::fault::EngineFault;
use crate::stream;

pub(crate) struct Desk {
    database: Database,
    /// Taken when the desk closes, which ends the thread.
    queue: Option<mpsc::Sender<Work>>,
    thread: Option<JoinHandle<()>>,
}

type Work = Box<dyn FnOnce(&Tools) + Send>;

/// What the thread works with.
pub(crate) struct Tools {
    pub(crate) database: Database,
    /// A second connection to the same data, for the statements on stream records that the
    /// database does not offer. Only this thread has it, so it never waits for the first one
    /// except during an expiry sweep.
    pub(crate) records: Storage,
}

impl Desk {
    pub(crate) fn memory() -> Result<Self, EngineFault> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        // A plain `:memory:` database belongs to one connection; this one has a name.
        Self::start(&format!("file:/handrail-engine-{number}?vfs=memdb"))
    }

    pub(crate) fn open(file: &Path) -> Result<Self, EngineFault> {
        // Absolute, so that SQLite cannot read a name that starts with `file:` as an address.
        let path = std::path::absolute(file).map_err(|_| EngineFault::Path(file.to_owned()))?;
        let Some(name) = path.to_str() else {
            return Err(EngineFault::Path(path));
        };
        Self::start(name).map_err(|fault| match fault {
            EngineFault::Refused(cause) => EngineFault::Open { file: path.clone(), cause },
            other => other,
        })
    }

    fn start(name: &str) -> Result<Self, EngineFault> {
        let database = Database::new(name)?;
        let records = Storage::new(name)?;
        stream::prepare(&records)?;
        let tools = Tools { database: database.clone(), records };
        let (queue, inbox) = mpsc::channel::<Work>();
        let thread = std::thread::Builder::new()
            .name("handrail-engine".to_owned())
            .spawn(move || {
                for work in inbox {
                    work(&tools);
                }
            })
            .map_err(EngineFault::Thread)?;
        Ok(Self { database, queue: Some(queue), thread: Some(thread) })
    }

    /// The database itself, for what must not go through the queue.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Does the work when its turn comes, and waits for it without blocking.
    pub(crate) async fn turn<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tools) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (done, result) = oneshot::channel();
        self.submit(Box::new(move |tools| {
            // The caller may have gone; what was done stays done.
            let _ = done.send(work(tools));
        }))?;
        result.await.map_err(|_| EngineFault::Stopped)
    }

    /// Does the work when its turn comes, and blocks the calling thread until then.
    pub(crate) fn wait<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Tools) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (done, result) = mpsc::sync_channel(1);
        self.submit(Box::new(move |tools| {
            let _ = done.send(work(tools));
        }))?;
        result.recv().map_err(|_| EngineFault::Stopped)
    }

    fn submit(&self, work: Work) -> Result<(), EngineFault> {
        self.queue.as_ref().and_then(|queue| queue.send(work).ok()).ok_or(EngineFault::Stopped)
    }
}

impl Drop for Desk {
    /// Whoever drops the last handle finds the file closed afterwards.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
