//! Tests with packets of maximum size: every operation returns them whole, within Lambda's response limit.

use handrail_domain::ids::RecordId;
use http::Request;
use serde_json::{Value, json};

use crate::testing::{TestApp, TestResponse, WRITER, claim_body, packet_body};

const PACKETS_PATH: &str = "/api/v1/packets";
/// Lambda's limit, where a response body is a string within JSON.
const RESPONSE_BYTES_MAX: usize = 6 * 1024 * 1024;

/// Builds text that compression shortens by only a fifth.
fn incompressible_text(bytes: usize, seed: u32) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b' ' + u8::try_from((state >> 8) % 95).unwrap()
    };
    (0..bytes).map(|_| char::from(next())).collect::<String>().replace(['"', '\\'], "_")
}

fn packet_with_text(text: &str) -> Value {
    let mut packet = packet_body();
    packet["context"]["custom"] = json!({"text": text});
    packet
}

async fn create_packets(app: &TestApp, count: usize, text: impl Fn(u32) -> String) -> Vec<RecordId> {
    let mut created = Vec::new();
    for seed in (1..).take(count) {
        created.push(app.create_packet_with(packet_with_text(&text(seed))).await);
    }
    created
}

#[track_caller]
fn assert_within_response_limit(response: &TestResponse) {
    let encoded_len = match response.headers.get("content-encoding") {
        Some(_) => response.body.len() * 4 / 3,
        None => json!(String::from_utf8(response.body.clone()).unwrap()).to_string().len(),
    };
    assert!(encoded_len < RESPONSE_BYTES_MAX, "{encoded_len}");
}

#[tokio::test]
async fn every_operation_handles_largest_packet() {
    let app = TestApp::new().await;
    let packet = packet_with_text(&incompressible_text(1_045_000, 7));
    assert!((1_045_000..1024 * 1024).contains(&packet.to_string().len()));
    let custom = packet["context"]["custom"].clone();
    let id = app.create_packet_with(packet).await;
    let path = format!("{PACKETS_PATH}/{id}");
    let assert_unchanged = |response: &TestResponse| {
        assert_eq!(response.status.as_u16(), 200, "{}", response.json["detail"]);
        assert!(response.json["context"]["custom"] == custom);
        assert_within_response_limit(response);
    };
    assert_unchanged(&app.call(crate::get::ENDPOINT, &path, WRITER, Value::Null).await);
    let listed = app.call(crate::list::ENDPOINT, PACKETS_PATH, WRITER, Value::Null).await;
    assert!(listed.json["packets"][0]["context"]["custom"] == custom);
    let found = app.call(crate::search::ENDPOINT, "/api/v1/packets/search?q=upgrade", WRITER, Value::Null).await;
    assert!(found.json["packets"][0]["context"]["custom"] == custom);
    assert_unchanged(&app.call(crate::claim::ENDPOINT, &format!("{path}/claim"), WRITER, claim_body("c-1")).await);
    let patch = json!({"status": "awaiting_human", "hitl": {"reason": "Large"}});
    assert_unchanged(&app.call(crate::patch::ENDPOINT, &path, WRITER, patch).await);
    let response = json!({"response": "yes", "responded_by": "ann"});
    assert_unchanged(&app.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, response).await);
    let complete = json!({"packet_ids": [id]});
    let completed = app.call(crate::batch_complete::ENDPOINT, "/api/v1/packets/batch/complete", WRITER, complete).await;
    assert!(completed.json["completed"][0]["context"]["custom"] == custom, "{}", completed.json["errors"]);
    // Parent and child each fill half of the limit with their conversation.
    let turn = |seed| json!([{"role": "user", "content": incompressible_text(500_000, seed)}]);
    let mut first = packet_body();
    first["context"]["conversation_state"] = turn(1);
    let parent = app.create_packet_with(first.clone()).await;
    first["context"]["conversation_state"] = turn(2);
    let chained = app.call(crate::chain::ENDPOINT, &format!("{PACKETS_PATH}/{parent}/chain"), WRITER, first).await;
    assert_eq!(chained.json["context"]["conversation_state"][1]["content"], turn(2)[0]["content"]);
    assert_within_response_limit(&chained);
}

#[tokio::test]
async fn batch_claim_claims_only_packets_that_fit_response() {
    let app = TestApp::new().await;
    let ids = create_packets(&app, 8, |seed| incompressible_text(900_000, seed)).await;
    let mut body = claim_body("c-1");
    body["packet_ids"] = json!(ids);
    let batch = app.call(crate::batch_claim::ENDPOINT, "/api/v1/packets/batch/claim", WRITER, body).await;
    assert_within_response_limit(&batch);
    let claimed = batch.json["claimed"].as_array().unwrap();
    let errors = batch.json["errors"].as_array().unwrap();
    assert_eq!((batch.status.as_u16(), claimed.len(), errors.len()), (200, 6, 2));
    for error in errors {
        assert!(error["error"].as_str().unwrap().starts_with("Nothing was done"), "{error}");
        let id: RecordId = serde_json::from_value(error["packet_id"].clone()).unwrap();
        assert_eq!(app.get_record(id).await.seq, 1, "the packet can still be claimed");
    }
    let completed =
        app.call(crate::batch_complete::ENDPOINT, "/api/v1/packets/batch/complete", WRITER, json!({"packet_ids": ids}));
    assert_eq!(completed.await.json["completed"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn gzip_clients_get_larger_batch_responses() {
    let app = TestApp::new().await;
    let ids = create_packets(&app, 9, |seed| format!("{seed} \"large\" ").repeat(60_000)).await;
    let mut body = claim_body("c-1");
    body["packet_ids"] = json!(ids);
    let request = Request::builder().header("x-api-key", WRITER).header("accept-encoding", "gzip");
    let path = "/api/v1/packets/batch/claim";
    let batch = app.send(crate::batch_claim::ENDPOINT, path, request, body.to_string()).await;
    assert_within_response_limit(&batch);
    let whole: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&batch.body[..])).unwrap();
    assert_eq!((whole["claimed"].as_array().unwrap().len(), &whole["errors"]), (9, &json!([])));
}

#[tokio::test]
async fn page_size_counts_escaped_quotes() {
    let app = TestApp::new().await;
    let mut quotes = packet_body();
    quotes["context"]["custom"] = json!({"list": vec![""; 300_000]});
    for _ in 0..5 {
        app.create_packet_with(quotes.clone()).await;
    }
    let page = app.call(crate::list::ENDPOINT, PACKETS_PATH, WRITER, Value::Null).await;
    assert_within_response_limit(&page);
    assert!((1..5).contains(&page.json["packets"].as_array().unwrap().len()) && page.json["next_cursor"].is_string());
}

/// Requests that grow most in the response: numbers written in short notation, and omitted fields that the response
/// includes.
#[tokio::test]
async fn batch_create_response_stays_within_lambda_limit() {
    let app = TestApp::new().await;
    let (head, tail) =
        packet_body().to_string().rsplit_once("\"summary\"").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let numbers = vec!["1e15"; 50_000].join(",");
    let decision = r#"{"id":"","decision":"","rationale":""}"#;
    for custom in [
        format!(r#"{head}"custom":{{"n":[{numbers}]}},"summary"{tail}"#),
        format!(r#"{{"decisions":[{}],{}"#, vec![decision; 6_500].join(","), &packet_body().to_string()[1..]),
    ] {
        let count = 1_040_000 / custom.len();
        let body = format!(r#"{{"packets":[{}]}}"#, vec![custom; count].join(","));
        assert!(body.len() > 900_000 && body.len() <= 1024 * 1024, "{}", body.len());
        let request = Request::builder().header("x-api-key", WRITER);
        let created = app.send(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", request, body).await;
        assert_eq!(created.json["created"].as_array().unwrap().len(), count, "{}", created.json["errors"]);
        assert!(created.body.len() > 2_000_000, "response is longer than the request: {}", created.body.len());
        assert_within_response_limit(&created);
    }
}
