//! The Slack workspace of an account: one item, read when a person of the account is asked in Slack.

use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;
use serde::{Deserialize, Serialize};

use super::item::HEAD;
use super::single::alone;
use super::{Item, ReadItem, Store, json, s};
use crate::fault::Fault;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workspace {
    /// Slack's id of it.
    pub team: String,
    pub team_name: String,
    pub bot_user: String,
    /// The Slack user who let the app in.
    pub installed_by: String,
    pub scopes: Vec<String>,
    /// See [`seal`](crate::seal).
    pub sealed_token: String,
    pub installed_at: Timestamp,
}

impl Store {
    /// In the place of an earlier one.
    pub async fn put_workspace(&self, tenant: TenantId, workspace: &Workspace) -> Result<(), Fault> {
        let item = Item::from([
            ("pk".to_owned(), s(partition(tenant))),
            ("sk".to_owned(), s(HEAD)),
            ("workspace".to_owned(), s(json(workspace)?)),
        ]);
        let put = self.db.put_item().table_name(&self.table).set_item(Some(item));
        put.send().await.map(drop).map_err(|error| Fault::from_sdk("keep a workspace", error))
    }

    pub async fn workspace(&self, tenant: TenantId) -> Result<Option<Workspace>, Fault> {
        let found = self.get(alone(partition(tenant)), "read a workspace").await?;
        found.map(|item| item.json("workspace")).transpose()
    }
}

fn partition(tenant: TenantId) -> String {
    format!("slack#{tenant}")
}
