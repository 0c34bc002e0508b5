//! DynamoDB on one machine: the same SDK calls, answered from one SQLite file.
//!
//! The runner opens an [`Engine`] on a file where AWS has a table, a stream and a time-to-live
//! process; the tests open one in memory. Nothing else in the service knows which of the two it
//! talks to, because both are reached through `aws_sdk_dynamodb::Client`.
//!
//! What it guarantees: an acknowledged write, its index entries and its stream record are on
//! disk together (one transaction, synced before the answer), requests take effect one after
//! another in the order in which they arrived, and refusals have the shape that the SDK parses
//! into its typed exceptions.
//!
//! What it leaves out on purpose: signatures are not checked, capacity is not limited, and
//! secondary indexes are never stale (on AWS they may be). Nothing here stops a second process
//! from opening the same file; whoever owns the file must.

mod changes;
mod connector;
mod desk;
mod dispatch;
mod fault;
mod folder;
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
pub use folder::{Folder, Inviter};

use desk::Desk;

/// One open database. Clones share it; the file is closed when the last clone, connector and
/// client are gone.
///
/// The methods that are not `async` block the calling thread: from async code call them under
/// `spawn_blocking`.
#[derive(Clone)]
pub struct Engine {
    desk: Arc<Desk>,
}

impl Engine {
    /// An engine whose data lives as long as the engine itself.
    pub fn memory() -> Result<Self, EngineFault> {
        Desk::memory().map(Self::at)
    }

    /// An engine on a file, which is created when it does not exist. SQLite keeps two more files
    /// next to it (`-wal`, `-shm`) while it is open and after a crash: they belong to the data.
    pub fn open(file: &Path) -> Result<Self, EngineFault> {
        Desk::open(file).map(Self::at)
    }

    fn at(desk: Desk) -> Self {
        Self { desk: Arc::new(desk) }
    }

    /// A client that talks to this engine, for one attempt per call.
    pub fn client(&self) -> Client {
        self.client_through(self.connector())
    }

    /// The same client over another HTTP client, which is usually [`Engine::connector`] wrapped
    /// in something that fails or counts.
    pub fn client_through(&self, http: impl HttpClient + 'static) -> Client {
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

    /// The HTTP client for an SDK configuration that the caller builds.
    pub fn http_client(&self) -> SharedHttpClient {
        SharedHttpClient::new(self.connector())
    }

    /// What answers the requests. It is an `HttpConnector` and an `HttpClient`.
    pub fn connector(&self) -> EngineConnector {
        EngineConnector::new(Arc::clone(&self.desk))
    }

    /// What was written to a table after a sequence number, or from the oldest kept record on,
    /// oldest first and at most `limit` changes. A table without a stream is a fault.
    ///
    /// `after` must be the `sequence` of a change of this table; it need not be kept any more.
    /// The call takes its turn among the requests, so it sees what was acknowledged before it.
    pub fn changes_after(&self, table: &str, after: Option<&str>, limit: usize) -> Result<Vec<Change>, EngineFault> {
        let (table, after) = (table.to_owned(), after.map(str::to_owned));
        self.desk.wait(move |tools| changes::after(&tools.database, &table, after.as_deref(), limit))?
    }

    /// Forgets the stream records of a table that are older than the one named, and returns how
    /// many they were. Without this the stream is kept for ever. The file does not shrink, but
    /// later writes use the space.
    ///
    /// The record named stays, and so does the newest one whatever is named.
    pub fn forget_changes_before(&self, table: &str, sequence: &str) -> Result<usize, EngineFault> {
        let (table, sequence) = (table.to_owned(), sequence.to_owned());
        self.desk.wait(move |tools| stream::forget_before(tools, &table, &sequence))?
    }

    /// Deletes the items whose time to live has passed on this machine's clock, in every table
    /// that has one set, and returns how many they were. Requests get their turn after every
    /// 25 deletions.
    pub fn remove_expired(&self) -> Result<usize, EngineFault> {
        Ok(self.desk.database().sweep_ttl()?)
    }
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Engine")
    }
}
