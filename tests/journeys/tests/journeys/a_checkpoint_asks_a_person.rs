//! A packet that waits for somebody by name asks them as a decision would, and their answer is the packet's.

use std::time::Duration;

use handrail_testkit::{Answer, Client, World};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::packets::{PACKETS, made, packet, patch, seen, take, told};

const MINUTE: Duration = Duration::from_secs(60);
const ANN: &str = "ann@example.com";

fn hitl(question: &str) -> Value {
    json!({"reason": "Above the limit", "question": question, "approver": ANN, "timeout_seconds": 3_600})
}

/// The packet's id and the address of its page.
async fn asked(world: &mut World, agent: &Client, hitl: Value) -> (String, String) {
    let mut asks = packet("billing-01");
    asks["hitl"] = hitl;
    let id = made(agent, &asks).await;
    (id, world.expect_mail(ANN).await.links[0].clone())
}

async fn answer(world: &World, page: &str, words: &str) -> Answer {
    let form = [("choice", "approve"), ("chosen", "own"), ("text-0", words), ("notes", "by hand")];
    world.admin.without_key().post_form(page, &form).await
}

#[tokio::test]
async fn by_mail_and_page() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let mut asks = packet("billing-01");
    asks["hitl"] = hitl("Refund order 1234?");
    asks["hitl"]["options"] = json!(["yes", "no"]);
    let id = made(&agent, &asks).await;
    assert_eq!(seen(&agent, &id).await["hitl"]["approver"], ANN);
    let mail = world.expect_mail(ANN).await;
    assert_eq!(mail.subject, "agent of the test asks: \"Refund order 1234?\"");
    let page = world.admin.without_key().get(&mail.links[0]).await.expect(200);
    for part in ["Refund order 1234?", "Above the limit", "Upgrade to Business", "1 hour left", "yes", "no"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(told(&agent, &id).await.len(), 1, "looking answers nothing");
    take(&agent, &id, "billing-01").await.expect_detail(409);
    world.admin.without_key().post_form(&mail.links[0], &[("choice", "approve"), ("chosen", "1")]).await.expect(303);
    let answered = seen(&agent, &id).await;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!("no")));
    assert_eq!(answered["hitl"]["responded_by"], ANN);
    assert_eq!(told(&agent, &id).await[1], ("hitl_responded".to_owned(), format!("human:{ANN}")));
    patch(&agent, &id, json!({"status": "completed"})).await.expect(200);
    world.advance(600 * MINUTE).await;
    world.end().await;
}

#[tokio::test]
async fn an_answer_by_api_was_first() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let writer = world.key("writer").await.of_packets();
    let (id, page) = asked(&mut world, &agent, hitl("Go on?")).await;
    let response = json!({"response": "go on", "responded_by": "tom"});
    agent.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect_detail(403);
    writer.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect(200);
    let late = answer(&world, &page, "stop").await.expect(409);
    assert!(late.text.contains("tom") && late.text.contains("go on"), "{}", late.text);
    assert_eq!(seen(&agent, &id).await["hitl"]["response"], "go on");
    // Who answered is left alone.
    world.advance(600 * MINUTE).await;
    world.end().await;
}

#[tokio::test]
async fn whoever_does_not_answer_is_reminded_until_the_time_is_over() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let (id, page) = asked(&mut world, &agent, hitl("Go on?")).await;
    world.advance(30 * MINUTE).await;
    let half = world.expect_mail(ANN).await;
    assert!(half.subject.starts_with("Reminder: ") && half.text.contains("30 minutes left"), "{}", half.text);
    assert_eq!(half.links[0], page, "the same link");
    world.advance(20 * MINUTE).await;
    assert!(world.expect_mail(ANN).await.text.contains("10 minutes left"));
    world.advance(10 * MINUTE).await;
    assert_eq!(seen(&agent, &id).await["status"], "expired");
    let over = answer(&world, &page, "go on").await.expect(410);
    assert!(over.text.contains("has expired"), "{}", over.text);
    world.end().await;
}

#[tokio::test]
async fn what_was_taken_away_asks_nobody_any_more() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let (id, page) = asked(&mut world, &agent, hitl("Go on?")).await;
    agent.delete(&format!("{PACKETS}/{id}")).await.expect(204);
    world.advance(60 * MINUTE).await;
    let gone = answer(&world, &page, "go on").await.expect(410);
    assert!(gone.text.contains("took this request back"), "{}", gone.text);
    world.end().await;
}

#[tokio::test]
async fn in_the_middle_of_the_work_and_again_with_the_old_link_in_the_mailbox() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let id = made(&agent, &packet("billing-01")).await;
    take(&agent, &id, "billing-01").await.expect(200);
    world.expect_silence().await;
    patch(&agent, &id, json!({"status": "awaiting_human", "hitl": hitl("The first?")})).await.expect(200);
    let first = world.expect_mail(ANN).await.links[0].clone();
    answer(&world, &first, "yes").await.expect(303);
    patch(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    patch(&agent, &id, json!({"status": "awaiting_human", "hitl": hitl("The second?")})).await.expect(200);
    let second = world.expect_mail(ANN).await.links[0].clone();
    assert_ne!(first, second);
    let late = answer(&world, &first, "and this too").await.expect(409);
    assert!(late.text.contains("The first?") && !late.text.contains("The second?"), "{}", late.text);
    assert_eq!(seen(&agent, &id).await["status"], "awaiting_human");
    answer(&world, &second, "no").await.expect(303);
    let answered = seen(&agent, &id).await;
    assert_eq!((&answered["hitl"]["response"], &answered["hitl"]["notes"]), (&json!("no"), &json!("by hand")));
    assert_eq!(answered["metadata"]["target_agent"]["id"], "billing-01", "whose work it was");
    let answers = told(&agent, &id).await.into_iter().filter(|(name, _)| name == "hitl_responded");
    assert_eq!(answers.count(), 2);
    world.advance(600 * MINUTE).await;
    world.end().await;
}

#[tokio::test]
async fn of_twenty_answers_by_page_and_api_one_counts() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    for _ in 0..5 {
        let (id, page) = asked(&mut world, &agent, hitl("Go on?")).await;
        let mut racers: JoinSet<(String, u16)> = JoinSet::new();
        for number in 0..20 {
            let (api, person, id, page) =
                (world.admin.of_packets(), world.admin.without_key(), id.clone(), page.clone());
            racers.spawn(async move {
                let words = format!("answer {number}");
                let status = if number % 2 == 0 {
                    let response = json!({"response": words, "responded_by": "a program"});
                    api.post(&format!("{PACKETS}/{id}/respond"), &response).await.status
                } else {
                    let form = [("choice", "approve"), ("text-0", words.as_str())];
                    person.post_form(&page, &form).await.status
                };
                (words, status)
            });
        }
        let (won, lost): (Vec<_>, Vec<_>) =
            racers.join_all().await.into_iter().partition(|(_, status)| [200, 303].contains(status));
        assert_eq!(won.len(), 1, "{won:?}");
        assert!(lost.iter().all(|(_, status)| *status == 409), "{lost:?}");
        assert_eq!(seen(&agent, &id).await["hitl"]["response"], won[0].0.as_str());
        assert_eq!(told(&agent, &id).await.len(), 2);
    }
    world.end().await;
}

#[tokio::test]
async fn an_agents_words_are_shown_and_do_nothing() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let hostile = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> https://evil.example/d/x \u{202e}x";
    let mut asks = packet("billing-01");
    asks["context"]["summary"] = hostile.repeat(2_000).into();
    asks["hitl"] = json!({"reason": hostile, "question": hostile, "options": [hostile, "no"], "approver": ANN});
    made(&agent, &asks).await;
    let mail = world.expect_mail(ANN).await;
    assert!(
        !mail.html.contains("<script>alert") && !mail.html.contains("<img") && mail.links.len() == 2,
        "{:?}",
        mail.links
    );
    let page = world.admin.without_key().get(&mail.links[0]).await.expect(200);
    assert!(!page.text.contains("<script>alert") && !page.text.contains("<img") && !page.text.contains('\u{202e}'));
    assert!(page.text.contains("[...]"), "a summary without end is cut");
    world.end().await;
}

#[tokio::test]
async fn a_strangers_packet_has_no_page_of_ours() {
    let mut world = World::new().await;
    let agent = world.key("agent").await.of_packets();
    let (_, page) = asked(&mut world, &agent, hitl("Go on?")).await;
    for at in [10, 40, 60, page.len() - 3] {
        let place = page.find("/d/").unwrap() + 3;
        let mut changed = page.clone();
        let at = place + at % (page.len() - place);
        let other = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        world.admin.without_key().get(&changed).await.expect(404);
        answer(&world, &changed, "go on").await.expect(404);
    }
    world.advance(60 * MINUTE).await;
    world.unread_mails(ANN).await;
    world.end().await;
}
