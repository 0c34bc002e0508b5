//! Agents that a tenant registered to receive handoffs: one item each, in one partition per tenant.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use crate::attributes::{Item, ReadItem, n, s};
use crate::client::Store;
use crate::item_ops::item_key;
use crate::outcome::unless_condition_failed;
use crate::partition_items::PartitionQuery;
use handrail_platform::fault::Fault;

/// Longest agent id in bytes: a sort key holds 1,024.
pub const AGENT_ID_BYTES_MAX: usize = 800;
/// Number of agents that a list returns at most.
pub const AGENTS_LISTED_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: String,
    pub name: String,
    /// `true` if the agent accepts handoffs.
    pub enabled: bool,
    /// `true` if the agent is available without heartbeats.
    pub is_static: bool,
    /// Number of packets that may be open for the agent at once. `None`: no limit.
    pub max_open_packets: Option<u32>,
    /// Time of the last heartbeat or registration.
    pub last_heartbeat_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// Number of queries of a list at most. An agent takes up to 4 KB, if its id and name are long and not Latin, and a
/// query returns 1 MB.
const MAX_QUERIES_PER_LIST: usize = 5;

const AGENT_SK_PREFIX: &str = "agent#";

/// Properties of an agent, as registered.
#[derive(Clone, Copy, Debug)]
pub struct AgentUpdate<'a> {
    pub name: &'a str,
    pub enabled: bool,
    pub is_static: bool,
    pub max_open_packets: Option<u32>,
}

impl Store {
    /// Registers the agent or changes it. Both count as a heartbeat.
    pub async fn put_agent(
        &self,
        tenant: TenantId,
        id: &str,
        properties: AgentUpdate<'_>,
        now: Timestamp,
    ) -> Result<Agent, Fault> {
        let limit_clause = match properties.max_open_packets {
            Some(_) => ", agent_open_max = :open_max",
            None => " REMOVE agent_open_max",
        };
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(agent_key(tenant, id)))
            .update_expression(format!(
                "SET agent_id = :id, agent_name = :name, agent_enabled = :enabled, agent_static = :static, \
                 heard_at = :now, updated_at = :now, created_at = if_not_exists(created_at, :now){limit_clause}",
            ))
            .expression_attribute_values(":id", s(id))
            .expression_attribute_values(":name", s(properties.name))
            .expression_attribute_values(":enabled", AttributeValue::Bool(properties.enabled))
            .expression_attribute_values(":static", AttributeValue::Bool(properties.is_static))
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .return_values(ReturnValue::AllNew);
        let update = match properties.max_open_packets {
            Some(limit) => update.expression_attribute_values(":open_max", n(limit)),
            None => update,
        };
        let updated = update.send().await.map_err(|error| Fault::from_sdk("register an agent", error))?;
        agent_from_item(
            updated.attributes().ok_or_else(|| Fault::internal("an agent is missing after its registration"))?,
        )
    }

    /// Records a heartbeat. Returns `None` if no agent with this id is registered.
    pub async fn record_heartbeat(&self, tenant: TenantId, id: &str, now: Timestamp) -> Result<Option<Agent>, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(agent_key(tenant, id)))
            .update_expression("SET heard_at = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .return_values(ReturnValue::AllNew);
        let updated = unless_condition_failed(update.send().await, "record a heartbeat")?;
        updated.and_then(|updated| updated.attributes).as_ref().map(agent_from_item).transpose()
    }

    pub async fn agent(&self, tenant: TenantId, id: &str) -> Result<Option<Agent>, Fault> {
        self.get(agent_key(tenant, id), "read an agent").await?.as_ref().map(agent_from_item).transpose()
    }

    /// Returns the tenant's agents, ordered by id.
    pub async fn agents(&self, tenant: TenantId) -> Result<Vec<Agent>, Fault> {
        let query = PartitionQuery {
            pk: s(partition(tenant)),
            sk_prefix: AGENT_SK_PREFIX.to_owned(),
            after: None,
            items_max: AGENTS_LISTED_MAX,
            queries_max: MAX_QUERIES_PER_LIST,
        };
        let found = self.partition_items(query, "list agents").await?;
        found.items.iter().map(agent_from_item).collect()
    }

    /// Deletes an agent. Returns `false` if no agent with this id is registered.
    pub async fn delete_agent(&self, tenant: TenantId, id: &str) -> Result<bool, Fault> {
        let delete = self
            .db
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(agent_key(tenant, id)))
            .condition_expression("attribute_exists(pk)");
        Ok(unless_condition_failed(delete.send().await, "delete an agent")?.is_some())
    }
}

fn partition(tenant: TenantId) -> String {
    format!("agents#{tenant}")
}

fn agent_key(tenant: TenantId, id: &str) -> Item {
    item_key(s(partition(tenant)), format!("{AGENT_SK_PREFIX}{id}"))
}

fn agent_from_item(item: &Item) -> Result<Agent, Fault> {
    let flag = |name: &str| item.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or_default();
    Ok(Agent {
        id: item.text("agent_id")?.to_owned(),
        name: item.text("agent_name")?.to_owned(),
        enabled: flag("agent_enabled"),
        is_static: flag("agent_static"),
        max_open_packets: item.get("agent_open_max").map(|_| item.number("agent_open_max")).transpose()?,
        last_heartbeat_at: item.time("heard_at")?,
        created_at: item.time("created_at")?,
        updated_at: item.time("updated_at")?,
    })
}
