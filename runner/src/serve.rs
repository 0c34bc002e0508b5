//! Startup: the API and its pages, the local pages and the worker loop.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use handrail_access::api_keys::KEY_PREFIX_CHARS;
use handrail_context::cx::Cx;
use handrail_context::settings::{PublicRateLimits, Settings};
use handrail_context::slack::SlackSettings;
use handrail_domain::access::Role;
use handrail_domain::account::{Tenant, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::ip_network::IpNetwork;
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::WorkerContext;
use handrail_engine::{Engine, FolderBlobStore};
use handrail_platform::blob_store::TEMPORARY_DAYS;
use handrail_platform::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use handrail_platform::fault::Fault;
use handrail_secrets::keys::Keys;
use handrail_secrets::purpose_key::PurposeKey;
use handrail_sender::{CallLimits, Sender};
use handrail_store::{ApiKey, Store, table};
use handrail_web::endpoint::service;
use http::Method;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::changes::ChangeSource;
use crate::clock::MovableClock;
use crate::cors::{CorsOrigins, cors};
use crate::data::{DataDir, TABLE};
use crate::drain_body::drain_request_body;
use crate::endpoints::endpoints;
use crate::listen::Listen;
use crate::local::{self, Local};
use crate::local_ports::{LocalMailer, LocalOutbox};
use crate::local_store::LocalStore;
use crate::sockets;
use crate::worker_loop::{AHEAD, PumpHandle, WorkerLoop};

pub struct Options {
    pub listen: Listen,
    pub storage: Storage,
    /// Admin key. `None` uses a generated key, which is stored.
    pub key: Option<String>,
    pub time: ClockMode,
    /// Registered Slack app, if any.
    pub slack: SlackSettings,
    /// Rate limits of requests without an API key.
    pub limits: PublicRateLimits,
    /// Limits of each callback and webhook call.
    pub call_limits: CallLimits,
    /// Network that reads the metrics of all tenants without an API key.
    pub metrics_network: Option<IpNetwork>,
    /// Addresses that callbacks and webhooks may reach.
    pub address_policy: AddressPolicy,
    pub cors_origins: CorsOrigins,
}

pub enum Storage {
    Folder(PathBuf),
    /// An open engine with a client for it, for tests that count or break calls.
    Engine {
        engine: Engine,
        client: Client,
        /// Folder of stored files.
        files: PathBuf,
    },
}

pub enum ClockMode {
    Running,
    FixedAt(Timestamp),
}

/// Running service. Only [`Running::stop`] stops it; a drop does not.
pub struct Running {
    pub address: SocketAddr,
    pub origin: String,
    pub key: String,
    /// Operator key, which belongs to its own tenant.
    pub operator: String,
    pub cx: Cx,
    pub local_store: LocalStore,
    pub pump: PumpHandle,
    pub clock: Arc<MovableClock>,
    tasks: Vec<JoinHandle<()>>,
    _data: Option<DataDir>,
}

const LOCAL_TABLE: &str = "handrail-local";
/// Higher than any benchmark reaches; the rate limit's code still runs.
const ADMIN_REQUESTS_PER_MINUTE: u32 = 1_000_000;

pub async fn start(options: Options) -> anyhow::Result<Running> {
    let entropy: Arc<dyn Entropy> = Arc::new(SystemEntropy);
    let (data, engine, client, files) = match options.storage {
        Storage::Folder(path) => {
            let data = DataDir::open(&path)?;
            let engine = Engine::open(&data.database()).context("could not open the database")?;
            let client = engine.client();
            let files = data.files();
            (Some(data), engine, client, files)
        }
        Storage::Engine { engine, client, files } => (None, engine, client, files),
    };
    let (master_secret, key, operator) = match &data {
        Some(data) => {
            let key = options.key.map_or_else(|| data.admin_key(&*entropy), Ok)?;
            (data.master_secret(&*entropy)?, key, data.operator_key(&*entropy)?)
        }
        None => (
            "the secret of tests that keep nothing".to_owned(),
            options.key.unwrap_or_else(|| "ho_test_admin_key".to_owned()),
            "ho_test_operator_key".to_owned(),
        ),
    };
    table::create(&client, TABLE).await.context("could not create the table")?;
    let local_store =
        LocalStore::open(client.clone(), LOCAL_TABLE).await.context("could not create the local table")?;
    let clock = Arc::new(match options.time {
        ClockMode::Running => {
            MovableClock::running(Arc::new(SystemClock), local_store.state(AHEAD).await?.unwrap_or(0))
        }
        ClockMode::FixedAt(at) => MovableClock::fixed_at(at),
    });
    let listener = TcpListener::bind((options.listen.address, options.listen.port)).await.with_context(|| {
        let Listen { address, port, .. } = &options.listen;
        format!("could not listen on port {port} of {address}: set HANDRAIL_PORT to another port")
    })?;
    let address = listener.local_addr()?;
    let origin = options.listen.origin_at(address);
    let keys = Keys::from_master_secret(&master_secret);
    let folder = local::open_folder(&files, &origin, &PurposeKey::new(&master_secret))?;
    let settings = Settings {
        table: TABLE.to_owned(),
        keys,
        origin: Some(origin.clone()),
        address_policy: options.address_policy,
        slack: options.slack,
        public_rate_limits: options.limits,
        metrics_network: options.metrics_network,
    };
    let cx = Cx::new(Store::new(client, TABLE), Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&entropy), settings);
    let cx = cx.with_blob_store(Arc::new(folder.clone())).with_process_state(handrail_kinds::KIND_LIST);
    let admin_settings = (Role::Admin, ADMIN_REQUESTS_PER_MINUTE);
    let tenant = ensure_key(&cx, &local_store, &key, admin_settings).await.context("could not store the admin key")?;
    let operator_settings = (Role::Operator, Tier::default().limits().requests_per_minute);
    ensure_key(&cx, &local_store, &operator, operator_settings).await.context("could not store the operator key")?;
    ensure_account(&cx, tenant).await.context("could not store the account")?;

    let mut worker_context = WorkerContext::new(cx.clone(), handrail_kinds::KINDS);
    worker_context.sender = Sender::new(cx.settings.address_policy, options.call_limits);
    worker_context.outbox = Some(Arc::new(LocalOutbox(local_store.clone())));
    worker_context.mailer =
        Some(Arc::new(LocalMailer { local_store: local_store.clone(), clock: Arc::clone(&clock) as Arc<dyn Clock> }));
    let changes = ChangeSource::of_engine(engine.clone(), &local_store).await?;
    let (pump, handle) = WorkerLoop::new(worker_context, local_store.clone(), changes, Arc::clone(&clock));

    let local = Local {
        cx: cx.clone(),
        local_store: local_store.clone(),
        pump: handle.clone(),
        clock: Arc::clone(&clock),
        origin: origin.clone(),
        key: Some(key.clone()),
        tenant: Some(tenant),
        folder: Some(folder.clone()),
    };
    let app = app(cx.clone(), local, handle.clone(), options.cors_origins);
    let mut tasks = vec![
        tokio::spawn(pump.run()),
        tokio::spawn(async move {
            // Rate limits by address need the peer address of each request.
            let app = app.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the server stopped");
            }
        }),
    ];
    if !clock.is_fixed() {
        tasks.push(tokio::spawn(expire_hourly(engine, folder, handle.clone())));
    }
    handle.wake();
    Ok(Running { address, origin, key, operator, cx, local_store, pump: handle, clock, tasks, _data: data })
}

fn app(cx: Cx, local: Local, pump: PumpHandle, cors_origins: CorsOrigins) -> Router {
    // Unknown paths get the errors of the decisions door, which most clients use.
    let operations = service(&endpoints(), handrail_decisions::DOOR, cx.clone());
    local::router(local)
        .merge(sockets::router(cx))
        .merge(operations)
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let pump = pump.clone();
            async move {
                let may_write = request.method() != Method::GET;
                let response = next.run(request).await;
                if may_write {
                    pump.wake();
                }
                response
            }
        }))
        .layer(middleware::from_fn_with_state(cors_origins, cors))
        .layer(middleware::from_fn(drain_request_body))
}

/// Removes expired items and temporary files every hour, by the machine's clock. On AWS, DynamoDB and S3 expire them.
///
/// Pending changes are dispatched first: until then the spec item of a record created just before the previous process
/// ended still has its expiry.
async fn expire_hourly(engine: Engine, folder: FolderBlobStore, pump: PumpHandle) {
    let mut hourly = tokio::time::interval(Duration::from_secs(60 * 60));
    loop {
        hourly.tick().await;
        pump.run_until_idle().await;
        let engine = engine.clone();
        match tokio::task::spawn_blocking(move || engine.remove_expired()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items could not be removed"),
            Err(error) => tracing::warn!(%error, "the removal of expired items panicked"),
        }
        if let Err(fault) = folder.remove_temporary(temporary_cutoff()).await {
            tracing::warn!(fault = fault.with_causes(), "temporary files could not be removed");
        }
    }
}

/// Returns the time before which temporary files expire, by the machine's clock, as file times are.
fn temporary_cutoff() -> SystemTime {
    let day = Duration::from_secs(24 * 60 * 60);
    let now = Duration::from_millis(SystemClock.now().as_unix_ms().max(0).unsigned_abs());
    SystemTime::UNIX_EPOCH + now.saturating_sub(day * TEMPORARY_DAYS)
}

#[derive(Serialize, Deserialize)]
struct SavedKeys {
    tenant: TenantId,
    key: KeyId,
    key_hash: String,
}

/// Ensures one key with this role in its own tenant. A key other than the stored one replaces it.
async fn ensure_key(
    cx: &Cx,
    local_store: &LocalStore,
    key: &str,
    (role, requests_per_minute): (Role, u32),
) -> Result<TenantId, Fault> {
    let key_hash = hash_of_key(key);
    let saved: Option<SavedKeys> = local_store.state(role.name()).await?;
    if let Some(same_key) = saved.as_ref().filter(|same_key| same_key.key_hash == key_hash) {
        return Ok(same_key.tenant);
    }
    let now = cx.clock.now();
    let tenant = saved.as_ref().map_or_else(|| cx.new_tenant_id(), |saved| saved.tenant);
    let new_key = ApiKey {
        prefix: key.chars().take(KEY_PREFIX_CHARS.min(key.chars().count() / 2)).collect(),
        role,
        requests_per_minute,
        ..ApiKey::new(KeyId::new(now, cx.entropy.bytes()), tenant, format!("local {}", role.name()), now)
    };
    // The key may exist: replaced earlier, or stored by a process that ended before saving the state.
    cx.store.upsert_key(&key_hash, &new_key).await?;
    if let Some(saved) = saved {
        cx.store.revoke_key(tenant, saved.key, now).await?;
    }
    local_store.set_state(role.name(), &SavedKeys { tenant, key: new_key.id, key_hash }).await?;
    Ok(tenant)
}

/// Email address of the local owner. Login mails are shown in the mailbox, as all mails.
pub const LOCAL_EMAIL: &str = "you@example.com";

async fn ensure_account(cx: &Cx, tenant: TenantId) -> anyhow::Result<()> {
    let email = EmailAddress::parse(LOCAL_EMAIL)?;
    let tenant_record = Tenant::new(tenant, "You", Tier::default(), cx.clock.now());
    cx.store.put_tenant(&Tenant { email: Some(email), ..tenant_record }).await?;
    Ok(())
}

impl Running {
    /// Aborts all tasks. The next start finds their unfinished work again.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // The result is the cancellation.
            let _ = task.await;
        }
    }
}
