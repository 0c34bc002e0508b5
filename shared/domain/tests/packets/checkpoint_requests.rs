//! Checkpoints with an approver: mails and reminders, allowed answers, and the approval request.

use handrail_domain::approval_purpose::ApprovalPurpose;
use handrail_domain::approvers::AskablePeople;
use handrail_domain::decision::{Channel, Choice, Decision, Phase, REPLY, ResponseType, Urgency};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::field_error::FieldError;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{
    Act, CheckpointRequester, NewPacket, Packet, PacketEvent, Patch, Refusal, State, checkpoint_as_decision,
};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::fixtures::{
    ANN, ANSWER_S, END, SECOND_MS, START, Setup, TestActor, TestPacket, address, minimal_body, packet_in, run_command,
};

const MINUTE_MS: i64 = 60 * SECOND_MS;

fn body_with_checkpoint(hitl: &Value) -> Value {
    let mut body = minimal_body();
    body["hitl"] = json!({"reason": "Above the limit", "approver": ANN});
    for (name, value) in hitl.as_object().unwrap() {
        body["hitl"][name] = value.clone();
    }
    body
}

fn checkpoint_packet() -> TestPacket {
    TestPacket::from_body(&body_with_checkpoint(
        &json!({"question": "Refund it?", "options": ["yes", "no"], "timeout_seconds": 3_600}),
    ))
}

fn effects_of_newest(packet: &TestPacket) -> Vec<Effect> {
    Packet::effects(&packet.record.spec, packet.record.newest().unwrap())
}

fn approval_request_of(packet: &TestPacket, number: u64) -> Record<Decision> {
    checkpoint_as_decision(&packet.record, &packet.content, &[], number).unwrap()
}

fn minutes_after_start(minutes: i64) -> Timestamp {
    START.plus_ms(minutes * MINUTE_MS)
}

const OPENED_SEQ: u64 = 3;

/// A packet whose third event opens a checkpoint.
fn packet_with_opened_checkpoint(at: Timestamp) -> TestPacket {
    let hitl = json!({"reason": "a risk", "approver": ANN, "timeout_seconds": 3_600});
    let claimed = TestPacket::create(Setup::PLAIN).claim(None, START);
    claimed.patch(&json!({"status": "awaiting_human", "hitl": hitl}), at).unwrap()
}

#[test]
fn approver_is_mailed_and_reminded_twice() {
    let expected_effects = |until: i64, from: i64| {
        [
            Effect::Mail(ApprovalPurpose::AskApprover.purpose()),
            Effect::MailAt(ApprovalPurpose::RemindHalf.purpose(), minutes_after_start(from + (until - from) / 2)),
            Effect::MailAt(ApprovalPurpose::RemindLast.purpose(), minutes_after_start(until - 10)),
        ]
    };
    assert_eq!(effects_of_newest(&checkpoint_packet()), expected_effects(60, 0));
    // A checkpoint without timeout ends with the packet.
    assert_eq!(
        effects_of_newest(&TestPacket::from_body(&body_with_checkpoint(&json!({})))),
        expected_effects(24 * 60, 0)
    );
    assert_eq!(effects_of_newest(&packet_with_opened_checkpoint(minutes_after_start(20))), expected_effects(80, 20));
    // The packet's expiry caps the checkpoint's deadline.
    assert_eq!(
        effects_of_newest(&packet_with_opened_checkpoint(minutes_after_start(23 * 60 + 20))),
        expected_effects(24 * 60, 23 * 60 + 20)
    );
    let short = TestPacket::from_body(&body_with_checkpoint(&json!({"timeout_seconds": 300})));
    assert_eq!(effects_of_newest(&short), [Effect::Mail(ApprovalPurpose::AskApprover.purpose())]);
    // A packet that waits without a checkpoint accepts one later.
    let empty =
        TestPacket::create(Setup::PLAIN).patch(&json!({"status": "awaiting_human"}), minutes_after_start(1)).unwrap();
    assert_eq!(effects_of_newest(&empty), []);
    let with_checkpoint = empty
        .patch(&json!({"hitl": {"reason": "r", "approver": ANN, "timeout_seconds": 3_600}}), minutes_after_start(2));
    assert_eq!(effects_of_newest(&with_checkpoint.unwrap()), expected_effects(62, 2));
}

#[test]
fn checkpoint_without_approver_or_opening_sends_no_mail() {
    let optional = TestPacket::from_body(&body_with_checkpoint(&json!({"required": false})));
    assert_eq!(
        (optional.state(), effects_of_newest(&optional), &optional.record.state_data.question),
        (State::Created, vec![], &None)
    );
    for setup in Setup::all() {
        for state in State::ALL {
            let packet = packet_in(*state, setup);
            let has_approver = packet.content.hitl.as_ref().is_some_and(|hitl| hitl.approver.is_some());
            let sends_mail = effects_of_newest(&packet).contains(&Effect::Mail(ApprovalPurpose::AskApprover.purpose()));
            assert_eq!(sends_mail, has_approver && *state == State::AwaitingHuman, "{setup:?} {state:?}");
            assert_eq!(packet.record.state_data.question.is_some(), sends_mail, "{setup:?} {state:?}");
        }
    }
    // Opening the stored checkpoint sends the mail.
    let opened = optional.patch(&json!({"status": "awaiting_human"}), minutes_after_start(1)).unwrap();
    assert!(effects_of_newest(&opened).contains(&Effect::Mail(ApprovalPurpose::AskApprover.purpose())));
    // A replaced checkpoint that stays closed sends no mail.
    let replaced = optional.patch(&json!({"hitl": {"reason": "r", "approver": ANN}}), minutes_after_start(1)).unwrap();
    assert_eq!((effects_of_newest(&replaced), &replaced.record.state_data.question), (vec![], &None));
}

#[test]
fn every_checkpoint_outcome_updates_slack() {
    let ends = [
        checkpoint_packet().answer("yes", minutes_after_start(1)).unwrap(),
        checkpoint_packet().answer_as_ann(1, minutes_after_start(1)).unwrap(),
        checkpoint_packet().patch(&json!({"status": "failed"}), minutes_after_start(1)).unwrap(),
        checkpoint_packet().act(&Act::Delete, TestActor::AgentKey, minutes_after_start(1)),
        checkpoint_packet().with_due_timers(minutes_after_start(60)),
    ];
    for end in ends {
        assert_eq!(effects_of_newest(&end), [Effect::Slack(Purpose::UPDATE_SLACK)], "{:?}", end.record.newest());
        assert_eq!(end.record.state_data.question, None);
    }
    assert_eq!(
        effects_of_newest(&TestPacket::create(Setup::PLAIN).act(
            &Act::Delete,
            TestActor::AgentKey,
            minutes_after_start(1)
        )),
        []
    );
}

#[test]
fn approver_answers_only_the_requested_checkpoint() {
    let first = packet_with_opened_checkpoint(minutes_after_start(1));
    assert_eq!(first.answer_as_ann(OPENED_SEQ + 1, minutes_after_start(2)).err(), Some(Refusal::ActorNotAllowed));
    let answered = first.answer_as_ann(OPENED_SEQ, minutes_after_start(2)).unwrap();
    let event = &answered.record.newest().unwrap().event;
    assert!(matches!(event, PacketEvent::Answered { by, response, notes, .. }
        if by == ANN && response == "yes" && notes.as_deref() == Some("but")));
    assert_eq!(
        answered.answer_as_ann(OPENED_SEQ, minutes_after_start(2)).err(),
        Some(Refusal::NotAwaiting { state: State::Claimed })
    );
    // The link of the first checkpoint does not answer the second.
    let again = json!({"status": "awaiting_human", "hitl": {"reason": "And now?", "approver": ANN}});
    let second = answered.patch(&again, minutes_after_start(3)).unwrap();
    let number = second.record.seq;
    assert_eq!(second.answer_as_ann(OPENED_SEQ, minutes_after_start(4)).err(), Some(Refusal::ActorNotAllowed));
    assert_eq!(second.answer_as_ann(number, minutes_after_start(4)).unwrap().state(), State::Claimed);
    // Other actors cannot answer for the approver, with or without a link.
    for (number, actor) in
        [(Some(number), TestActor::OtherPerson), (None, TestActor::Person), (Some(number), TestActor::Timer)]
    {
        let response =
            handrail_domain::packet::CheckpointAnswer { by: ANN.to_owned(), response: "y".to_owned(), notes: None };
        let (act, _) = response.plan(&actor.responder(number), &second.record, &second.content, minutes_after_start(4));
        assert_eq!(
            run_command(&second.record, &act, actor, minutes_after_start(4)).err(),
            Some(Refusal::ActorNotAllowed),
            "{actor:?}"
        );
    }
}

#[test]
fn checkpoint_is_viewed_as_equal_decision() {
    let mut body =
        body_with_checkpoint(&json!({"question": "Refund it?", "options": ["yes", "no"], "timeout_seconds": 3_600}));
    body["metadata"]["priority"] = "critical".into();
    let packet = TestPacket::from_body(&body);
    let request = approval_request_of(&packet, 1);
    assert_eq!((request.spec.action.as_str(), request.spec.approver.as_str()), ("Refund it?", ANN));
    assert_eq!(request.spec.context.as_deref(), Some("Above the limit\n\nHalf done"));
    assert_eq!((request.spec.urgency, request.spec.channel), (Urgency::Critical, Channel::Slack));
    assert_eq!(
        request.spec.response_type,
        Some(ResponseType::Reply { choices: vec!["yes".to_owned(), "no".to_owned()] })
    );
    assert_eq!(
        (&request.spec.options[..], request.spec.asked_by_name.as_str()),
        (&[Choice::Approve][..], "the agent's key")
    );
    assert_eq!(
        (request.created_at, request.spec.expires_at, &request.state_data.phase),
        (START, minutes_after_start(60), &Phase::Pending)
    );
    // The decision's event has the effects of the packet's event.
    assert_eq!(Decision::effects(&request.spec, request.event(1).unwrap()), effects_of_newest(&packet));
    assert!(
        matches!(request.as_of(minutes_after_start(60)).state_data.phase, Phase::Expired(_)),
        "the decision expires with the checkpoint"
    );
    // Without a question the reason is shown as the action.
    let plain = approval_request_of(&TestPacket::from_body(&body_with_checkpoint(&json!({"question": " "}))), 1);
    assert_eq!((plain.spec.action.as_str(), plain.spec.context.as_deref()), ("Above the limit", Some("Half done")));
    assert_eq!((plain.spec.expires_at, plain.spec.response_type), (END, Some(ResponseType::Reply { choices: vec![] })));
    assert!(
        checkpoint_as_decision(&packet.record, &packet.content, &[], 2).is_none()
            && checkpoint_as_decision(&packet.record, &packet.content, &[], 0).is_none()
    );
}

#[test]
fn closed_checkpoint_keeps_its_outcome() {
    let answered = packet_with_opened_checkpoint(minutes_after_start(1))
        .answer_as_ann(OPENED_SEQ, minutes_after_start(2))
        .unwrap();
    let again = json!({"status": "awaiting_human", "context": {"summary": "Later"},
        "hitl": {"reason": "And now?", "approver": "bob@example.com"}});
    let second = answered.patch(&again, minutes_after_start(3)).unwrap();
    for packet in [&answered, &second, &second.with_due_timers(END)] {
        let request = approval_request_of(packet, OPENED_SEQ);
        let outcome = request.state_data.outcome().unwrap();
        assert_eq!((outcome.at, outcome.answer.resolved_by.as_str()), (minutes_after_start(2), ANN));
        assert_eq!(outcome.answer.response_data, Some(json!({REPLY: "yes"})));
        assert_eq!(request.newest().unwrap().by, TestActor::Person.actor(), "the entry names the authenticated person");
        assert_eq!((request.spec.action.as_str(), &request.spec.context), ("a risk", &None));
    }
    let new = approval_request_of(&second, second.record.seq);
    assert_eq!((new.spec.action.as_str(), new.spec.approver.as_str()), ("And now?", "bob@example.com"));
    assert_eq!(new.state_data.phase, Phase::Pending);
    // Entries that the log no longer contains are passed separately.
    let (earlier, later) = second.record.log.split_at(4);
    let trimmed = Record { log: later.to_vec(), ..second.record.clone() };
    assert!(checkpoint_as_decision(&trimmed, &second.content, &[], OPENED_SEQ).is_none());
    assert_eq!(
        checkpoint_as_decision(&trimmed, &second.content, earlier, OPENED_SEQ),
        Some(approval_request_of(&second, OPENED_SEQ))
    );

    let cancelled_packets = [
        checkpoint_packet().act(&Act::Delete, TestActor::AgentKey, minutes_after_start(5)),
        checkpoint_packet().patch(&json!({"status": "failed"}), minutes_after_start(5)).unwrap(),
    ];
    for packet in cancelled_packets {
        assert_eq!(
            approval_request_of(&packet, 1).state_data.cancelled().map(|cancelled| cancelled.at),
            Some(minutes_after_start(5))
        );
    }
    let timed_out = approval_request_of(&checkpoint_packet().with_due_timers(minutes_after_start(60)), 1);
    assert!(matches!(&timed_out.state_data.phase, Phase::Expired(expiry) if expiry.cancelled.is_none()));
}

fn create_error_paths(body: &Value) -> Vec<String> {
    NewPacket::read(body).err().unwrap_or_default().iter().map(FieldError::field).collect()
}

#[test]
fn unshowable_field_is_refused_by_name() {
    let (long, hidden) = ("x".repeat(2_001), "a\u{0}b");
    for (hitl, field) in [
        (json!({"approver": "ann"}), "hitl.approver"),
        (json!({"approver": 7}), "hitl.approver"),
        (json!({"approver": "ann@example.com, bob@example.com"}), "hitl.approver"),
        (json!({"required": false, "reason": " "}), "hitl.question"),
        (json!({"question": "\u{200b}"}), "hitl.question"),
        (json!({"question": long}), "hitl.question"),
        (json!({"reason": long}), "hitl.reason"),
        (json!({"question": hidden}), "hitl.question"),
        (json!({"question": "Go on?", "reason": "x".repeat(20_001)}), "hitl.reason"),
        (json!({"question": "Go on?", "reason": hidden}), "hitl.reason"),
        (json!({"options": ["yes", " "]}), "hitl.options"),
        (json!({"options": ["yes", "yes"]}), "hitl.options"),
        (json!({"options": ["two\nlines"]}), "hitl.options"),
        (json!({"options": ["x".repeat(201)]}), "hitl.options"),
        (json!({"options": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), "hitl.options"),
    ] {
        let body = body_with_checkpoint(&hitl);
        assert_eq!(create_error_paths(&body), [field], "{hitl}");
        let patch = json!({"status": "awaiting_human", "hitl": body["hitl"]});
        assert_eq!(
            Patch::read(&patch).unwrap_err().iter().map(FieldError::field).collect::<Vec<_>>(),
            [field],
            "{hitl}"
        );
        // Without an approver the checkpoint is not shown, so any text is valid.
        let mut without_approver = body;
        without_approver["hitl"]["approver"] = Value::Null;
        assert_eq!(create_error_paths(&without_approver), [] as [&str; 0], "{hitl}");
    }
    for hitl in [json!({"options": []}), json!({"options": ["one"]}), json!({"question": "Two\nlines?"})] {
        assert_eq!(create_error_paths(&body_with_checkpoint(&hitl)), [] as [&str; 0], "{hitl}");
    }
}

#[test]
fn key_may_ask_only_its_approvers() {
    let content = checkpoint_packet().content;
    let bob = [address("bob@example.com").into()];
    let strict = CheckpointRequester { name: "key", askable: AskablePeople::Listed(&bob), in_slack: false };
    assert_eq!(strict.request_for(&content).unwrap_err().field(), "hitl.approver");
    let (ann, people) = ([address("ANN@EXAMPLE.COM").into()], [address("bob@example.com")]);
    let of_tenant = CheckpointRequester { askable: AskablePeople::OfTenant(&people), ..strict };
    assert_eq!(of_tenant.request_for(&content).unwrap_err().field(), "hitl.approver");
    let allowed =
        CheckpointRequester { askable: AskablePeople::Listed(&ann), ..strict }.request_for(&content).unwrap().unwrap();
    assert_eq!((allowed.approver.as_str(), allowed.question.as_str(), allowed.in_slack), (ANN, "Refund it?", false));
    assert_eq!(strict.request_for(&TestPacket::create(Setup::WITH_CHECKPOINT).content), Ok(None));
    let long = TestPacket::from_body(&body_with_checkpoint(&json!({"question": "long ".repeat(400)})));
    let request =
        CheckpointRequester { askable: AskablePeople::Anyone, ..strict }.request_for(&long.content).unwrap().unwrap();
    assert!(request.question.chars().count() <= 500, "the request in the log is shortened");
}

#[test]
fn approver_does_not_change_checkpoint_deadline() {
    let packet = packet_in(
        State::AwaitingHuman,
        Setup { checkpoint: super::fixtures::Checkpoint::WithApprover, ..Setup::WITH_CHECKPOINT },
    );
    let until = packet.record.state_data.answer_until.unwrap();
    assert_eq!(until, START.plus_ms((2 + ANSWER_S) * SECOND_MS));
    assert!(packet.answer_as_ann(packet.record.seq, until.plus_ms(-1)).is_ok());
    assert!(run_command(&packet.record, &Act::AnswerTimeOut, TestActor::Timer, until).unwrap().by_timer);
}
