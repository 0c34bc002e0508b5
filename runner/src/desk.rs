//! The local table: what AWS keeps in SQS, SES and EventBridge, a laptop keeps here, in the same file as the records.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::create_table::CreateTableError;
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, AttributeValue, BillingMode, KeySchemaElement, KeyType, ScalarAttributeType,
};
use handrail_domain::time::Timestamp;
use handrail_effects::{Message, Posted};
use handrail_kernel::fault::Fault;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const WAITING: &str = "waiting";
const MAIL: &str = "mail";
const RECEIVED: &str = "received";
const DEAD: &str = "dead";
const STATE: &str = "state";

type Item = HashMap<String, AttributeValue>;

#[derive(Clone)]
pub struct Desk {
    db: Client,
    table: String,
}

/// A message that waits for its time.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Waiting {
    pub at: Timestamp,
    pub message: Message,
    /// How often it was taken and failed.
    #[serde(default)]
    pub failures: u32,
    /// How often it was kept, as the table counts. Work that asks for itself again at the same time is kept once more while
    /// it is at it, and must not be forgotten with the first time.
    #[serde(skip)]
    pub kept: u64,
}

/// A mail that would have been sent.
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

/// A call that the test receiver took.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Received {
    pub name: String,
    pub at: Timestamp,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Waiting {
    /// Text order is the order of their times. The same work at the same time is one message.
    fn sk(&self) -> String {
        format!("{:013}#{}", self.at.as_unix_ms(), self.message.id())
    }
}

impl Desk {
    pub async fn open(db: Client, table: impl Into<String>) -> Result<Self, Fault> {
        let desk = Self { db, table: table.into() };
        desk.create_table().await?;
        Ok(desk)
    }

    /// Without a stream: what happens here causes nothing.
    async fn create_table(&self) -> Result<(), Fault> {
        let unbuilt = |error| Fault::broken_by("the local table can't be described", error);
        let mut create = self.db.create_table().table_name(&self.table).billing_mode(BillingMode::PayPerRequest);
        for (name, key_type) in [("pk", KeyType::Hash), ("sk", KeyType::Range)] {
            let key = KeySchemaElement::builder().attribute_name(name).key_type(key_type).build().map_err(unbuilt)?;
            let attribute = AttributeDefinition::builder().attribute_name(name).attribute_type(ScalarAttributeType::S);
            create = create.key_schema(key).attribute_definitions(attribute.build().map_err(unbuilt)?);
        }
        match create.send().await {
            Ok(_) => Ok(()),
            Err(error) if error.as_service_error().is_some_and(CreateTableError::is_resource_in_use_exception) => {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("create the local table", error)),
        }
    }

    pub(crate) async fn keep(&self, waiting: &Waiting) -> Result<(), Fault> {
        let update = self
            .db
            .update_item()
            .table_name(&self.table)
            .key("pk", s(WAITING))
            .key("sk", s(&waiting.sk()))
            .update_expression("SET #value = :value ADD kept :one")
            .expression_attribute_names("#value", "value")
            .expression_attribute_values(":value", AttributeValue::S(json(waiting)?))
            .expression_attribute_values(":one", AttributeValue::N("1".to_owned()));
        update.send().await.map(drop).map_err(|error| Fault::from_sdk("keep a message", error))
    }

    /// Forgets it, unless it was kept again after it was taken.
    pub(crate) async fn done(&self, waiting: &Waiting) -> Result<(), Fault> {
        let delete = self
            .db
            .delete_item()
            .table_name(&self.table)
            .key("pk", s(WAITING))
            .key("sk", s(&waiting.sk()))
            .condition_expression("kept = :kept")
            .expression_attribute_values(":kept", AttributeValue::N(waiting.kept.to_string()));
        match delete.send().await {
            Ok(_) => Ok(()),
            Err(error)
                if error.as_service_error().is_some_and(DeleteItemError::is_conditional_check_failed_exception) =>
            {
                Ok(())
            }
            Err(error) => Err(Fault::from_sdk("forget a message", error)),
        }
    }

    /// Given up: kept to be looked at.
    pub(crate) async fn bury(&self, waiting: &Waiting) -> Result<(), Fault> {
        self.put(DEAD, &waiting.sk(), waiting).await?;
        self.done(waiting).await
    }

    /// What waits, the earliest first.
    pub(crate) async fn waiting(&self, limit: usize) -> Result<Vec<Waiting>, Fault> {
        let items = self.query_items(WAITING, limit, true).await?;
        let with_count = |item: &Item| {
            let kept = item.get("kept").and_then(|kept| kept.as_n().ok()).and_then(|kept| kept.parse().ok());
            read(item).map(|waiting: Waiting| Waiting { kept: kept.unwrap_or(0), ..waiting })
        };
        items.iter().map(with_count).collect()
    }

    pub async fn keep_mail(&self, mail: &Posted, at: Timestamp) -> Result<(), Fault> {
        // The id of the delivery, not the time: a mail that is sent twice lies here once.
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

    /// Newest first: the id begins with the record's, whose first bits are its time.
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

    /// Newest first.
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
        let found = get.send().await.map_err(|error| Fault::from_sdk("read the local table", error))?;
        found.item().map(read).transpose()
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
        let found = query.send().await.map_err(|error| Fault::from_sdk("read the local table", error))?;
        Ok(found.items.unwrap_or_default())
    }
}

fn json<T: Serialize>(value: &T) -> Result<String, Fault> {
    serde_json::to_string(value).map_err(|error| Fault::broken_by("a value can't be written", error))
}

fn read<T: DeserializeOwned>(item: &Item) -> Result<T, Fault> {
    let json = item.get("value").and_then(|value| value.as_s().ok());
    let json = json.ok_or_else(|| Fault::broken("a local item has no value"))?;
    serde_json::from_str(json).map_err(|error| Fault::broken_by("a local item can't be read", error))
}

fn s(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// The addresses in a mail's text, each once, in their order. Quoted lines are the agent's words: what looks like a link
/// there is not one of ours.
fn links_in(text: &str) -> Vec<String> {
    let mut links = Vec::new();
    let ours = text.lines().filter(|line| !line.starts_with('>'));
    for word in ours.flat_map(str::split_whitespace).map(|word| word.trim_matches(['<', '>', '(', ')'])) {
        if (word.starts_with("http://") || word.starts_with("https://")) && !links.iter().any(|link| link == word) {
            links.push(word.to_owned());
        }
    }
    links
}
