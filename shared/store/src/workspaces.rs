//! Slack workspace of a tenant: one item, read when an approver is asked in Slack.

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::attributes::{Item, ReadItem, json, s};
use crate::client::Store;
use crate::item::HEAD;
use crate::item_ops::partition_only_key;
use handrail_platform::fault::Fault;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Id of the workspace in Slack.
    pub team: String,
    pub team_name: String,
    pub bot_user: String,
    /// Slack user who installed the app.
    pub installed_by: String,
    pub scopes: Vec<String>,
    /// Bot token, sealed: see [`seal`](handrail_secrets::seal).
    pub sealed_token: String,
    pub installed_at: Timestamp,
}

impl Store {
    /// Stores the workspace in place of an earlier one.
    pub async fn put_workspace(&self, tenant: TenantId, workspace: &Workspace) -> Result<(), Fault> {
        let item = Item::from([
            ("pk".to_owned(), s(partition(tenant))),
            ("sk".to_owned(), s(HEAD)),
            ("workspace".to_owned(), s(json(workspace)?)),
        ]);
        let put = self.db.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| Fault::from_sdk("put a workspace", error))
    }

    pub async fn workspace(&self, tenant: TenantId) -> Result<Option<Workspace>, Fault> {
        let found = self.get(partition_only_key(partition(tenant)), "read a workspace").await?;
        found.map(|item| item.json("workspace")).transpose()
    }
}

fn partition(tenant: TenantId) -> String {
    format!("slack#{tenant}")
}
