//! Reader of a DynamoDB stream, which keeps its positions in the local table.

use std::collections::BTreeMap;

use aws_sdk_dynamodbstreams::Client as StreamsClient;
use aws_sdk_dynamodbstreams::types::{Record, Shard, ShardIteratorType};
use handrail_effects::Change;
use handrail_platform::fault::Fault;
use handrail_store::Item;
use serde::{Deserialize, Serialize};

use crate::local_store::LocalStore;

/// Reads a stream shard by shard, parents before their children.
pub(crate) struct StreamReader {
    client: StreamsClient,
    stream: String,
    positions: Positions,
    /// Positions after the changes read last, which [`StreamReader::acknowledge`] stores.
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
const RECORDS_PER_READ: i32 = 100;
const MAX_PAGES: usize = 100;

impl StreamReader {
    pub(crate) async fn open(client: StreamsClient, stream: String, local_store: &LocalStore) -> Result<Self, Fault> {
        let stored: Option<Positions> = local_store.state(POSITIONS).await?;
        // Positions of another stream do not apply.
        let positions = stored.filter(|stored| stored.stream == stream);
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
        // Deleted shards need no position.
        after.shards.retain(|id, _| shards.iter().any(|shard| shard.shard_id() == Some(id)));
        if changes.is_empty() {
            self.positions = after;
        } else {
            self.pending = Some(after);
        }
        Ok(changes)
    }

    pub(crate) async fn acknowledge(&mut self, local_store: &LocalStore) -> Result<(), Fault> {
        if let Some(read_to) = &self.pending {
            local_store.set_state(POSITIONS, read_to).await?;
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
        for _ in 0..MAX_PAGES {
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

    /// Returns the next records of a shard, and `true` if the shard is closed and read to its end.
    async fn read(&self, shard: &str, position: Option<&Position>) -> Result<(Vec<Record>, bool), Fault> {
        let request = self.client.get_shard_iterator().stream_arn(&self.stream).shard_id(shard);
        let request = match position {
            Some(Position::After(sequence)) => {
                request.shard_iterator_type(ShardIteratorType::AfterSequenceNumber).sequence_number(sequence)
            }
            _ => request.shard_iterator_type(ShardIteratorType::TrimHorizon),
        };
        let iterator = request.send().await.map_err(|error| Fault::from_sdk("get a shard iterator", error))?;
        let Some(iterator) = iterator.shard_iterator else { return Ok((Vec::new(), true)) };
        let read = self.client.get_records().shard_iterator(iterator).limit(RECORDS_PER_READ).send().await;
        let read = read.map_err(|error| Fault::from_sdk("read the stream", error))?;
        Ok((read.records.unwrap_or_default(), read.next_shard_iterator.is_none()))
    }
}

fn change(record: Record) -> Change {
    let Some(data) = record.dynamodb else { return Change::default() };
    Change { old: data.old_image.map(image), new: data.new_image.map(image) }
}

/// Converts an item between the equal types of the two SDK crates.
fn image(image: std::collections::HashMap<String, aws_sdk_dynamodbstreams::types::AttributeValue>) -> Item {
    image
        .into_iter()
        .map(|(name, value)| {
            (name, aws_sdk_dynamodb::types::AttributeValue::from(serde_dynamo::AttributeValue::from(value)))
        })
        .collect()
}
