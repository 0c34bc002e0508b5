//! Addresses and methods that nothing takes: JSON for a program, with the methods that would work.

use handrail_testkit::World;
use http::Method;

#[tokio::test]
async fn an_unknown_address() {
    let world = World::new().await;
    for client in [&world.admin, &world.admin.without_key()] {
        for path in [
            "/nothing",
            "/decisions/",
            "/decision",
            "//decisions",
            "/Decisions",
            "/decisions/a/b",
            "/decisions/a/resolve/",
            "/d",
            "/d/",
            "/d/a/b",
            "/auth",
            "/auth/api-keys/a/b",
            "/v1/decisions",
            "/.env",
            "/wp-login.php",
            "/%00",
            "/%ff",
            "/..%2f..%2fetc%2fpasswd",
            "/local",
            "/local/nothing",
        ] {
            for method in [Method::GET, Method::POST, Method::DELETE, Method::PUT] {
                client.send(method, path, &[], b"{}".to_vec()).await.expect_error(404, "NOT_FOUND");
            }
        }
    }
    let long = format!("/{}", "a".repeat(20_000));
    world.admin.get(&long).await.expect_error(404, "NOT_FOUND");
    world.end().await;
}

#[tokio::test]
async fn a_method_that_the_address_does_not_take() {
    let world = World::new().await;
    for (path, allowed) in [
        ("/decisions", vec!["GET", "HEAD", "POST"]),
        ("/decisions/x", vec!["GET", "HEAD"]),
        ("/decisions/x/resolve", vec!["POST"]),
        ("/decisions/x/deliveries", vec!["GET", "HEAD"]),
        ("/auth/me", vec!["GET", "HEAD"]),
        ("/auth/api-keys", vec!["GET", "HEAD", "POST"]),
        ("/auth/api-keys/x", vec!["DELETE", "GET", "HEAD", "PUT"]),
        ("/healthz", vec!["GET", "HEAD"]),
    ] {
        for method in ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"]
            .iter()
            .filter(|method| !allowed.contains(method))
        {
            let refused = world
                .admin
                .send(method.parse().unwrap(), path, &[], b"{}".to_vec())
                .await
                .expect_error(405, "METHOD_NOT_ALLOWED");
            let mut named: Vec<&str> = refused.header("allow").split(',').map(str::trim).collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
        }
    }
    world.end().await;
}
