//! Unknown paths, methods and queries at the packets door get its errors.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::ip_network::IpNetwork;
use handrail_testkit::{TestServer, TestServerOptions};
use http::Method;
use serde_json::json;

use crate::packets::{PACKETS, create_packet, ids, packet_body};

#[tokio::test]
async fn similar_paths_are_not_found() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let id = create_packet(&client, &packet_body("billing-01")).await;
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
    server.finish().await;
}

#[tokio::test]
async fn unsupported_packet_method_is_refused() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    for (path, allowed) in [
        ("", vec!["GET", "HEAD", "POST"]),
        ("/x", vec!["DELETE", "GET", "HEAD", "PATCH"]),
        ("/x/claim", vec!["POST"]),
        ("/x/respond", vec!["POST"]),
        ("/x/chain", vec!["POST"]),
        ("/x/history", vec!["GET", "HEAD"]),
        // These path segments are not ids.
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
    server.finish().await;
}

#[tokio::test]
async fn invalid_query_parameter_is_named() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let id = create_packet(&client, &packet_body("billing-01")).await;
    let long = format!("?source_agent={}", "a".repeat(20_000));
    for (query, found) in [
        (&*long, 0),
        ("?tags[]=a&limit=1&unknown=x&unknown=y", 1),
        ("?source_agent=%00&tags=%00", 0),
        ("?source_agent=%ff&status=%fe", 0),
        ("?priority=%zz", 0),
        ("?offset=10000", 0),
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
        ("?offset=10001", "offset"),
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
    server.finish().await;
}

/// A cursor is only a position and grants no rights: another tenant's cursor shows only the caller's own packets.
#[tokio::test]
async fn foreign_cursor_lists_only_own_packets() {
    let server = TestServer::new().await;
    let own = server.admin.of_packets();
    let stranger = server.other_tenant(Role::Admin).await.of_packets();
    let (mut own_ids, mut other_ids) = (Vec::new(), Vec::new());
    for to in ["billing-01", "billing-02", "billing-01"] {
        other_ids.insert(0, create_packet(&stranger, &packet_body(to)).await);
        server.advance(Duration::from_secs(1)).await;
        own_ids.insert(0, create_packet(&own, &packet_body(to)).await);
        server.advance(Duration::from_secs(1)).await;
    }
    let first = own.get(&format!("{PACKETS}?limit=1")).await.expect(200).json;
    let cursor = first["next_cursor"].as_str().unwrap();
    for (client, query, expected) in [
        (&own, "?limit=9&offset=7", &own_ids[1..]),
        (&own, "?target_agent=billing-02", &own_ids[1..2]),
        (&own, "/search?q=upgrade", &own_ids[1..]),
        (&stranger, "?limit=9", &other_ids[..]),
    ] {
        let page = client.get(&format!("{PACKETS}{query}&cursor={cursor}")).await.expect(200).json;
        assert_eq!(ids(&page), expected, "{query}");
    }
    // The total counts all matches of the filter, wherever the page begins.
    let page = own.get(&format!("{PACKETS}?limit=9&offset=7&cursor={cursor}")).await.expect(200).json;
    assert_eq!((&page["total"], &page["offset"], &page["next_cursor"]), (&json!(3), &json!(7), &json!(null)));
    server.finish().await;
}

#[tokio::test]
async fn metrics_network_reads_metrics_without_a_key() {
    for (network, status) in [("127.0.0.0/8", 200), ("10.0.0.0/8", 401)] {
        let metrics_network = IpNetwork::parse(network);
        let server = TestServer::with(TestServerOptions { metrics_network, ..TestServerOptions::default() }).await;
        create_packet(&server.admin.of_packets(), &packet_body("billing-01")).await;
        server.run_due_work().await;
        let scrape = server.admin.without_key().get("/metrics").await.expect(status);
        let is_counted = scrape.text.lines().any(|line| line == "handoffrail_active_packets 1");
        assert_eq!(is_counted, status == 200, "{}", scrape.text);
        // A wrong key is not a missing key.
        server.admin.with_key("hr_unknown").of_packets().get("/metrics").await.expect_detail(401);
        server.finish().await;
    }
}
