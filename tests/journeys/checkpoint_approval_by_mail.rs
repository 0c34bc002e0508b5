//! A checkpoint with an approver is mailed like a decision, and the answer is recorded on the packet.

use std::time::Duration;

use handrail_testkit::{Client, TestResponse, TestServer};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::packets::{PACKETS, claim_packet, create_packet, get_history, get_packet, packet_body, patch_packet};

const MINUTE: Duration = Duration::from_secs(60);
const ANN: &str = "ann@example.com";

fn hitl_body(question: &str) -> Value {
    json!({"reason": "Above the limit", "question": question, "approver": ANN, "timeout_seconds": 3_600})
}

/// Creates a packet with a checkpoint. Returns its id and the link to its page.
async fn create_checkpoint_packet(server: &mut TestServer, agent: &Client, hitl: Value) -> (String, String) {
    let mut packet = packet_body("billing-01");
    packet["hitl"] = hitl;
    let id = create_packet(agent, &packet).await;
    (id, server.expect_mail(ANN).await.links[0].clone())
}

async fn submit_answer(server: &TestServer, page: &str, words: &str) -> TestResponse {
    let form = [("choice", "approve"), ("chosen", "own"), ("text-0", words), ("notes", "by hand")];
    server.admin.without_key().post_form(page, &form).await
}

#[tokio::test]
async fn checkpoint_is_answered_from_mailed_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let mut packet = packet_body("billing-01");
    packet["hitl"] = hitl_body("Refund order 1234?");
    packet["hitl"]["options"] = json!(["yes", "no"]);
    let id = create_packet(&agent, &packet).await;
    assert_eq!(get_packet(&agent, &id).await["hitl"]["approver"], ANN);
    let mail = server.expect_mail(ANN).await;
    assert_eq!(mail.subject, "writer of the test asks: \"Refund order 1234?\"");
    let page = server.admin.without_key().get(&mail.links[0]).await.expect(200);
    for part in ["Refund order 1234?", "Above the limit", "Upgrade to Business", "1 hour left", "yes", "no"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(get_history(&agent, &id).await.len(), 1, "looking answers nothing");
    claim_packet(&agent, &id, "billing-01").await.expect_detail(409);
    server.admin.without_key().post_form(&mail.links[0], &[("choice", "approve"), ("chosen", "1")]).await.expect(303);
    let answered = get_packet(&agent, &id).await;
    assert_eq!((&answered["status"], &answered["hitl"]["response"]), (&json!("claimed"), &json!("no")));
    assert_eq!(answered["hitl"]["responded_by"], ANN);
    assert_eq!(get_history(&agent, &id).await[1], ("hitl_responded".to_owned(), format!("human:{ANN}")));
    patch_packet(&agent, &id, json!({"status": "completed"})).await.expect(200);
    server.advance(600 * MINUTE).await;
    server.finish().await;
}

#[tokio::test]
async fn api_answer_closes_checkpoint_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("agent").await.of_packets();
    let writer = server.key("writer").await.of_packets();
    let (id, page) = create_checkpoint_packet(&mut server, &writer, hitl_body("Go on?")).await;
    let response = json!({"response": "go on", "responded_by": "tom"});
    agent.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect_detail(403);
    writer.post(&format!("{PACKETS}/{id}/respond"), &response).await.expect(200);
    let late = submit_answer(&server, &page, "stop").await.expect(409);
    assert!(late.text.contains("tom") && late.text.contains("go on"), "{}", late.text);
    assert_eq!(get_packet(&agent, &id).await["hitl"]["response"], "go on");
    // No reminders are sent after the answer.
    server.advance(600 * MINUTE).await;
    server.finish().await;
}

#[tokio::test]
async fn unanswered_checkpoint_is_reminded_until_deadline() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let (id, page) = create_checkpoint_packet(&mut server, &agent, hitl_body("Go on?")).await;
    server.advance(30 * MINUTE).await;
    let half = server.expect_mail(ANN).await;
    assert!(half.subject.starts_with("Reminder: ") && half.text.contains("30 minutes left"), "{}", half.text);
    assert_eq!(half.links[0], page, "the same link");
    server.advance(20 * MINUTE).await;
    assert!(server.expect_mail(ANN).await.text.contains("10 minutes left"));
    server.advance(10 * MINUTE).await;
    assert_eq!(get_packet(&agent, &id).await["status"], "expired");
    let over = submit_answer(&server, &page, "go on").await.expect(410);
    assert!(over.text.contains("has expired"), "{}", over.text);
    server.finish().await;
}

#[tokio::test]
async fn deleted_packet_closes_checkpoint_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let (id, page) = create_checkpoint_packet(&mut server, &agent, hitl_body("Go on?")).await;
    agent.delete(&format!("{PACKETS}/{id}")).await.expect(204);
    server.advance(60 * MINUTE).await;
    let gone = submit_answer(&server, &page, "go on").await.expect(410);
    assert!(gone.text.contains("took this request back"), "{}", gone.text);
    server.finish().await;
}

#[tokio::test]
async fn old_link_does_not_answer_new_checkpoint() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let id = create_packet(&agent, &packet_body("billing-01")).await;
    claim_packet(&agent, &id, "billing-01").await.expect(200);
    server.expect_no_messages().await;
    patch_packet(&agent, &id, json!({"status": "awaiting_human", "hitl": hitl_body("The first?")})).await.expect(200);
    let first = server.expect_mail(ANN).await.links[0].clone();
    submit_answer(&server, &first, "yes").await.expect(303);
    patch_packet(&agent, &id, json!({"status": "in_progress"})).await.expect(200);
    patch_packet(&agent, &id, json!({"status": "awaiting_human", "hitl": hitl_body("The second?")})).await.expect(200);
    let second = server.expect_mail(ANN).await.links[0].clone();
    assert_ne!(first, second);
    let late = submit_answer(&server, &first, "and this too").await.expect(409);
    assert!(late.text.contains("The first?") && !late.text.contains("The second?"), "{}", late.text);
    assert_eq!(get_packet(&agent, &id).await["status"], "awaiting_human");
    submit_answer(&server, &second, "no").await.expect(303);
    let answered = get_packet(&agent, &id).await;
    assert_eq!((&answered["hitl"]["response"], &answered["hitl"]["notes"]), (&json!("no"), &json!("by hand")));
    assert_eq!(answered["metadata"]["target_agent"]["id"], "billing-01", "whose work it was");
    let answers = get_history(&agent, &id).await.into_iter().filter(|(name, _)| name == "hitl_responded");
    assert_eq!(answers.count(), 2);
    server.advance(600 * MINUTE).await;
    server.finish().await;
}

#[tokio::test]
async fn concurrent_page_and_api_answers_accept_one() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    for _ in 0..5 {
        let (id, page) = create_checkpoint_packet(&mut server, &agent, hitl_body("Go on?")).await;
        let mut racers: JoinSet<(String, u16)> = JoinSet::new();
        for number in 0..20 {
            let (api, person, id, page) =
                (server.admin.of_packets(), server.admin.without_key(), id.clone(), page.clone());
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
        assert_eq!(get_packet(&agent, &id).await["hitl"]["response"], won[0].0.as_str());
        assert_eq!(get_history(&agent, &id).await.len(), 2);
    }
    server.finish().await;
}

#[tokio::test]
async fn agent_text_is_escaped() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let hostile = "<script>alert(1)</script>\"><img src=x onerror=alert(1)> https://evil.example/d/x \u{202e}x";
    let mut packet = packet_body("billing-01");
    packet["context"]["summary"] = hostile.repeat(2_000).into();
    packet["hitl"] = json!({"reason": hostile, "question": hostile, "options": [hostile, "no"], "approver": ANN});
    create_packet(&agent, &packet).await;
    let mail = server.expect_mail(ANN).await;
    assert!(
        !mail.html.contains("<script>alert") && !mail.html.contains("<img") && mail.links.len() == 2,
        "{:?}",
        mail.links
    );
    let page = server.admin.without_key().get(&mail.links[0]).await.expect(200);
    assert!(!page.text.contains("<script>alert") && !page.text.contains("<img") && !page.text.contains('\u{202e}'));
    assert!(page.text.contains("[...]"), "a summary without end is cut");
    server.finish().await;
}

#[tokio::test]
async fn packet_of_other_tenant_has_no_page() {
    let mut server = TestServer::new().await;
    let agent = server.key("writer").await.of_packets();
    let (_, page) = create_checkpoint_packet(&mut server, &agent, hitl_body("Go on?")).await;
    for at in [10, 40, 60, page.len() - 3] {
        let place = page.find("/d/").unwrap() + 3;
        let mut changed = page.clone();
        let at = place + at % (page.len() - place);
        let other = if &changed[at..=at] == "A" { "B" } else { "A" };
        changed.replace_range(at..=at, other);
        server.admin.without_key().get(&changed).await.expect(404);
        submit_answer(&server, &changed, "go on").await.expect(404);
    }
    server.advance(60 * MINUTE).await;
    server.unread_mails(ANN).await;
    server.finish().await;
}
