//! The list: newest first, by status if wanted, page by page without a gap and without a double.

use std::time::Duration;

use handrail_testkit::{Client, World};
use serde_json::{Value, json};

/// Asks without a mail, so that nothing has to be read.
async fn ask(world: &World, agent: &Client, number: usize) -> String {
    let ask = json!({"action": format!("Ask {number}"), "approver": "ann@example.com", "channel": "webhook",
        "callback_url": world.receiver.url, "timeout_minutes": 60 + number});
    agent.post("/decisions", &ask).await.expect(201).id()
}

fn ids(page: &Value) -> Vec<String> {
    page["decisions"].as_array().unwrap().iter().map(|decision| decision["id"].as_str().unwrap().to_owned()).collect()
}

async fn pages(agent: &Client, query: &str) -> Vec<Vec<String>> {
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
async fn pages_hold_each_decision_once() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    assert_eq!(agent.get("/decisions").await.expect(200).json, json!({"decisions": [], "next_cursor": null}));
    let mut made = Vec::new();
    for number in 0..30 {
        made.push(ask(&world, &agent, number).await);
        // Some in the same millisecond.
        if number % 3 != 0 {
            world.advance_without_working(Duration::from_millis(1));
        }
    }
    world.settle().await;
    world.receiver.take();
    let whole: Vec<String> = pages(&agent, "limit=50").await.concat();
    let mut sorted = (whole.clone(), made.clone());
    sorted.0.sort();
    sorted.1.sort();
    assert_eq!(sorted.0, sorted.1);
    for limit in [1, 7, 15, 29, 30] {
        let pages = pages(&agent, &format!("limit={limit}")).await;
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

    // What is new comes before the first page and moves nothing on the later ones.
    let first = agent.get("/decisions?limit=10").await.expect(200).json;
    ask(&world, &agent, 30).await;
    let second = agent
        .get(&format!("/decisions?limit=10&cursor={}", first["next_cursor"].as_str().unwrap()))
        .await
        .expect(200)
        .json;
    assert_eq!(ids(&second), whole[10..20]);
    world.settle().await;
    world.receiver.take();
    world.end().await;
}

#[tokio::test]
async fn a_status_lists_those_that_stand_so() {
    let world = World::new().await;
    let (agent, app) =
        (world.key_with(json!({"name": "a", "backup_approver": "bob@example.com"})).await, world.key("app").await);
    let mut made = Vec::new();
    for number in 0..8 {
        made.push(ask(&world, &agent, number).await);
        world.advance(Duration::from_millis(1)).await;
    }
    for (number, action) in [(0, "approve"), (1, "deny"), (2, "modify"), (3, "approve")] {
        app.post(&format!("/decisions/{}/resolve", made[number]), &json!({"action": action})).await.expect(200);
    }
    // Number 4's window is over after 64 minutes, number 5's after 65.
    world.advance(Duration::from_secs(64 * 60 + 30)).await;
    for (status, expected) in [
        ("approved", vec![3, 0]),
        ("denied", vec![1]),
        ("modified", vec![2]),
        ("escalated", vec![4]),
        ("pending", vec![7, 6, 5]),
        ("expired", vec![]),
    ] {
        let listed = pages(&agent, &format!("limit=2&status={status}")).await.concat();
        assert_eq!(listed, expected.iter().map(|number: &usize| made[*number].clone()).collect::<Vec<_>>(), "{status}");
    }
    world.advance(Duration::from_hours(3)).await;
    let listed = pages(&agent, "limit=2&status=expired").await.concat();
    assert_eq!(listed, [7, 6, 5, 4].map(|number| made[number].clone()));
    world.receiver.take();
    world.end().await;
}

#[tokio::test]
async fn overdue_ones_are_not_listed_as_pending() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    ask(&world, &agent, 0).await;
    world.settle().await;
    world.advance_without_working(Duration::from_hours(2));
    assert_eq!(agent.get("/decisions?status=pending").await.expect(200).json["decisions"], json!([]));
    assert_eq!(agent.get("/decisions").await.expect(200).json["decisions"][0]["status"], "expired");
    world.settle().await;
    assert_eq!(world.receiver.take().len(), 2);
    world.end().await;
}

#[tokio::test]
async fn what_a_list_can_not_mean_is_refused() {
    let world = World::new().await;
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
                world.admin.get(&format!("/decisions?{field}={value}")).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], field, "{value}");
        }
        world.admin.get(&format!("/decisions?{field}=1&{field}=2")).await.expect_error(400, "VALIDATION_ERROR");
    }
    world.admin.get("/decisions?colour=red").await.expect(200);
    world.end().await;
}
