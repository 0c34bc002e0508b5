//! With the secret from `/auth/me` a receiver can tell that a callback is ours, unchanged and of now.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::World;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

#[tokio::test]
async fn a_callback_can_be_verified() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let secret =
        agent.get("/auth/me").await.expect(200).json["api_keys"][0]["webhook_secret"].as_str().unwrap().to_owned();
    let (id, page) = world.asked_by(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve"), ("notes", "ä \"<€>\" 👍")]).await.expect(303);
    let call = world.expect_webhook("decision.resolved").await;
    assert_eq!(call.header("content-type"), "application/json");

    let hex = mac(secret.as_bytes(), &call.body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text grows");
        hex
    });
    assert_eq!(call.header("x-handover-signature"), format!("sha256={hex}"));

    let key = BASE64_STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let (name, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    assert_eq!(at, world.now().as_unix_seconds().to_string());
    let signed = [name.as_bytes(), b".", at.as_bytes(), b".", &call.body].concat();
    assert_eq!(call.header("webhook-signature"), format!("v1,{}", BASE64_STANDARD.encode(mac(&key, &signed))));

    let sent = agent.get(&format!("/decisions/{id}/deliveries")).await.expect(200).json;
    assert_eq!(sent["deliveries"][1]["id"], name);
    assert_eq!(call.json()["decision"]["response_notes"], "ä \"<€>\" 👍");
    world.end().await;
}
