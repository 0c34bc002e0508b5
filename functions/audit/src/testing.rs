//! Test app of the audit API, with keys of two tenants, and decisions as the journal's records.

use std::collections::BTreeMap;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_context::cx::Cx;
use handrail_context::settings::Settings;
use handrail_decisions::KIND;
use handrail_domain::access::Role;
use handrail_domain::approvers::ApproverPattern;
use handrail_domain::decision::Decision;
use handrail_domain::ids::{KeyId, RecordId, TenantId};
use handrail_domain::journal_row::{JournalHashes, JournalRow, StateChange};
use handrail_domain::lifecycle::Lifecycle;
use handrail_records::journal::JournalCache;
use handrail_secrets::keys::Keys;
use handrail_store::{ApiKey, JournalEntry, head_key_of, kind_of};
pub(crate) use handrail_test_app::{NOON, TestResponse, tenant};
use handrail_web::endpoint::Endpoint;
use http::Request;
use serde_json::{Value, json};

pub(crate) const AGENT: &str = "ho_test_agent";
pub(crate) const ADMIN: &str = "ho_test_admin";
pub(crate) const OTHER_TENANT: &str = "ho_test_other";

pub(crate) struct TestApp {
    pub cx: Cx,
    app: handrail_test_app::TestApp,
}

impl TestApp {
    pub(crate) async fn new() -> Self {
        let settings = Settings {
            keys: Keys::from_master_secret("the master secret of these tests"),
            origin: Some("https://handrail.example.com".to_owned()),
            ..handrail_test_app::settings()
        };
        let app = handrail_test_app::TestApp::new(settings).await;
        for (role, owner, secret) in [
            (Role::Agent, tenant(), AGENT),
            (Role::Admin, tenant(), ADMIN),
            (Role::Admin, TenantId::new(NOON, [9; 10]), OTHER_TENANT),
        ] {
            let id = KeyId::new(NOON, [secret.len() as u8 + role as u8; 10]);
            let key =
                ApiKey { role, approvers: vec![ApproverPattern::Anyone], ..ApiKey::new(id, owner, "a key", NOON) };
            app.with_key(ApiKey { requests_per_minute: 100_000, ..key }, secret).await;
        }
        Self { cx: app.cx.clone(), app }
    }

    pub(crate) fn advance_ms(&self, ms: i64) {
        self.app.advance_ms(ms);
    }

    pub(crate) async fn get(&self, endpoint: Endpoint, path: &str, key: &str) -> TestResponse {
        self.call(endpoint, path, key, Value::Null).await
    }

    async fn call(&self, endpoint: Endpoint, path: &str, key: &str, body: Value) -> TestResponse {
        let request = Request::builder().header("authorization", format!("Bearer {key}"));
        self.app.send(endpoint, path, request, if body.is_null() { String::new() } else { body.to_string() }).await
    }

    /// Creates decisions, and adds their events to the journal.
    pub(crate) async fn create_decisions(&self, count: usize) -> Vec<RecordId> {
        let mut ids = Vec::new();
        for _ in 0..count {
            let body = json!({"action": "Refund order 1234", "approver": "ann@example.com"});
            let created = self.call(handrail_decisions::create::ENDPOINT, "/decisions", AGENT, body).await;
            ids.push(created.id());
        }
        self.append_to_journal().await;
        ids
    }

    /// Stores a row with this entry and without hashes.
    pub(crate) async fn put_row(&self, number: u64, entry: String) {
        self.put_journal_entry(JournalEntry { event: entry, ..journal_entry(number) }).await;
    }

    /// Adds a row whose hash continues the chain and covers `hashed`.
    pub(crate) async fn put_chained_row(&self, number: u64, entry: &str, hashed: &str) {
        let before = self.cx.store.journal_entry(tenant(), number - 1).await.expect("the journal can be read");
        let previous = before.and_then(|before| before.hashes).expect("the row before has a hash").own;
        let added = journal_entry(number);
        let row = JournalRow {
            number,
            kind: &added.kind,
            record: &added.record.to_string(),
            seq: added.seq,
            from: None,
            to: "pending",
            entry: hashed,
        };
        let hashes = Some(JournalHashes { previous, own: row.hash_after(previous) });
        let states = Some(StateChange { from: None, to: "pending".to_owned() });
        self.put_journal_entry(JournalEntry { event: entry.to_owned(), states, hashes, ..added }).await;
    }

    async fn put_journal_entry(&self, entry: JournalEntry) {
        assert!(self.cx.store.put_journal_entry(tenant(), &entry, None).await.expect("a row can be put"));
    }

    /// Runs the follow-ups of all changes so far, as the worker of the table's stream does.
    async fn append_to_journal(&self) {
        for (old, new) in self.app.changes() {
            let new = new.filter(|new| head_key_of(new).is_some() && kind_of(new) == Some(Decision::KIND));
            let Some(new) = new else { continue };
            (KIND.follow_ups)(&self.cx, old.as_ref(), &new).await.expect("follow-ups succeed");
        }
    }

    /// Makes the next row read the newest row again, as in a new process.
    pub(crate) fn forget_journal_tails(&self) {
        let _ = self.cx.clone().with_process_state(JournalCache::default());
    }

    /// Makes a row look as if a version had written it that kept no tree.
    pub(crate) async fn remove_tree(&self, number: u64) {
        self.remove_attributes(number, "REMOVE tree_size, tree_edge").await;
    }

    /// Makes a row look as if a version had written it that did not chain rows.
    pub(crate) async fn remove_hashes(&self, number: u64) {
        self.remove_attributes(number, "REMOVE #hash, previous_hash").await;
    }

    async fn remove_attributes(&self, number: u64, expression: &str) {
        let mut update = self.app.client().update_item().table_name("handrail").update_expression(expression);
        if expression.contains("#hash") {
            update = update.expression_attribute_names("#hash", "hash");
        }
        update = update.key("pk", AttributeValue::S(format!("feed#{}#packet", tenant())));
        update = update.key("sk", AttributeValue::S(format!("{number:020}")));
        update.send().await.expect("a row can be changed");
    }
}

/// Row without a text, a state or a hash.
fn journal_entry(number: u64) -> JournalEntry {
    JournalEntry {
        number,
        kind: Decision::KIND.to_owned(),
        record: RecordId::new(NOON, [3; 10]),
        seq: number,
        at: NOON,
        latest_at: NOON,
        event: String::new(),
        states: None,
        hashes: None,
        tree: None,
        live_data: None,
        totals: BTreeMap::new(),
    }
}
