//! Local table: queue, mailbox and timers of a local installation, in the same database as the records.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use handrail_domain::time::Timestamp;
use handrail_effects::{DeliveryGroup, Message, OutgoingMail};
use handrail_platform::fault::Fault;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::due_groups::DueGroups;

/// Bounds of the sort keys of all groups: letters sort after digits.
const FIRST_GROUP: &str = ":";
const LAST_GROUP: &str = "~";
/// Groups that are looked for at once: fifty webhooks of two hundred tenants.
const GROUPS_MAX: usize = 10_000;
const WAITING: &str = "waiting";
const MAIL: &str = "mail";
const RECEIVED: &str = "received";
const DEAD: &str = "dead";
const STATE: &str = "state";

type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub struct LocalStore {
    db: Client,
    table: String,
    /// Groups with queued deliveries. Shared by the clones, so that the worker loop learns of each new message.
    pub(crate) due_groups: DueGroups,
}

/// Queued message with its due time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct QueuedMessage {
    pub at: Timestamp,
    pub message: Message,
    /// Number of failed attempts.
    #[serde(default)]
    pub failures: u32,
    /// Number of times this message was enqueued. Work may enqueue its own message again while it runs; completing the
    /// first run must not delete it then.
    #[serde(skip)]
    pub enqueue_count: u64,
    /// Sort key under which the message was found: an earlier version queued deliveries under others.
    #[serde(skip)]
    pub stored_key: Option<String>,
}

/// Mail that was stored instead of sent.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct LocalMail {
    pub id: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    pub html: String,
    pub at: Timestamp,
    pub links: Vec<String>,
}

/// Call that the local test receiver got.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Received {
    pub name: String,
    pub at: Timestamp,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl QueuedMessage {
    /// Returns the sort key: by lane, then ordered by time, and equal for the same work at the same time. Messages
    /// outside the groups of deliveries begin with the time, a digit, and sort before all groups.
    pub(crate) fn sk(&self) -> String {
        if let Some(stored_key) = &self.stored_key {
            return stored_key.clone();
        }
        let at = self.at.as_unix_ms();
        match self.message.delivery_group() {
            Some(group) => format!("{group}#{at:013}#{}", self.message.id()),
            None => format!("{at:013}#{}", self.message.id()),
        }
    }
}

impl LocalStore {
    pub async fn open(db: Client, table: impl Into<String>) -> Result<Self, Fault> {
        let local_store = Self { db, table: table.into(), due_groups: DueGroups::default() };
        local_store.create_table().await?;
        Ok(local_store)
    }

    /// Creates the table without a stream, because its changes have no effects.
    async fn create_table(&self) -> Result<(), Fault> {
        let build_error = |error| Fault::internal_with_source("the local table can't be described", error);
        let mut create = self.db.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let key =
                KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().map_err(build_error)?;
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            create = create.key_schema(key).attribute_definitions(attribute.build().map_err(build_error)?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("create the local table", error)),
        }
    }

    pub(crate) async fn enqueue(&self, queued: &QueuedMessage) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .key("pk", s(WAITING))
            .key("sk", s(&queued.sk()))
            .update_expression("SET #value = :value ADD kept :one")
            .expression_attribute_names("#value", "value")
            .expression_attribute_values(":value", AttributeValue::S(json(queued)?))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        update.send().await.map_err(|error| Fault::from_sdk("enqueue a message", error))?;
        if let Some(group) = queued.message.delivery_group() {
            self.due_groups.mark(group, queued.at);
        }
        Ok(())
    }

    /// Deletes the message, unless it was enqueued again after it was read.
    pub(crate) async fn complete(&self, queued: &QueuedMessage) -> Result<(), Fault> {
        let delete = self
            .db
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(WAITING))
            .key("sk", s(&queued.sk()))
            .condition_expression("kept = :kept")
            .expression_attribute_values(":kept", AttributeValue::N(queued.enqueue_count.to_string()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("delete a message", error)),
        }
    }

    /// Moves the message to the dead letters.
    pub(crate) async fn dead_letter(&self, queued: &QueuedMessage) -> Result<(), Fault> {
        self.put(DEAD, &queued.sk(), queued).await?;
        self.complete(queued).await
    }

    /// Returns the queued messages outside the groups of deliveries, earliest first. Deliveries that an earlier version
    /// queued are among them.
    pub(crate) async fn queued_messages(&self, limit: usize) -> Result<Vec<QueuedMessage>, Fault> {
        self.queued_between("", FIRST_GROUP, limit).await
    }

    /// Returns the queued deliveries of a group, earliest first.
    pub(crate) async fn queued_deliveries(
        &self,
        group: DeliveryGroup,
        limit: usize,
    ) -> Result<Vec<QueuedMessage>, Fault> {
        self.queued_between(&format!("{group}#"), &after_group(&group.to_string()), limit).await
    }

    /// Marks every group that has queued deliveries as due, because another process may have queued them. Reads the first
    /// message of each group.
    pub(crate) async fn find_due_groups(&self) -> Result<(), Fault> {
        let mut from = FIRST_GROUP.to_owned();
        for _ in 0..GROUPS_MAX {
            let Some(first) = self.queued_between(&from, LAST_GROUP, 1).await?.pop() else { return Ok(()) };
            let Some(group) = first.message.delivery_group() else { return Ok(()) };
            self.due_groups.mark(group, first.at);
            from = after_group(&group.to_string());
        }
        Ok(())
    }

    async fn queued_between(&self, from: &str, to: &str, limit: usize) -> Result<Vec<QueuedMessage>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", s(WAITING))
            // An attribute value of a key is never empty.
            .expression_attribute_values(":from", s(if from.is_empty() { "!" } else { from }))
            .expression_attribute_values(":to", s(to))
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let output = query.send().await.map_err(|error| Fault::from_sdk("read the local queue", error))?;
        let with_count = |item: &Item| {
            let count = item.get("kept").and_then(|count| count.as_n().ok()).and_then(|count| count.parse().ok());
            let enqueue_count = count.unwrap_or(0);
            let stored_key = item.get("sk").and_then(|sk| sk.as_s().ok()).cloned();
            read(item).map(|queued: QueuedMessage| QueuedMessage { enqueue_count, stored_key, ..queued })
        };
        output.items().iter().map(with_count).collect()
    }

    pub async fn put_mail(&self, mail: &OutgoingMail, at: Timestamp) -> Result<(), Fault> {
        // Stored under the delivery id, so that a repeated mail is stored once.
        let id = mail.id.clone();
        let links = links_in(&mail.text);
        let mail = LocalMail {
            id: id.clone(),
            to: mail.to.to_string(),
            subject: mail.subject.clone(),
            text: mail.text.clone(),
            html: mail.html.clone(),
            at,
            links,
        };
        self.put(MAIL, &id, &mail).await
    }

    /// Returns the newest mails, newest first. Ids begin with the record's id, which is ordered by time.
    pub async fn mails(&self, limit: usize) -> Result<Vec<LocalMail>, Fault> {
        let mut mails: Vec<LocalMail> = self.query(MAIL, limit, false).await?;
        mails.sort_by_key(|mail| std::cmp::Reverse(mail.at));
        Ok(mails)
    }

    pub async fn mail(&self, id: &str) -> Result<Option<LocalMail>, Fault> {
        self.get(MAIL, id).await
    }

    pub(crate) async fn receive(&self, received: &Received, id: &str) -> Result<(), Fault> {
        self.put(RECEIVED, &format!("{:013}#{id}", received.at.as_unix_ms()), received).await
    }

    /// Returns the newest received calls, newest first.
    pub(crate) async fn received(&self, limit: usize) -> Result<Vec<Received>, Fault> {
        self.query(RECEIVED, limit, false).await
    }

    pub(crate) async fn state<T: DeserializeOwned>(&self, name: &str) -> Result<Option<T>, Fault> {
        self.get(STATE, name).await
    }

    pub(crate) async fn set_state<T: Serialize>(&self, name: &str, value: &T) -> Result<(), Fault> {
        self.put(STATE, name, value).await
    }

    async fn put<T: Serialize>(&self, pk: &str, sk: &str, value: &T) -> Result<(), Fault> {
        let put = self
            .db
            .put_item()
            .table_name(&self.table)
            .item("pk", s(pk))
            .item("sk", s(sk))
            .item("value", AttributeValue::S(json(value)?));
        put.send().await.map(drop).map_err(|error| Fault::from_sdk("write to the local table", error))
    }

    async fn get<T: DeserializeOwned>(&self, pk: &str, sk: &str) -> Result<Option<T>, Fault> {
        let get = self.db.get_item().table_name(&self.table).key("pk", s(pk)).key("sk", s(sk)).consistent_read(true);
        let output = get.send().await.map_err(|error| Fault::from_sdk("read the local table", error))?;
        output.item().map(read).transpose()
    }

    async fn query<T: DeserializeOwned>(&self, pk: &str, limit: usize, forward: bool) -> Result<Vec<T>, Fault> {
        self.query_items(pk, limit, forward).await?.iter().map(read).collect()
    }

    async fn query_items(&self, pk: &str, limit: usize, forward: bool) -> Result<Vec<Item>, Fault> {
        let query = self
            .db
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk")
            .expression_attribute_values(":pk", s(pk))
            .scan_index_forward(forward)
            .consistent_read(true)
            .limit(i32::try_from(limit).unwrap_or(i32::MAX));
        let output = query.send().await.map_err(|error| Fault::from_sdk("read the local table", error))?;
        Ok(output.items.unwrap_or_default())
    }
}

/// Returns the sort key that follows all messages of a group.
fn after_group(group: &str) -> String {
    // The character after `#`.
    format!("{group}$")
}

fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::internal_with_source("a value can't be written", error))
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Fault> {
    let json = item.get("value").and_then(|value| value.as_s().ok());
    let json = json.ok_or_else(|| Fault::internal("a local item has no value"))?;
    serde_json::from_str(json).map_err(|error| Fault::internal_with_source("a local item can't be read", error))
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Returns the distinct links in a mail's text, in order. Skips quoted lines, which hold the agent's text.
fn links_in(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let own_lines = text.lines().filter(|line| !line.starts_with('>'));
    for word in own_lines.flat_map(str::split_whitespace).map(|word| word.trim_matches(['<', '>', '(', ')'])) {
        if (word.starts_with("http://") || word.starts_with("https://")) && !links.iter().any(|link| link == word) {
            links.push(word.to_owned());
        }
    }
    links
}
