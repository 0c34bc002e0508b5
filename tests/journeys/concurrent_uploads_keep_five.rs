//! Twenty concurrent uploads to one decision: five are stored.

use handrail_testkit::TestServer;
use tokio::task::JoinSet;

#[tokio::test]
async fn concurrent_uploads_keep_five() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await;
    let (id, _) = server.create_decision(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    let mut running = JoinSet::new();
    for n in 0..20 {
        let (agent, path) = (agent.clone(), path.clone());
        running.spawn(async move {
            loop {
                let answer = agent.upload(&path, &[], &[(&format!("{n}.txt"), b"x")]).await;
                // The client retries as the response asks.
                if answer.status != 503 {
                    return answer;
                }
            }
        });
    }
    let answers = running.join_all().await;
    let stored = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.expect_error(400, "VALIDATION_ERROR");
    }
    assert_eq!(stored, 5);
    let listed = agent.get(&path).await.expect(200).json["attachments"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 5);
    server.run_due_work().await;
    for file in listed {
        agent.without_key().get(file["url"].as_str().unwrap()).await.expect(200);
    }
    assert_eq!(std::fs::read_dir(server.files.path().join("kept")).unwrap().count(), 5, "the others are only lent");
    server.finish().await;
}
