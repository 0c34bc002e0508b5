//! Addresses, methods and queries that nobody should send to the packets door: each answered in its words.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_testkit::World;
use http::Method;
use serde_json::json;

use crate::packets::{PACKETS, ids, made, packet};

#[tokio::test]
async fn an_address_that_is_nearly_one_leads_nowhere() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let id = made(&client, &packet("billing-01")).await;
    for client in [&client, &client.without_key()] {
        for path in [
            "/api/v1",
            "/api/v1/",
            "/api/v1/nothing",
            "/api/v1/packets/",
            "/api/v1/Packets",
            "/api/v1//packets",
            "/api/v1/packets//awaiting",
            "/api/v1/packets/awaiting/",
            &format!("{PACKETS}/{id}/"),
            &format!("{PACKETS}/{id}/claim/"),
            &format!("{PACKETS}/{id}/nothing"),
        ] {
            for method in [Method::GET, Method::POST, Method::PATCH, Method::DELETE] {
                let refused = client.send(method, path, &[], b"{}".to_vec()).await.expect_detail(404);
                assert_eq!(refused.json, json!({"detail": "Not Found"}), "{path}");
            }
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_method_that_a_packets_address_does_not_take() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    for (path, allowed) in [
        ("", vec!["GET", "HEAD", "POST"]),
        ("/x", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        ("/x/claim", vec!["POST"]),
        ("/x/respond", vec!["POST"]),
        ("/x/chain", vec!["POST"]),
        ("/x/history", vec!["GET", "HEAD"]),
        // These words are no ids.
        ("/awaiting", vec!["GET", "HEAD"]),
        ("/search", vec!["GET", "HEAD"]),
        ("/batch", vec!["POST"]),
        ("/batch/claim", vec!["POST"]),
        ("/batch/complete", vec!["POST"]),
    ] {
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "BREW"] {
            if allowed.contains(&method) {
                continue;
            }
            let path = format!("{PACKETS}{path}");
            let refused = client.send(method.parse().unwrap(), &path, &[], b"{}".to_vec()).await.expect_detail(405);
            assert_eq!(refused.json, json!({"detail": "Method Not Allowed"}), "{method} {path}");
            let mut named: Vec<&str> = refused.header("allow").split(',').map(str::trim).collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
        }
    }
    world.end().await;
}

#[tokio::test]
async fn a_query_means_something_or_is_refused_by_name() {
    let world = World::new().await;
    let client = world.admin.of_packets();
    let id = made(&client, &packet("billing-01")).await;
    let long = format!("?source_agent={}", "a".repeat(20_000));
    for (query, found) in [
        (&*long, 0),
        ("?tags[]=a&limit=1&unknown=x&unknown=y", 1),
        ("?source_agent=%00&tags=%00", 0),
        ("?source_agent=%ff&status=%fe", 0),
        ("?priority=%zz", 0),
        ("?offset=18446744073709551615", 0),
        ("?created_after=2026-01-01&created_before=2025-01-01", 0),
        ("?status=created,%20claimed&source_agent=sales-01&target_agent=billing-01&priority=normal", 1),
        ("?cursor=9999999999999_ffffffff-ffff-ffff-ffff-ffffffffffff", 1),
        ("?cursor=0_018f0000-0000-7000-8000-000000000000", 0),
        ("/search?q=%20%20", 0),
        ("/search?q=%ff%ff", 0),
        ("/search?q=upgrade%20%22to%22", 1),
    ] {
        let page = client.get(&format!("{PACKETS}{query}")).await.expect(200).json;
        assert_eq!(ids(&page).len(), found, "{query:.60}: {page}");
    }
    let many = |between: &str, count: usize| (0..count).map(|at| format!("w{at}")).collect::<Vec<_>>().join(between);
    for (query, field) in [
        ("?limit=", "limit"),
        ("?limit=1;offset=2", "limit"),
        ("?limit=1e1", "limit"),
        ("?offset=18446744073709551616", "offset"),
        ("?status=created&status=claimed", "status"),
        ("?cursor=1_x", "cursor"),
        ("/awaiting?limit=201", "limit"),
        ("/search?q=upgrade&q=business", "q"),
        ("/search?limit=5", "q"),
        (&*format!("/search?q={}", many("%20", 17)), "q"),
        (&*format!("?tags={}", many(",", 51)), "tags"),
    ] {
        let refused = client.get(&format!("{PACKETS}{query}")).await.expect_detail(400);
        assert_eq!(refused.json["field"], field, "{query:.60}: {}", refused.text);
    }
    assert_eq!(ids(&client.get(PACKETS).await.expect(200).json), [id]);
    world.end().await;
}

/// A cursor is a position and no right: it shows what the one who brings it would see from there.
#[tokio::test]
async fn a_cursor_of_another_list_or_account_leads_through_ones_own() {
    let world = World::new().await;
    let own = world.admin.of_packets();
    let stranger = world.stranger(Role::Admin).await.of_packets();
    let (mut mine, mut theirs) = (Vec::new(), Vec::new());
    for to in ["billing-01", "billing-02", "billing-01"] {
        theirs.insert(0, made(&stranger, &packet(to)).await);
        world.advance(Duration::from_secs(1)).await;
        mine.insert(0, made(&own, &packet(to)).await);
        world.advance(Duration::from_secs(1)).await;
    }
    let first = own.get(&format!("{PACKETS}?limit=1")).await.expect(200).json;
    let cursor = first["next_cursor"].as_str().unwrap();
    for (client, query, expected) in [
        (&own, "?limit=9&offset=7", &mine[1..]),
        (&own, "?target_agent=billing-02", &mine[1..2]),
        (&own, "/search?q=upgrade", &mine[1..]),
        (&stranger, "?limit=9", &theirs[..]),
    ] {
        let page = client.get(&format!("{PACKETS}{query}&cursor={cursor}")).await.expect(200).json;
        assert_eq!(ids(&page), expected, "{query}");
    }
    // Told again, and without effect; the total is that of the filter, wherever the page begins.
    let page = own.get(&format!("{PACKETS}?limit=9&offset=7&cursor={cursor}")).await.expect(200).json;
    assert_eq!((&page["total"], &page["offset"], &page["next_cursor"]), (&json!(3), &json!(7), &json!(null)));
    world.end().await;
}
