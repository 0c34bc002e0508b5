//! Journal export and checkpoints: an outsider verifies them, and finds what was changed in the database.

use std::path::PathBuf;

use aws_sdk_dynamodb::types::AttributeValue;
use handrail_domain::access::Role;
use handrail_runner::audit::{Verified, verify};
use handrail_secrets::signed_note::NoteKey;
use handrail_testkit::{Client, TestServer};
use serde_json::json;

/// Files of an outsider.
struct Outsider {
    folder: tempfile::TempDir,
    key: NoteKey,
}

impl Outsider {
    async fn with_key_of(client: &Client) -> Self {
        let key = client.get("/audit/key").await.expect(200).text;
        Self { folder: tempfile::tempdir().unwrap(), key: NoteKey::parse(key.trim_end()).unwrap() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    async fn fetch(&self, client: &Client, name: &str, path: &str) {
        std::fs::write(self.path(name), client.get(path).await.expect(200).text).unwrap();
    }

    /// Fetches an export in small parts, one after the other.
    async fn fetch_in_parts(&self, client: &Client, name: &str, format: &str) {
        let (mut text, mut after) = (String::new(), String::from("0"));
        for _ in 0..100 {
            let part = client.get(&format!("/audit/export?format={format}&limit=3&after={after}")).await.expect(200);
            text.push_str(&part.text);
            after = part.header("x-next-after").to_owned();
            if after.is_empty() {
                return std::fs::write(self.path(name), text).unwrap();
            }
        }
        panic!("the export has no end");
    }

    fn verify(&self, export: &str, previous: Option<&str>) -> Result<Verified, String> {
        let previous = previous.map(|name| self.path(name));
        let keys = std::slice::from_ref(&self.key);
        verify(&self.path(export), &self.path("checkpoint"), previous.as_deref(), keys)
            .map_err(|error| error.to_string())
    }
}

/// Creates and answers a decision, and creates a packet: three rows.
async fn work(server: &TestServer) {
    let id = server.admin.post("/decisions", &server.decision_body()).await.expect(201).id();
    let answer = json!({"action": "approve", "notes": "=HYPERLINK(\"https://example.com\")"});
    server.admin.post(&format!("/decisions/{id}/resolve"), &answer).await.expect(200);
    let packet = json!({
        "metadata": {"source_agent": {"id": "a", "name": "A"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Half done"},
    });
    server.admin.of_packets().post("/api/v1/packets", &packet).await.expect(201);
    server.run_due_work().await;
}

#[tokio::test]
async fn outsider_verifies_export_with_checkpoints() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about the journal");
    let outsider = Outsider::with_key_of(&server.admin).await;
    work(&server).await;
    outsider.fetch(&server.admin, "earlier", "/audit/checkpoint").await;
    for _ in 0..3 {
        work(&server).await;
    }
    outsider.fetch(&server.admin, "checkpoint", "/audit/checkpoint").await;
    for format in ["jsonl", "csv"] {
        outsider.fetch(&server.admin, "export", &format!("/audit/export?format={format}")).await;
        let verified = outsider.verify("export", Some("earlier")).unwrap();
        assert_eq!((verified.rows, verified.covered_up_to, verified.unchanged_up_to), (Some((1, 12)), 12, Some(3)));
        outsider.fetch_in_parts(&server.admin, "parts", format).await;
        assert_eq!(outsider.verify("parts", Some("earlier")), Ok(verified));
        outsider.fetch(&server.admin, "part", &format!("/audit/export?format={format}&after=5")).await;
        assert_eq!(outsider.verify("part", None).unwrap().rows, Some((6, 12)));
    }
    server.finish().await;
}

#[tokio::test]
async fn rewritten_database_is_found() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about the journal");
    let outsider = Outsider::with_key_of(&server.admin).await;
    work(&server).await;
    work(&server).await;
    outsider.fetch(&server.admin, "checkpoint", "/audit/checkpoint").await;
    let journal = outsider.key.name().rsplit_once('/').unwrap().1;
    let update = server.engine.client().update_item().table_name("handrail");
    let update = update.key("pk", AttributeValue::S(format!("feed#{journal}#packet")));
    let update = update.key("sk", AttributeValue::S(format!("{:020}", 5))).update_expression("SET to_state = :state");
    update.expression_attribute_values(":state", AttributeValue::S("denied".to_owned())).send().await.unwrap();
    outsider.fetch(&server.admin, "export", "/audit/export").await;
    assert_eq!(outsider.verify("export", None).unwrap_err(), "Row 5 was changed: its hash does not cover its content.");
    server.finish().await;
}

#[tokio::test]
async fn forged_or_foreign_checkpoint_is_refused() {
    let mut server = TestServer::new().await;
    server.ignore_messages("the test is about the journal");
    let outsider = Outsider::with_key_of(&server.admin).await;
    work(&server).await;
    outsider.fetch(&server.admin, "export", "/audit/export").await;
    let checkpoint = server.admin.get("/audit/checkpoint").await.expect(200).text;
    let forged = checkpoint.replacen("\n3\n", "\n2\n", 1);
    assert_ne!(forged, checkpoint);
    std::fs::write(outsider.path("checkpoint"), forged).unwrap();
    assert!(outsider.verify("export", None).unwrap_err().contains("not signed"));
    let other_tenant = server.other_tenant(Role::Admin).await;
    outsider.fetch(&other_tenant, "checkpoint", "/audit/checkpoint").await;
    assert!(outsider.verify("export", None).unwrap_err().contains("another journal's"));
    let outsider = Outsider { key: Outsider::with_key_of(&other_tenant).await.key, ..outsider };
    let refused = outsider.verify("export", None).unwrap_err();
    assert!(!refused.is_empty(), "the other tenant's journal is empty: {refused}");
    server.finish().await;
}
