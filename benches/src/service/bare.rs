//! Baseline: the service's records written and read by the engine alone, without HTTP and workers.

use std::path::Path;

use anyhow::{Context, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use handrail_engine::{Engine, Item};
use handrail_runner::TABLE;
use handrail_store::{head_key_of, table};

use super::load::load;

pub(crate) struct EngineBaseline {
    db: Client,
    items: Vec<Item>,
    at_once: usize,
    write_round: usize,
}

impl EngineBaseline {
    /// Reads the records from a service's data folder and opens a new database file for them.
    pub(crate) async fn open(data: &Path, file: &Path, at_once: usize) -> anyhow::Result<Self> {
        let items = heads(&Engine::open(&data.join("handrail.db"))?.client()).await?;
        let db = Engine::open(file)?.client();
        table::create(&db, TABLE).await?;
        Ok(Self { db, items, at_once, write_round: 0 })
    }

    /// Writes all records under new keys and returns the writes per second.
    pub(crate) async fn writes(&mut self) -> anyhow::Result<f64> {
        self.write_round += 1;
        let (load, _) = load(self.items.len(), self.at_once, |at| {
            // A new partition key, as for a new record.
            let pk = numbered_key(&self.items[at], self.write_round);
            let put = self.db.put_item().table_name(TABLE).set_item(Some(self.items[at].clone()));
            async move { Ok(put.item("pk", pk?).send().await.map(drop)?) }
        })
        .await?;
        Ok(load.per_second())
    }

    /// Reads the records written last and returns the reads per second.
    pub(crate) async fn reads(&self) -> anyhow::Result<f64> {
        let (load, _) = load(self.items.len(), self.at_once, |at| {
            let pk = numbered_key(&self.items[at], self.write_round);
            let query = self.db.query().table_name(TABLE).consistent_read(true).key_condition_expression("pk = :pk");
            async move {
                let found = query.expression_attribute_values(":pk", pk?).send().await?;
                ensure!(found.count() == 1, "a record was not found");
                Ok(())
            }
        })
        .await?;
        Ok(load.per_second())
    }
}

fn numbered_key(item: &Item, number: usize) -> anyhow::Result<AttributeValue> {
    let pk = item.get("pk").and_then(|pk| pk.as_s().ok()).context("an item has no key")?;
    Ok(AttributeValue::S(format!("{pk}#{number}")))
}

async fn heads(db: &Client) -> anyhow::Result<Vec<Item>> {
    let mut heads = Vec::new();
    let mut from = None;
    loop {
        let page = db.scan().table_name(TABLE).set_exclusive_start_key(from).send().await?;
        heads.extend(page.items.unwrap_or_default().into_iter().filter(|item| head_key_of(item).is_some()));
        from = page.last_evaluated_key;
        if from.is_none() {
            return Ok(heads);
        }
    }
}
