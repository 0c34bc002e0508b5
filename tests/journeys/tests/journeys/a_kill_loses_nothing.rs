//! The process dies at any moment: what was answered is kept, and what follows from it is caught up with.

use std::time::Duration;

use handrail_domain::outbound::Reach;
use handrail_testkit::{ApiOnly, World, WorldOptions};
use serde_json::json;

#[tokio::test]
async fn what_was_answered_is_there() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, page) = world.asked_by(&agent).await;
    agent.without_key().post_form(&page, &[("choice", "approve"), ("notes", "go")]).await.expect(303);
    world.expect_webhook("decision.resolved").await;
    let before = agent.get(&format!("/decisions/{id}")).await.expect(200).text;
    let key = agent.key().to_owned();

    let world = World::with(world.kill().await).await;
    let agent = world.admin.with_key(&key);
    assert_eq!(agent.get(&format!("/decisions/{id}")).await.expect(200).text, before);
    let token = page.rsplit_once('/').unwrap().1;
    assert!(agent.without_key().get(&format!("/d/{token}")).await.expect(200).text.contains("Your answer is recorded"));
    world.end().await;
}

/// The process that answered died right after its answer, and nothing else had run.
#[tokio::test]
async fn a_mail_that_was_not_sent_is_sent() {
    let world = World::new().await;
    let agent = world.key("agent").await;
    let api = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let (agent, ask) = (api.client(&agent), world.ask());
    let options = world.kill().await;
    let created = agent.post("/decisions", &ask).await.expect(201);
    drop(api);

    let mut world = World::with(options).await;
    let mail = world.expect_mail("ann@example.com").await;
    let person = world.admin.without_key();
    person.post_form(&mail.links[0], &[("choice", "approve")]).await.expect(303);
    assert_eq!(world.expect_webhook("decision.resolved").await.json()["decision"]["id"], created.json["id"]);
    world.end().await;
}

#[tokio::test]
async fn a_callback_that_was_not_sent_is_sent() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let api = ApiOnly::start(&world.running.cx, Reach::LoopbackToo).await;
    let admin = api.client(&world.admin);
    let options = world.kill().await;
    admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "deny"})).await.expect(200);
    drop(api);

    let mut world = World::with(options).await;
    assert_eq!(world.expect_webhook("decision.resolved").await.json()["decision"]["status"], "denied");
    world.end().await;
}

#[tokio::test]
async fn a_callback_that_failed_is_tried_on() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (_, page) = world.asked_by(&agent).await;
    world.receiver.answer_with(&[500, 500]);
    agent.without_key().post_form(&page, &[("choice", "approve")]).await.expect(303);
    world.settle().await;
    let before = world.receiver.take();
    assert_eq!(before.len(), 2);

    let mut world = World::with(world.kill().await).await;
    world.expect_silence().await;
    world.advance(Duration::from_secs(5)).await;
    let after = world.expect_webhook("decision.resolved").await;
    assert_eq!((&after.body, after.header("webhook-id")), (&before[0].body, before[0].header("webhook-id")));
    world.end().await;
}

#[tokio::test]
async fn a_deadline_that_passed_meanwhile_is_kept() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let (id, _) = world.asked_by(&agent).await;
    let key = agent.key().to_owned();
    let options = world.kill().await;
    let later = options.begins_at.map(|at| at.plus_ms(5 * 60 * 60 * 1000));

    let mut world = World::with(WorldOptions { begins_at: later, ..options }).await;
    world.expect_webhook("decision.expired").await;
    assert_eq!(world.admin.with_key(&key).get(&format!("/decisions/{id}")).await.expect(200).json["status"], "expired");
    world.advance(Duration::from_hours(5)).await;
    world.end().await;
}

/// Killed while twenty answers arrive: each that was taken is there, each that was not is still to be given.
#[tokio::test]
async fn in_the_middle_of_twenty_answers() {
    let mut world = World::new().await;
    let agent = world.key("agent").await;
    let mut asked = Vec::new();
    for _ in 0..20 {
        asked.push(world.asked_by(&agent).await.0);
    }
    let racers: Vec<_> = asked
        .iter()
        .map(|id| {
            let (admin, path) = (world.admin.clone(), format!("/decisions/{id}/resolve"));
            tokio::spawn(async move {
                admin.try_send(http::Method::POST, &path, &[], b"{\"action\":\"approve\"}".to_vec()).await
            })
        })
        .collect();
    // Half way, whatever that is on this machine.
    let mut told = Vec::new();
    let mut racers = racers.into_iter();
    for racer in racers.by_ref().take(10) {
        told.push(racer.await.unwrap());
    }
    let options = world.kill().await;
    for racer in racers {
        racer.abort();
        if let Ok(answer) = racer.await {
            told.push(answer);
        }
    }

    let world = World::with(options).await;
    for (number, id) in asked.iter().enumerate() {
        let status = world.admin.get(&format!("/decisions/{id}")).await.expect(200).json["status"].clone();
        let was_told = told.get(number).is_some_and(|answer| answer.as_ref().is_ok_and(|answer| answer.status == 200));
        assert!(status == "approved" || (status == "pending" && !was_told), "{number}: {status}");
        if status == "pending" {
            world.admin.post(&format!("/decisions/{id}/resolve"), &json!({"action": "approve"})).await.expect(200);
        }
    }
    world.settle().await;
    let mut told_of: Vec<String> =
        world.receiver.take().iter().map(|call| call.json()["decision"]["id"].as_str().unwrap().to_owned()).collect();
    told_of.sort();
    told_of.dedup();
    asked.sort();
    assert_eq!(told_of, asked);
    world.end().await;
}
