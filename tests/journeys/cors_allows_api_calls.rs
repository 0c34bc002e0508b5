//! CORS: scripts of other origins may call the API with a key, but may not read local pages.

use handrail_testkit::{Client, CorsOrigins, TestResponse, TestServer, TestServerOptions};
use http::Method;

async fn preflight(client: &Client, path: &str, method: &str) -> TestResponse {
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    client.without_key().send(Method::OPTIONS, path, &headers, Vec::new()).await
}

#[tokio::test]
async fn cors_allows_packets_api_key_header() {
    let server = TestServer::new().await;
    for (path, method) in [("/api/v1/packets", "POST"), ("/api/v1/packets/x", "PATCH"), ("/api/v1/keys/x", "DELETE")] {
        let allowed = preflight(&server.admin, path, method).await.expect(204);
        assert_eq!(allowed.header("access-control-allow-origin"), "*");
        assert_eq!(allowed.header("access-control-allow-credentials"), "");
        assert!(allowed.header("access-control-allow-methods").contains(method), "{path}");
        let headers: Vec<&str> = allowed.header("access-control-allow-headers").split(',').collect();
        // Headers like `last-event-id` are allowed too; `*` would not cover `authorization`.
        assert!(["x-api-key", "authorization", "*"].iter().all(|name| headers.contains(name)), "{headers:?}");
    }
    let answer = server.admin.of_packets().get("/api/v1/packets").await.expect(200);
    let exposed = answer.header("access-control-expose-headers");
    assert!(["retry-after", "x-ratelimit-remaining", "x-request-id"].iter().all(|name| exposed.contains(name)));
    server.finish().await;
}

#[tokio::test]
async fn cors_allows_decisions_api_calls() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    for (path, method) in [(path.as_str(), "POST"), (&format!("{path}/uploads"), "POST"), ("/local/files/x", "PUT")] {
        let allowed = preflight(&agent, path, method).await.expect(204);
        assert_eq!(allowed.header("access-control-allow-origin"), "*");
        assert!(allowed.header("access-control-allow-methods").contains(method), "{path}");
        assert!(allowed.header("access-control-allow-headers").contains("authorization"));
        assert_eq!(allowed.header("access-control-allow-credentials"), "", "nothing that a browser adds by itself");
    }
    let answer = agent.upload(&path, &[("origin", "https://app.example.com")], &[("a.txt", b"a")]).await.expect(201);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
    // Error responses are readable too.
    let refused = agent.without_key().get(&path).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    for path in ["/", "/local/mail", "/local/hooks", "/local/clock"] {
        let headers = [("origin", "https://app.example.com")];
        let page = agent.send(Method::GET, path, &headers, Vec::new()).await.expect(200);
        assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(preflight(&agent, path, "GET").await.header("access-control-allow-origin"), "", "{path}");
    }
    server.finish().await;
}

#[tokio::test]
async fn cors_is_limited_to_listed_origins() {
    let cors_origins = CorsOrigins::parse("https://app.example.com,https://ops.example.com").unwrap();
    let server = TestServer::with(TestServerOptions { cors_origins, ..TestServerOptions::default() }).await;
    let client = server.admin.of_packets();
    let allowed = preflight(&client, "/api/v1/packets", "POST").await.expect(204);
    assert_eq!(allowed.header("access-control-allow-origin"), "https://app.example.com");
    for (origin, expected) in [("https://ops.example.com", "https://ops.example.com"), ("https://evil.example", "")] {
        let headers = [("origin", origin)];
        let listed = client.send(Method::GET, "/api/v1/packets", &headers, Vec::new()).await.expect(200);
        assert_eq!(listed.header("access-control-allow-origin"), expected);
        let health = client.send(Method::GET, "/health", &headers, Vec::new()).await.expect(200);
        assert_eq!((health.header("access-control-allow-origin"), health.header("vary")), (expected, "origin"));
    }
    server.finish().await;
}
