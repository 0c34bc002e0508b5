//! Of many concurrent claims of a packet one is accepted; the other responses name its agent.

use handrail_testkit::{TestResponse, TestServer};
use serde_json::json;
use tokio::task::JoinSet;

use crate::packets::{PACKETS, claim_packet, create_packet, get_history, get_packet, packet_body, patch_packet};

const ROUNDS: usize = 100;
const RACERS: usize = 20;

#[tokio::test]
async fn concurrent_claims_accept_one_each_round() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    for round in 0..ROUNDS {
        let id = create_packet(&client, &packet_body("anyone")).await;
        let mut racers: JoinSet<TestResponse> = JoinSet::new();
        for number in 0..RACERS {
            let (client, id) = (client.clone(), id.clone());
            racers.spawn(async move { claim_packet(&client, &id, &format!("racer-{number}")).await });
        }
        let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(|end| end.status == 200);
        assert_eq!((won.len(), lost.len()), (1, RACERS - 1), "round {round}");
        let holder = won[0].json["metadata"]["target_agent"].clone();
        for end in lost {
            assert_eq!(end.status, 409, "{}", end.text);
            let detail = json!({"message": format!("Packet {id} is already claimed"), "claimed_by": holder});
            assert_eq!(end.json, json!({"detail": detail}));
        }
        assert_eq!(get_packet(&client, &id).await, won[0].json);
        assert_eq!(get_history(&client, &id).await.len(), 2);
    }
    server.finish().await;
}

#[tokio::test]
async fn concurrent_answers_batch_claims_deletes_accept_one() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    for _ in 0..10 {
        let mut asks = packet_body("anyone");
        asks["hitl"] = json!({"reason": "Large sum"});
        let id = create_packet(&client, &asks).await;
        let mut racers: JoinSet<TestResponse> = JoinSet::new();
        for number in 0..10 {
            let (client, path) = (client.clone(), format!("{PACKETS}/{id}/respond"));
            racers.spawn(async move {
                let answer =
                    json!({"response": format!("answer {number}"), "responded_by": format!("person-{number}")});
                client.post(&path, &answer).await
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) = racers.join_all().await.into_iter().partition(|end| end.status == 200);
        assert_eq!((won.len(), lost.iter().filter(|end| end.status == 409).count()), (1, 9));
        assert_eq!(get_packet(&client, &id).await["hitl"], won[0].json["hitl"]);
    }
    let ids: Vec<String> = {
        let batch =
            client.post(&format!("{PACKETS}/batch"), &json!({"packets": vec![packet_body("anyone"); 20]})).await;
        batch.expect(201).json["created"]
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one["id"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut racers: JoinSet<TestResponse> = JoinSet::new();
    for number in 0..5 {
        let (client, ids) = (client.clone(), ids.clone());
        racers.spawn(async move {
            let body = json!({"packet_ids": ids, "agent_id": format!("racer-{number}"), "agent_name": "Racer"});
            client.post(&format!("{PACKETS}/batch/claim"), &body).await.expect(200)
        });
    }
    let mut claimed = 0;
    for end in racers.join_all().await {
        let (won, lost) = (end.json["claimed"].as_array().unwrap(), end.json["errors"].as_array().unwrap());
        assert_eq!(won.len() + lost.len(), ids.len());
        assert!(lost.iter().all(|error| error["error"].as_str().unwrap().starts_with("Already claimed by racer-")));
        claimed += won.len();
    }
    assert_eq!(claimed, ids.len());
    server.finish().await;
}

#[tokio::test]
async fn concurrent_edits_lose_nothing() {
    let server = TestServer::new().await;
    let client = server.admin.of_packets();
    let id = create_packet(&client, &packet_body("anyone")).await;
    let mut writers: JoinSet<TestResponse> = JoinSet::new();
    for number in 0..RACERS {
        let (client, id) = (client.clone(), id.clone());
        writers.spawn(async move {
            let decision = json!([{"id": format!("d{number}"), "decision": "x", "rationale": ""}]);
            patch_packet(&client, &id, json!({"decisions": decision})).await.expect(200)
        });
    }
    writers.join_all().await;
    assert_eq!(get_packet(&client, &id).await["decisions"].as_array().unwrap().len(), RACERS);
    server.finish().await;
}
