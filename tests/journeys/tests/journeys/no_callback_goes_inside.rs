//! Where callbacks may only go to the public internet, every spelling of an inside address is refused at once.

use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, World};
use serde_json::json;

const INSIDE: &[&str] = &[
    // This machine; on AWS its port 9001 is the runtime's own API.
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
async fn no_callback_goes_inside() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let api = ApiOnly::start(&world.running.cx, Reach::PublicOnly).await;
    let deployed = api.client(&agent);
    for url in INSIDE {
        for channel in ["email", "webhook"] {
            let ask = json!({"action": "x", "approver": "ann@example.com", "channel": channel, "callback_url": url});
            let refused = deployed.post("/decisions", &ask).await.expect_error(400, "VALIDATION_ERROR");
            assert_eq!(refused.json["field"], "callback_url", "{url}");
            // The URL may carry a secret.
            assert!(!refused.text.contains("secret"), "{}", refused.text);
        }
    }
    world.expect_silence().await;
    assert_eq!(deployed.get("/decisions").await.expect(200).json["decisions"], json!([]));

    let mut ask = world.ask();
    ask["callback_url"] = json!("https://hooks.example.com:8443/a?b=c");
    deployed.post("/decisions", &ask).await.expect(201);
    world.expect_mail("ann@example.com").await;
    world.end().await;
}

/// The laptop reaches itself and nothing further.
#[tokio::test]
async fn a_laptop_reaches_itself_alone() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    for url in INSIDE
        .iter()
        .filter(|url| !["127", "7f00", "::1]", "localhost", "LOCALHOST"].iter().any(|own| url.contains(own)))
    {
        let mut ask = world.ask();
        ask["callback_url"] = json!(url);
        let refused = agent.post("/decisions", &ask).await.expect_error(400, "VALIDATION_ERROR");
        assert_eq!(refused.json["field"], "callback_url", "{url}");
    }
    for url in ["http://127.0.0.1:9/", "http://localhost:9/", "http://[::1]:9/"] {
        let mut ask = world.ask();
        ask["callback_url"] = json!(url);
        agent.post("/decisions", &ask).await.expect(201);
        world.expect_mail("ann@example.com").await;
    }
    world.end().await;
}
