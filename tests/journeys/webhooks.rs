//! Fixtures of the webhook journeys.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::{Client, Received};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const WEBHOOKS_PATH: &str = "/api/v1/hooks";
pub(crate) const SECRET: &str = "a secret that the receiver drew";
pub(crate) const EVENTS: [&str; 8] = [
    "packet.created",
    "packet.claimed",
    "packet.in_progress",
    "packet.awaiting_human",
    "packet.completed",
    "packet.failed",
    "packet.expired",
    "hitl.response_ready",
];

pub(crate) fn webhook_body(url: &str, events: &[&str]) -> Value {
    json!({"url": url, "events": events, "secret": SECRET})
}

/// Creates a webhook for all events.
pub(crate) async fn create_webhook(client: &Client, url: &str) -> String {
    client.post(WEBHOOKS_PATH, &webhook_body(url, &EVENTS)).await.expect(201).id()
}

pub(crate) async fn list_deliveries(client: &Client, hook: &str) -> Vec<Value> {
    client.get(&format!("{WEBHOOKS_PATH}/{hook}/deliveries")).await.expect(200).json.as_array().unwrap().clone()
}

pub(crate) async fn list_dead_letters(client: &Client) -> Vec<Value> {
    client.get(&format!("{WEBHOOKS_PATH}/dlq")).await.expect(200).json.as_array().unwrap().clone()
}

fn hmac_sha256(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// Verifies all signatures of a delivery, as a receiver's program would.
#[track_caller]
pub(crate) fn assert_signature_valid(call: &Received) {
    let hex = hmac_sha256(SECRET.as_bytes(), &call.body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text grows");
        hex
    });
    assert_eq!(call.header("x-hr-signature"), hex);
    assert_eq!(call.header("x-hr-signature-256"), format!("sha256={hex}"));
    let (name, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    let signed = [name.as_bytes(), b".", at.as_bytes(), b".", &call.body].concat();
    let expected = format!("v1,{}", BASE64_STANDARD.encode(hmac_sha256(SECRET.as_bytes(), &signed)));
    assert_eq!(call.header("webhook-signature"), expected);
    assert_eq!(call.header("x-hr-delivery-id"), name);
    assert_eq!(call.header("x-hr-event"), call.json()["event"]);
    assert_eq!(call.header("content-type"), "application/json");
}
