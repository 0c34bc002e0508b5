//! An agent puts files beside what it asks. They are checked by name and bytes, listed with the decision, and open without a
//! key, as downloads, for a while.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::World;
use serde_json::json;

const PDF: &[u8] = b"%PDF-1.7 an invoice";
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::test]
async fn files_are_listed_and_open_without_a_key() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    assert_eq!(agent.get(&path).await.expect(200).json, json!({"attachments": []}));

    let files: [(&str, &[u8]); 2] = [("Rechnung für Zoë 発.pdf", PDF), ("C:\\tmp\\..\\list.CSV", b"a,b\n")];
    let added = agent.upload(&path, &[], &files).await.expect(201);
    let listed = added.json["attachments"].as_array().unwrap().clone();
    let told: Vec<_> = listed.iter().map(|file| (&file["name"], &file["type"], &file["size"])).collect();
    assert_eq!(
        told,
        [
            (&json!("Rechnung für Zoë 発.pdf"), &json!("application/pdf"), &json!(PDF.len())),
            (&json!("list.CSV"), &json!("text/csv"), &json!(4)),
        ]
    );
    assert_eq!(agent.get(&path).await.expect(200).json, added.json);
    let seen = agent.get(&format!("/decisions/{id}")).await.expect(200);
    assert_eq!((&seen.json["attachments"], &seen.json["status"]), (&added.json["attachments"], &json!("pending")));

    // For whoever holds the address, as a download and nothing else.
    let url = listed[0]["url"].as_str().unwrap();
    assert!(url.starts_with(&world.running.origin), "{url}");
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
    world.end().await;
}

#[tokio::test]
async fn an_address_of_a_file_is_stable_for_a_day_and_then_dies() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    let asked = json!({"action": "a", "approver": "ann@example.com", "timeout_minutes": 10_000, "reminders": false});
    let id = agent.post("/decisions", &asked).await.expect(201).id();
    let path = format!("/decisions/{id}/attachments");
    agent.upload(&path, &[], &[("a.txt", b"a")]).await.expect(201);
    let address = async || {
        let seen = agent.get(&path).await.expect(200);
        seen.json["attachments"][0]["url"].as_str().unwrap().to_owned()
    };
    let first = address().await;
    world.advance(Duration::from_secs(60)).await;
    assert_eq!(address().await, first, "a reader sees no change where there is none");
    world.advance(DAY).await;
    agent.without_key().get(&first).await.expect(200);
    assert_ne!(address().await, first);
    world.advance(DAY).await;
    agent.without_key().get(&first).await.expect(404);
    agent.without_key().get(&address().await).await.expect(200);

    // One that was changed opens nothing, and tells nothing.
    let good = address().await;
    let (start, token) = good.rsplit_once('/').unwrap();
    for forged in [token.replace('A', "B"), token[1..].to_owned(), "x".repeat(5_000), "none".to_owned()] {
        let answer = agent.without_key().get(&format!("{start}/{forged}")).await;
        assert_eq!((answer.status, answer.header("content-type")), (404, "text/html; charset=utf-8"));
    }
}

#[tokio::test]
async fn what_is_no_file_that_is_taken_is_refused_in_words_and_nothing_is_kept() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
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
    // Three were taken, and of all the others nothing lies anywhere.
    world.settle().await;
    assert_eq!((lying(&world, "kept"), lying(&world, "lent")), (3, 0));
    world.end().await;
}

fn lying(world: &World, folder: &str) -> usize {
    std::fs::read_dir(world.files.path().join(folder)).unwrap().count()
}

#[tokio::test]
async fn files_come_too_late_and_from_the_wrong_account_as_answers_do() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (answered, _) = world.asked_by(&agent).await;
    let (forgotten, _) = world.asked_by(&agent).await;
    let path = |id: &str| format!("/decisions/{id}/attachments");
    let file: [(&str, &[u8]); 1] = [("a.txt", b"a")];

    let stranger = world.stranger(Role::Admin).await;
    stranger.upload(&path(&answered), &[], &file).await.expect_error(404, "NOT_FOUND");
    stranger.get(&path(&answered)).await.expect_error(404, "NOT_FOUND");
    agent.upload(&path("no-id"), &[], &file).await.expect_error(404, "NOT_FOUND");
    agent.without_key().upload(&path(&answered), &[], &file).await.expect_error(401, "UNAUTHORIZED");

    agent.upload(&path(&answered), &[("idempotency-key", "once")], &file).await.expect(201);
    let body = json!({"action": "approve"});
    let resolved = world.admin.post(&format!("/decisions/{answered}/resolve"), &body).await.expect(200);
    assert_eq!(resolved.json["attachments"][0]["name"], "a.txt");
    world.expect_webhook("decision.resolved").await;
    agent.upload(&path(&answered), &[], &file).await.expect_error(409, "ALREADY_RESOLVED");
    // A repeat of what was done before is no new try.
    let again = agent.upload(&path(&answered), &[("idempotency-key", "once")], &file).await.expect(201);
    assert_eq!(again.json["attachments"].as_array().unwrap().len(), 1);
    let other: [(&str, &[u8]); 1] = [("a.txt", b"b")];
    let other = agent.upload(&path(&answered), &[("idempotency-key", "once")], &other).await;
    other.expect_error(409, "IDEMPOTENCY_KEY_REUSED");

    world.advance_without_working(Duration::from_secs(60 * 60));
    agent.upload(&path(&forgotten), &[], &file).await.expect_error(410, "EXPIRED");
    world.expect_webhook("decision.expired").await;
    // Whatever became of it, its files stay.
    let seen = agent.get(&path(&answered)).await.expect(200);
    agent.without_key().get(seen.json["attachments"][0]["url"].as_str().unwrap()).await.expect(200);
}
