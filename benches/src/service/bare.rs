//! The same items through the engine alone: no HTTP, no Handrail, no workers.

use std::path::Path;

use anyhow::{Context, ensure};
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::types::AttributeValue;
use handrail_engine::{Engine, Item};
use handrail_kernel::store::{head_key_of, table};
use handrail_runner::TABLE;

use super::load::load;

/// Per second.
pub(super) struct Bare {
    pub(super) writes: f64,
    pub(super) reads: f64,
}

/// Takes the newest form of each record out of the service's folder, and writes and reads them in a new file.
pub(super) async fn measure(data: &Path, file: &Path, count: usize, at_once: usize) -> anyhow::Result<Bare> {
    let items = {
        let engine = Engine::open(&data.join("handrail.db"))?;
        heads(&engine.client()).await?
    };
    ensure!(items.len() == count, "the service left {} records and not {count}", items.len());
    let engine = Engine::open(file)?;
    let db = engine.client();
    table::create(&db, TABLE).await?;
    let (written, _) = load(count, at_once, |at| {
        let put = db.put_item().table_name(TABLE).set_item(Some(items[at].clone()));
        async move { Ok(put.send().await.map(drop)?) }
    })
    .await?;
    let keys: Vec<AttributeValue> =
        items.iter().map(|item| item.get("pk").cloned()).collect::<Option<_>>().context("no pk")?;
    let (read, _) = load(count, at_once, |at| {
        let query = db.query().table_name(TABLE).consistent_read(true).key_condition_expression("pk = :pk");
        let query = query.expression_attribute_values(":pk", keys[at].clone());
        async move {
            ensure!(query.send().await?.count() == 1, "a record was not found");
            Ok(())
        }
    })
    .await?;
    Ok(Bare { writes: written.per_second(), reads: read.per_second() })
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
