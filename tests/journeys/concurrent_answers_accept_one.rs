//! Of many concurrent answers one is accepted; the other responses name its approver.

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::json;
use tokio::task::JoinSet;

async fn answer_by_api(app: Client, id: String, number: usize) -> TestResponse {
    let action = ["approve", "deny", "modify"][number % 3];
    app.post(&format!("/decisions/{id}/resolve"), &json!({"action": action, "resolved_by": format!("caller {number}")}))
        .await
}

async fn answer_by_page(person: Client, page: String, number: usize) -> TestResponse {
    let choice = ["approve", "deny", "modify"][number % 3];
    person.post_form(&page, &[("choice", choice), ("notes", &format!("tap {number}"))]).await
}

/// Asserts that one answer was accepted and that all other responses name its approver.
async fn assert_one_accepted(server: &mut TestServer, agent: &Client, id: &str, answers: Vec<TestResponse>) {
    let (accepted, refused): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status < 400);
    assert_eq!((accepted.len(), refused.len()), (1, 19));
    let decision = agent.get(&format!("/decisions/{id}")).await.expect(200).json;
    if accepted[0].status == 200 {
        assert_eq!(accepted[0].json, decision);
    }
    for answer in refused {
        assert_eq!(answer.status, 409, "{}", answer.text);
        if answer.header("content-type") == "application/json" {
            for name in ["status", "resolved_by", "resolved_at"] {
                assert_eq!(answer.json[name], decision[name]);
            }
            answer.expect_error(409, "ALREADY_RESOLVED");
        } else {
            assert!(answer.text.contains(decision["resolved_by"].as_str().unwrap()));
        }
    }
    let call = server.expect_webhook("decision.resolved").await.json();
    for name in ["id", "status", "resolved_by", "response_notes"] {
        assert_eq!(call["decision"][name], decision[name]);
    }
}

#[tokio::test]
async fn concurrent_api_answers_accept_one() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for _ in 0..3 {
        let (id, _) = server.create_decision(&agent).await;
        let racers: JoinSet<TestResponse> =
            (0..20).map(|number| answer_by_api(app.clone(), id.clone(), number)).collect();
        let answers = racers.join_all().await;
        assert_one_accepted(&mut server, &agent, &id, answers).await;
    }
    server.finish().await;
}

#[tokio::test]
async fn concurrent_api_and_page_answers_accept_one() {
    let mut server = TestServer::new().await;
    let (agent, app) = (server.key("agent").await, server.key("app").await);
    for _ in 0..3 {
        let (id, page) = server.create_decision(&agent).await;
        let mut racers = JoinSet::new();
        for number in 0..10 {
            racers.spawn(answer_by_page(agent.without_key(), page.clone(), number));
            racers.spawn(answer_by_api(app.clone(), id.clone(), number));
        }
        let answers = racers.join_all().await;
        assert_one_accepted(&mut server, &agent, &id, answers).await;
    }
    server.finish().await;
}
