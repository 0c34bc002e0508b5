//! What lies in the database. A change here makes old packets unreadable, or breaks the chains over them.

use std::fmt::Debug;

use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{
    AgentRef, Ask, Asked, Content, ContentRef, Edited, Hitl, Lease, Packet, PacketEvent, Priority, Question, Standing,
    State,
};
use handrail_domain::record::{Entry, LogLine};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::json;

use super::support::{END, Held, START, Who, address, child_id, key, record_id, smallest};

/// The value is stored as exactly this text, and the text is read as exactly this value.
fn pinned<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

fn content() -> ContentRef {
    ContentRef { sha256: "ab12".to_owned(), bytes: 7 }
}

fn edited() -> Edited {
    Edited { content: content(), has_checkpoint: true, answer_until: Some(END), asks: None }
}

fn asked() -> Asked {
    let (question, asked_by) = ("Go on?".to_owned(), "a key".to_owned());
    Asked { approver: address("ann@example.com"), question, asked_by, in_slack: true }
}

fn worker() -> AgentRef {
    AgentRef { id: "w".to_owned(), name: "W".to_owned(), framework: Some("crewai".to_owned()), version: None }
}

#[test]
fn asks_are_stored_like_this() {
    let small = Held::of(&smallest()).record.ask;
    let text = r#"{"source":{"id":"maker","name":"Maker"},"target":{"id":"meant","name":"Meant"},"priority":"normal","expires_at":"2026-09-22T14:13:20.000Z","content":{"sha256":"SHA","bytes":183},"made_by":"key_01M3250V00040G2081040G2081"}"#;
    pinned(&small, &text.replace("SHA", &small.content.sha256));
    let full = Ask {
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
        asks: Some(asked()),
        expires_at: END,
        content: content(),
        made_by: key(1),
    };
    pinned(
        &full,
        r#"{"parent":"01a0c450-6c00-7909-8909-090909090909","source":{"id":"w","name":"W","framework":"crewai","version":"2"},"target":{"id":"w","name":"W","framework":"crewai"},"stated_at":"2026-01-31","claimed_at_given":"2026-02-01","completed_at_given":"2026-02-02","priority":"high","tags":["a"],"schema_id":"s","chained":true,"human_first":true,"has_checkpoint":true,"hitl_deadline":"2026-09-21T14:13:20.000Z","asks":{"approver":"ann@example.com","question":"Go on?","asked_by":"a key","in_slack":true},"expires_at":"2026-09-22T14:13:20.000Z","content":{"sha256":"ab12","bytes":7},"made_by":"key_01M3250V00040G2081040G2081"}"#,
    );
}

#[test]
fn standings_are_stored_like_this() {
    let small = Standing {
        state: State::Created,
        content: content(),
        has_checkpoint: false,
        holder: None,
        claimed_at: None,
        completed_at: None,
        lease: None,
        answer_until: None,
        question: None,
    };
    pinned(&small, r#"{"state":"created","content":{"sha256":"ab12","bytes":7}}"#);
    let full = Standing {
        state: State::InProgress,
        has_checkpoint: true,
        holder: Some(worker()),
        claimed_at: Some(START),
        completed_at: Some(START),
        lease: Some(Lease { seconds: 60, until: START }),
        answer_until: Some(END),
        question: Some(Question { number: 3, approver: address("ann@example.com") }),
        ..small
    };
    pinned(
        &full,
        r#"{"state":"in_progress","content":{"sha256":"ab12","bytes":7},"has_checkpoint":true,"holder":{"id":"w","name":"W","framework":"crewai"},"claimed_at":"2026-09-21T14:13:20.000Z","completed_at":"2026-09-21T14:13:20.000Z","lease":{"seconds":60,"until":"2026-09-21T14:13:20.000Z"},"answer_until":"2026-09-22T14:13:20.000Z","question":{"number":3,"approver":"ann@example.com"}}"#,
    );
}

#[test]
fn events_are_stored_like_this() {
    let all = [
        (
            PacketEvent::Created {
                ask_sha256: "cd34".to_owned(),
                source: "maker".to_owned(),
                content: content(),
                human_first: true,
                has_checkpoint: true,
                answer_until: Some(END),
                asks: Some(Asked { in_slack: false, ..asked() }),
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
            PacketEvent::Edited { edited: Some(Edited { answer_until: None, asks: Some(asked()), ..edited() }) },
            r#"{"type":"packet.edited","edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true,"asks":{"approver":"ann@example.com","question":"Go on?","asked_by":"a key","in_slack":true}}}"#,
        ),
        (
            PacketEvent::Answered {
                by: "Ann".to_owned(),
                response: "yes".to_owned(),
                notes: Some("n".to_owned()),
                edited: Edited { answer_until: None, ..edited() },
            },
            r#"{"type":"packet.answered","by":"Ann","response":"yes","notes":"n","edited":{"content":{"sha256":"ab12","bytes":7},"has_checkpoint":true}}"#,
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
        pinned(&event, text);
        let name = serde_json::from_str::<serde_json::Value>(text).unwrap()["type"].clone();
        assert_eq!(name, Packet::event_name(&event));
        let entry =
            Entry::<Packet> { seq: 2, at: START, by: Who::AppKey.actor(), command: CommandId::new("c", b""), event };
        let line = LogLine::new(entry);
        assert_eq!(LogLine::read(line.text.clone()).unwrap(), line);
    }
}

#[test]
fn content_is_stored_as_it_is_published() {
    let held = Held::of(&smallest());
    let text = r#"{"context":{"summary":"Half done","conversation_state":[],"artifacts":[],"custom":{}},"decisions":[],"actions":{"pending":[],"completed":[],"failed":[]},"dependencies":[],"hitl":null}"#;
    pinned(&held.content, text);
    assert_eq!(held.content.reference().bytes, text.len() as u64);
    let digest = held.content.reference().sha256;
    assert_eq!(digest, handrail_domain::record::digest_of(&held.content));
    assert_eq!(digest.len(), 64);
    let body = Packet::body(&held.record.standing).unwrap();
    assert_eq!(body, &held.content.reference(), "the hook names it");
    // A checkpoint from before somebody could be named keeps its digest.
    let unnamed = r#"{"required":true,"reason":"r","question":null,"options":null,"response":null,"responded_at":null,"responded_by":null,"notes":null,"timeout_seconds":null}"#;
    pinned(&Hitl { required: true, reason: "r".to_owned(), ..Hitl::default() }, unnamed);
    // As an older version might have left it.
    assert_eq!(serde_json::from_str::<Content>(r#"{"context":{"summary":"Half done"}}"#).unwrap(), held.content);
}

#[test]
fn what_this_version_does_not_know_is_read_over() {
    let standing: Standing =
        serde_json::from_str(r#"{"state":"failed","content":{"sha256":"x","bytes":1,"since":2},"mood":"bad"}"#)
            .unwrap();
    assert_eq!(standing.state, State::Failed);
    assert!(serde_json::from_str::<PacketEvent>(r#"{"type":"packet.lost"}"#).is_err());
}

#[test]
fn lists_are_narrowed_by_who_has_it_what_it_is_and_each_of_its_tags_once() {
    let mut body = smallest();
    body["metadata"]["tags"] = json!(["b", "", "a", "b"]);
    let held = Held::of(&body);
    let facets = Packet::facets(&held.record).unwrap();
    assert_eq!((facets.source.as_str(), facets.holder.as_str(), facets.priority), ("maker", "meant", "normal"));
    assert_eq!(facets.tags, ["a", "b"]);
    let claimed = held.claimed(Some(1), START);
    assert_eq!(Packet::facets(&claimed.record).unwrap().holder, "worker");
    let lapsed = claimed.at(START.plus_ms(1_000));
    assert_eq!(Packet::facets(&lapsed.record).unwrap().holder, "meant");
}
