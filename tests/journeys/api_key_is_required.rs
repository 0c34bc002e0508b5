//! Requests with a missing, malformed or unknown API key get different errors.

use handrail_testkit::TestServer;
use http::Method;

const OPERATIONS: [(Method, &str); 8] = [
    (Method::POST, "/decisions"),
    (Method::GET, "/decisions"),
    (Method::GET, "/decisions/01990000-0000-7000-8000-000000000000"),
    (Method::POST, "/decisions/01990000-0000-7000-8000-000000000000/resolve"),
    (Method::GET, "/decisions/01990000-0000-7000-8000-000000000000/deliveries"),
    (Method::GET, "/auth/me"),
    (Method::POST, "/auth/api-keys"),
    (Method::DELETE, "/auth/api-keys/nothing"),
];

#[tokio::test]
async fn missing_or_malformed_key_is_unauthorized() {
    let server = TestServer::new().await;
    let anonymous = server.admin.without_key();
    let key = server.admin.key();
    let forms = [
        String::new(),
        "Bearer".to_owned(),
        "Bearer ".to_owned(),
        "Bearer   ".to_owned(),
        key.to_owned(),
        format!("Basic {key}"),
        format!("Token {key}"),
        format!("Bearer:{key}"),
        format!("Bearer\u{e4} {key}"),
    ];
    for (method, path) in OPERATIONS {
        anonymous.send(method.clone(), path, &[], Vec::new()).await.expect_error(401, "UNAUTHORIZED");
        for form in &forms {
            let refused = anonymous.send(method.clone(), path, &[("authorization", form)], b"{}".to_vec()).await;
            refused.expect_error(401, "UNAUTHORIZED");
        }
    }
    // The scheme's name has no case (RFC 9110, section 11.1).
    for form in [format!("bearer {key}"), format!("BEARER {key}")] {
        anonymous.send(Method::GET, "/auth/me", &[("authorization", &form)], Vec::new()).await.expect(200);
    }
    server.finish().await;
}

#[tokio::test]
async fn unknown_key_is_invalid() {
    let server = TestServer::new().await;
    let near = server.admin.key().to_owned() + "x";
    for key in [
        "x",
        "ho_live_",
        &near,
        &near[..near.len() - 2],
        &"k".repeat(201),
        &"k".repeat(5_000),
        "' OR 1=1 --",
        "key#head",
    ] {
        let stranger = server.admin.with_key(key);
        for (method, path) in OPERATIONS {
            stranger.send(method, path, &[], b"{}".to_vec()).await.expect_error(401, "INVALID_KEY");
        }
    }
    server.finish().await;
}

/// Health checks need no API key.
#[tokio::test]
async fn health_check_needs_no_key() {
    let server = TestServer::new().await;
    let health = server.admin.without_key().get("/healthz").await.expect(200);
    assert!(health.json.is_object(), "{}", health.text);
    server.finish().await;
}
