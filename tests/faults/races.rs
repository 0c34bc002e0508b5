//! Concurrent answers, also at the deadline: one is accepted, and all responses agree.

use std::time::Duration;

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::json;
use tokio::task::JoinSet;

const ROUNDS: usize = 25;
const CONCURRENCY: usize = 20;
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Submits an answer, half of them on the page and half by API. Notes differ, so that no answer repeats another.
async fn submit_answer(racer: usize, client: Client, id: String, link: String) -> (usize, TestResponse) {
    let notes = format!("racer {racer}");
    let choice = if racer.is_multiple_of(3) { "deny" } else { "approve" };
    let response = if racer.is_multiple_of(2) {
        client.without_key().post_form(&link, &[("choice", choice), ("notes", &notes)]).await
    } else {
        client.post(&format!("/decisions/{id}/resolve"), &json!({"action": choice, "notes": notes})).await
    };
    (racer, response)
}

fn is_accepted(response: &TestResponse) -> bool {
    matches!(response.status, 200 | 303)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_answers_accept_one() {
    let mut server = TestServer::new().await;
    let admin = server.admin.clone();
    for round in 0..ROUNDS {
        let (id, link) = server.create_decision(&admin).await;
        let mut racers = JoinSet::new();
        for racer in 0..CONCURRENCY {
            racers.spawn(submit_answer(racer, admin.clone(), id.clone(), link.clone()));
        }
        let responses = racers.join_all().await;
        let winners: Vec<usize> =
            responses.iter().filter(|(_, response)| is_accepted(response)).map(|(racer, _)| *racer).collect();
        let [winner] = winners[..] else { panic!("round {round}: {winners:?} were accepted") };
        let losers = responses.iter().filter(|(_, response)| !is_accepted(response));
        for (racer, response) in losers {
            assert_eq!(response.status, 409, "round {round}, racer {racer}: {}", response.text);
        }
        let decision = admin.get(&format!("/decisions/{id}")).await.expect(200);
        assert_eq!(decision.json["response_notes"], format!("racer {winner}"));
        let call = server.expect_webhook("decision.resolved").await.json();
        assert_eq!(
            (&call["decision"]["id"], &call["decision"]["response_notes"]),
            (&decision.json["id"], &decision.json["response_notes"])
        );
    }
    server.finish().await;
}

/// The deadline passes between the answers: before all of them in the first round, after all in the last.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn answer_at_deadline_is_accepted_or_expired() {
    let mut server = TestServer::new().await;
    let admin = server.admin.clone();
    let mut expired_rounds = 0;
    for round in 0..ROUNDS {
        let (id, link) = server.create_decision(&admin).await;
        server.advance_clock_only(WINDOW - Duration::from_millis(1));
        let at_deadline = CONCURRENCY * round / (ROUNDS - 1);
        let mut racers = JoinSet::new();
        let mut responses = Vec::new();
        for racer in 0..CONCURRENCY {
            if racer == at_deadline {
                server.advance_clock_only(Duration::from_millis(1));
                server.running.pump.wake();
            }
            racers.spawn(submit_answer(racer, admin.clone(), id.clone(), link.clone()));
            responses.extend(racers.try_join_next().map(|joined| joined.expect("an answer comes")));
        }
        responses.extend(racers.join_all().await);
        server.advance_clock_only(Duration::from_millis(1));
        server.run_due_work().await;

        let winners: Vec<usize> =
            responses.iter().filter(|(_, response)| is_accepted(response)).map(|(racer, _)| *racer).collect();
        let decision = admin.get(&format!("/decisions/{id}")).await.expect(200).json;
        if decision["status"] == "expired" {
            expired_rounds += 1;
            assert!(winners.is_empty(), "round {round}: {winners:?} were accepted, and the decision expired");
            assert!(responses.iter().all(|(_, response)| response.status == 410), "round {round}");
            server.expect_webhook("decision.expired").await;
        } else {
            let [winner] = winners[..] else { panic!("round {round}: {winners:?} were accepted") };
            assert_eq!(decision["response_notes"], format!("racer {winner}"));
            let resolved_at = decision["resolved_at"].as_str().expect("a time");
            assert!(resolved_at < decision["expires_at"].as_str().expect("a time"), "answered in time");
            assert!(
                responses.iter().all(|(_, response)| is_accepted(response) || response.status == 409),
                "round {round}"
            );
            server.expect_webhook("decision.resolved").await;
        }
    }
    assert!((1..ROUNDS).contains(&expired_rounds), "both outcomes must occur: {expired_rounds} rounds expired");
    server.finish().await;
}
