//! Beside `cargo lambda watch`: makes the table on a DynamoDB-compatible server, and runs the workers from its stream.
//! Makes keys in such a table too, on AWS as well: the first key of an installation has no key to ask with.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use anyhow::Context;
use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::Client as StreamsClient;
use aws_sdk_dynamodbstreams::types::{Record, Shard, ShardIteratorType};
use handrail_decisions::auth::keys_create::PREFIX_CHARS;
use handrail_decisions::auth::wish::NAME_CHARS_MAX;
use handrail_domain::access::Role;
use handrail_domain::account::{Account, People, Tier};
use handrail_domain::ids::{KeyId, TenantId};
use handrail_domain::outbound::Reach;
use handrail_domain::text::EmailAddress;
use handrail_effects::{Change, Works};
use handrail_kernel::clock::{Clock, Entropy, SystemClock, SystemEntropy};
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::master::{hash_of_key, new_api_key};
use handrail_kernel::settings::{Need, Settings};
use handrail_kernel::store::{Item, Key, Store, table};
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

/// A key just made, with the only copy of its secret.
pub struct NewKey {
    pub secret: String,
    pub id: KeyId,
    pub tenant: TenantId,
}

/// `handrail account create`, in a new tenant where none is named. Keys that the tenant has already come under the tier.
pub async fn create_account(
    table: &str,
    email: EmailAddress,
    name: &str,
    tier: Tier,
    tenant: Option<TenantId>,
) -> anyhow::Result<Account> {
    check_name(name)?;
    let store = store_of(table).await;
    let (entropy, created_at): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(created_at, entropy.bytes()));
    let account = Account { tenant, email, name: name.to_owned(), tier, created_at };
    let made = store.put_account(&account).await;
    let made = made.with_context(|| format!("could not keep the account: is the table {table} there?"))?;
    anyhow::ensure!(made, "the address or the tenant has an account already");
    for key in store.keys(tenant).await? {
        let Some(found) = store.find_key(tenant, key.id).await? else { continue };
        let requests_per_minute = found.key.requests_per_minute.min(tier.preset().requests_per_minute_max);
        store.replace_key(&found, &Key { tier, requests_per_minute, ..found.key.clone() }).await?;
    }
    Ok(account)
}

async fn store_of(table: &str) -> Store {
    let config = handrail_kernel::aws::sdk_config().await;
    Store::new(aws_sdk_dynamodb::Client::new(&config), table)
}

fn check_name(name: &str) -> anyhow::Result<()> {
    let fits = !name.trim().is_empty() && name.chars().count() <= NAME_CHARS_MAX && !name.chars().any(char::is_control);
    anyhow::ensure!(fits, "the name must be one line of 1 to {NAME_CHARS_MAX} characters: approvers see it");
    Ok(())
}

/// `handrail key create`, in a new account where none is named.
pub async fn create_key(table: &str, name: &str, role: Role, tenant: Option<TenantId>) -> anyhow::Result<NewKey> {
    check_name(name)?;
    let store = store_of(table).await;
    let (entropy, now): (&dyn Entropy, _) = (&SystemEntropy, SystemClock.now());
    let secret = new_api_key(entropy.bytes());
    let tenant = tenant.unwrap_or_else(|| TenantId::new(now, entropy.bytes()));
    let account = store.account(tenant).await.with_context(|| format!("is the table {table} there?"))?;
    let tier = account.as_ref().map(|account| account.tier).unwrap_or_default();
    // Where the tier says whom a key may ask, the account's holder.
    let people = People { approvers: Vec::new(), backup: None };
    let people = people.under(tier, account.as_ref().map(|account| &account.email));
    let people = people.map_err(|beyond| anyhow::anyhow!("{} {}", beyond.field, beyond.message))?;
    let key = Key {
        prefix: secret.chars().take(PREFIX_CHARS).collect(),
        role,
        tier,
        approvers: people.approvers,
        requests_per_minute: tier.preset().requests_per_minute,
        ..Key::new(KeyId::new(now, entropy.bytes()), tenant, name, now)
    };
    let kept = store.put_key(&hash_of_key(&secret), &key).await;
    kept.with_context(|| format!("could not keep the key: is the table {table} there?"))?;
    Ok(NewKey { secret, id: key.id, tenant: key.tenant })
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
