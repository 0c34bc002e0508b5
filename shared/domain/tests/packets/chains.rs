//! Chained packets.

use handrail_domain::packet::{CONTENT_BYTES_MAX, Content, PacketEvent, State, TooLarge};
use serde_json::json;

use super::fixtures::{
    START, Setup, TestActor, TestPacket, child_id, create_record, key, minimal_body, new_packet, packet_in, record_id,
};
use handrail_domain::packet::Act;

fn conversation(content: &Content) -> Vec<&str> {
    content.context.conversation_state.iter().map(|turn| turn.content.as_str()).collect()
}

fn body_with_conversation(words: &[&str]) -> serde_json::Value {
    let mut body = minimal_body();
    let turns: Vec<_> = words.iter().map(|word| json!({"role": "agent", "content": word})).collect();
    body["context"]["conversation_state"] = json!(turns);
    body
}

#[test]
fn chained_packet_inherits_only_parent_conversation() {
    let mut parent = body_with_conversation(&["one", "two"]);
    parent["context"]["artifacts"] = json!([{"key": "k", "value": "v"}]);
    parent["context"]["custom"] = json!({"a": 1});
    parent["decisions"] = json!([{"id": "d1", "decision": "x", "rationale": "y"}]);
    parent["hitl"] = json!({"reason": "a risk"});
    let parent = TestPacket::from_body(&parent);
    let before = parent.content.clone();

    let mut child = body_with_conversation(&["three"]);
    child["parent_packet_id"] = json!(child_id().to_string());
    let (record, content) = create_record(new_packet(&child).chained_to(record_id(), &parent.content));
    assert_eq!(conversation(&content), ["one", "two", "three"]);
    assert!(content.context.artifacts.is_empty() && content.context.custom.is_empty());
    assert!(content.decisions.is_empty() && content.hitl.is_none());
    assert_eq!(record.state(), State::Created, "the parent's checkpoint is not inherited");
    assert_eq!(
        (record.spec.parent, record.spec.chained),
        (Some(record_id()), true),
        "the chain wins over the parent in the body"
    );
    assert_eq!(record.spec.content, content.reference());
    assert!(
        matches!(record.newest().unwrap().event, PacketEvent::Created { chained_to: Some(id), .. } if id == record_id())
    );
    assert_eq!(parent.content, before);
}

#[test]
fn parent_id_alone_inherits_nothing() {
    let mut body = minimal_body();
    body["parent_packet_id"] = json!(record_id().to_string().to_uppercase());
    let record = TestPacket::from_body(&body).record;
    assert_eq!((record.spec.parent, record.spec.chained), (Some(record_id()), false));
    assert!(matches!(record.newest().unwrap().event, PacketEvent::Created { chained_to: None, .. }));
}

#[test]
fn chaining_keeps_parent_state() {
    let act = Act::Chained { child: child_id(), child_source: "child".to_owned() };
    for state in State::ALL {
        let packet = packet_in(*state, Setup::WITH_CHECKPOINT);
        let after = packet.act(&act, TestActor::AgentKey, packet.record.updated_at);
        assert_eq!(after.record.state_data, packet.record.state_data, "{state:?}");
    }
}

#[test]
fn chained_conversation_size_is_limited() {
    let mut parent = TestPacket::from_body(&body_with_conversation(&["x".repeat(60_000).as_str()])).content;
    let mut chains = 0;
    let too_large = loop {
        chains += 1;
        let child =
            new_packet(&body_with_conversation(&["y".repeat(60_000).as_str()])).chained_to(record_id(), &parent);
        match child.into_spec(key(1), START) {
            Ok((_, content)) => parent = content,
            Err(too_large) => break too_large,
        }
        assert!(chains < 100);
    };
    let TooLarge { bytes, bytes_max } = too_large;
    assert!(bytes > bytes_max && bytes_max == CONTENT_BYTES_MAX && chains == 17, "{chains}");
}
