//! Decision list: newest first, filtered by status, in pages without gaps or duplicates.

use std::time::Duration;

use handrail_testkit::{Client, TestServer};
use serde_json::{Value, json};

/// Creates a decision on channel `webhook`, which sends no mail.
async fn create_decision(server: &TestServer, agent: &Client, number: usize) -> String {
    let body = json!({"action": format!("Ask {number}"), "approver": "ann@example.com", "channel": "webhook",
        "callback_url": server.receiver.url, "timeout_minutes": 60 + number});
    agent.post("/decisions", &body).await.expect(201).id()
}

fn ids(page: &Value) -> Vec<String> {
    page["decisions"].as_array().unwrap().iter().map(|decision| decision["id"].as_str().unwrap().to_owned()).collect()
}

async fn list_pages(agent: &Client, query: &str) -> Vec<Vec<String>> {
    let (mut pages, mut cursor) = (Vec::new(), String::new());
    for _ in 0..40 {
        let page = agent.get(&format!("/decisions?{query}{cursor}")).await.expect(200).json;
        pages.push(ids(&page));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => return pages,
        }
    }
    panic!("the list has no end");
}

#[tokio::test]
async fn pages_contain_each_decision_once() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    assert_eq!(agent.get("/decisions").await.expect(200).json, json!({"decisions": [], "next_cursor": null}));
    let mut created = Vec::new();
    for number in 0..30 {
        created.push(create_decision(&server, &agent, number).await);
        // Some are created in the same millisecond.
        if number % 3 != 0 {
            server.advance_clock_only(Duration::from_millis(1));
        }
    }
    server.run_due_work().await;
    server.receiver.take();
    let whole: Vec<String> = list_pages(&agent, "limit=50").await.concat();
    let mut sorted = (whole.clone(), created.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    for limit in [1, 7, 15, 29, 30] {
        let pages = list_pages(&agent, &format!("limit={limit}")).await;
        assert!(pages.iter().take(pages.len() - 1).all(|page| page.len() == limit), "limit {limit}");
        assert_eq!(pages.concat(), whole, "limit {limit}");
    }
    assert_eq!(ids(&agent.get("/decisions").await.expect(200).json), whole[..20]);
    let times: Vec<String> = agent.get("/decisions?limit=50").await.expect(200).json["decisions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|decision| decision["created_at"].as_str().unwrap().to_owned())
        .collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older));

    // New decisions come before the first page and do not shift later pages.
    let first = agent.get("/decisions?limit=10").await.expect(200).json;
    create_decision(&server, &agent, 30).await;
    let second = agent
        .get(&format!("/decisions?limit=10&cursor={}", first["next_cursor"].as_str().unwrap()))
        .await
        .expect(200)
        .json;
    assert_eq!(ids(&second), whole[10..20]);
    server.run_due_work().await;
    server.receiver.take();
    server.finish().await;
}

#[tokio::test]
async fn status_filter_lists_matching_decisions() {
    let server = TestServer::new().await;
    let (agent, app) =
        (server.key_with(json!({"name": "a", "backup_approver": "bob@example.com"})).await, server.key("app").await);
    let mut created = Vec::new();
    for number in 0..8 {
        created.push(create_decision(&server, &agent, number).await);
        server.advance(Duration::from_millis(1)).await;
    }
    for (number, action) in [(0, "approve"), (1, "deny"), (2, "modify"), (3, "approve")] {
        app.post(&format!("/decisions/{}/resolve", created[number]), &json!({"action": action})).await.expect(200);
    }
    // Number 4's window is over after 64 minutes, number 5's after 65.
    server.advance(Duration::from_secs(64 * 60 + 30)).await;
    for (status, expected) in [
        ("approved", vec![3, 0]),
        ("denied", vec![1]),
        ("modified", vec![2]),
        ("escalated", vec![4]),
        ("pending", vec![7, 6, 5]),
        ("expired", vec![]),
    ] {
        let listed = list_pages(&agent, &format!("limit=2&status={status}")).await.concat();
        assert_eq!(
            listed,
            expected.iter().map(|number: &usize| created[*number].clone()).collect::<Vec<_>>(),
            "{status}"
        );
    }
    server.advance(Duration::from_hours(3)).await;
    let listed = list_pages(&agent, "limit=2&status=expired").await.concat();
    assert_eq!(listed, [7, 6, 5, 4].map(|number| created[number].clone()));
    server.receiver.take();
    server.finish().await;
}

#[tokio::test]
async fn overdue_decisions_are_not_listed_as_pending() {
    let server = TestServer::new().await;
    let agent = server.key("agent").await;
    create_decision(&server, &agent, 0).await;
    server.run_due_work().await;
    server.advance_clock_only(Duration::from_hours(2));
    assert_eq!(agent.get("/decisions?status=pending").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"][0]["status"], "expired");
    server.run_due_work().await;
    assert_eq!(server.receiver.take().len(), 2);
    server.finish().await;
}

#[tokio::test]
async fn invalid_list_query_is_refused() {
    let server = TestServer::new().await;
    for (field, values) in [
        ("limit", vec!["", "0", "-1", "51", "abc", "1.5", "1e1", "99999999999999999999", "%00", "%ff"]),
        (
            "cursor",
            vec![
                "",
                "x",
                "0",
                "_",
                "1_2",
                "-1_01990000-0000-7000-8000-000000000000",
                "99999999999999_01990000-0000-7000-8000-000000000000",
                "1790000000000_",
                "%00",
            ],
        ),
        ("status", vec!["", "done", "PENDING", "pending,approved", "scheduled%00", "1"]),
    ] {
        for value in values {
            let refused =
                server.admin.get(&format!("/decisions?{field}={value}")).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], field, "{value}");
        }
        server.admin.get(&format!("/decisions?{field}=1&{field}=2")).await.expect_error(400, "VALIDATION_ERROR");
    }
    server.admin.get("/decisions?colour=red").await.expect(200);
    server.finish().await;
}
