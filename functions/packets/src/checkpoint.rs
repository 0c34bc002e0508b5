//! Checkpoint with a named approver: found by its event number in the approver's link, shown as an approval request.
//!
//! The workers that send requests use it, and the pages and Slack operations that record answers. The view is only
//! displayed; an answer counts once the packet's conditional write succeeds.

use handrail_approvals::ApprovalRequest;
use handrail_context::cx::Cx;
use handrail_domain::decision::{self, Decision, REPLY};
use handrail_domain::field_error::{FieldError, VALUE_ERROR};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::packet::{self, CheckpointAnswer, Packet, Refusal, Responder};
use handrail_packet_records::{PacketWithContent, searchable_body};
use handrail_platform::fault::Fault;
use handrail_records::transition::{self, PlannedChange, TransitionError};
use serde_json::Value;

/// Returns the request of the checkpoint that event `number` opened, or `None` if there is no such packet or checkpoint.
pub(crate) async fn find(
    cx: &Cx,
    tenant: TenantId,
    id: RecordId,
    number: u64,
) -> Result<Option<ApprovalRequest>, Fault> {
    let Some(whole) = cx.store.record_with_body::<Packet>(tenant, id).await? else { return Ok(None) };
    let PacketWithContent { record, content } = PacketWithContent::from_record(whole)?;
    // The record holds only its newest log entries; older events are stored separately. An open checkpoint needs only
    // the event that opened it, since no event has closed it.
    let first = record.log.first().map_or(1, |entry| entry.entry.seq);
    let is_open = record.state_data.question.as_ref().is_some_and(|question| question.number == number);
    let earlier = match number {
        0 => Vec::new(),
        number if is_open => cx.store.events_from::<Packet>(tenant, id, number, first.min(number + 1)).await?,
        number => cx.store.events_from::<Packet>(tenant, id, number, first).await?,
    };
    let view = packet::checkpoint_as_decision(&record, &content, &earlier, number);
    Ok(view.map(|record| ApprovalRequest { record, checkpoint_seq: Some(number) }))
}

/// Records the person's answer if it matches the checkpoint and is the first.
///
/// The rules of a decision check the answer against the request as read. The packet's conditional write then checks
/// that this checkpoint is still open.
pub(crate) async fn record_answer(
    cx: &Cx,
    request: &ApprovalRequest,
    command: &Command<Decision>,
) -> Result<(), TransitionError<Decision>> {
    let view = &request.record;
    if view.entry_of_command(&command.id).is_some() {
        // The command was recorded before: a repeat succeeds.
        return Ok(());
    }
    let planned = decide(view, command, cx.clock.now()).map_err(TransitionError::Refused)?;
    let Some(outcome) = planned.next.state_data.outcome() else {
        return Err(TransitionError::Refused(decision::Refusal::Expired { at: view.spec.expires_at }));
    };
    let reply = outcome.answer.response_data.as_ref().and_then(|data| data.get(REPLY)).and_then(Value::as_str);
    let response = CheckpointAnswer {
        by: outcome.answer.resolved_by.clone(),
        response: reply.unwrap_or_default().to_owned(),
        notes: outcome.answer.notes.clone(),
    };
    match write_response(cx, request, &response, command).await {
        Ok(()) => Ok(()),
        Err(TransitionError::NotFound) => Err(TransitionError::NotFound),
        Err(TransitionError::Refused(Refusal::TooLarge { .. }) | TransitionError::TooLarge) => {
            let message = "is too long: the packet has reached its maximum size";
            let error = FieldError::new(["response_data"], message, VALUE_ERROR);
            Err(TransitionError::Refused(decision::Refusal::AnswerMismatch(error)))
        }
        // The checkpoint has changed since it was read; reading it again shows how.
        Err(TransitionError::Refused(_)) => Err(TransitionError::Refused(decision::Refusal::NotCurrentApprover)),
        Err(TransitionError::IdempotencyConflict) => Err(TransitionError::IdempotencyConflict),
        Err(TransitionError::Busy) => Err(TransitionError::Busy),
        Err(TransitionError::Fault(fault)) => Err(TransitionError::Fault(fault)),
    }
}

async fn write_response(
    cx: &Cx,
    request: &ApprovalRequest,
    response: &CheckpointAnswer,
    by: &Command<Decision>,
) -> Result<(), TransitionError<Packet>> {
    let (tenant, id) = (request.record.tenant, request.record.id);
    let transition_result = transition::transition_with_body(cx, tenant, id, |whole| {
        let found = PacketWithContent::from_record(whole.clone())?;
        let responder = Responder { by: by.actor.clone(), key: None, question: request.checkpoint_seq };
        let now = cx.clock.now();
        let (act, content) = response.plan(&responder, &found.record.as_of(now), &found.content, now);
        let command = Command::<Packet> { id: by.id.clone(), actor: by.actor.clone(), act };
        Ok(PlannedChange { command, body: Some(searchable_body(&content)?) })
    });
    transition_result.await.map(drop)
}

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::approval_purpose::ApprovalPurpose;
    use handrail_domain::effect::{Effect, Purpose};
    use handrail_domain::ids::KeyId;
    use handrail_domain::lifecycle::Lifecycle;
    use handrail_domain::packet::State;
    use handrail_domain::text::EmailAddress;
    use handrail_store::ApiKey;
    use serde_json::json;

    use super::*;
    use crate::testing::{NOON, TestApp, TestResponse, WRITER, api_key, packet_body};

    fn packet_with_approver(approver: &str) -> Value {
        let mut body = packet_body();
        body["hitl"] = json!({"reason": "Large sum", "question": "Refund it?", "approver": approver});
        body
    }

    async fn create_packet(app: &TestApp, key: &str, body: Value) -> TestResponse {
        app.call(crate::create::ENDPOINT, "/api/v1/packets", key, body).await
    }

    async fn patch_packet(app: &TestApp, id: RecordId, key: &str, body: Value) -> TestResponse {
        app.call(crate::patch::ENDPOINT, &format!("/api/v1/packets/{id}"), key, body).await
    }

    async fn effect_purposes(app: &TestApp, id: RecordId) -> Vec<Purpose> {
        let record = app.get_record(id).await;
        let effects = Packet::effects(&record.spec, record.newest().unwrap());
        effects.into_iter().map(Effect::purpose).collect()
    }

    #[tokio::test]
    async fn named_approver_is_notified_and_shown() {
        let app = TestApp::new().await;
        let created = create_packet(&app, WRITER, packet_with_approver("ann@example.com")).await;
        assert_eq!((created.status.as_u16(), &created.json["hitl"]["approver"]), (201, &json!("ann@example.com")));
        assert_eq!(effect_purposes(&app, created.id()).await[0], ApprovalPurpose::AskApprover.purpose());
        let unnamed = app.create_packet_with(crate::testing::checkpoint_body()).await;
        assert_eq!(effect_purposes(&app, unnamed).await, []);
        let path = format!("/api/v1/packets/{}", created.id());
        let chained = app
            .call(crate::chain::ENDPOINT, &format!("{path}/chain"), WRITER, packet_with_approver("ann@example.com"))
            .await;
        assert_eq!(effect_purposes(&app, chained.id()).await[0], ApprovalPurpose::AskApprover.purpose());
        let batch =
            json!({"packets": [packet_with_approver("ann@example.com"), packet_with_approver("ann"), packet_body()]});
        let batch = app.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", WRITER, batch).await;
        assert!(batch.json["errors"][0]["error"].as_str().unwrap().starts_with("hitl.approver: "), "{}", batch.json);
        assert_eq!(batch.json["created"].as_array().unwrap().len(), 2);
        let first = batch.json["created"][0]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(effect_purposes(&app, first).await[0], ApprovalPurpose::AskApprover.purpose());
    }

    #[tokio::test]
    async fn only_opening_a_checkpoint_notifies_the_approver() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        let hitl = packet_with_approver("ann@example.com")["hitl"].clone();
        assert_eq!(patch_packet(&app, id, WRITER, json!({"hitl": hitl})).await.status.as_u16(), 200);
        assert_eq!(effect_purposes(&app, id).await, []);
        let opened = patch_packet(&app, id, WRITER, json!({"status": "awaiting_human"})).await;
        assert_eq!((opened.status.as_u16(), &opened.json["status"]), (200, &json!("awaiting_human")));
        assert_eq!(effect_purposes(&app, id).await[0], ApprovalPurpose::AskApprover.purpose());
        // An open checkpoint keeps the question that the approver read.
        let other = packet_with_approver("bob@example.com")["hitl"].clone();
        assert_eq!(patch_packet(&app, id, WRITER, json!({"hitl": other})).await.status.as_u16(), 409);
        let respond = json!({"response": "yes", "responded_by": "bob"});
        let path = format!("/api/v1/packets/{id}/respond");
        assert_eq!(app.call(crate::respond::ENDPOINT, &path, WRITER, respond).await.status.as_u16(), 200);
        assert_eq!(effect_purposes(&app, id).await, [Purpose::UPDATE_SLACK]);
    }

    const APPROVER_LIMITED_KEY: &str = "ho_test_strict";
    const QUOTA_LIMITED_KEY: &str = "ho_test_limited";

    async fn add_limited_keys(app: &TestApp) {
        let bob = EmailAddress::parse("bob@example.com").unwrap();
        let (id, approvers) = (KeyId::new(NOON, [90; 10]), vec![bob.into()]);
        let approver_limited = ApiKey { id, approvers, ..api_key(Role::Writer) };
        app.add_key(approver_limited, APPROVER_LIMITED_KEY).await;
        let quota_limited =
            ApiKey { id: KeyId::new(NOON, [91; 10]), decisions_per_month: Some(2), ..api_key(Role::Writer) };
        app.add_key(quota_limited, QUOTA_LIMITED_KEY).await;
    }

    #[tokio::test]
    async fn key_can_ask_only_its_allowed_approvers() {
        let app = TestApp::new().await;
        add_limited_keys(&app).await;
        let refused = create_packet(&app, APPROVER_LIMITED_KEY, packet_with_approver("ann@example.com")).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (403, &json!("hitl.approver")));
        assert_eq!(refused.json["code"], "APPROVER_NOT_ALLOWED");
        assert!(refused.error().1.contains("not on this key's list"), "{}", refused.json);
        assert_eq!(
            create_packet(&app, APPROVER_LIMITED_KEY, packet_with_approver("Bob@Example.com")).await.status.as_u16(),
            201
        );
        let id = app.create_claimed_packet().await;
        let open = |approver: &str| json!({"status": "awaiting_human", "hitl": packet_with_approver(approver)["hitl"]});
        let refused = patch_packet(&app, id, APPROVER_LIMITED_KEY, open("ann@example.com")).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (403, &json!("hitl.approver")));
        // Nor may it open a checkpoint that a key with other approvers prepared.
        patch_packet(&app, id, WRITER, json!({"hitl": packet_with_approver("ann@example.com")["hitl"]})).await;
        let refused = patch_packet(&app, id, APPROVER_LIMITED_KEY, json!({"status": "awaiting_human"})).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (403, &json!("hitl.approver")));
        assert_eq!(app.get_record(id).await.state(), State::Claimed);
        assert_eq!(patch_packet(&app, id, APPROVER_LIMITED_KEY, open("bob@example.com")).await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn only_approval_requests_use_the_monthly_quota() {
        let app = TestApp::new().await;
        add_limited_keys(&app).await;
        let id = app.create_claimed_packet().await;
        let open = json!({"status": "awaiting_human", "hitl": packet_with_approver("ann@example.com")["hitl"]});
        assert_eq!(
            create_packet(&app, QUOTA_LIMITED_KEY, packet_with_approver("ann@example.com")).await.status.as_u16(),
            201
        );
        // Packets without an approver and refused requests are not counted.
        assert_eq!(create_packet(&app, QUOTA_LIMITED_KEY, packet_body()).await.status.as_u16(), 201);
        assert_eq!(patch_packet(&app, id, QUOTA_LIMITED_KEY, json!({"hitl": open["hitl"]})).await.status.as_u16(), 200);
        let reset_to_created = json!({"status": "created", "hitl": open["hitl"]});
        assert_eq!(patch_packet(&app, id, QUOTA_LIMITED_KEY, reset_to_created).await.status.as_u16(), 400);
        assert_eq!(patch_packet(&app, id, QUOTA_LIMITED_KEY, open.clone()).await.status.as_u16(), 200);
        let over = create_packet(&app, QUOTA_LIMITED_KEY, packet_with_approver("ann@example.com")).await;
        assert_eq!(over.status.as_u16(), 429, "{}", over.json);
        let other = app.create_claimed_packet().await;
        assert_eq!(patch_packet(&app, other, QUOTA_LIMITED_KEY, open).await.status.as_u16(), 429);
        assert_eq!(app.get_record(other).await.state(), State::Claimed);
        assert_eq!(create_packet(&app, QUOTA_LIMITED_KEY, packet_body()).await.status.as_u16(), 201);
    }

    /// The published client sends a packet back whole, and repeats a request when the response is lost.
    #[tokio::test]
    async fn repeated_checkpoint_request_notifies_no_approver() {
        let app = TestApp::new().await;
        add_limited_keys(&app).await;
        let id = app.create_claimed_packet().await;
        let mut open = json!({"status": "awaiting_human", "hitl": packet_with_approver("ann@example.com")["hitl"]});
        open["hitl"]["timeout_seconds"] = 60.into();
        assert_eq!(patch_packet(&app, id, WRITER, open.clone()).await.status.as_u16(), 200);
        let before = app.get_record(id).await.state_data;
        app.advance(30);
        // A key that may not ask this approver may repeat the open checkpoint, which sends no request.
        for (key, body) in
            [(WRITER, open.clone()), (WRITER, json!({"hitl": open["hitl"]})), (APPROVER_LIMITED_KEY, open.clone())]
        {
            let repeat = patch_packet(&app, id, key, body.clone()).await;
            assert_eq!((repeat.status.as_u16(), &repeat.json["status"]), (200, &open["status"]), "{}", repeat.json);
            assert_eq!(effect_purposes(&app, id).await, [], "{body}");
            let state_data = app.get_record(id).await.state_data;
            assert_eq!((state_data.question, state_data.answer_until), (before.question.clone(), before.answer_until));
        }
        app.advance(30);
        assert_eq!(app.get_record(id).await.as_of(app.cx.clock.now()).state(), State::Expired);
    }

    /// The history is longer than one read of it.
    #[tokio::test]
    async fn old_checkpoint_is_found_in_long_history() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        let path = format!("/api/v1/packets/{id}");
        let text = "\"".repeat(10_000);
        for round in 0..85 {
            let open = json!({"status": "awaiting_human", "hitl": packet_with_approver("ann@example.com")["hitl"]});
            assert_eq!(patch_packet(&app, id, WRITER, open).await.status.as_u16(), 200);
            let response = if round == 0 { "Go on." } else { text.as_str() };
            let body = json!({"response": response, "responded_by": "bob", "notes": text});
            let answered = app.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, body).await;
            assert_eq!(answered.status.as_u16(), 200, "{}", answered.json);
            // The stream worker stores each event.
            for entry in &app.get_record(id).await.log {
                let key = handrail_store::HeadKey { tenant: crate::testing::tenant(), id };
                app.cx.store.put_event(key, entry).await.unwrap();
            }
        }
        let found = find(&app.cx, crate::testing::tenant(), id, 3).await.unwrap();
        let outcome =
            found.expect("checkpoint is found").record.state_data.outcome().cloned().expect("checkpoint is answered");
        assert_eq!(outcome.answer.resolved_by, "bob");
        assert_eq!(outcome.answer.response_data.unwrap()[REPLY], "Go on.");
    }

    #[tokio::test]
    async fn checkpoint_is_found_only_by_its_seq() {
        let app = TestApp::new().await;
        let id = create_packet(&app, WRITER, packet_with_approver("ann@example.com")).await.id();
        let tenant = crate::testing::tenant();
        let found = find(&app.cx, tenant, id, 1).await.unwrap().unwrap();
        assert_eq!(found.record.spec.asked_by_name, "the writer");
        for number in [0, 2, u64::MAX] {
            assert!(find(&app.cx, tenant, id, number).await.unwrap().is_none(), "{number}");
        }
        let other_tenant = TenantId::new(NOON, [7; 10]);
        assert!(find(&app.cx, other_tenant, id, 1).await.unwrap().is_none());
    }
}
