//! The agents that an account registered to be handed conversations: an item each, together in a partition of their account.

use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use handrail_domain::ids::TenantId;
use handrail_domain::time::Timestamp;

use super::outcome::met;
use super::single::item_key;
use super::{Item, ReadItem, Store, n, s};
use crate::fault::Fault;

/// In bytes: a sort key holds 1,024.
pub const AGENT_ID_BYTES_MAX: usize = 800;
/// Listed at once. More than one platform runs.
pub const AGENTS_LISTED_MAX: usize = 1_000;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    pub id: String,
    pub name: String,
    /// Takes what is handed over.
    pub enabled: bool,
    /// Is there without saying so again and again.
    pub is_static: bool,
    /// So many packets may be open for it at once. `None`: as many as there are.
    pub open_max: Option<u32>,
    /// When it was last heard of.
    pub heard_at: Timestamp,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
}

/// An agent is 4 KB at most, where its id and its name are long and not in Latin letters, and a query answers 1 MB.
const QUERIES_OF_A_LIST_MAX: usize = 5;

/// What somebody says of an agent.
#[derive(Clone, Copy, Debug)]
pub struct AgentSaid<'a> {
    pub name: &'a str,
    pub enabled: bool,
    pub is_static: bool,
    pub open_max: Option<u32>,
}

impl Store {
    /// Registers the agent, or changes it: either way it was heard of now.
    pub async fn put_agent(
        &self,
        tenant: TenantId,
        id: &str,
        said: AgentSaid<'_>,
        now: Timestamp,
    ) -> Result<Agent, Fault> {
        let bound = match said.open_max {
            Some(_) => ", agent_open_max = :open_max",
            None => " REMOVE agent_open_max",
        };
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(tenant, id)))
            .update_expression(format!(
                "SET agent_id = :id, agent_name = :name, agent_enabled = :enabled, agent_static = :static, \
                 heard_at = :now, updated_at = :now, created_at = if_not_exists(created_at, :now){bound}",
            ))
            .expression_attribute_values(":id", s(id))
            .expression_attribute_values(":name", s(said.name))
            .expression_attribute_values(":enabled", AttributeValue::Bool(said.enabled))
            .expression_attribute_values(":static", AttributeValue::Bool(said.is_static))
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .return_values(ReturnValue::AllNew);
        let update = match said.open_max {
            Some(most) => update.expression_attribute_values(":open_max", n(most)),
            None => update,
        };
        let put = update.send().await.map_err(|error| Fault::from_sdk("register an agent", error))?;
        read(put.attributes().ok_or_else(|| Fault::broken("an agent was registered and is not there"))?)
    }

    /// `None`: nobody of that name is registered.
    pub async fn hear_of_agent(&self, tenant: TenantId, id: &str, now: Timestamp) -> Result<Option<Agent>, Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .set_key(Some(key(tenant, id)))
            .update_expression("SET heard_at = :now")
            .condition_expression("attribute_exists(pk)")
            .expression_attribute_values(":now", n(now.as_unix_ms()))
            .return_values(ReturnValue::AllNew);
        let heard = met(update.send().await, "hear of an agent")?;
        heard.and_then(|heard| heard.attributes).as_ref().map(read).transpose()
    }

    pub async fn agent(&self, tenant: TenantId, id: &str) -> Result<Option<Agent>, Fault> {
        self.get(key(tenant, id), "read an agent").await?.as_ref().map(read).transpose()
    }

    /// By their ids.
    pub async fn agents(&self, tenant: TenantId) -> Result<Vec<Agent>, Fault> {
        let (mut agents, mut start) = (Vec::new(), None);
        for _ in 0..QUERIES_OF_A_LIST_MAX {
            let query = self
                .db
                .query()
                .table_name(&self.table)
                .consistent_read(true)
                .key_condition_expression("pk = :pk")
                .expression_attribute_values(":pk", s(partition(tenant)))
                .limit(i32::try_from(AGENTS_LISTED_MAX - agents.len()).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start);
            let found = query.send().await.map_err(|error| Fault::from_sdk("list agents", error))?;
            for item in found.items() {
                agents.push(read(item)?);
            }
            start = found.last_evaluated_key;
            if start.is_none() || agents.len() >= AGENTS_LISTED_MAX {
                break;
            }
        }
        Ok(agents)
    }

    /// `false`: nobody of that name was registered.
    pub async fn remove_agent(&self, tenant: TenantId, id: &str) -> Result<bool, Fault> {
        let delete = self
            .db
            .delete_item()
            .table_name(&self.table)
            .set_key(Some(key(tenant, id)))
            .condition_expression("attribute_exists(pk)");
        Ok(met(delete.send().await, "remove an agent")?.is_some())
    }
}

fn partition(tenant: TenantId) -> String {
    format!("agents#{tenant}")
}

fn key(tenant: TenantId, id: &str) -> Item {
    item_key(s(partition(tenant)), format!("agent#{id}"))
}

fn read(item: &Item) -> Result<Agent, Fault> {
    let flag = |name: &str| item.get(name).and_then(|value| value.as_bool().ok()).copied().unwrap_or_default();
    Ok(Agent {
        id: item.text("agent_id")?.to_owned(),
        name: item.text("agent_name")?.to_owned(),
        enabled: flag("agent_enabled"),
        is_static: flag("agent_static"),
        open_max: item.get("agent_open_max").map(|_| item.number("agent_open_max")).transpose()?,
        heard_at: item.time("heard_at")?,
        created_at: item.time("created_at")?,
        updated_at: item.time("updated_at")?,
    })
}
