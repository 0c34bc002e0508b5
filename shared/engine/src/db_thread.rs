//! Thread that owns the database and runs the closures of the connector and of the engine's blocking methods.
//!
//! SQLite accepts one writer at a time and the database has one lock, so a queue in front of one thread keeps the order
//! of arrival and never blocks a runtime. It measured faster than a blocking pool that competes for the lock.
//!
//! A queued closure runs even if its caller is gone, as on AWS.

use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc;
use std::thread::JoinHandle;

use dynoxide::Database;
use dynoxide::storage::Storage;
use tokio::sync::oneshot;

use crate::connections::Connections;
use crate::fault::EngineFault;
use crate::stream;

/// Handle of the database thread.
pub(crate) struct DbThread {
    database: Database,
    /// Sender of the thread's jobs. Dropping the sender ends the thread.
    queue: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

type Job = Box<dyn FnOnce(&Connections) + Send>;

impl DbThread {
    pub(crate) fn in_memory() -> Result<Self, EngineFault> {
        static OPENED: AtomicU64 = AtomicU64::new(0);
        let number = OPENED.fetch_add(1, Ordering::Relaxed);
        // Named, because a plain `:memory:` database is limited to one connection.
        Self::start(&format!("file:/handrail-engine-{number}?vfs=memdb"))
    }

    pub(crate) fn open(file: &Path) -> Result<Self, EngineFault> {
        // Absolute, so that SQLite cannot interpret a name that starts with `file:` as a URI.
        let path = std::path::absolute(file).map_err(|_| EngineFault::InvalidPath(file.to_owned()))?;
        let Some(name) = path.to_str() else {
            return Err(EngineFault::InvalidPath(path));
        };
        Self::start(name).map_err(|fault| match fault {
            EngineFault::Refused(cause) => EngineFault::CannotOpen { file: path.clone(), cause },
            other => other,
        })
    }

    fn start(name: &str) -> Result<Self, EngineFault> {
        let database = Database::new(name)?;
        let stream_storage = Storage::new(name)?;
        stream::create_stream_index(&stream_storage)?;
        let connections = Connections { database: database.clone(), stream_storage };
        let (queue, jobs) = mpsc::channel::<Job>();
        let thread = std::thread::Builder::new()
            .name("handrail-engine".to_owned())
            .spawn(move || {
                for job in jobs {
                    job(&connections);
                }
            })
            .map_err(EngineFault::ThreadNotStarted)?;
        Ok(Self { database, queue: Some(queue), thread: Some(thread) })
    }

    /// Returns the database, for calls that must not wait in the queue.
    pub(crate) fn database(&self) -> &Database {
        &self.database
    }

    /// Runs `work` on the thread and waits for the result without blocking.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connections) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (sender, result) = oneshot::channel();
        self.submit(Box::new(move |connections| {
            // Fails if the caller has gone; the work stays done.
            let _ = sender.send(work(connections));
        }))?;
        result.await.map_err(|_| EngineFault::Stopped)
    }

    /// Runs `work` on the thread and blocks the calling thread until the result arrives.
    pub(crate) fn run_blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connections) -> T + Send + 'static,
    ) -> Result<T, EngineFault> {
        let (sender, result) = mpsc::sync_channel(1);
        self.submit(Box::new(move |connections| {
            let _ = sender.send(work(connections));
        }))?;
        result.recv().map_err(|_| EngineFault::Stopped)
    }

    fn submit(&self, job: Job) -> Result<(), EngineFault> {
        self.queue.as_ref().and_then(|queue| queue.send(job).ok()).ok_or(EngineFault::Stopped)
    }
}

impl Drop for DbThread {
    /// Waits for the thread, so that the file is closed when the last handle is dropped.
    fn drop(&mut self) {
        self.queue = None;
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
