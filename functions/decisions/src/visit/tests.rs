//! The page of a packet's checkpoint: the same address, form and outcome as a decision's.

use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::effect::Purpose;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, PacketEvent, State};
use handrail_domain::record::Record;
use handrail_kernel::door::Door;
use handrail_kernel::link::{Link, Seat};
use handrail_kernel::store::HeadKey;
use handrail_packets::PacketsDoor;
use serde_json::{Value, json};

use crate::page_answer::ENDPOINT as ANSWER;
use crate::page_show::ENDPOINT as SHOW;
use crate::testing::{ADMIN, AGENT, Answer, Desk, ann, tenant};

async fn send(
    desk: &Desk,
    endpoint: handrail_kernel::endpoint::Endpoint,
    path: &str,
    key: &str,
    body: &Value,
) -> Answer {
    desk.visit(endpoint, path, &[("x-api-key", key)], &body.to_string()).await
}

async fn asked(desk: &Desk, hitl: &Value) -> RecordId {
    let mut body = json!({
        "metadata": {"source_agent": {"id": "a", "name": "Evil <b>"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Order 1234 came back."},
        "hitl": {"reason": "Above the limit", "approver": "ann@example.com", "timeout_seconds": 3_600},
    });
    body["hitl"].as_object_mut().unwrap().extend(hitl.as_object().unwrap().clone());
    let made = send(desk, handrail_packets::create::ENDPOINT, "/api/v1/packets", AGENT, &body).await;
    assert_eq!(made.status, 201, "{}", made.text);
    made.id()
}

fn link(desk: &Desk, id: RecordId, number: u64) -> String {
    let master = desk.cx.master().unwrap();
    let link = Link::to(master, tenant(), id, Seat::Approver, &ann()).to_question(number, master, &ann());
    format!("/d/{}", link.token())
}

async fn packet(desk: &Desk, id: RecordId) -> Record<Packet> {
    desk.cx.store.record(tenant(), id).await.unwrap().unwrap()
}

async fn whole(desk: &Desk, id: RecordId) -> Value {
    let path = format!("/api/v1/packets/{id}");
    send(desk, handrail_packets::get::ENDPOINT, &path, AGENT, &Value::Null).await.json
}

async fn respond(desk: &Desk, id: RecordId) -> Answer {
    let body = json!({"response": "no, never", "responded_by": "Bob", "notes": "by phone"});
    send(desk, handrail_packets::respond::ENDPOINT, &format!("/api/v1/packets/{id}/respond"), ADMIN, &body).await
}

#[tokio::test]
async fn looking_shows_the_question_and_answers_nothing() {
    let desk = Desk::new().await;
    let options = ["yes", "<script>no</script>"];
    let id = asked(&desk, &json!({"question": "Refund it?", "options": options})).await;
    let before = packet(&desk, id).await;
    for query in ["", "?a=approve", "?a=deny"] {
        let page = desk.browse(SHOW, &format!("{}{query}", link(&desk, id, 1)), "").await;
        assert_eq!(page.status, 200);
        for part in
            ["Refund it?", "Above the limit", "Order 1234 came back.", "the agent", "&lt;script&gt;no", "1 hour left"]
        {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        // The key has a name; what an agent calls itself is not said in our words.
        assert!(!page.text.contains("Evil") && !page.text.contains("value=\"deny\""), "{}", page.text);
    }
    assert_eq!(packet(&desk, id).await, before);
}

#[tokio::test]
async fn an_answer_is_the_packets_and_says_whose_it_is_and_how_we_know() {
    let desk = Desk::new().await;
    let id = asked(&desk, &json!({"question": "Refund it?", "options": ["yes", "no"]})).await;
    let form = "choice=approve&chosen=1&text-0=&notes=ask+me+tomorrow";
    // The same tap twice is one answer.
    for _ in 0..2 {
        let tapped = desk.browse(ANSWER, &link(&desk, id, 1), form).await;
        assert_eq!(tapped.status, 303, "{}", tapped.text);
    }
    let record = packet(&desk, id).await;
    assert_eq!((record.seq, record.state()), (2, State::Claimed));
    let entry = record.newest().unwrap();
    assert_eq!(entry.by, Actor::Person { email: ann(), by: ProofOfPerson::MailedLink });
    assert!(
        matches!(&entry.event, PacketEvent::Answered { by, response, .. } if by == "ann@example.com" && response == "no")
    );
    let hitl = &whole(&desk, id).await["hitl"];
    let told = ["response", "responded_by", "notes"].map(|name| hitl[name].as_str().unwrap());
    assert_eq!(told, ["no", "ann@example.com", "ask me tomorrow"]);
    let page = desk.browse(SHOW, &link(&desk, id, 1), "").await;
    assert_eq!(page.status, 200);
    for part in ["<h1>Answered</h1>", "ask me tomorrow", "Refund it?", "Your answer is recorded"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("Approved") && !page.text.contains("<form"), "{}", page.text);
    // Another answer by the same person comes second, and what is no answer comes too late for one.
    for form in ["choice=approve&chosen=0", "choice=approve&chosen=9"] {
        assert_eq!(desk.browse(ANSWER, &link(&desk, id, 1), form).await.status, 409, "{form}");
    }
    assert_eq!(packet(&desk, id).await, record);
}

#[tokio::test]
async fn ones_own_words_are_an_answer_with_options_and_without() {
    let desk = Desk::new().await;
    let with = asked(&desk, &json!({"options": ["yes", "no"]})).await;
    let without = asked(&desk, &json!({})).await;
    for (id, form) in
        [(with, "choice=approve&chosen=own&text-0=half+of%0D%0Ait"), (without, "choice=approve&text-0=half+of%0D%0Ait")]
    {
        assert_eq!(desk.browse(ANSWER, &link(&desk, id, 1), form).await.status, 303, "{form}");
        assert_eq!(whole(&desk, id).await["hitl"]["response"], "half of\nit");
    }
}

#[tokio::test]
async fn a_form_that_is_not_clear_is_asked_again_with_what_was_typed() {
    let desk = Desk::new().await;
    let long = format!("choice=approve&chosen=own&text-0={}", "x".repeat(2_001));
    let with = asked(&desk, &json!({"options": ["yes", "no"]})).await;
    let without = asked(&desk, &json!({})).await;
    for (id, form) in [
        (with, "choice=approve&notes=keep+me"),
        (with, "choice=approve&chosen=2&notes=keep+me"),
        (with, "choice=approve&chosen=own&text-0=+&notes=keep+me"),
        (with, "choice=approve&chosen=0&text-0=no&notes=keep+me"),
        (with, "chosen=0&notes=keep+me"),
        (with, "choice=deny&chosen=0&notes=keep+me"),
        (with, "choice=now&chosen=0&notes=keep+me"),
        (with, &long),
        (without, "choice=approve&text-0=&notes=keep+me"),
        (without, "choice=approve&text-0=%00&notes=keep+me"),
        (without, "choice=modify&text-0=x&notes=keep+me"),
    ] {
        let page = desk.browse(ANSWER, &link(&desk, id, 1), form).await;
        assert_eq!(page.status, 422, "{form}: {}", page.text);
        assert!(page.text.contains("role=\"alert\"") && page.text.contains("<form"), "{form}: {}", page.text);
        assert_eq!(page.text.contains("keep me"), form.contains("keep+me"), "{form}");
    }
    assert_eq!((packet(&desk, with).await.seq, packet(&desk, without).await.seq), (1, 1));
}

#[tokio::test]
async fn who_comes_late_sees_who_was_first_that_time_is_over_or_that_it_was_taken_back() {
    let desk = Desk::new().await;
    let (answered, forgotten, deleted) =
        (asked(&desk, &json!({})).await, asked(&desk, &json!({})).await, asked(&desk, &json!({})).await);
    assert_eq!(respond(&desk, answered).await.status, 200);
    let path = format!("/api/v1/packets/{deleted}");
    let gone = send(&desk, handrail_packets::delete::ENDPOINT, &path, ADMIN, &Value::Null).await;
    assert_eq!(gone.status, 204);
    let form = "choice=approve&text-0=yes";
    let page = desk.browse(ANSWER, &link(&desk, answered, 1), form).await;
    assert_eq!(page.status, 409);
    for part in ["Bob", "no, never", "by phone", "Through the API"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(desk.browse(SHOW, &link(&desk, answered, 1), "").await.status, 200);
    let page = desk.browse(ANSWER, &link(&desk, deleted, 1), form).await;
    assert!(page.status == 410 && page.text.contains("took this request back"), "{}", page.text);
    desk.advance(60);
    for endpoint in [SHOW, ANSWER] {
        let page = desk.browse(endpoint, &link(&desk, forgotten, 1), form).await;
        assert!(page.status == 410 && page.text.contains("has expired"), "{}", page.text);
    }
    let states = [packet(&desk, answered).await.state(), packet(&desk, deleted).await.state()];
    assert_eq!(states, [State::Claimed, State::Expired]);
}

#[tokio::test]
async fn an_old_link_answers_no_new_question() {
    let desk = Desk::new().await;
    let id = asked(&desk, &json!({"question": "The first?"})).await;
    let first = link(&desk, id, 1);
    assert_eq!(desk.browse(ANSWER, &first, "choice=approve&text-0=one").await.status, 303);
    let path = format!("/api/v1/packets/{id}");
    let again = json!({"status": "awaiting_human", "hitl": {"reason": "The second?", "approver": "ann@example.com"}});
    let raised = send(&desk, handrail_packets::patch::ENDPOINT, &path, AGENT, &again).await;
    assert_eq!(raised.status, 200, "{}", raised.text);
    let late = desk.browse(ANSWER, &first, "choice=approve&text-0=two").await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("The first?") && late.text.contains("one") && !late.text.contains("The second?"));
    assert_eq!(packet(&desk, id).await.state(), State::AwaitingHuman);
    let page = desk.browse(SHOW, &first, "").await;
    assert!(page.status == 200 && page.text.contains("The first?"), "{}", page.text);
    // Links of other shapes, or to events that asked nobody, open nothing.
    let number = packet(&desk, id).await.seq;
    for none in [link(&desk, id, 2), link(&desk, id, number + 1), link(&desk, id, 0), desk.link(id)] {
        assert_eq!(desk.browse(SHOW, &none, "").await.status, 404);
        assert_eq!(desk.browse(ANSWER, &none, "choice=approve&text-0=x").await.status, 404);
    }
    assert_eq!(desk.browse(ANSWER, &link(&desk, id, number), "choice=approve&text-0=two").await.status, 303);
    assert_eq!(whole(&desk, id).await["hitl"]["response"], "two");
    // A link of a decision with a number is none to it.
    let decision = desk.asked().await;
    assert_eq!(desk.browse(SHOW, &link(&desk, decision, 1), "").await.status, 404);
}

#[tokio::test]
async fn the_mail_says_what_the_page_says_and_stops_when_there_is_nothing_to_ask() {
    let desk = Desk::new().await;
    let id = asked(&desk, &json!({"question": "Refund it?", "options": ["yes", "no"]})).await;
    let key = HeadKey { tenant: tenant(), id };
    let mail = async |seq, purpose| PacketsDoor.mail(&desk.cx, key, seq, purpose).await.unwrap();
    let first = mail(1, Purpose::AskApprover).await.unwrap();
    assert_eq!((first.to, first.subject.as_str()), (ann(), "the agent asks: \"Refund it?\""));
    assert!(first.text.contains(&link(&desk, id, 1)) && first.text.contains("> Above the limit"), "{}", first.text);
    assert!(first.text.contains("Answer (") && !first.text.contains("Approve"), "{}", first.text);
    desk.advance(30);
    let reminder = mail(1, Purpose::RemindHalf).await.unwrap();
    assert!(
        reminder.subject.starts_with("Reminder: ") && reminder.text.contains("30 minutes left"),
        "{}",
        reminder.text
    );
    // Late for both, only the one with less time left is true.
    desk.advance(25);
    assert!(mail(1, Purpose::RemindHalf).await.is_none() && mail(1, Purpose::RemindLast).await.is_some());
    assert!(mail(2, Purpose::AskApprover).await.is_none(), "that event asked nobody");
    respond(&desk, id).await;
    for purpose in [Purpose::AskApprover, Purpose::RemindHalf, Purpose::RemindLast] {
        assert!(mail(1, purpose).await.is_none());
    }
}

#[tokio::test]
async fn a_packet_that_is_as_full_as_it_can_be_says_so() {
    let desk = Desk::new().await;
    let id = asked(&desk, &json!({})).await;
    let base = packet(&desk, id).await.standing.content.bytes;
    // Room for the answer's time and name, and not for its words.
    let fill = usize::try_from(1_048_576 - base).unwrap() - 300;
    let patch = json!({"context": {"summary": "Order 1234 came back.", "custom": {"fill": "x".repeat(fill)}}});
    let path = format!("/api/v1/packets/{id}");
    let filled = send(&desk, handrail_packets::patch::ENDPOINT, &path, AGENT, &patch).await;
    assert_eq!(filled.status, 200, "{}", filled.text);
    let form = format!("choice=approve&text-0={}&notes=keep+me", "x".repeat(1_000));
    let page = desk.browse(ANSWER, &link(&desk, id, 1), &form).await;
    assert!(page.status == 422 && page.text.contains("as much as it can"), "{}", page.text);
    assert_eq!(desk.browse(ANSWER, &link(&desk, id, 1), "choice=approve&text-0=no").await.status, 303);
}
