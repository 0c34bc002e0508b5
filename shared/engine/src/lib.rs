//! DynamoDB API on one SQLite file, for one machine and for tests.
//!
//! The runner opens an [`Engine`] on a file in place of the table, the stream and the time-to-live process on AWS;
//! tests open an engine in memory. The rest of the service uses `aws_sdk_dynamodb::Client` in both cases.
//!
//! Guarantees: a write, its index entries and its stream record are on disk before the response (one transaction,
//! synced), requests take effect in the order of arrival, and refusals have the form that the SDK parses into typed
//! exceptions.
//!
//! Deliberately missing: signature checks, capacity limits and stale secondary indexes. The engine does not stop a
//! second process from opening the file; the owner of the file has to.

mod changes;
mod connections;
mod connector;
mod db_thread;
mod dispatch;
mod fault;
mod folder_blob_store;
mod stream;

use std::path::Path;
use std::sync::Arc;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{
    BehaviorVersion, Config, Credentials, HttpClient, Region, SharedHttpClient, StalledStreamProtectionConfig,
};

pub use changes::{Change, Item};
pub use connector::EngineConnector;
pub use fault::EngineFault;
pub use folder_blob_store::{FolderBlobStore, UploadUrlMaker};

use db_thread::DbThread;

/// Open database. Clones share the database; its file is closed when the last clone, connector and client are dropped.
///
/// The methods block the calling thread; call them under `spawn_blocking` from async code.
#[derive(Clone)]
pub struct Engine {
    db_thread: Arc<DbThread>,
}

impl Engine {
    /// Creates an engine in memory. The data is lost when the engine is dropped.
    pub fn in_memory() -> Result<Self, EngineFault> {
        DbThread::in_memory().map(Self::from_db_thread)
    }

    /// Opens a file, and creates the file if necessary. SQLite keeps two more files (`-wal`, `-shm`) next to an open
    /// file and after a crash; they are part of the data.
    pub fn open(file: &Path) -> Result<Self, EngineFault> {
        DbThread::open(file).map(Self::from_db_thread)
    }

    fn from_db_thread(db_thread: DbThread) -> Self {
        Self { db_thread: Arc::new(db_thread) }
    }

    /// Returns an SDK client of this engine that does not retry.
    pub fn client(&self) -> Client {
        self.client_with_http_client(self.connector())
    }

    /// Returns an SDK client with the given HTTP client, usually a wrapper of [`Engine::connector`] that injects faults
    /// or counts requests.
    pub fn client_with_http_client(&self, http: impl HttpClient + 'static) -> Client {
        Client::from_conf(
            Config::builder()
                .behavior_version(BehaviorVersion::latest())
                .region(Region::from_static("local"))
                .endpoint_url("http://engine.invalid")
                .credentials_provider(Credentials::new("local", "local", None, None, "engine"))
                .retry_config(RetryConfig::disabled())
                .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
                .http_client(http)
                .build(),
        )
    }

    /// Returns the HTTP client of this engine, for an SDK configuration of the caller.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.connector())
    }

    /// Returns the connector of this engine, which is an `HttpConnector` and an `HttpClient`.
    pub fn connector(&self) -> EngineConnector {
        EngineConnector::new(Arc::clone(&self.db_thread))
    }

    /// Returns up to `limit` changes of a table, oldest first: those after a sequence number, or from the oldest stored
    /// change on. A table without a stream is a fault.
    ///
    /// `after` must be the `sequence` of a change of this table, which may have been deleted. The call waits in the
    /// queue of requests, so its result contains all writes acknowledged before.
    pub fn changes_after(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<Change>, EngineFault> {
        let (table, after) = (table.to_owned(), after.map(str::to_owned));
        self.db_thread.run_blocking(move |connections| {
            changes::read_after(&connections.database, &table, after.as_deref(), limit)
        })?
    }

    /// Deletes the stream records of a table before `sequence`, and returns their number. The engine never deletes
    /// stream records otherwise. The file does not shrink, but later writes reuse the space.
    ///
    /// The record with this sequence number and the newest record are never deleted.
    pub fn delete_changes_before(&self, table: &str, sequence: &str) -> Result<usize, EngineFault> {
        let (table, sequence) = (table.to_owned(), sequence.to_owned());
        self.db_thread.run_blocking(move |connections| stream::delete_before(connections, &table, &sequence))?
    }

    /// Deletes the items of all tables whose time to live has passed on this machine's clock, and returns their number.
    /// Other requests run after every 25 deletions.
    pub fn remove_expired(&self) -> Result<usize, EngineFault> {
        Ok(self.db_thread.database().sweep_ttl()?)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Engine")
    }
}
