//! Tests of a checkpoint's page, which has the address, form and outcome of a decision's page.

use handrail_approvals::LinkAccess;
use handrail_context::cx::Cx;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Packet, PacketEvent, State};
use handrail_domain::record::Record;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::{ApproverRole, Link};
use handrail_store::HeadKey;
use serde_json::{Value, json};

use crate::page_answer::ENDPOINT as ANSWER;
use crate::page_show::ENDPOINT as SHOW;
use crate::testing::{ADMIN, AGENT, APP, TestApp, TestResponse, ann, tenant};

async fn send_with_key(
    app: &TestApp,
    endpoint: handrail_web::endpoint::Endpoint,
    path: &str,
    key: &str,
    body: &Value,
) -> TestResponse {
    app.send_with_headers(endpoint, path, &[("x-api-key", key)], &body.to_string()).await
}

async fn create_checkpoint(app: &TestApp, hitl: &Value) -> RecordId {
    let mut body = json!({
        "metadata": {"source_agent": {"id": "a", "name": "Evil <b>"}, "target_agent": {"id": "b", "name": "B"}},
        "context": {"summary": "Order 1234 came back."},
        "hitl": {"reason": "Above the limit", "approver": "ann@example.com", "timeout_seconds": 3_600},
    });
    body["hitl"].as_object_mut().unwrap().extend(hitl.as_object().unwrap().clone());
    let created = send_with_key(app, handrail_packets::create::ENDPOINT, "/api/v1/packets", APP, &body).await;
    assert_eq!(created.status, 201, "{}", created.text);
    created.id()
}

fn checkpoint_link(app: &TestApp, id: RecordId, seq: u64) -> String {
    let master = app.cx.key(KeyPurpose::ApprovalLinks).unwrap();
    let link = Link::new(master, tenant(), id, ApproverRole::Approver, &ann()).for_checkpoint(seq, master, &ann());
    format!("/d/{}", link.token())
}

async fn packet_record(app: &TestApp, id: RecordId) -> Record<Packet> {
    app.cx.store.record(tenant(), id).await.unwrap().unwrap()
}

async fn packet_json(app: &TestApp, id: RecordId) -> Value {
    let path = format!("/api/v1/packets/{id}");
    send_with_key(app, handrail_packets::get::ENDPOINT, &path, AGENT, &Value::Null).await.json
}

async fn respond_by_api(app: &TestApp, id: RecordId) -> TestResponse {
    let body = json!({"response": "no, never", "responded_by": "Bob", "notes": "by phone"});
    send_with_key(app, handrail_packets::respond::ENDPOINT, &format!("/api/v1/packets/{id}/respond"), ADMIN, &body)
        .await
}

#[tokio::test]
async fn get_requests_show_checkpoint_without_answering() {
    let app = TestApp::new().await;
    let options = ["yes", "<script>no</script>"];
    let id = create_checkpoint(&app, &json!({"question": "Refund it?", "options": options})).await;
    let before = packet_record(&app, id).await;
    for query in ["", "?a=approve", "?a=deny"] {
        let page = app.submit_form(SHOW, &format!("{}{query}", checkpoint_link(&app, id, 1)), "").await;
        assert_eq!(page.status, 200);
        for part in
            ["Refund it?", "Above the limit", "Order 1234 came back.", "the app", "&lt;script&gt;no", "1 hour left"]
        {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        // The page names the requester by its API key, not by the name that the agent gives itself.
        assert!(!page.text.contains("Evil") && !page.text.contains("value=\"deny\""), "{}", page.text);
    }
    assert_eq!(packet_record(&app, id).await, before);
}

#[tokio::test]
async fn checkpoint_answer_records_approver_and_mailed_link() {
    let app = TestApp::new().await;
    let id = create_checkpoint(&app, &json!({"question": "Refund it?", "options": ["yes", "no"]})).await;
    let form = "choice=approve&chosen=1&text-0=&notes=ask+me+tomorrow";
    for _ in 0..2 {
        let response = app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), form).await;
        assert_eq!(response.status, 303, "{}", response.text);
    }
    let record = packet_record(&app, id).await;
    assert_eq!((record.seq, record.state()), (2, State::Claimed));
    let entry = record.newest().unwrap();
    assert_eq!(entry.by, Actor::Person { email: ann(), by: AuthMethod::MailedLink });
    assert!(
        matches!(&entry.event, PacketEvent::Answered { by, response, .. } if by == "ann@example.com" && response == "no")
    );
    let hitl = &packet_json(&app, id).await["hitl"];
    let stored = ["response", "responded_by", "notes"].map(|name| hitl[name].as_str().unwrap());
    assert_eq!(stored, ["no", "ann@example.com", "ask me tomorrow"]);
    let page = app.submit_form(SHOW, &checkpoint_link(&app, id, 1), "").await;
    assert_eq!(page.status, 200);
    for part in ["<h1>Answered</h1>", "ask me tomorrow", "Refund it?", "Your answer is recorded"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert!(!page.text.contains("Approved") && !page.text.contains("<form"), "{}", page.text);
    // Later forms conflict with the recorded answer, valid or not.
    for form in ["choice=approve&chosen=0", "choice=approve&chosen=9"] {
        assert_eq!(app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), form).await.status, 409, "{form}");
    }
    assert_eq!(packet_record(&app, id).await, record);
}

#[tokio::test]
async fn own_text_is_accepted_with_or_without_options() {
    let app = TestApp::new().await;
    let with = create_checkpoint(&app, &json!({"options": ["yes", "no"]})).await;
    let without = create_checkpoint(&app, &json!({})).await;
    for (id, form) in
        [(with, "choice=approve&chosen=own&text-0=half+of%0D%0Ait"), (without, "choice=approve&text-0=half+of%0D%0Ait")]
    {
        assert_eq!(app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), form).await.status, 303, "{form}");
        assert_eq!(packet_json(&app, id).await["hitl"]["response"], "half of\nit");
    }
}

#[tokio::test]
async fn unclear_form_is_shown_again_with_its_values() {
    let app = TestApp::new().await;
    let long = format!("choice=approve&chosen=own&text-0={}", "x".repeat(2_001));
    let with = create_checkpoint(&app, &json!({"options": ["yes", "no"]})).await;
    let without = create_checkpoint(&app, &json!({})).await;
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
        let page = app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), form).await;
        assert_eq!(page.status, 422, "{form}: {}", page.text);
        assert!(page.text.contains("role=\"alert\"") && page.text.contains("<form"), "{form}: {}", page.text);
        assert_eq!(page.text.contains("keep me"), form.contains("keep+me"), "{form}");
    }
    assert_eq!((packet_record(&app, with).await.seq, packet_record(&app, without).await.seq), (1, 1));
}

#[tokio::test]
async fn late_answer_shows_answer_expiry_or_cancellation() {
    let app = TestApp::new().await;
    let (answered, unanswered, deleted) = (
        create_checkpoint(&app, &json!({})).await,
        create_checkpoint(&app, &json!({})).await,
        create_checkpoint(&app, &json!({})).await,
    );
    assert_eq!(respond_by_api(&app, answered).await.status, 200);
    let path = format!("/api/v1/packets/{deleted}");
    let gone = send_with_key(&app, handrail_packets::delete::ENDPOINT, &path, ADMIN, &Value::Null).await;
    assert_eq!(gone.status, 204);
    let form = "choice=approve&text-0=yes";
    let page = app.submit_form(ANSWER, &checkpoint_link(&app, answered, 1), form).await;
    assert_eq!(page.status, 409);
    for part in ["Bob", "no, never", "by phone", "Through the API"] {
        assert!(page.text.contains(part), "{part}: {}", page.text);
    }
    assert_eq!(app.submit_form(SHOW, &checkpoint_link(&app, answered, 1), "").await.status, 200);
    let page = app.submit_form(ANSWER, &checkpoint_link(&app, deleted, 1), form).await;
    assert!(page.status == 410 && page.text.contains("took this request back"), "{}", page.text);
    app.advance(60);
    for endpoint in [SHOW, ANSWER] {
        let page = app.submit_form(endpoint, &checkpoint_link(&app, unanswered, 1), form).await;
        assert!(page.status == 410 && page.text.contains("has expired"), "{}", page.text);
    }
    let states = [packet_record(&app, answered).await.state(), packet_record(&app, deleted).await.state()];
    assert_eq!(states, [State::Claimed, State::Expired]);
}

#[tokio::test]
async fn old_link_cannot_answer_a_new_checkpoint() {
    let app = TestApp::new().await;
    let id = create_checkpoint(&app, &json!({"question": "The first?"})).await;
    let first = checkpoint_link(&app, id, 1);
    assert_eq!(app.submit_form(ANSWER, &first, "choice=approve&text-0=one").await.status, 303);
    let path = format!("/api/v1/packets/{id}");
    let again = json!({"status": "awaiting_human", "hitl": {"reason": "The second?", "approver": "ann@example.com"}});
    let patched = send_with_key(&app, handrail_packets::patch::ENDPOINT, &path, AGENT, &again).await;
    assert_eq!(patched.status, 200, "{}", patched.text);
    let late = app.submit_form(ANSWER, &first, "choice=approve&text-0=two").await;
    assert_eq!(late.status, 409);
    assert!(late.text.contains("The first?") && late.text.contains("one") && !late.text.contains("The second?"));
    assert_eq!(packet_record(&app, id).await.state(), State::AwaitingHuman);
    let page = app.submit_form(SHOW, &first, "").await;
    assert!(page.status == 200 && page.text.contains("The first?"), "{}", page.text);
    // Links to events without a checkpoint, and links of decisions, open nothing.
    let seq = packet_record(&app, id).await.seq;
    for none in [
        checkpoint_link(&app, id, 2),
        checkpoint_link(&app, id, seq + 1),
        checkpoint_link(&app, id, 0),
        app.approver_link(id),
    ] {
        assert_eq!(app.submit_form(SHOW, &none, "").await.status, 404);
        assert_eq!(app.submit_form(ANSWER, &none, "choice=approve&text-0=x").await.status, 404);
    }
    assert_eq!(app.submit_form(ANSWER, &checkpoint_link(&app, id, seq), "choice=approve&text-0=two").await.status, 303);
    assert_eq!(packet_json(&app, id).await["hitl"]["response"], "two");
    // A checkpoint link does not open a decision.
    let decision = app.create_decision().await;
    assert_eq!(app.submit_form(SHOW, &checkpoint_link(&app, decision, 1), "").await.status, 404);
}

#[tokio::test]
async fn checkpoint_mail_matches_page_and_stops_when_closed() {
    let app = TestApp::new().await;
    let id = create_checkpoint(&app, &json!({"question": "Refund it?", "options": ["yes", "no"]})).await;
    let key = HeadKey { tenant: tenant(), id };
    let mail =
        async |seq, purpose| (handrail_packets::KIND.mails().unwrap().build)(&app.cx, key, seq, purpose).await.unwrap();
    let first = mail(1, ApprovalPurpose::AskApprover.purpose()).await.unwrap();
    assert_eq!((first.to, first.subject.as_str()), (ann(), "the app asks: \"Refund it?\""));
    assert!(
        first.text.contains(&checkpoint_link(&app, id, 1)) && first.text.contains("> Above the limit"),
        "{}",
        first.text
    );
    assert!(first.text.contains("Answer (") && !first.text.contains("Approve"), "{}", first.text);
    app.advance(30);
    let reminder = mail(1, ApprovalPurpose::RemindHalf.purpose()).await.unwrap();
    assert!(
        reminder.subject.starts_with("Reminder: ") && reminder.text.contains("30 minutes left"),
        "{}",
        reminder.text
    );
    // Both reminders are late, and only the last one is still true.
    app.advance(25);
    assert!(
        mail(1, ApprovalPurpose::RemindHalf.purpose()).await.is_none()
            && mail(1, ApprovalPurpose::RemindLast.purpose()).await.is_some()
    );
    assert!(mail(2, ApprovalPurpose::AskApprover.purpose()).await.is_none(), "the event opens no checkpoint");
    respond_by_api(&app, id).await;
    for purpose in [
        ApprovalPurpose::AskApprover.purpose(),
        ApprovalPurpose::RemindHalf.purpose(),
        ApprovalPurpose::RemindLast.purpose(),
    ] {
        assert!(mail(1, purpose).await.is_none());
    }
}

#[tokio::test]
async fn answer_beyond_packet_size_limit_is_refused() {
    let app = TestApp::new().await;
    let id = create_checkpoint(&app, &json!({})).await;
    let base = packet_record(&app, id).await.state_data.content.bytes;
    // Leaves room for the answer's time and name, but not for its text.
    let fill = usize::try_from(1_048_576 - base).unwrap() - 300;
    let patch = json!({"context": {"summary": "Order 1234 came back.", "custom": {"fill": "x".repeat(fill)}}});
    let path = format!("/api/v1/packets/{id}");
    let filled = send_with_key(&app, handrail_packets::patch::ENDPOINT, &path, AGENT, &patch).await;
    assert_eq!(filled.status, 200, "{}", filled.text);
    let form = format!("choice=approve&text-0={}&notes=keep+me", "x".repeat(1_000));
    let page = app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), &form).await;
    assert!(page.status == 422 && page.text.contains("has reached its maximum size"), "{}", page.text);
    assert_eq!(app.submit_form(ANSWER, &checkpoint_link(&app, id, 1), "choice=approve&text-0=no").await.status, 303);
}

#[tokio::test]
async fn process_without_kinds_opens_no_link() {
    let app = TestApp::new().await;
    let link = app.approver_link(app.create_decision().await);
    let cx = Cx::new(app.cx.store.clone(), app.cx.clock.clone(), app.cx.entropy.clone(), app.cx.settings.clone());
    let fault = LinkAccess::from_token(&cx, link.trim_start_matches("/d/")).await.err().unwrap();
    assert!(fault.to_string().contains("no list of kinds"), "{fault}");
    assert!(LinkAccess::from_token(&app.cx, link.trim_start_matches("/d/")).await.unwrap().is_some());
}
