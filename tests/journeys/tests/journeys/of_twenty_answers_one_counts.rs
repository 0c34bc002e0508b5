//! Many answers at the same moment: one is taken, the others learn whose.

use handrail_testkit::{Answer, Client, World};
use serde_json::json;
use tokio::task::JoinSet;

async fn by_api(app: Client, id: String, number: usize) -> Answer {
    let action = ["approve", "deny", "modify"][number % 3];
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": action, "resolved_by": format!("caller {number}")}))
        .await
}

async fn by_page(person: Client, page: String, number: usize) -> Answer {
    let choice = ["approve", "deny", "modify"][number % 3];
    person.post_form(&page, &[("choice", choice), ("notes", &format!("tap {number}"))]).await
}

/// The winner's statuses are one 200 or one 303; everybody else is told the same story.
async fn check(world: &mut World, agent: &Client, id: &str, answers: Vec<Answer>) {
    let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status < 400);
    assert_eq!((won.len(), lost.len()), (1, 19));
    let decided = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    if won[0].status == 200 {
        assert_eq!(won[0].json, decided);
    }
    for answer in lost {
        assert_eq!(answer.status, 409, "{}", answer.text);
        if answer.header("content-type") == "application/json" {
            for name in ["status", "resolved_by", "resolved_at"] {
                assert_eq!(answer.json[name], decided[name]);
            }
            answer.expect_error(409, "ALREADY_RESOLVED");
        } else {
            assert!(answer.text.contains(decided["resolved_by"].as_str().unwrap()));
        }
    }
    let call = world.expect_webhook("decision.resolved").await.json();
    for name in ["id", "status", "resolved_by", "response_notes"] {
        assert_eq!(call["decision"][name], decided[name]);
    }
}

#[tokio::test]
async fn all_by_api() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for _ in 0..3 {
        let (id, _) = world.asked_by(&agent).await;
        let racers: JoinSet<Answer> = (0..20).map(|number| by_api(app.clone(), id.clone(), number)).collect();
        let answers = racers.join_all().await;
        check(&mut world, &agent, &id, answers).await;
    }
    world.end().await;
}

#[tokio::test]
async fn some_by_api_and_some_on_the_page() {
    let mut world = World::new().await;
    let (agent, app) = (world.key("agent").await, world.key("app").await);
    for _ in 0..3 {
        let (id, page) = world.asked_by(&agent).await;
        let mut racers = JoinSet::new();
        for number in 0..10 {
            racers.spawn(by_page(agent.without_key(), page.clone(), number));
            racers.spawn(by_api(app.clone(), id.clone(), number));
        }
        let answers = racers.join_all().await;
        check(&mut world, &agent, &id, answers).await;
    }
    world.end().await;
}
