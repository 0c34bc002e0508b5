//! Starts everything: the API and its pages, the local pages, the pump.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use aws_sdk_dynamodb::Client;
use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use handrail_domain::access::Role;
use handrail_domain::account::{Account, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::outbound::Reach;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use handrail_effects::Works;
use handrail_kernel::blobs::LENT_DAYS;
use handrail_kernel::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Endpoint, service};
use handrail_kernel::fault::Fault;
use handrail_kernel::master::{MasterKey, hash_of_key};
use handrail_kernel::minting::PREFIX_CHARS;
use handrail_kernel::settings::{Limits, Settings};
use handrail_kernel::slack::SlackSettings;
use handrail_kernel::store::{Key, Store, table};
use http::Method;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::changes::Changes;
use crate::clock::MovableClock;
use crate::cors::cors;
use crate::data::{DataDir, TABLE};
use crate::desk::Desk;
use crate::engine::{Engine, Folder};
use crate::local::{self, Local};
use crate::outlets::{LocalOutbox, Mailbox};
use crate::pump::{AHEAD, Pump, PumpHandle};
use crate::sockets;
use crate::unread::read_the_rest;

/// Every operation of every door, as this program serves them.
pub fn endpoints() -> Vec<Endpoint> {
    [handrail_decisions::ENDPOINTS, handrail_packets::ENDPOINTS, handrail_routes::ENDPOINTS, handrail_slack::ENDPOINTS]
        .concat()
}

pub struct Options {
    /// 0: any free one.
    pub port: u16,
    pub storage: Storage,
    /// The admin key. `None`: made once and kept.
    pub key: Option<String>,
    pub time: Time,
    /// The app that was registered at Slack, if any.
    pub slack: SlackSettings,
    /// What no key limits.
    pub limits: Limits,
}

pub enum Storage {
    Folder(PathBuf),
    /// An open engine and how to reach it: for tests that count or break calls.
    Engine {
        engine: Engine,
        client: Client,
        /// Where files lie.
        files: PathBuf,
    },
}

pub enum Time {
    Running,
    StandingAt(Timestamp),
}

/// A running Handrail. Dropping it stops nothing; [`Running::stop`] does.
pub struct Running {
    pub address: SocketAddr,
    pub origin: String,
    pub key: String,
    /// Looks after all accounts, and belongs to one of its own.
    pub operator: String,
    pub cx: Cx,
    pub desk: Desk,
    pub pump: PumpHandle,
    pub clock: Arc<MovableClock>,
    tasks: Vec<JoinHandle<()>>,
    _data: Option<DataDir>,
}

const LOCAL_TABLE: &str = "handrail-local";
/// Enough for every benchmark on a laptop; the limit's code still runs.
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
    let (master, key, operator) = match &data {
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
    table::create(&client, TABLE).await.context("could not make the table")?;
    let desk = Desk::open(client.clone(), LOCAL_TABLE).await.context("could not make the local table")?;
    let clock = Arc::new(match options.time {
        Time::Running => MovableClock::running(Arc::new(SystemClock), desk.state(AHEAD).await?.unwrap_or(0)),
        Time::StandingAt(at) => MovableClock::standing_at(at),
    });
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), options.port))
        .await
        .with_context(|| format!("could not listen on port {}: give another with HANDRAIL_PORT", options.port))?;
    let address = listener.local_addr()?;
    let origin = format!("http://{address}");
    let master = MasterKey::new(&master);
    let folder = local::open_folder(&files, &origin, &master)?;
    let settings = Settings {
        table: TABLE.to_owned(),
        master_key: Some(master),
        origin: Some(origin.clone()),
        reach: Reach::LoopbackToo,
        slack: options.slack,
        limits: options.limits,
    };
    let cx = Cx::new(Store::new(client, TABLE), Arc::clone(&clock) as Arc<dyn Clock>, Arc::clone(&entropy), settings);
    let cx = cx.with_blobs(Arc::new(folder.clone()));
    let admin = (Role::Admin, ADMIN_REQUESTS_PER_MINUTE);
    let tenant = ensure_key(&cx, &desk, &key, admin).await.context("could not keep the admin key")?;
    let by_tier = (Role::Operator, Tier::default().preset().requests_per_minute);
    ensure_key(&cx, &desk, &operator, by_tier).await.context("could not keep the operator's key")?;
    ensure_account(&cx, tenant).await.context("could not keep the account")?;

    let mut works = Works::new(cx.clone(), handrail_workers::DOORS);
    works.outbox = Some(Arc::new(LocalOutbox(desk.clone())));
    works.mailer = Some(Arc::new(Mailbox { desk: desk.clone(), clock: Arc::clone(&clock) as Arc<dyn Clock> }));
    let changes = Changes::of_engine(engine.clone(), &desk).await?;
    let (pump, handle) = Pump::new(works, desk.clone(), changes, Arc::clone(&clock));

    let local = Local {
        cx: cx.clone(),
        desk: desk.clone(),
        pump: handle.clone(),
        clock: Arc::clone(&clock),
        origin: origin.clone(),
        key: key.clone(),
        tenant: Some(tenant),
        folder: Some(folder.clone()),
    };
    let app = app(cx.clone(), local, handle.clone());
    let mut tasks = vec![
        tokio::spawn(pump.run()),
        tokio::spawn(async move {
            // Each request knows its other end: what is limited by address asks for it.
            let app = app.into_make_service_with_connect_info::<SocketAddr>();
            if let Err(error) = axum::serve(listener, app).await {
                tracing::error!(%error, "the server stopped");
            }
        }),
    ];
    if !clock.stands_still() {
        tasks.push(tokio::spawn(expire(engine, folder, handle.clone())));
    }
    handle.wake();
    Ok(Running { address, origin, key, operator, cx, desk, pump: handle, clock, tasks, _data: data })
}

fn app(cx: Cx, local: Local, pump: PumpHandle) -> Router {
    let endpoints = endpoints();
    // What no operation takes is worded as the door that most clients come for.
    let otherwise = handrail_decisions::health::ENDPOINT;
    local::router(local)
        .merge(sockets::router(cx.clone()))
        .merge(service(&endpoints, otherwise, cx))
        .layer(middleware::from_fn(move |request: Request, next: Next| {
            let pump = pump.clone();
            async move {
                let writes = request.method() != Method::GET;
                let response = next.run(request).await;
                if writes {
                    pump.wake();
                }
                response
            }
        }))
        .layer(middleware::from_fn(cors))
        .layer(middleware::from_fn(read_the_rest))
}

/// Orphans and old counters, by the machine's clock. On AWS the table does it by itself.
///
/// What a change left to be done comes first: the ask of a record that was made just before the last process ended looks
/// like an orphan until then.
async fn expire(engine: Engine, folder: Folder, pump: PumpHandle) {
    let mut hourly = tokio::time::interval(Duration::from_secs(60 * 60));
    loop {
        hourly.tick().await;
        pump.settle().await;
        let engine = engine.clone();
        match tokio::task::spawn_blocking(move || engine.remove_expired()).await {
            Ok(Ok(_)) => {}
            Ok(Err(error)) => tracing::warn!(%error, "expired items could not be removed"),
            Err(error) => tracing::warn!(%error, "the removal of expired items died"),
        }
        if let Err(fault) = folder.remove_lent(lent_before()).await {
            tracing::warn!(fault = fault.chain(), "files that nobody kept could not be removed");
        }
    }
}

/// By the machine's clock, which is the one that files carry.
fn lent_before() -> SystemTime {
    let day = Duration::from_secs(24 * 60 * 60);
    let now = Duration::from_millis(SystemClock.now().as_unix_ms().max(0).unsigned_abs());
    SystemTime::UNIX_EPOCH + now.saturating_sub(day * LENT_DAYS)
}

#[derive(Serialize, Deserialize)]
struct Kept {
    tenant: TenantId,
    key: KeyId,
    key_hash: String,
}

/// One key of this role, in an account of its own. Another key than last time replaces the last one.
async fn ensure_key(cx: &Cx, desk: &Desk, key: &str, (role, per_minute): (Role, u32)) -> Result<TenantId, Fault> {
    let key_hash = hash_of_key(key);
    let before: Option<Kept> = desk.state(role.name()).await?;
    if let Some(kept) = before.as_ref().filter(|kept| kept.key_hash == key_hash) {
        return Ok(kept.tenant);
    }
    let now = cx.clock.now();
    let tenant = before.as_ref().map_or_else(|| cx.new_tenant_id(), |kept| kept.tenant);
    let made = Key {
        prefix: key.chars().take(PREFIX_CHARS.min(key.chars().count() / 2)).collect(),
        role,
        requests_per_minute: per_minute,
        ..Key::new(KeyId::new(now, cx.entropy.bytes()), tenant, format!("local {}", role.name()), now)
    };
    // It may be there: given once before and replaced since, or put by a process that ended before it was noted.
    cx.store.renew_key(&key_hash, &made).await?;
    if let Some(before) = before {
        cx.store.revoke_key(tenant, before.key, now).await?;
    }
    desk.set_state(role.name(), &Kept { tenant, key: made.id, key_hash }).await?;
    Ok(tenant)
}

/// Who can sign in on this machine. The mail lies in the mailbox, whoever it is for.
pub const LOCAL_EMAIL: &str = "you@example.com";

async fn ensure_account(cx: &Cx, tenant: TenantId) -> anyhow::Result<()> {
    let email = EmailAddress::parse(LOCAL_EMAIL)?;
    let account = Account::new(tenant, "You", Tier::default(), cx.clock.now());
    cx.store.put_account(&Account { email: Some(email), ..account }).await?;
    Ok(())
}

impl Running {
    /// Ends the tasks where they are. What they were at is found again by the next start.
    pub async fn stop(self) {
        for task in &self.tasks {
            task.abort();
        }
        for task in self.tasks {
            // Aborted, as asked.
            let _ = task.await;
        }
    }
}
