//! A script on somebody else's page may upload with a key that it holds. It reads no page that only this machine has.

use handrail_testkit::{Answer, Client, World};
use http::Method;

async fn preflight(client: &Client, path: &str, method: &str) -> Answer {
    let headers = [
        ("origin", "https://app.example.com"),
        ("access-control-request-method", method),
        ("access-control-request-headers", "authorization,content-type"),
    ];
    client.without_key().send(Method::OPTIONS, path, &headers, Vec::new()).await
}

#[tokio::test]
async fn a_script_may_bring_a_key_of_the_packets_door() {
    let world = World::new().await;
    for (path, method) in [("/api/v1/packets", "POST"), ("/api/v1/packets/x", "PATCH"), ("/api/v1/keys/x", "DELETE")] {
        let allowed = preflight(&world.admin, path, method).await.expect(204);
        assert_eq!(allowed.header("access-control-allow-origin"), "*");
        assert_eq!(allowed.header("access-control-allow-credentials"), "");
        assert!(allowed.header("access-control-allow-methods").contains(method), "{path}");
        let headers: Vec<&str> = allowed.header("access-control-allow-headers").split(',').collect();
        // Whatever goes along, as `last-event-id` does; `authorization` is not meant by a star.
        assert!(["x-api-key", "authorization", "*"].iter().all(|name| headers.contains(name)), "{headers:?}");
    }
    let answer = world.admin.of_packets().get("/api/v1/packets").await.expect(200);
    let exposed = answer.header("access-control-expose-headers");
    assert!(["retry-after", "x-ratelimit-remaining", "x-request-id"].iter().all(|name| exposed.contains(name)));
    world.end().await;
}

#[tokio::test]
async fn scripts_of_other_pages_may_ask() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
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
    // A refusal can be read too.
    let refused = agent.without_key().get(&path).await.expect(401);
    assert_eq!(refused.header("access-control-allow-origin"), "*");
    for path in ["/", "/local/mail", "/local/hooks", "/local/clock"] {
        let headers = [("origin", "https://app.example.com")];
        let page = agent.send(Method::GET, path, &headers, Vec::new()).await.expect(200);
        assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
        assert_eq!(preflight(&agent, path, "GET").await.header("access-control-allow-origin"), "", "{path}");
    }
    world.end().await;
}
