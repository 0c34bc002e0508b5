//! Unknown paths and methods get a JSON error, with `Allow` for a known path.

use handrail_testkit::TestServer;
use http::Method;

#[tokio::test]
async fn unknown_path_uses_error_format_of_api() {
    let server = TestServer::new().await;
    for client in [&server.admin, &server.admin.without_key()] {
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
    server.admin.get(&long).await.expect_error(404, "NOT_FOUND");
    server.finish().await;
}

#[tokio::test]
async fn unsupported_method_uses_error_format_of_api() {
    let server = TestServer::new().await;
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
            let refused = server
                .admin
                .send(method.parse().unwrap(), path, &[], b"{}".to_vec())
                .await
                .expect_error(405, "METHOD_NOT_ALLOWED");
            let mut named: Vec<&str> = refused.header("allow").split(',').map(str::trim).collect();
            named.sort_unstable();
            assert_eq!(named, allowed, "{method} {path}");
        }
    }
    server.finish().await;
}
