//! Many answer at once, and the clock with them: one wins, and everybody is told the same.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use serde_json::json;
use tokio::task::JoinSet;

const ROUNDS: usize = 25;
const RACERS: usize = 20;
const WINDOW: Duration = Duration::from_secs(60 * 60);

/// Half by the page and half by API, each with words of its own, so that nobody is taken for another one's repeat.
async fn answer(racer: usize, client: Client, id: String, link: String) -> (usize, Answer) {
    let words = format!("racer {racer}");
    let choice = if racer.is_multiple_of(3) { "deny" } else { "approve" };
    let answer = if racer.is_multiple_of(2) {
        client.without_key().post_form(&link, &[("choice", choice), ("notes", &words)]).await
    } else {
        client.post(&format!("/decisions/{id}/resolve"), &json!({"action": choice, "notes": words})).await
    };
    (racer, answer)
}

fn won(answer: &Answer) -> bool {
    matches!(answer.status, 200 | 303)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_twenty_answers_one_counts() {
    let mut world = World::new().await;
    let admin = world.admin.clone();
    for round in 0..ROUNDS {
        let (id, link) = world.asked_by(&admin).await;
        let mut racers = JoinSet::new();
        for racer in 0..RACERS {
            racers.spawn(answer(racer, admin.clone(), id.clone(), link.clone()));
        }
        let answers = racers.join_all().await;
        let winners: Vec<usize> = answers.iter().filter(|(_, answer)| won(answer)).map(|(racer, _)| *racer).collect();
        let [winner] = winners[..] else { panic!("round {round}: {winners:?} were told that they won") };
        let losers = answers.iter().filter(|(_, answer)| !won(answer));
        for (racer, answer) in losers {
            assert_eq!(answer.status, 409, "round {round}, racer {racer}: {}", answer.text);
        }
        let seen = admin.get(&format!("/decisions/{id}")).await.expect(200);
        assert_eq!(seen.json["response_notes"], format!("racer {winner}"));
        let call = world.expect_webhook("decision.resolved").await.json();
        assert_eq!(
            (&call["decision"]["id"], &call["decision"]["response_notes"]),
            (&seen.json["id"], &seen.json["response_notes"])
        );
    }
    world.end().await;
}

/// The deadline comes among the answers, later in every round: in the first before them all, in the last after them.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_the_deadline_it_is_either_answered_or_expired() {
    let mut world = World::new().await;
    let admin = world.admin.clone();
    let mut expired_rounds = 0;
    for round in 0..ROUNDS {
        let (id, link) = world.asked_by(&admin).await;
        world.advance_without_working(WINDOW - Duration::from_millis(1));
        let at_deadline = RACERS * round / (ROUNDS - 1);
        let mut racers = JoinSet::new();
        let mut answers = Vec::new();
        for racer in 0..RACERS {
            if racer == at_deadline {
                world.advance_without_working(Duration::from_millis(1));
                world.running.pump.wake();
            }
            racers.spawn(answer(racer, admin.clone(), id.clone(), link.clone()));
            answers.extend(racers.try_join_next().map(|joined| joined.expect("an answer comes")));
        }
        answers.extend(racers.join_all().await);
        world.advance_without_working(Duration::from_millis(1));
        world.settle().await;

        let winners: Vec<usize> = answers.iter().filter(|(_, answer)| won(answer)).map(|(racer, _)| *racer).collect();
        let seen = admin.get(&format!("/decisions/{id}")).await.expect(200).json;
        if seen["status"] == "expired" {
            expired_rounds += 1;
            assert!(winners.is_empty(), "round {round}: {winners:?} were told that they won, and it expired");
            assert!(answers.iter().all(|(_, answer)| answer.status == 410), "round {round}");
            world.expect_webhook("decision.expired").await;
        } else {
            let [winner] = winners[..] else { panic!("round {round}: {winners:?} were told that they won") };
            assert_eq!(seen["response_notes"], format!("racer {winner}"));
            let resolved_at = seen["resolved_at"].as_str().expect("a time");
            assert!(resolved_at < seen["expires_at"].as_str().expect("a time"), "answered in time");
            assert!(answers.iter().all(|(_, answer)| won(answer) || answer.status == 409), "round {round}");
            world.expect_webhook("decision.resolved").await;
        }
    }
    assert!((1..ROUNDS).contains(&expired_rounds), "both outcomes were seen: {expired_rounds} expired");
    world.end().await;
}
