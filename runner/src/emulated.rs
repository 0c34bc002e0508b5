//! Beside `cargo lambda watch`: makes the table on a DynamoDB-compatible server, and runs the workers from its stream.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client as StreamsClient;
use aws_sdk_dynamodbstreams::types::{Record, Shard, ShardIteratorType};
use handrail_domain::outbound::Reach;
use handrail_effects::{Change, Works};
use handrail_kernel::clock::{Clock, SystemClock, SystemEntropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::settings::{Need, Settings};
use handrail_kernel::store::{Item, Store, table};
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;

use crate::changes::Changes;
use crate::clock::MovableClock;
use crate::desk::Desk;
use crate::local::{self, Local};
use crate::outlets::{LocalOutbox, Mailbox};
use crate::pump::{AHEAD, Pump};

/// `handrail table create`, and the bucket of files where another server than AWS is named for it.
pub async fn create_table(name: &str) -> anyhow::Result<bool> {
    let config = handrail_kernel::aws::sdk_config().await;
    let db = aws_sdk_dynamodb::Client::new(&config);
    if let (Some(files), Ok(_)) = (files(&config), std::env::var("AWS_ENDPOINT_URL_S3")) {
        files.create_bucket().await.context("could not make the bucket of files: is AWS_ENDPOINT_URL_S3 right?")?;
    }
    table::create(&db, name).await.context("could not make the table: is AWS_ENDPOINT_URL_DYNAMODB right?")
}

/// Where files lie, if somebody said it.
fn files(config: &SdkConfig) -> Option<handrail_s3::S3> {
    let bucket = std::env::var("HANDRAIL_FILES_BUCKET").ok().filter(|bucket| !bucket.is_empty())?;
    Some(handrail_s3::S3::new(config, bucket))
}

/// `handrail account create` and `handrail key create` work on any table.
pub async fn store_of(table: &str) -> Store {
    let config = handrail_kernel::aws::sdk_config().await;
    Store::new(aws_sdk_dynamodb::Client::new(&config), table)
}

/// `handrail workers`: until it is stopped.
pub async fn workers(port: u16) -> anyhow::Result<()> {
    let needs = [Need::Table, Need::MasterKey, Need::Origin];
    let mut settings = Settings::read(&needs, &|name| std::env::var(name).ok())?;
    settings.reach = Reach::LoopbackToo;
    let config = handrail_kernel::aws::sdk_config().await;
    let db = aws_sdk_dynamodb::Client::new(&config);
    let table_name = settings.table.clone();
    let stream = stream_of(&db, &table_name).await?;
    let desk = Desk::open(db.clone(), format!("{table_name}-local")).await?;
    let clock = Arc::new(MovableClock::running(Arc::new(SystemClock), desk.state(AHEAD).await?.unwrap_or(0)));
    let cx =
        Cx::new(Store::new(db, table_name), Arc::clone(&clock) as Arc<dyn Clock>, Arc::new(SystemEntropy), settings);
    let cx = match files(&config) {
        Some(files) => cx.with_blobs(Arc::new(files)),
        None => cx,
    };
    let mut works = Works::new(cx.clone(), handrail_workers::DOORS);
    works.outbox = Some(Arc::new(LocalOutbox(desk.clone())));
    works.mailer = Some(Arc::new(Mailbox { desk: desk.clone(), clock: Arc::clone(&clock) as Arc<dyn Clock> }));
    let reader = StreamReader::open(streams_client(&config), stream, &desk).await?;
    let (pump, handle) = Pump::new(works, desk.clone(), Changes::Stream(Box::new(reader)), Arc::clone(&clock));
    let listener = TcpListener::bind((IpAddr::V4(Ipv4Addr::LOCALHOST), port)).await.context("could not listen")?;
    let origin = format!("http://{}", listener.local_addr()?);
    println!("Workers run. Mail: {origin}/local/mail  Webhooks: {origin}/local/hooks");
    let local = Local {
        cx,
        desk,
        pump: handle.clone(),
        clock,
        origin,
        key: "<your key>".to_owned(),
        tenant: None,
        folder: None,
    };
    tokio::select! {
        () = pump.run() => Ok(()),
        served = axum::serve(listener, local::router(local)) => served.context("the local pages stopped"),
        _ = tokio::signal::ctrl_c() => Ok(()),
    }
}

/// A server that speaks DynamoDB serves its streams at the same address, and the SDK has another variable for those: without
/// this they would be looked for on AWS.
fn streams_client(config: &SdkConfig) -> StreamsClient {
    let address = |variable| std::env::var(variable).ok().filter(|address| !address.is_empty());
    let mut streams = aws_sdk_dynamodbstreams::config::Builder::from(config);
    if let (None, Some(server)) = (address("AWS_ENDPOINT_URL_DYNAMODB_STREAMS"), address("AWS_ENDPOINT_URL_DYNAMODB")) {
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

/// Reads a stream shard by shard, parents before their children.
pub(crate) struct StreamReader {
    client: StreamsClient,
    stream: String,
    positions: Positions,
    /// Where the changes end that were read last: what [`StreamReader::passed`] keeps.
    pending: Option<Positions>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
struct Positions {
    stream: String,
    shards: BTreeMap<String, Position>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Position {
    After(String),
    /// Closed and read to its end.
    Finished,
}

const POSITIONS: &str = "stream-positions";
const RECORDS_AT_ONCE: i32 = 100;
const PAGES_MAX: usize = 100;

impl StreamReader {
    async fn open(client: StreamsClient, stream: String, desk: &Desk) -> Result<Self, Fault> {
        let kept: Option<Positions> = desk.state(POSITIONS).await?;
        // Another stream has other shards: begin anew.
        let positions = kept.filter(|kept| kept.stream == stream);
        let positions = positions.unwrap_or_else(|| Positions { stream: stream.clone(), shards: BTreeMap::new() });
        Ok(Self { client, stream, positions, pending: None })
    }

    pub(crate) async fn next(&mut self) -> Result<Vec<Change>, Fault> {
        let shards = self.shards().await?;
        let mut after = self.positions.clone();
        let mut changes = Vec::new();
        for shard in &shards {
            let Some(id) = shard.shard_id() else { continue };
            if after.shards.get(id) == Some(&Position::Finished) || self.waits_for_parent(shard, &shards, &after) {
                continue;
            }
            let (records, finished) = self.read(id, after.shards.get(id)).await?;
            let last = records.last().and_then(|record| record.dynamodb()?.sequence_number().map(str::to_owned));
            changes.extend(records.into_iter().map(change));
            if finished {
                after.shards.insert(id.to_owned(), Position::Finished);
            } else if let Some(last) = last {
                after.shards.insert(id.to_owned(), Position::After(last));
            }
        }
        // Shards that are gone need no position.
        after.shards.retain(|id, _| shards.iter().any(|shard| shard.shard_id() == Some(id)));
        if changes.is_empty() {
            self.positions = after;
        } else {
            self.pending = Some(after);
        }
        Ok(changes)
    }

    pub(crate) async fn passed(&mut self, desk: &Desk) -> Result<(), Fault> {
        if let Some(read_to) = &self.pending {
            desk.set_state(POSITIONS, read_to).await?;
            self.positions = read_to.clone();
        }
        Ok(())
    }

    fn waits_for_parent(&self, shard: &Shard, shards: &[Shard], positions: &Positions) -> bool {
        shard.parent_shard_id().is_some_and(|parent| {
            shards.iter().any(|other| other.shard_id() == Some(parent))
                && positions.shards.get(parent) != Some(&Position::Finished)
        })
    }

    async fn shards(&self) -> Result<Vec<Shard>, Fault> {
        let mut shards = Vec::new();
        let mut from = None;
        for _ in 0..PAGES_MAX {
            let describe = self.client.describe_stream().stream_arn(&self.stream).set_exclusive_start_shard_id(from);
            let described = describe.send().await.map_err(|error| Fault::from_sdk("describe the stream", error))?;
            let Some(description) = described.stream_description else { break };
            shards.extend(description.shards.unwrap_or_default());
            from = description.last_evaluated_shard_id;
            if from.is_none() {
                break;
            }
        }
        Ok(shards)
    }

    /// The next records of a shard, and whether it is closed and at its end.
    async fn read(&self, shard: &str, position: Option<&Position>) -> Result<(Vec<Record>, bool), Fault> {
        let request = self.client.get_shard_iterator().stream_arn(&self.stream).shard_id(shard);
        let request = match position {
            Some(Position::After(sequence)) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(sequence)
            }
            _ => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let iterator = request.send().await.map_err(|error| Fault::from_sdk("find a place in the stream", error))?;
        let Some(iterator) = iterator.shard_iterator else { return Ok((Vec::new(), true)) };
        let read = self.client.get_records().shard_iterator(iterator).limit(RECORDS_AT_ONCE).send().await;
        let read = read.map_err(|error| Fault::from_sdk("read the stream", error))?;
        Ok((read.records.unwrap_or_default(), read.next_shard_iterator.is_none()))
    }
}

fn change(record: Record) -> Change {
    let Some(data) = record.dynamodb else { return Change::default() };
    Change { old: data.old_image.map(image), new: data.new_image.map(image) }
}

/// The two SDK crates have a type each for the same thing.
fn image(image: std::collections::HashMap<String, aws_sdk_dynamodbstreams::types::AttributeValue>) -> Item {
    image
        .into_iter()
        .map(|(name, value)| {
            (name, aws_sdk_dynamodb::types::AttributeValue::from(serde_dynamo::AttributeValue::from(value)))
        })
        .collect()
}
