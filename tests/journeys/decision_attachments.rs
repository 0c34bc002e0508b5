//! Attachments of a decision: checked by name and content, listed with the decision, and downloadable without a key
//! until their links expire.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::TestServer;
use serde_json::json;

const PDF: &[u8] = b"%PDF-1.7 an invoice";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn attachments_are_listed_and_open_without_key() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    assert_eq!(agent.get(&path).await.expect(200).json, json!({"attachments": []}));

    let files: [(&str, &[u8]); 2] = [("Rechnung für Zoë 発.pdf", PDF), ("C:\\tmp\\..\\list.CSV", b"a,b\n")];
    let added = agent.upload(&path, &[], &files).await.expect(201);
    let listed = added.json["attachments"].as_array().unwrap().clone();
    let summaries: Vec<_> = listed.iter().map(|file| (&file["name"], &file["type"], &file["size"])).collect();
    assert_eq!(
        summaries,
        [
            (&json!("Rechnung für Zoë 発.pdf"), &json!("application/pdf"), &json!(PDF.len())),
            (&json!("list.CSV"), &json!("text/csv"), &json!(4)),
        ]
    );
    assert_eq!(agent.get(&path).await.expect(200).json, added.json);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200);
    assert_eq!((&seen.json["attachments"], &seen.json["status"]), (&added.json["attachments"], &json!("pending")));

    // The link works without a key, and only as a download.
    let url = listed[0]["url"].as_str().unwrap();
    assert!(url.starts_with(&server.running.origin), "{url}");
    let file = agent.without_key().get(url).await.expect(200);
    assert_eq!(file.text.as_bytes(), PDF);
    for (name, value) in [
        ("content-type", "application/pdf"),
        ("x-content-type-options", "nosniff"),
        ("content-security-policy", "default-src 'none'; sandbox"),
        ("cache-control", "private, max-age=60"),
        (
            "content-disposition",
            "attachment; filename=\"Rechnung f_r Zo_ _.pdf\"; \
             filename*=UTF-8''Rechnung%20f%C3%BCr%20Zo%C3%AB%20%E7%99%BA.pdf",
        ),
    ] {
        assert_eq!(file.header(name), value, "{name}");
    }
    server.finish().await;
}

#[tokio::test]
async fn file_link_is_stable_and_expires_after_day() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let asked = json!({"action": "a", "approver": "ann@example.com", "timeout_minutes": 10_000, "reminders": false});
    let id = agent.post("/decisions", &asked).await.expect(201).id();
    server.expect_mail("ann@example.com").await;
    let path = format!("/decisions/{id}/attachments");
    agent.upload(&path, &[], &[("a.txt", b"a")]).await.expect(201);
    let address = async || {
        let seen = agent.get(&path).await.expect(200);
        seen.json["attachments"][0]["url"].as_str().unwrap().to_owned()
    };
    let first = address().await;
    server.advance(Duration::from_secs(60)).await;
    assert_eq!(address().await, first, "a reader sees no change where there is none");
    server.advance(DAY).await;
    agent.without_key().get(&first).await.expect(200);
    assert_ne!(address().await, first);
    server.advance(DAY).await;
    agent.without_key().get(&first).await.expect(404);
    agent.without_key().get(&address().await).await.expect(200);

    // A changed link is not found and reveals nothing.
    let good = address().await;
    let (start, token) = good.rsplit_once('/').unwrap();
    for forged in [token.replace('A', "B"), token[1..].to_owned(), "x".repeat(5_000), "none".to_owned()] {
        let answer = agent.without_key().get(&format!("{start}/{forged}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"));
    }
    server.finish().await;
}

#[tokio::test]
async fn invalid_file_is_refused_and_not_retained() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    let refused: [(&str, &[u8]); 9] = [
        ("run.exe", b"anything"),
        ("report.pdf.js", b"anything"),
        ("nothing", b"anything"),
        ("", b"anything"),
        ("report.pdf", b"MZ\x90\x00"),
        ("notes.txt", b"#!/bin/sh"),
        ("tool.json", b"\x7fELF\x02"),
        ("photo.png", b"\xff\xd8\xff\xe0 a JPEG"),
        ("table.csv", PDF),
    ];
    for file in refused {
        let answer = agent.upload(&path, &[], &[("good.txt", b"good"), file]).await;
        let answer = answer.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(answer.json["field"], "file", "{}: {}", file.0, answer.text);
    }
    let large = vec![b'x'; 10 * 1024 * 1024 + 1];
    let answer = agent.upload(&path, &[], &[("good.txt", b"good"), ("large.txt", &large)]).await;
    assert_eq!(answer.expect_error(413, "VALIDATION_ERROR").json["field"], "file");
    let whole = vec![b'x'; 52 * 1024 * 1024];
    agent.upload(&path, &[], &[("larger.txt", &whole)]).await.expect_error(413, "VALIDATION_ERROR");

    let six: Vec<(String, &[u8])> = (0..6).map(|n| (format!("{n}.txt"), &b"x"[..])).collect();
    let six: Vec<(&str, &[u8])> = six.iter().map(|(name, bytes)| (name.as_str(), *bytes)).collect();
    agent.upload(&path, &[], &six).await.expect_error(400, "VALIDATION_ERROR");
    agent.upload(&path, &[], &six[..3]).await.expect(201);
    agent.upload(&path, &[], &six[3..]).await.expect_error(400, "VALIDATION_ERROR");
    agent.upload(&path, &[], &[]).await.expect_error(400, "VALIDATION_ERROR");
    agent.post(&path, &json!({})).await.expect_error(400, "VALIDATION_ERROR");
    assert_eq!(agent.get(&path).await.expect(200).json["attachments"].as_array().unwrap().len(), 3);
    // Three files were stored, and nothing of the refused ones.
    server.run_due_work().await;
    assert_eq!((stored_file_count(&server, "kept"), stored_file_count(&server, "lent")), (3, 0));
    server.finish().await;
}

fn stored_file_count(server: &TestServer, folder: &str) -> usize {
    std::fs::read_dir(server.files.path().join(folder)).unwrap().count()
}

#[tokio::test]
async fn late_and_foreign_files_are_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (answered, _) = server.create_decision(&agent).await;
    let (forgotten, _) = server.create_decision(&agent).await;
    let path = |id: &str| format!("/decisions/{id}/attachments");
    let file: [(&str, &[u8]); 1] = [("a.txt", b"a")];

    let stranger = server.other_tenant(Role::Admin).await;
    stranger.upload(&path(&answered), &[], &file).await.expect_error(404, "NOT_FOUND");
    stranger.get(&path(&answered)).await.expect_error(404, "NOT_FOUND");
    agent.upload(&path("no-id"), &[], &file).await.expect_error(404, "NOT_FOUND");
    agent.without_key().upload(&path(&answered), &[], &file).await.expect_error(401, "UNAUTHORIZED");

    agent.upload(&path(&answered), &[("idempotency-key", "once")], &file).await.expect(201);
    let body = json!({"action": "approve"});
    let resolved = server.admin.post(&format!("/decisions/{answered}/resolve"), &body).await.expect(200);
    assert_eq!(resolved.json["attachments"][0]["name"], "a.txt");
    server.expect_webhook("decision.resolved").await;
    agent.upload(&path(&answered), &[], &file).await.expect_error(409, "ALREADY_RESOLVED");
    // A repeat of an earlier upload still succeeds.
    let again = agent.upload(&path(&answered), &[("idempotency-key", "once")], &file).await.expect(201);
    assert_eq!(again.json["attachments"].as_array().unwrap().len(), 1);
    let other: [(&str, &[u8]); 1] = [("a.txt", b"b")];
    let other = agent.upload(&path(&answered), &[("idempotency-key", "once")], &other).await;
    other.expect_error(409, "IDEMPOTENCY_KEY_REUSED");

    server.advance_clock_only(Duration::from_secs(60 * 60));
    agent.upload(&path(&forgotten), &[], &file).await.expect_error(410, "EXPIRED");
    server.expect_webhook("decision.expired").await;
    // The files stay after the decision has ended.
    let seen = agent.get(&path(&answered)).await.expect(200);
    agent.without_key().get(seen.json["attachments"][0]["url"].as_str().unwrap()).await.expect(200);
}
