//! Rate limits of API keys, of which a process reserves requests in blocks.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use futures_util::future::join_all;
use handrail_access::{RateLimit, RateLimitClass, check_key_limit, rate_limit_status};
use handrail_domain::ids::KeyId;
use handrail_store::ApiKey;
use handrail_test_app::{NOON, TestApp, settings, tenant};

const LIMIT: u32 = 600;

fn key() -> ApiKey {
    let key = ApiKey::new(KeyId::new(NOON, [2; 10]), tenant(), "agent", NOON);
    assert_eq!(key.requests_per_minute, LIMIT);
    key
}

/// Sends requests at the same moment and returns the number of accepted ones.
async fn count_accepted(app: &TestApp, key: &ApiKey, requests: usize) -> usize {
    let all = join_all((0..requests).map(|_| check_key_limit(&app.cx, key, RateLimitClass::OtherRequests))).await;
    all.into_iter().filter(Result::is_ok).count()
}

fn remaining_requests(app: &TestApp, key: &ApiKey) -> u32 {
    rate_limit_status(&app.cx, &RateLimit::per_key(key, RateLimitClass::OtherRequests)).unwrap().remaining
}

/// A busy process reserves large blocks. If each request that finds none left reserved one, together they would
/// reserve the whole minute, and the last would be refused although most of it is unspent.
#[tokio::test]
async fn concurrent_requests_within_limit_are_accepted() {
    let (app, key) = (TestApp::new(settings()).await, key());
    let mut sent = 0;
    for requests in [1, 1, 2, 4, 8, 16, 30, 30, 1] {
        assert_eq!(count_accepted(&app, &key, requests).await, requests);
        sent += requests;
    }
    for _ in 0..3 {
        assert_eq!(count_accepted(&app, &key, 150).await, 150, "after {sent} requests");
        sent += 150;
    }
    assert_eq!(remaining_requests(&app, &key), LIMIT - u32::try_from(sent).unwrap());
}

#[tokio::test]
async fn accepted_requests_never_exceed_the_limit() {
    let (app, key) = (TestApp::new(settings()).await, key());
    let mut accepted = 0;
    for requests in [1, 50, 3, 200, 1, 1, 1, 100, 80, 300] {
        accepted += count_accepted(&app, &key, requests).await;
    }
    assert_eq!(accepted, usize::try_from(LIMIT).unwrap());
    app.advance_ms(60_000);
    assert_eq!(count_accepted(&app, &key, 100).await, 100);
}
