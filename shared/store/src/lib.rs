//! The one DynamoDB table. Every read and write of the service is a function in this crate.
//!
//! [`Store`] is a struct over the DynamoDB client and not a trait: AWS and the embedded engine speak the same API, so the
//! code that runs in the tests is the code that runs in production.

mod agents;
mod attributes;
mod bodies;
mod body_chunks;
mod client;
mod complete_counts;
mod counts;
mod counts_build;
mod deliveries;
mod delivery_key;
mod documents;
mod events;
mod filters;
mod find;
mod index_ranges;
mod item;
mod item_ops;
mod journal;
mod journal_search;
mod key_slots;
mod key_usage;
mod keys;
mod list_entries;
mod listed_records;
mod lists;
mod markers;
mod new_items;
mod newest_entries;
mod once;
mod outcome;
mod partition_items;
mod quotas;
mod rate_limits;
mod readiness;
mod records;
mod schemas;
mod search;
mod sessions;
mod signing_keys;
mod single_filters;
pub mod table;
mod tenant_admin;
mod tenants;
mod term_hash;
mod transactions;
mod webhook_deliveries;
mod webhooks;
mod workspaces;

pub use agents::{AGENT_ID_BYTES_MAX, AGENTS_LISTED_MAX, Agent, AgentUpdate};
pub use attributes::Item;
pub use bodies::{Body, BodyKey, PutBodyOutcome, RecordWithBody};
pub use body_chunks::BODY_PACKED_BYTES_MAX;
pub use client::Store;
pub use deliveries::{Attempt, Delivery, DeliveryStatus, REPLAYS_MAX, SlackMessageRef, requested_replay};
pub use delivery_key::DeliveryKey;
pub use documents::{
    DOCUMENT_NAME_BYTES_MAX, DOCUMENTS_PER_PAGE_MAX, DeleteDocumentOutcome, Document, DocumentPage, Documents,
    PutDocumentOutcome, VersionedDocument,
};
pub use filters::Filter;
pub use find::{FilterPage, LIST_OFFSET_MAX, Order, PageRequest};
pub use item::{HeadKey, SpecSource, due_time_of, head_key_of, kind_of, read_head, seq_of, state_data_of};
pub use journal::{AuditInfo, JournalEntry, JournalNumber, TreeGap};
pub use journal_search::{AuditFilter, JournalPage};
pub use key_usage::ScopeUsage;
pub use keys::{ApiKey, ReplaceOutcome, RevokeOutcome, TenantLimits, VersionedKey};
pub use list_entries::Total;
pub use lists::{Cursor, ListPage, Overdue};
pub use once::{BeginOutcome, OnceKey, RUN_TIMEOUT_MS, Run, StoredResponse};
pub use quotas::QuotaOutcome;
pub use rate_limits::{BlockOutcome, BlockRequest};
pub use records::{CommitOutcome, PutOutcome};
pub use schemas::{PutSchemaOutcome, SCHEMA_BYTES_MAX, SCHEMAS_MAX, Schema};
pub use search::SearchPage;
pub use sessions::Session;
pub use signing_keys::{SIGNING_KEYS_LISTED_MAX, StoredPublicKey};
pub use tenant_admin::{ClaimNameOutcome, TENANTS_OFFSET_MAX, VersionedTenant};
pub use webhook_deliveries::{WEBHOOK_DELIVERIES_OFFSET_MAX, WebhookDelivery, WebhookDeliveryState};
pub use webhooks::{CloseOutcome, CloseReason, WEBHOOKS_MAX, Webhook};
pub use workspaces::Workspace;
