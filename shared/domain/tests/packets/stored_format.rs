//! Stored form of packets. A change here makes old packets unreadable or breaks their chain hashes.

use std::fmt::Debug;

use handrail_domain::answer_origin::AnswerOrigin;
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{
    AgentRef, CheckpointRequest, Content, ContentRef, Edited, Hitl, Lease, OpenCheckpoint, Packet, PacketEvent,
    PacketSpec, Priority, State, StateData,
};
use handrail_domain::record::{EncodedLogEntry, LogEntry};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::fixtures::{END, START, TestActor, TestPacket, address, child_id, key, minimal_body, record_id};

/// Checks that `value` serializes to exactly `text` and that `text` parses to `value`.
fn assert_stored_form<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

fn content() -> ContentRef {
    ContentRef { sha256: "ab12".to_owned(), bytes: 7 }
}

fn edited() -> Edited {
    Edited { content: content(), has_checkpoint: true, answer_until: Some(END), asks: None }
}

fn checkpoint_request() -> CheckpointRequest {
    let (question, asked_by) = ("Go on?".to_owned(), "a key".to_owned());
    CheckpointRequest { approver: address("ann@example.com"), question, asked_by, in_slack: true }
}

fn worker() -> AgentRef {
    AgentRef { id: "w".to_owned(), name: "W".to_owned(), framework: Some("crewai".to_owned()), version: None }
}

#[test]
fn spec_has_stable_stored_form() {
    let minimal = TestPacket::from_body(&minimal_body()).record.spec;
    let text = r#"{"source":{"id":"maker","name":"Maker"},"target":{"id":"meant","name":"Meant"},"priority":"normal","expires_at":"2026-09-22T14:13:20.000Z","content":{"sha256":"SHA","bytes":183},"made_by":"key_01M3250V00040G2081040G2081"}"#;
    assert_stored_form(&minimal, &text.replace("SHA", &minimal.content.sha256));
    let full = PacketSpec {
        parent: Some(record_id()),
        source: AgentRef { version: Some("2".to_owned()), ..worker() },
        target: worker(),
        stated_at: Some("2026-01-31".to_owned()),
        claimed_at_given: Some("2026-02-01".to_owned()),
        completed_at_given: Some("2026-02-02".to_owned()),
        priority: Priority::High,
        tags: vec!["a".to_owned()],
        schema_id: Some("s".to_owned()),
        chained: true,
        human_first: true,
        has_checkpoint: true,
        hitl_deadline: Some(START),
        asks: Some(checkpoint_request()),
        expires_at: END,
        content: content(),
        made_by: key(1),
    };
    assert_stored_form(
        &full,
        r#"{"parent":"01a0c450-6c00-7909-8909-090909090909","source":{"id":"w","name":"W","framework":"crewai","version":"2"},"target":{"id":"w","name":"W","framework":"crewai"},"stated_at":"2026-01-31","claimed_at_given":"2026-02-01","completed_at_given":"2026-02-02","priority":"high","tags":["a"],"schema_id":"s","chained":true,"human_first":true,"has_checkpoint":true,"hitl_deadline":"2026-09-21T14:13:20.000Z","asks":{"approver":"ann@example.com","question":"Go on?","asked_by":"a key","in_slack":true},"expires_at":"2026-09-22T14:13:20.000Z","content":{"sha256":"ab12","bytes":7},"made_by":"key_01M3250V00040G2081040G2081"}"#,
    );
}

#[test]
fn state_data_has_stable_stored_form() {
    let minimal = StateData {
        state: State::Created,
        content: content(),
        has_checkpoint: false,
        holder: None,
        claimed_at: None,
        completed_at: None,
        lease: None,
        answer_until: None,
        question: None,
        asked_by: None,
    };
    assert_stored_form(&minimal, r#"{"state":"created","content":{"sha256":"ab12","bytes":7}}"#);
    let full = StateData {
        state: State::InProgress,
        has_checkpoint: true,
        holder: Some(worker()),
        claimed_at: Some(START),
        completed_at: Some(START),
        lease: Some(Lease { seconds: 60, until: START }),
        answer_until: Some(END),
        question: Some(OpenCheckpoint { number: 3, approver: address("ann@example.com") }),
        asked_by: Some(key(1)),
        ..minimal
    };
    assert_stored_form(
        &full,
        r#"{"state":"in_progress","content":{"sha256":"ab12","bytes":7},"has_checkpoint":true,"holder":{"id":"w","name":"W","framework":"crewai"},"claimed_at":"2026-09-21T14:13:20.000Z","completed_at":"2026-09-21T14:13:20.000Z","lease":{"seconds":60,"until":"2026-09-21T14:13:20.000Z"},"answer_until":"2026-09-22T14:13:20.000Z","question":{"number":3,"approver":"ann@example.com"},"asked_by":"key_01M3250V00040G2081040G2081"}"#,
    );
}

#[test]
fn events_have_stable_stored_form() {
    let all = [
        (
            PacketEvent::Created {
                ask_sha256: "cd34".to_owned(),
                source: "maker".to_owned(),
                content: content(),
                human_first: true,
                has_checkpoint: true,
                answer_until: Some(END),
                asks: Some(CheckpointRequest { in_slack: false, ..checkpoint_request() }),
                chained_to: Some(record_id()),
            },
            r#"{"type":"packet.created","ask_sha256":"cd34","source":"maker","content":{"sha256":"ab12","bytes":7},"human_first":true,"has_checkpoint":true,"answer_until":"2026-09-22T14:13:20.000Z","asks":{"approver":"ann@example.com","question":"Go on?","asked_by":"a key"},"chained_to":"01a0c450-6c00-7909-8909-090909090909"}"#,
        ),
        (
            PacketEvent::Claimed { by: worker(), lease_seconds: Some(60) },
            r#"{"type":"packet.claimed","by":{"id":"w","name":"W","framework":"crewai"},"lease_seconds":60}"#,
        ),
        (
            PacketEvent::Moved {
                from: State::Claimed,
                to: State::Completed,
                agent: "w".to_owned(),
                in_batch: true,
                edited: Some(edited()),
            },
            r#"{"type":"packet.moved","from":"claimed","to":"completed","agent":"w","in_batch":true,"edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true,"answer_until":"2026-09-22T14:13:20.000Z"}}"#,
        ),
        (
            PacketEvent::Edited { edited: Some(Edited { has_checkpoint: false, answer_until: None, ..edited() }) },
            r#"{"type":"packet.edited","edited":{"content":{"sha256":"ab12","bytes":7}}}"#,
        ),
        (PacketEvent::Edited { edited: None }, r#"{"type":"packet.edited"}"#),
        (
            PacketEvent::Edited {
                edited: Some(Edited { answer_until: None, asks: Some(checkpoint_request()), ..edited() }),
            },
            r#"{"type":"packet.edited","edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true,"asks":{"approver":"ann@example.com","question":"Go on?","asked_by":"a key","in_slack":true}}}"#,
        ),
        (
            PacketEvent::Answered {
                by: "Ann".to_owned(),
                response: "yes".to_owned(),
                notes: Some("n".to_owned()),
                edited: Edited { answer_until: None, ..edited() },
                key_name: None,
                by_asker: false,
            },
            r#"{"type":"packet.answered","by":"Ann","response":"yes","notes":"n","edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true}}"#,
        ),
        (
            PacketEvent::Answered {
                by: "Ann".to_owned(),
                response: "yes".to_owned(),
                notes: None,
                edited: Edited { answer_until: None, ..edited() },
                key_name: Some("back office".to_owned()),
                by_asker: true,
            },
            r#"{"type":"packet.answered","by":"Ann","response":"yes","edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true},"key_name":"back office","by_asker":true}"#,
        ),
        (PacketEvent::Deleted { from: State::Failed }, r#"{"type":"packet.deleted","from":"failed"}"#),
        (
            PacketEvent::Chained { child: child_id(), child_source: "c".to_owned() },
            r#"{"type":"packet.chained","child":"01a0c450-6c00-7a0a-8a0a-0a0a0a0a0a0a","child_source":"c"}"#,
        ),
        (PacketEvent::Expired { from: State::Created }, r#"{"type":"packet.expired","from":"created"}"#),
        (PacketEvent::Unanswered, r#"{"type":"packet.unanswered"}"#),
        (
            PacketEvent::LeaseLapsed { from: State::Claimed, holder: "w".to_owned() },
            r#"{"type":"packet.lease_lapsed","from":"claimed","holder":"w"}"#,
        ),
    ];
    for (event, text) in all {
        assert_stored_form(&event, text);
        let name = serde_json::from_str::<serde_json::Value>(text).unwrap()["type"].clone();
        assert_eq!(name, Packet::event_name(&event));
        let entry = LogEntry::<Packet> {
            seq: 2,
            at: START,
            by: TestActor::AppKey.actor(),
            command: CommandId::new("c", b""),
            event,
        };
        let encoded = EncodedLogEntry::new(entry, None);
        assert_eq!(EncodedLogEntry::read(encoded.text.clone()).unwrap(), encoded);
    }
}

#[test]
fn content_is_stored_in_published_form() {
    let packet = TestPacket::from_body(&minimal_body());
    let text = r#"{"context":{"summary":"Half done","conversation_state":[],"artifacts":[],"custom":{}},"decisions":[],"actions":{"pending":[],"completed":[],"failed":[]},"dependencies":[],"hitl":null}"#;
    assert_stored_form(&packet.content, text);
    assert_eq!(packet.content.reference().bytes, text.len() as u64);
    let digest = packet.content.reference().sha256;
    assert_eq!(digest, handrail_domain::record::digest_of(&packet.content));
    assert_eq!(digest.len(), 64);
    let body = Packet::body(&packet.record.state_data).unwrap();
    assert_eq!(body, &packet.content.reference(), "the record names its content");
    // A checkpoint without approver is stored as before approvers existed, which keeps its digest.
    let without_approver = r#"{"required":true,"reason":"r","question":null,"options":null,"response":null,"responded_at":null,"responded_by":null,"notes":null,"timeout_seconds":null}"#;
    assert_stored_form(&Hitl { required: true, reason: "r".to_owned(), ..Hitl::default() }, without_approver);
    let origin = AnswerOrigin::new(&TestActor::AgentKey.actor(), Some("a key"), Some(key(1)));
    let answered = Hitl { required: true, reason: "r".to_owned(), origin, ..Hitl::default() };
    let with_origin = without_approver.trim_end_matches('}').to_owned()
        + r#","resolved_via":"api","resolved_with_key":"key_01M3250V00040G2081040G2081","resolved_with_key_name":"a key","answered_by_asker":true}"#;
    assert_stored_form(&answered, &with_origin);
    // An older version may have stored only the context.
    assert_eq!(serde_json::from_str::<Content>(r#"{"context":{"summary":"Half done"}}"#).unwrap(), packet.content);
}

#[test]
fn unknown_stored_members_are_ignored() {
    let state_data: StateData =
        serde_json::from_str(r#"{"state":"failed","content":{"sha256":"x","bytes":1,"since":2},"mood":"bad"}"#)
            .unwrap();
    assert_eq!(state_data.state, State::Failed);
    assert!(serde_json::from_str::<PacketEvent>(r#"{"type":"packet.lost"}"#).is_err());
}

#[test]
fn filter_fields_have_agent_state_and_unique_tags() {
    let mut body = minimal_body();
    body["metadata"]["tags"] = json!(["b", "", "a", "b"]);
    let packet = TestPacket::from_body(&body);
    let fields = Packet::filter_fields(&packet.record).unwrap();
    assert_eq!((fields.source.as_str(), fields.holder.as_str(), fields.priority), ("maker", "meant", "normal"));
    assert_eq!(fields.tags, ["a", "b"]);
    let claimed = packet.claim(Some(1), START);
    assert_eq!(Packet::filter_fields(&claimed.record).unwrap().holder, "worker");
    let expired_claim = claimed.with_due_timers(START.plus_ms(1_000));
    assert_eq!(Packet::filter_fields(&expired_claim.record).unwrap().holder, "meant");
}
