//! With the secret from `/auth/me` a receiver verifies a callback's origin, body and time.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::TestServer;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn callback_signature_is_verifiable() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let secret =
        agent.get("/auth/me").await.expect(200).json["api_keys"][0]["webhook_secret"].as_str().unwrap().to_owned();
    let (id, page) = server.create_decision(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve"), ("notes", "ä \"<€>\" 👍")]).await.expect(303);
    let call = server.expect_webhook("decision.resolved").await;
    assert_eq!(call.header("content-type"), "application/json");

    let hex = hmac_sha256(secret.as_bytes(), &call.body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text grows");
        hex
    });
    assert_eq!(call.header("x-handover-signature"), format!("sha256={hex}"));

    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (name, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    assert_eq!(at, server.now().as_unix_seconds().to_string());
    let signed = [name.as_bytes(), b".", at.as_bytes(), b".", &call.body].concat();
    assert_eq!(call.header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(&key, &signed))));

    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    assert_eq!(sent["deliveries"][1]["id"], name);
    assert_eq!(call.json()["decision"]["response_notes"], "ä \"<€>\" 👍");
    server.finish().await;
}
