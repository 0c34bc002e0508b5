//! Documents: named, versioned settings of a tenant, such as a template or a preference.
//!
//! A collection of documents is a type. The documents of a tenant are in one partition, ordered by name:
//!
//! | partition key | sort key | content |
//! |---|---|---|
//! | `docs#<tenant>` | `<collection>#<name>` | a document as JSON, and its version |
//! | `docs#<tenant>` | `<collection>` | the number of documents in the collection |
//!
//! A document is replaced or deleted on condition that it still has the version that the caller read, so no concurrent
//! change is lost. It is created and deleted together with its count, so the limit of a collection is exact.

use std::marker::PhantomData;

use aws_sdk_dynamodb::types::{Delete, ReturnValuesOnConditionCheckFailure, TransactWriteItem, Update};
use handrail_domain::ids::TenantId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::attributes::{Item, ReadItem, json, n, s};
use crate::client::Store;
use crate::item_ops::item_key;
use crate::outcome::or_existing_item;
use crate::partition_items::PartitionQuery;
use handrail_platform::fault::Fault;

/// Longest name in bytes. A sort key holds 1,024.
pub const DOCUMENT_NAME_BYTES_MAX: usize = 200;
/// Most documents on one page of a list.
pub const DOCUMENTS_PER_PAGE_MAX: usize = 100;
/// Most queries of one page. A query returns 1 MB, and the largest documents have a third of that.
const MAX_QUERIES_PER_PAGE: usize = 50;
const DOCUMENT: &str = "document";
const VERSION: &str = "version";

/// Collection of documents with equal structure.
pub trait Document: Serialize + DeserializeOwned + Send + Sync {
    /// Name of the collection. It is part of the stored keys and never changes.
    const NAME: &'static str;
    /// Most documents of a tenant in this collection.
    const PER_TENANT_MAX: usize;
    /// Largest document, as compact JSON. An item may have 400 KB.
    const BYTES_MAX: usize;
}

/// Document as it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionedDocument<T> {
    pub name: String,
    /// 1 for a new document, and one more after each change.
    pub version: u64,
    pub value: T,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PutDocumentOutcome<T> {
    /// The document is stored with this version, by this call or by an earlier attempt whose response was lost.
    Done { version: u64 },
    /// The document has another version than expected, or is absent.
    Conflict(Option<VersionedDocument<T>>),
    /// The collection has [`Document::PER_TENANT_MAX`] documents.
    TooMany,
    /// The document is larger than [`Document::BYTES_MAX`].
    TooLarge,
    /// The name is empty, longer than [`DOCUMENT_NAME_BYTES_MAX`] or has control characters.
    InvalidName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeleteDocumentOutcome<T> {
    Deleted,
    NotFound,
    /// The document has another version than expected.
    Conflict(VersionedDocument<T>),
}

/// Page of a list, ordered by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentPage<T> {
    pub documents: Vec<VersionedDocument<T>>,
    /// Name after which the next page begins. `None` at the end of the list.
    pub next: Option<String>,
}

/// The documents of a tenant in one collection.
pub struct Documents<'a, T> {
    store: &'a Store,
    tenant: TenantId,
    collection: PhantomData<T>,
}

impl Store {
    /// Returns the documents of a tenant in the collection `T`.
    pub fn documents<T: Document>(&self, tenant: TenantId) -> Documents<'_, T> {
        Documents { store: self, tenant, collection: PhantomData }
    }
}

impl<T: Document> Documents<'_, T> {
    pub async fn get(&self, name: &str) -> Result<Option<VersionedDocument<T>>, Fault> {
        if !is_valid_name(name) {
            return Ok(None);
        }
        let found = self.store.get(self.key(name), "read a document").await?;
        found.as_ref().map(read_document).transpose()
    }

    /// Creates a document that does not exist yet.
    pub async fn create(&self, name: &str, value: &T) -> Result<PutDocumentOutcome<T>, Fault> {
        let text = json(value)?;
        if let Some(invalid) = check::<T>(name, &text) {
            return Ok(invalid);
        }
        let mut item = self.key(name);
        item.insert(DOCUMENT.to_owned(), s(&text));
        item.insert(VERSION.to_owned(), n(1));
        let writes = vec![self.store.put_new(item)?, self.add_to_count(1)?];
        match self.store.transact(writes, "create a document").await? {
            Ok(()) => Ok(PutDocumentOutcome::Done { version: 1 }),
            // The count has no item to return: its condition failed.
            Err(None) => Ok(PutDocumentOutcome::TooMany),
            Err(Some(found)) => unless_stored(Some(&found), 1, &text),
        }
    }

    /// Replaces a document that still has the expected version.
    pub async fn replace(&self, name: &str, expected_version: u64, value: &T) -> Result<PutDocumentOutcome<T>, Fault> {
        let text = json(value)?;
        if let Some(invalid) = check::<T>(name, &text) {
            return Ok(invalid);
        }
        let version = expected_version + 1;
        let update = self
            .store
            .db
            .update_item()
            .table_name(&self.store.table)
            .set_key(Some(self.key(name)))
            .update_expression("SET #document = :document, #version = :version")
            .condition_expression("#version = :expected")
            .expression_attribute_names("#document", DOCUMENT)
            .expression_attribute_names("#version", VERSION)
            .expression_attribute_values(":document", s(&text))
            .expression_attribute_values(":version", n(version))
            .expression_attribute_values(":expected", n(expected_version))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        match or_existing_item(update.send().await, "replace a document")? {
            Ok(_) => Ok(PutDocumentOutcome::Done { version }),
            Err(found) => unless_stored(found.as_ref(), version, &text),
        }
    }

    /// Deletes a document, or only the document in the expected version.
    pub async fn delete(&self, name: &str, expected_version: Option<u64>) -> Result<DeleteDocumentOutcome<T>, Fault> {
        if !is_valid_name(name) {
            return Ok(DeleteDocumentOutcome::NotFound);
        }
        let delete = Delete::builder()
            .table_name(&self.store.table)
            .set_key(Some(self.key(name)))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        let delete = match expected_version {
            None => delete.condition_expression("attribute_exists(pk)"),
            Some(version) => delete
                .condition_expression("#version = :expected")
                .expression_attribute_names("#version", VERSION)
                .expression_attribute_values(":expected", n(version)),
        };
        let delete = delete.build().map_err(|error| Fault::internal_with_source("a delete can't be built", error))?;
        let writes = vec![TransactWriteItem::builder().delete(delete).build(), self.add_to_count(-1)?];
        Ok(match self.store.transact(writes, "delete a document").await? {
            Ok(()) => DeleteDocumentOutcome::Deleted,
            Err(None) => DeleteDocumentOutcome::NotFound,
            Err(Some(found)) => DeleteDocumentOutcome::Conflict(read_document(&found)?),
        })
    }

    /// Returns a page of documents, ordered by name, from the first name after `after`. No name is after an invalid one.
    pub async fn list(&self, after: Option<&str>, limit: usize) -> Result<DocumentPage<T>, Fault> {
        if after.is_some_and(|name| !is_valid_name(name)) {
            return Ok(DocumentPage { documents: Vec::new(), next: None });
        }
        let query = PartitionQuery {
            pk: s(partition(self.tenant)),
            sk_prefix: sort_key::<T>(""),
            after: after.map(sort_key::<T>),
            items_max: limit.clamp(1, DOCUMENTS_PER_PAGE_MAX),
            queries_max: MAX_QUERIES_PER_PAGE,
        };
        let found = self.store.partition_items(query, "list documents").await?;
        let documents = found.items.iter().map(read_document).collect::<Result<Vec<VersionedDocument<T>>, _>>()?;
        let next = documents.last().filter(|_| found.has_more).map(|document| document.name.clone());
        Ok(DocumentPage { documents, next })
    }

    fn key(&self, name: &str) -> Item {
        item_key(s(partition(self.tenant)), sort_key::<T>(name))
    }

    /// Builds the change of the number of documents. Its condition keeps the limit of the collection.
    fn add_to_count(&self, difference: i32) -> Result<TransactWriteItem, Fault> {
        let update = Update::builder()
            .table_name(&self.store.table)
            .set_key(Some(item_key(s(partition(self.tenant)), T::NAME)))
            .update_expression("ADD documents :difference")
            .expression_attribute_values(":difference", n(difference));
        let update = match difference > 0 {
            true => update
                .condition_expression("attribute_not_exists(documents) OR documents < :max")
                .expression_attribute_values(":max", n(T::PER_TENANT_MAX)),
            false => update,
        };
        let update = update.build().map_err(|error| Fault::internal_with_source("an update can't be built", error))?;
        Ok(TransactWriteItem::builder().update(update).build())
    }
}

/// Returns the outcome for a document that can't be stored.
fn check<T: Document>(name: &str, text: &str) -> Option<PutDocumentOutcome<T>> {
    if !is_valid_name(name) {
        return Some(PutDocumentOutcome::InvalidName);
    }
    (text.len() > T::BYTES_MAX).then_some(PutDocumentOutcome::TooLarge)
}

fn is_valid_name(name: &str) -> bool {
    (1..=DOCUMENT_NAME_BYTES_MAX).contains(&name.len()) && !name.chars().any(char::is_control)
}

/// Returns `Done` if the document that was found is the one that the call stores: an earlier attempt succeeded, and its
/// response was lost.
fn unless_stored<T: Document>(found: Option<&Item>, version: u64, text: &str) -> Result<PutDocumentOutcome<T>, Fault> {
    let is_stored = |item: &Item| item.opt_text(DOCUMENT) == Some(text) && item.number(VERSION).ok() == Some(version);
    match found {
        Some(item) if is_stored(item) => Ok(PutDocumentOutcome::Done { version }),
        found => Ok(PutDocumentOutcome::Conflict(found.map(read_document).transpose()?)),
    }
}

fn read_document<T: Document>(item: &Item) -> Result<VersionedDocument<T>, Fault> {
    let sk = item.text("sk")?;
    let name = sk.strip_prefix(sort_key::<T>("").as_str()).unwrap_or(sk).to_owned();
    Ok(VersionedDocument { name, version: item.number(VERSION)?, value: item.json(DOCUMENT)? })
}

fn partition(tenant: TenantId) -> String {
    format!("docs#{tenant}")
}

fn sort_key<T: Document>(name: &str) -> String {
    format!("{}#{name}", T::NAME)
}
