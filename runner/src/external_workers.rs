//! Companion of `cargo lambda watch`: runs the workers on the stream of a table on another server.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client as StreamsClient;
use handrail_context::cx::Cx;
use handrail_context::settings::{RequiredSetting, Settings};
use handrail_domain::outbound::AddressPolicy;
use handrail_effects::WorkerContext;
use handrail_platform::clock::{Clock, SystemClock, SystemEntropy};
use handrail_secrets::keys::KeyPurpose;
use handrail_store::Store;
use tokio::net::TcpListener;

use crate::changes::ChangeSource;
use crate::clock::MovableClock;
use crate::local::{self, Local};
use crate::local_ports::{LocalMailer, LocalOutbox};
use crate::local_store::LocalStore;
use crate::stream_reader::StreamReader;
use crate::worker_loop::{AHEAD, WorkerLoop};

/// Returns the files bucket. Returns `None` if `HANDRAIL_FILES_BUCKET` is not set.
pub(crate) fn files(config: &SdkConfig) -> Option<handrail_s3::S3> {
    let bucket = std::env::var("HANDRAIL_FILES_BUCKET").ok().filter(|bucket| !bucket.is_empty())?;
    Some(handrail_s3::S3::new(config, bucket))
}

/// Runs `handrail workers` until stopped.
pub async fn run(port: u16) -> anyhow::Result<()> {
    let keys = KeyPurpose::ALL.into_iter().map(RequiredSetting::Key);
    let required_settings: Vec<_> = [RequiredSetting::Table, RequiredSetting::Origin].into_iter().chain(keys).collect();
    let mut settings = Settings::read(&required_settings, &|name| std::env::var(name).ok())?;
    settings.address_policy = AddressPolicy::AllowLoopback;
    let config = handrail_context::aws::sdk_config().await;
    let db = aws_sdk_dynamodb::Client::new(&config);
    let table_name = settings.table.clone();
    let stream = stream_of(&db, &table_name).await?;
    let local_store = LocalStore::open(db.clone(), format!("{table_name}-local")).await?;
    let clock = Arc::new(MovableClock::running(Arc::new(SystemClock), local_store.state(AHEAD).await?.unwrap_or(0)));
    let cx =
        Cx::new(Store::new(db, table_name), Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemEntropy), settings);
    let cx = match files(&config) {
        Some(files) => cx.with_blob_store(Arc::new(files)),
        None => cx,
    };
    let mut worker_context = WorkerContext::new(cx.clone(), handrail_kinds::KINDS);
    worker_context.outbox = Some(Arc::new(LocalOutbox(local_store.clone())));
    worker_context.mailer =
        Some(Arc::new(LocalMailer { local_store: local_store.clone(), clock: Arc::clone(&clock) as Arc<dyn Clock> }));
    let reader = StreamReader::open(streams_client(&config), stream, &local_store).await?;
    let (pump, handle) = WorkerLoop::new(
        worker_context,
        local_store.clone(),
        ChangeSource::Stream(Box::new(reader)),
        Arc::clone(&clock),
    );
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await.context("could not listen")?;
    let origin = format!("http://{}", listener.local_addr()?);
    println!("Workers run. Mail: {origin}/local/mail  Webhooks: {origin}/local/hooks");
    let local = Local { cx, local_store, pump: handle.clone(), clock, origin, key: None, tenant: None, folder: None };
    let app = local::router(local).into_make_service_with_connect_info::<SocketAddr>();
    tokio::select! {
        () = pump.run() => Ok(()),
        result = axum::serve(listener, app) => result.context("the local pages stopped"),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// Returns a streams client for the DynamoDB endpoint: local servers serve streams at the same URL, but the SDK reads
/// another variable for it.
fn streams_client(config: &SdkConfig) -> StreamsClient {
    let endpoint = |variable| std::env::var(variable).ok().filter(|endpoint| !endpoint.is_empty());
    let mut streams = aws_sdk_dynamodbstreams::config::Builder::from(config);
    if let (None, Some(server)) = (endpoint("AWS_ENDPOINT_URL_DYNAMODB_STREAMS"), endpoint("AWS_ENDPOINT_URL_DYNAMODB"))
    {
        streams = streams.endpoint_url(server);
    }
    StreamsClient::from_conf(streams.build())
}

async fn stream_of(db: &aws_sdk_dynamodb::Client, table: &str) -> anyhow::Result<String> {
    let described = db.describe_table().table_name(table).send().await;
    let described =
        described.with_context(|| format!("could not find the table {table}: run `handrail table create`"))?;
    let stream = described.table().and_then(|table| table.latest_stream_arn()).map(str::to_owned);
    stream.with_context(|| format!("the table {table} has no stream"))
}
