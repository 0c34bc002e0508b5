//! In production, every spelling of a private callback address is refused at creation.

use handrail_domain::outbound::AddressPolicy;
use handrail_testkit::{ApiOnlyServer, TestServer};
use serde_json::json;

const PRIVATE_URLS: &[&str] = &[
    // Loopback; on AWS its port 9001 is the Lambda runtime API.
    "http://127.0.0.1:9001/",
    "http://127.1.2.3/",
    "http://0.0.0.0/",
    "http://[::1]/",
    "http://[::]/",
    "http://localhost/",
    "http://LOCALHOST:8080/",
    "http://a.localhost/",
    "http://localhost./",
    // Cloud metadata and link-local.
    "http://169.254.169.254/latest/meta-data/",
    "http://169.254.170.2/v2/credentials",
    "http://[fe80::1]/",
    "http://[fd00:ec2::254]/",
    "http://metadata/",
    "http://metadata.google.internal/",
    "http://metadata.example.com/",
    "http://instance.internal/",
    "http://printer.local/",
    // Private, shared and reserved networks.
    "http://10.0.0.1/",
    "http://172.16.0.1/",
    "http://172.31.255.255/",
    "http://192.168.1.1/",
    "http://100.64.0.1/",
    "http://[fc00::1]/",
    "http://192.0.2.1/",
    "http://198.18.0.1/",
    "http://224.0.0.1/",
    "http://255.255.255.255/",
    "http://[ff02::1]/",
    "http://[2001:db8::1]/",
    // IPv4 inside IPv6.
    "http://[::ffff:127.0.0.1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::ffff:10.0.0.1]/",
    "http://[64:ff9b::7f00:1]/",
    "http://[2002:7f00:1::]/",
    // Other spellings of an IPv4 address.
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0x7f.0.0.1/",
    "http://0177.0.0.1/",
    "http://017700000001/",
    "http://127.1/",
    "http://127.0.1/",
    "http://0/",
    "http://\u{ff11}\u{ff12}\u{ff17}.0.0.1/",
    "http://127\u{3002}0\u{3002}0\u{3002}1/",
    "http://%31%32%37.0.0.1/",
    "http://134744072/",
    // Names without a dot, and addresses that hide behind a user name.
    "http://intranet/",
    "http://user@example.com/",
    "http://user:secret@example.com/",
    "http://example.com@127.0.0.1/",
    "http://example.com%40127.0.0.1/",
    "http://@example.com/",
    "http://example.com\\@127.0.0.1/",
    "http:///127.0.0.1/",
    "http:127.0.0.1",
    "gopher://127.0.0.1/",
    "file://localhost/etc/passwd",
];

#[tokio::test]
async fn private_callback_urls_are_refused() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let api = ApiOnlyServer::start(&server.running.cx, AddressPolicy::PublicOnly).await;
    let deployed = api.client(&agent);
    for url in PRIVATE_URLS {
        for channel in ["email", "webhook"] {
            let body = json!({"action": "x", "approver": "ann@example.com", "channel": channel, "callback_url": url});
            let refused = deployed.post("/decisions", &body).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], "callback_url", "{url}");
            // The URL may carry a secret.
            assert!(!refused.text.contains("secret"), "{}", refused.text);
        }
    }
    server.expect_no_messages().await;
    assert_eq!(deployed.get("/decisions").await.expect(200).json["decisions"], json!([]));

    let mut body = server.decision_body();
    body["callback_url"] = json!("https://hooks.example.com:8443/a?b=c");
    deployed.post("/decisions", &body).await.expect(201);
    server.expect_mail("ann@example.com").await;
    server.finish().await;
}

/// A local installation allows loopback addresses and no other private ones.
#[tokio::test]
async fn local_server_allows_only_loopback() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    for url in PRIVATE_URLS
        .iter()
        .filter(|url| !["127", "7f00", "::1]", "localhost", "LOCALHOST"].iter().any(|own| url.contains(own)))
    {
        let mut body = server.decision_body();
        body["callback_url"] = json!(url);
        let refused = agent.post("/decisions", &body).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "callback_url", "{url}");
    }
    for url in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/"] {
        let mut body = server.decision_body();
        body["callback_url"] = json!(url);
        agent.post("/decisions", &body).await.expect(201);
        server.expect_mail("ann@example.com").await;
    }
    server.finish().await;
}
