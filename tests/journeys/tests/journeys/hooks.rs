//! What the journeys of hooks begin with.

use std::fmt::Write;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use handrail_testkit::{Client, Received};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

pub(crate) const HOOKS: &str = "/api/v1/hooks";
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

pub(crate) fn hook(url: &str, events: &[&str]) -> Value {
    json!({"url": url, "events": events, "secret": SECRET})
}

/// Hears everything.
pub(crate) async fn hooked(client: &Client, url: &str) -> String {
    client.post(HOOKS, &hook(url, &EVENTS)).await.expect(201).id()
}

pub(crate) async fn deliveries(client: &Client, hook: &str) -> Vec<Value> {
    client.get(&format!("{HOOKS}/{hook}/deliveries")).await.expect(200).json.as_array().unwrap().clone()
}

pub(crate) async fn dead(client: &Client) -> Vec<Value> {
    client.get(&format!("{HOOKS}/dlq")).await.expect(200).json.as_array().unwrap().clone()
}

fn mac(key: &[u8], message: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("any key length");
    mac.update(message);
    mac.finalize().into_bytes().to_vec()
}

/// As the receiver's own program would, by every one of the signatures.
#[track_caller]
pub(crate) fn verify(call: &Received) {
    let hex = mac(SECRET.as_bytes(), &call.body).iter().fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a text grows");
        hex
    });
    assert_eq!(call.header("x-hr-signature"), hex);
    assert_eq!(call.header("x-hr-signature-256"), format!("sha256={hex}"));
    let (name, at) = (call.header("webhook-id"), call.header("webhook-timestamp"));
    let signed = [name.as_bytes(), b".", at.as_bytes(), b".", &call.body].concat();
    let expected = format!("v1,{}", BASE64_STANDARD.encode(mac(SECRET.as_bytes(), &signed)));
    assert_eq!(call.header("webhook-signature"), expected);
    assert_eq!(call.header("x-hr-delivery-id"), name);
    assert_eq!(call.header("x-hr-event"), call.json()["event"]);
    assert_eq!(call.header("content-type"), "application/json");
}
