//! Responses have rate limit headers, and a 429 has `Retry-After`.

use std::time::Duration;

use handrail_domain::access::Role;
use handrail_domain::account::Tier;
use handrail_testkit::{TestResponse, TestServer};
use serde_json::json;

use crate::packets::{PACKETS, packet_body};

/// Returns limit, remaining requests, seconds until the reset, and tier.
fn limit_headers(answer: &TestResponse) -> (u32, u32, u32, &str) {
    let number = |name: &str| answer.header(name).parse().unwrap_or_else(|_| panic!("{name}: {:?}", answer.headers));
    let of = |name: &str| number(&format!("x-ratelimit-{name}"));
    (of("limit"), of("remaining"), of("reset"), answer.header("x-ratelimit-tier"))
}

#[tokio::test]
async fn every_response_has_rate_limit_headers() {
    let server = TestServer::new().await;
    let free = server.client_of_tenant("holder@example.com", Tier::Free, Role::Admin).await.of_packets();
    let large = json!({"text": "x".repeat(2 * 1024 * 1024)});
    let answers = [
        (200, free.get(PACKETS).await),
        (400, free.get(&format!("{PACKETS}?limit=0")).await),
        (404, free.get(&format!("{PACKETS}/018f0000-0000-7000-8000-000000000000")).await),
        (400, free.post(PACKETS, &json!({})).await),
        (403, free.post("/api/v1/tenants", &json!({"name": "x"})).await),
        (413, free.post(PACKETS, &large).await),
        (201, free.post(PACKETS, &packet_body("b-1")).await),
    ];
    let mut left = 100;
    for (status, answer) in &answers {
        left -= 1;
        assert_eq!(answer.status, *status, "{}", answer.text);
        let (limit, remaining, reset, tier) = limit_headers(answer);
        assert_eq!((limit, remaining, tier), (100, left, "free"), "{status}");
        assert!((1..=3600).contains(&reset), "{reset}");
    }
    assert_eq!(answers[5].1.json["tier"], "free");
    for unauthorized in [free.without_key().get(PACKETS).await, free.with_key("hr_unknown").get(PACKETS).await] {
        assert_eq!((unauthorized.status, unauthorized.header("x-ratelimit-limit")), (401, ""));
    }
    server.finish().await;
}

#[tokio::test]
async fn tier_limits_requests_per_hour() {
    let server = TestServer::new().await;
    let free = server.client_of_tenant("holder@example.com", Tier::Free, Role::Admin).await.of_packets();
    server.advance(Duration::from_millis(3_600_000 - server.now().as_unix_ms().unsigned_abs() % 3_600_000)).await;
    for minute in 0..4 {
        // 30 a minute, and 100 in the hour.
        for _ in 0..if minute < 3 { 30 } else { 10 } {
            free.get(PACKETS).await.expect(200);
        }
        server.advance(Duration::from_mins(1)).await;
    }
    let refused = free.get(PACKETS).await.expect(429);
    assert_eq!(refused.json, json!({"detail": "Rate limit exceeded", "field": "rate_limit"}));
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert_eq!(limit_headers(&refused), (100, 0, wait, "free"));
    server.advance(Duration::from_secs(u64::from(wait))).await;
    assert_eq!(limit_headers(&free.get(PACKETS).await.expect(200)).1, 99);
    server.finish().await;
}

#[tokio::test]
async fn minute_limit_is_reported_before_hour_limit() {
    let server = TestServer::new().await;
    let slow = server.key_with(json!({"name": "slow", "role": "writer", "requests_per_minute": 2})).await.of_packets();
    assert_eq!(limit_headers(&slow.get(PACKETS).await.expect(200)).1, 1);
    assert_eq!(limit_headers(&slow.get(PACKETS).await.expect(200)).1, 0);
    let refused = slow.get(PACKETS).await.expect(429);
    let wait: u32 = refused.header("retry-after").parse().unwrap();
    assert_eq!(limit_headers(&refused), (2, 0, wait, "enterprise"));
    server.finish().await;
}
