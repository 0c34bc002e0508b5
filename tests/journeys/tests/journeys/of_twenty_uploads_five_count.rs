//! Twenty clients put a file beside the same request at once. There is room for five.

use handrail_testkit::World;
use tokio::task::JoinSet;

#[tokio::test]
async fn of_twenty_uploads_five_count() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let path = format!("/decisions/{id}/attachments");
    let mut running = JoinSet::new();
    for n in 0..20 {
        let (agent, path) = (agent.clone(), path.clone());
        running.spawn(async move {
            loop {
                let answer = agent.upload(&path, &[], &[(&format!("{n}.txt"), b"x")]).await;
                // Told to come back, a client comes back.
                if answer.status != 503 {
                    return answer;
                }
            }
        });
    }
    let answers = running.join_all().await;
    let taken = answers.iter().filter(|answer| answer.status == 201).count();
    for answer in answers.into_iter().filter(|answer| answer.status != 201) {
        answer.expect_error(400, "VALIDATION_ERROR");
    }
    assert_eq!(taken, 5);
    let listed = agent.get(&path).await.expect(200).json["attachments"].as_array().unwrap().clone();
    assert_eq!(listed.len(), 5);
    world.settle().await;
    for file in listed {
        agent.without_key().get(file["url"].as_str().unwrap()).await.expect(200);
    }
    assert_eq!(std::fs::read_dir(world.files.path().join("kept")).unwrap().count(), 5, "the others are only lent");
    world.end().await;
}
