//! Packets as large as may be, by every operation: they come back whole, and no answer is larger than a function may send.

use handrail_domain::ids::RecordId;
use http::Request;
use serde_json::{Value, json};

use crate::testing::{AGENT, Answer, Desk, WRITER, claim, packet};

const PACKETS: &str = "/api/v1/packets";
/// Lambda's limit; an answer is a text within JSON there.
const ANSWER_BYTES_MAX: usize = 6 * 1024 * 1024;

/// What compression makes smaller by a fifth only.
fn dense(bytes: usize, seed: u32) -> String {
    let mut state = seed.wrapping_mul(2_654_435_761) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        b' ' + u8::try_from((state >> 8) % 95).unwrap()
    };
    (0..bytes).map(|_| char::from(next())).collect::<String>().replace(['"', '\\'], "_")
}

fn carrying(text: &str) -> Value {
    let mut packet = packet();
    packet["context"]["custom"] = json!({"text": text});
    packet
}

async fn made(desk: &Desk, count: usize, text: impl Fn(u32) -> String) -> Vec<RecordId> {
    let mut made = Vec::new();
    for seed in (1..).take(count) {
        made.push(desk.made_of(carrying(&text(seed))).await);
    }
    made
}

#[track_caller]
fn fits(answer: &Answer) {
    let sent = match answer.headers.get("content-encoding") {
        Some(_) => answer.body.len() * 4 / 3,
        None => json!(String::from_utf8(answer.body.clone()).unwrap()).to_string().len(),
    };
    assert!(sent < ANSWER_BYTES_MAX, "{sent}");
}

#[tokio::test]
async fn the_largest_packet_goes_through_every_operation() {
    let desk = Desk::new().await;
    let wanted = carrying(&dense(1_045_000, 7));
    assert!((1_045_000..1024 * 1024).contains(&wanted.to_string().len()));
    let custom = wanted["context"]["custom"].clone();
    let id = desk.made_of(wanted).await;
    let path = format!("{PACKETS}/{id}");
    let same = |answer: &Answer| {
        assert_eq!(answer.status.as_u16(), 200, "{}", answer.json["detail"]);
        assert!(answer.json["context"]["custom"] == custom);
        fits(answer);
    };
    same(&desk.call(crate::get::ENDPOINT, &path, AGENT, Value::Null).await);
    let listed = desk.call(crate::list::ENDPOINT, PACKETS, AGENT, Value::Null).await;
    assert!(listed.json["packets"][0]["context"]["custom"] == custom);
    let found = desk.call(crate::search::ENDPOINT, "/api/v1/packets/search?q=upgrade", AGENT, Value::Null).await;
    assert!(found.json["packets"][0]["context"]["custom"] == custom);
    same(&desk.call(crate::claim::ENDPOINT, &format!("{path}/claim"), AGENT, claim("c-1")).await);
    let patch = json!({"status": "awaiting_human", "hitl": {"reason": "Large"}});
    same(&desk.call(crate::patch::ENDPOINT, &path, AGENT, patch).await);
    let answer = json!({"response": "yes", "responded_by": "ann"});
    same(&desk.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, answer).await);
    let complete = json!({"packet_ids": [id]});
    let done = desk.call(crate::batch_complete::ENDPOINT, "/api/v1/packets/batch/complete", AGENT, complete).await;
    assert!(done.json["completed"][0]["context"]["custom"] == custom, "{}", done.json["errors"]);
    // A conversation of half of it goes on with as much again.
    let turn = |seed| json!([{"role": "user", "content": dense(500_000, seed)}]);
    let mut first = packet();
    first["context"]["conversation_state"] = turn(1);
    let parent = desk.made_of(first.clone()).await;
    first["context"]["conversation_state"] = turn(2);
    let chained = desk.call(crate::chain::ENDPOINT, &format!("{PACKETS}/{parent}/chain"), AGENT, first).await;
    assert_eq!(chained.json["context"]["conversation_state"][1]["content"], turn(2)[0]["content"]);
    fits(&chained);
}

#[tokio::test]
async fn of_a_batch_as_much_is_done_as_the_answer_tells() {
    let desk = Desk::new().await;
    let ids = made(&desk, 8, |seed| dense(900_000, seed)).await;
    let mut body = claim("c-1");
    body["packet_ids"] = json!(ids);
    let taken = desk.call(crate::batch_claim::ENDPOINT, "/api/v1/packets/batch/claim", AGENT, body).await;
    fits(&taken);
    let claimed = taken.json["claimed"].as_array().unwrap();
    let errors = taken.json["errors"].as_array().unwrap();
    assert_eq!((taken.status.as_u16(), claimed.len(), errors.len()), (200, 6, 2));
    for error in errors {
        assert!(error["error"].as_str().unwrap().starts_with("Nothing was done"), "{error}");
        let id: RecordId = serde_json::from_value(error["packet_id"].clone()).unwrap();
        assert_eq!(desk.record(id).await.seq, 1, "it can be asked for again");
    }
    let done =
        desk.call(crate::batch_complete::ENDPOINT, "/api/v1/packets/batch/complete", AGENT, json!({"packet_ids": ids}));
    assert_eq!(done.await.json["completed"].as_array().unwrap().len(), 6);
}

#[tokio::test]
async fn who_takes_packed_answers_gets_more_at_once() {
    let desk = Desk::new().await;
    let ids = made(&desk, 9, |seed| format!("{seed} \"large\" ").repeat(60_000)).await;
    let mut body = claim("c-1");
    body["packet_ids"] = json!(ids);
    let request = Request::builder().header("x-api-key", AGENT).header("accept-encoding", "gzip");
    let path = "/api/v1/packets/batch/claim";
    let taken = desk.send(crate::batch_claim::ENDPOINT, path, request, body.to_string()).await;
    fits(&taken);
    let whole: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&taken.body[..])).unwrap();
    assert_eq!((whole["claimed"].as_array().unwrap().len(), &whole["errors"]), (9, &json!([])));
}

#[tokio::test]
async fn a_page_full_of_quotes_is_measured_as_it_is_sent() {
    let desk = Desk::new().await;
    let mut quotes = packet();
    quotes["context"]["custom"] = json!({"list": vec![""; 300_000]});
    for _ in 0..5 {
        desk.made_of(quotes.clone()).await;
    }
    let page = desk.call(crate::list::ENDPOINT, PACKETS, AGENT, Value::Null).await;
    fits(&page);
    assert!((1..5).contains(&page.json["packets"].as_array().unwrap().len()) && page.json["next_cursor"].is_string());
}

/// What grows most between a request and its answer: numbers that are written shorter than they are shown, and members
/// that are left out and shown all the same.
#[tokio::test]
async fn no_batch_of_new_packets_makes_an_answer_that_a_function_may_not_send() {
    let desk = Desk::new().await;
    let (head, tail) =
        packet().to_string().rsplit_once("\"summary\"").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
    let numbers = vec!["1e15"; 50_000].join(",");
    let decision = r#"{"id":"","decision":"","rationale":""}"#;
    for custom in [
        format!(r#"{head}"custom":{{"n":[{numbers}]}},"summary"{tail}"#),
        format!(r#"{{"decisions":[{}],{}"#, vec![decision; 6_500].join(","), &packet().to_string()[1..]),
    ] {
        let count = 1_040_000 / custom.len();
        let body = format!(r#"{{"packets":[{}]}}"#, vec![custom; count].join(","));
        assert!(body.len() > 900_000 && body.len() <= 1024 * 1024, "{}", body.len());
        let request = Request::builder().header("x-api-key", AGENT);
        let made = desk.send(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", request, body).await;
        assert_eq!(made.json["created"].as_array().unwrap().len(), count, "{}", made.json["errors"]);
        assert!(made.body.len() > 2_000_000, "it grows: {}", made.body.len());
        fits(&made);
    }
}
