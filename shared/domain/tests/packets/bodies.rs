//! Bodies again: what one member says of another, lengths, and the smaller requests.

use handrail_domain::packet::{
    AGENT_CHARS_MAX, BATCH_MAX, BatchClaim, Claim, Patch, Proposal, RESPONSE_CHARS_MAX, Response, TAGS_MAX, read_batch,
    read_batch_ids,
};
use serde_json::json;

use super::reading::{create_flaws, told};
use super::support::smallest;

#[test]
fn a_required_checkpoint_says_why() {
    for (hitl, taken) in [
        (json!({"reason": ""}), false),
        (json!({"required": true, "reason": " \n"}), false),
        (json!({"required": null, "reason": ""}), false),
        (json!({"required": false, "reason": ""}), true),
        (json!({"required": true, "reason": "r", "timeout_seconds": 5.0}), true),
    ] {
        let mut body = smallest();
        body["hitl"] = hitl.clone();
        assert_eq!(Proposal::read(&body).is_ok(), taken, "{hitl}");
        assert_eq!(Patch::read(&json!({"hitl": hitl})).is_ok(), taken, "{hitl}");
        if !taken {
            assert_eq!(create_flaws(&body), [("hitl.reason".to_owned(), "value_error")]);
        }
    }
}

#[test]
fn what_lies_in_the_head_has_a_length() {
    let long = "é".repeat(AGENT_CHARS_MAX + 1);
    let mut body = smallest();
    body["metadata"]["source_agent"] = json!({"id": long, "name": long, "framework": long, "version": long});
    body["metadata"]["tags"] = json!(vec!["x"; TAGS_MAX + 1]);
    body["schema_id"] = json!("s".repeat(129));
    let told = create_flaws(&body);
    assert_eq!(told.len(), 6, "{told:?}");
    body["metadata"]["source_agent"] = json!({"id": &long[2..], "name": &long[2..]});
    body["metadata"]["tags"] = json!(["t".repeat(129)]);
    body["schema_id"] = json!("s".repeat(128));
    assert_eq!(create_flaws(&body), [("metadata.tags.0".to_owned(), "string_too_long")]);
}

#[test]
fn claims_answers_and_batches_are_read_whole_too() {
    assert_eq!(
        told(&Claim::read(&json!({})).unwrap_err()),
        [("agent_id".to_owned(), "missing"), ("agent_name".to_owned(), "missing"),]
    );
    let claim = Claim::read(&json!({"agent_id": "", "agent_name": "", "framework": null, "mood": 1})).unwrap();
    assert_eq!((claim.by.id.as_str(), claim.lease_seconds), ("", None));
    for (seconds, taken) in
        [(json!(1), true), (json!(86_400), true), (json!(0), false), (json!(86_401), false), (json!("5"), false)]
    {
        let body = json!({"agent_id": "a", "agent_name": "A", "lease_seconds": seconds});
        assert_eq!(Claim::read(&body).is_ok(), taken, "{seconds}");
    }

    let most = "é".repeat(RESPONSE_CHARS_MAX);
    let full = json!({"response": most, "responded_by": "", "notes": most});
    assert_eq!(Response::read(&full).unwrap().notes.as_deref(), Some(most.as_str()));
    let over = json!({"response": format!("{most}!"), "notes": format!("{most}!")});
    assert_eq!(
        told(&Response::read(&over).unwrap_err()),
        [
            ("response".to_owned(), "string_too_long"),
            ("responded_by".to_owned(), "missing"),
            ("notes".to_owned(), "string_too_long"),
        ]
    );

    let id = "01a0c450-6c00-7303-8303-030303030303";
    assert_eq!(read_batch_ids(&json!({"packet_ids": vec![id; BATCH_MAX]})).unwrap().len(), BATCH_MAX);
    for (ids, kind) in [(vec![], "too_short"), (vec![id; BATCH_MAX + 1], "too_long")] {
        assert_eq!(told(&read_batch_ids(&json!({"packet_ids": ids})).unwrap_err()), [("packet_ids".to_owned(), kind)]);
    }
    let flaws = told(&BatchClaim::read(&json!({"packet_ids": [id, "x"], "agent_id": 1})).unwrap_err());
    assert_eq!(
        flaws,
        [
            ("packet_ids.1".to_owned(), "uuid_parsing"),
            ("agent_id".to_owned(), "string_type"),
            ("agent_name".to_owned(), "missing"),
        ]
    );

    assert_eq!(read_batch(&json!({"packets": vec![smallest(); BATCH_MAX]})).unwrap().len(), BATCH_MAX);
    assert!(read_batch(&json!({"packets": vec![smallest(); BATCH_MAX + 1]})).is_err());
    let mut forged = smallest();
    forged["hitl"] = json!({"reason": "r", "response": "yes"});
    let flaws = told(&read_batch(&json!({"packets": [smallest(), forged, {}]})).unwrap_err());
    assert_eq!(flaws[0], ("packets.1.hitl.response".to_owned(), "value_error"));
    assert_eq!(flaws[1].0, "packets.2.metadata");
}

#[test]
fn a_patch_is_held_to_the_same_types() {
    let told = told(&Patch::read(&json!({"status": "done", "context": {}, "actions": {"failed": [5]}})).unwrap_err());
    assert_eq!(
        told,
        [
            ("status".to_owned(), "enum"),
            ("context.summary".to_owned(), "missing"),
            ("actions.failed.0".to_owned(), "dict_type"),
        ]
    );
}
