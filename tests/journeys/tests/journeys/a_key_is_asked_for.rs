//! No key, no key's form, no such key: each operation of the API says which of them it is.

use handrail_testkit::World;
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
async fn without_a_credential_in_the_right_form() {
    let world = World::new().await;
    let nobody = world.admin.without_key();
    let key = world.admin.key();
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
        nobody.send(method.clone(), path, &[], Vec::new()).await.expect_error(401, "UNAUTHORIZED");
        for form in &forms {
            let refused = nobody.send(method.clone(), path, &[("authorization", form)], b"{}".to_vec()).await;
            refused.expect_error(401, "UNAUTHORIZED");
        }
    }
    // The scheme's name has no case (RFC 9110, section 11.1).
    for form in [format!("bearer {key}"), format!("BEARER {key}")] {
        nobody.send(Method::GET, "/auth/me", &[("authorization", &form)], Vec::new()).await.expect(200);
    }
    world.end().await;
}

#[tokio::test]
async fn with_a_key_that_does_not_exist() {
    let world = World::new().await;
    let near = world.admin.key().to_owned() + "x";
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
        let stranger = world.admin.with_key(key);
        for (method, path) in OPERATIONS {
            stranger.send(method, path, &[], b"{}".to_vec()).await.expect_error(401, "INVALID_KEY");
        }
    }
    world.end().await;
}

/// A command line or a monitor finds out that the service lives without one.
#[tokio::test]
async fn health_needs_none() {
    let world = World::new().await;
    let health = world.admin.without_key().get("/healthz").await.expect(200);
    assert!(health.json.is_object(), "{}", health.text);
    world.end().await;
}
