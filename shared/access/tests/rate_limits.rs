//! Rate limits of API keys, of which a process reserves requests in blocks.

#![expect(clippy::unwrap_used, reason = "a test that can't go on has failed")]

use futures_util::future::join_all;
use handrail_access::{
    AccessError, RateLimit, RateLimitClass, check_key_limit, check_miss, check_read, rate_limit_status,
};
use handrail_domain::ids::{KeyId, RecordId};
use handrail_domain::key_rate_limit::KeyRateLimit;
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

#[tokio::test]
async fn window_of_a_key_begins_and_ends_with_its_own_length() {
    let app = TestApp::new(settings()).await;
    let rate_limit = Some(KeyRateLimit { requests: 20, window_seconds: 10 });
    let key = ApiKey { rate_limit, ..key() };
    assert_eq!(count_accepted(&app, &key, 30).await, 20);
    app.advance_ms(9_999);
    assert_eq!(count_accepted(&app, &key, 1).await, 0);
    app.advance_ms(1);
    assert_eq!(count_accepted(&app, &key, 30).await, 20);
}

fn record(number: u8) -> RecordId {
    RecordId::new(NOON, [number; 10])
}

#[tokio::test]
async fn unknown_ids_are_limited_per_key_and_minute() {
    let (app, key) = (TestApp::new(settings()).await, key());
    let known = record(200);
    check_read(&app.cx, &key, known).await.unwrap();
    for number in 0..60 {
        check_read(&app.cx, &key, record(number)).await.unwrap();
        check_miss(&app.cx, &key, record(number)).await.unwrap();
    }
    for number in [0, 60] {
        let refused = check_read(&app.cx, &key, record(number)).await;
        assert!(matches!(refused, Err(AccessError::RateLimited { retry_after_s: 1..=60 })), "{refused:?}");
    }
    // The record that this key has read before is read on, and other keys are not concerned.
    check_read(&app.cx, &key, known).await.unwrap();
    let other = ApiKey { id: KeyId::new(NOON, [3; 10]), ..key.clone() };
    check_read(&app.cx, &other, record(0)).await.unwrap();
    app.advance_ms(60_000);
    check_read(&app.cx, &key, record(60)).await.unwrap();
}

#[tokio::test]
async fn one_record_is_read_as_often_as_the_limit_allows() {
    let app = TestApp::new(settings()).await;
    let key = ApiKey { requests_per_minute: 5, ..key() };
    for _ in 0..5 {
        check_read(&app.cx, &key, record(1)).await.unwrap();
    }
    assert!(check_read(&app.cx, &key, record(1)).await.is_err());
    check_read(&app.cx, &key, record(2)).await.unwrap();
}
