//! One packet goes on from another.

use handrail_domain::packet::{CONTENT_BYTES_MAX, Content, PacketEvent, State, TooLarge};
use serde_json::json;

use super::support::{Held, START, Setup, Who, child_id, held_in, key, made, proposal, record_id, smallest};
use handrail_domain::packet::Act;

fn conversation(content: &Content) -> Vec<&str> {
    content.context.conversation_state.iter().map(|turn| turn.content.as_str()).collect()
}

fn talking(words: &[&str]) -> serde_json::Value {
    let mut body = smallest();
    let turns: Vec<_> = words.iter().map(|word| json!({"role": "agent", "content": word})).collect();
    body["context"]["conversation_state"] = json!(turns);
    body
}

#[test]
fn the_parents_conversation_comes_first_and_nothing_else_is_inherited() {
    let mut parent = talking(&["one", "two"]);
    parent["context"]["artifacts"] = json!([{"key": "k", "value": "v"}]);
    parent["context"]["custom"] = json!({"a": 1});
    parent["decisions"] = json!([{"id": "d1", "decision": "x", "rationale": "y"}]);
    parent["hitl"] = json!({"reason": "a risk"});
    let parent = Held::of(&parent);
    let before = parent.content.clone();

    let mut child = talking(&["three"]);
    child["parent_packet_id"] = json!(child_id().to_string());
    let (record, content) = made(proposal(&child).chained_to(record_id(), &parent.content));
    assert_eq!(conversation(&content), ["one", "two", "three"]);
    assert!(content.context.artifacts.is_empty() && content.context.custom.is_empty());
    assert!(content.decisions.is_empty() && content.hitl.is_none());
    assert_eq!(record.state(), State::Created, "its own checkpoint counts");
    assert_eq!((record.ask.parent, record.ask.chained), (Some(record_id()), true), "whatever the body named");
    assert_eq!(record.ask.content, content.reference());
    assert!(
        matches!(record.newest().unwrap().event, PacketEvent::Created { chained_to: Some(id), .. } if id == record_id())
    );
    assert_eq!(parent.content, before);
}

#[test]
fn a_parent_that_is_only_named_is_no_chain() {
    let mut body = smallest();
    body["parent_packet_id"] = json!(record_id().to_string().to_uppercase());
    let record = Held::of(&body).record;
    assert_eq!((record.ask.parent, record.ask.chained), (Some(record_id()), false));
    assert!(matches!(record.newest().unwrap().event, PacketEvent::Created { chained_to: None, .. }));
}

#[test]
fn a_parent_stays_where_it_is() {
    let act = Act::Chained { child: child_id(), child_source: "child".to_owned() };
    for state in State::ALL {
        let held = held_in(*state, Setup::ASKING);
        let after = held.act(&act, Who::AgentKey, held.record.updated_at);
        assert_eq!(after.record.standing, held.record.standing, "{state:?}");
    }
}

#[test]
fn a_conversation_that_grows_from_chain_to_chain_ends_somewhere() {
    let mut parent = Held::of(&talking(&["x".repeat(60_000).as_str()])).content;
    let mut chains = 0;
    let too_large = loop {
        chains += 1;
        let child = proposal(&talking(&["y".repeat(60_000).as_str()])).chained_to(record_id(), &parent);
        match child.into_ask(key(1), START) {
            Ok((_, content)) => parent = content,
            Err(too_large) => break too_large,
        }
        assert!(chains < 100);
    };
    let TooLarge { bytes, bytes_max } = too_large;
    assert!(bytes > bytes_max && bytes_max == CONTENT_BYTES_MAX && chains == 17, "{chains}");
}
