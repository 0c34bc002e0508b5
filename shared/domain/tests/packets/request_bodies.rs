//! Reading of bodies: dependencies between members, length limits, and the smaller requests.

use handrail_domain::packet::{
    AGENT_CHARS_MAX, BATCH_MAX, BatchClaim, CheckpointAnswer, Claim, NewPacket, Patch, RESPONSE_CHARS_MAX, TAGS_MAX,
    read_batch, read_batch_ids,
};
use serde_json::json;

use super::body_reader::{create_errors, error_paths};
use super::fixtures::minimal_body;

#[test]
fn required_checkpoint_needs_reason() {
    for (hitl, valid) in [
        (json!({"reason": ""}), false),
        (json!({"required": true, "reason": " \n"}), false),
        (json!({"required": null, "reason": ""}), false),
        (json!({"required": false, "reason": ""}), true),
        (json!({"required": true, "reason": "r", "timeout_seconds": 5.0}), true),
    ] {
        let mut body = minimal_body();
        body["hitl"] = hitl.clone();
        assert_eq!(NewPacket::read(&body).is_ok(), valid, "{hitl}");
        assert_eq!(Patch::read(&json!({"hitl": hitl})).is_ok(), valid, "{hitl}");
        if !valid {
            assert_eq!(create_errors(&body), [("hitl.reason".to_owned(), "value_error")]);
        }
    }
}

#[test]
fn head_fields_have_length_limits() {
    let long = "é".repeat(AGENT_CHARS_MAX + 1);
    let mut body = minimal_body();
    body["metadata"]["source_agent"] = json!({"id": long, "name": long, "framework": long, "version": long});
    body["metadata"]["tags"] = json!(vec!["x"; TAGS_MAX + 1]);
    body["schema_id"] = json!("s".repeat(129));
    let errors = create_errors(&body);
    assert_eq!(errors.len(), 6, "{errors:?}");
    body["metadata"]["source_agent"] = json!({"id": &long[2..], "name": &long[2..]});
    body["metadata"]["tags"] = json!(["t".repeat(129)]);
    body["schema_id"] = json!("s".repeat(128));
    assert_eq!(create_errors(&body), [("metadata.tags.0".to_owned(), "string_too_long")]);
}

#[test]
fn claim_answer_and_batch_bodies_report_all_errors() {
    assert_eq!(
        error_paths(&Claim::read(&json!({})).unwrap_err()),
        [("agent_id".to_owned(), "missing"), ("agent_name".to_owned(), "missing"),]
    );
    let claim = Claim::read(&json!({"agent_id": "", "agent_name": "", "framework": null, "mood": 1})).unwrap();
    assert_eq!((claim.by.id.as_str(), claim.lease_seconds), ("", None));
    for (seconds, valid) in
        [(json!(1), true), (json!(86_400), true), (json!(0), false), (json!(86_401), false), (json!("5"), false)]
    {
        let body = json!({"agent_id": "a", "agent_name": "A", "lease_seconds": seconds});
        assert_eq!(Claim::read(&body).is_ok(), valid, "{seconds}");
    }

    let most = "é".repeat(RESPONSE_CHARS_MAX);
    let full = json!({"response": most, "responded_by": "", "notes": most});
    assert_eq!(CheckpointAnswer::read(&full).unwrap().notes.as_deref(), Some(most.as_str()));
    let over = json!({"response": format!("{most}!"), "notes": format!("{most}!")});
    assert_eq!(
        error_paths(&CheckpointAnswer::read(&over).unwrap_err()),
        [
            ("response".to_owned(), "string_too_long"),
            ("responded_by".to_owned(), "missing"),
            ("notes".to_owned(), "string_too_long"),
        ]
    );

    let id = "01a0c450-6c00-7303-8303-030303030303";
    assert_eq!(read_batch_ids(&json!({"packet_ids": vec![id; BATCH_MAX]})).unwrap().len(), BATCH_MAX);
    for (ids, kind) in [(vec![], "too_short"), (vec![id; BATCH_MAX + 1], "too_long")] {
        assert_eq!(
            error_paths(&read_batch_ids(&json!({"packet_ids": ids})).unwrap_err()),
            [("packet_ids".to_owned(), kind)]
        );
    }
    let errors = error_paths(&BatchClaim::read(&json!({"packet_ids": [id, "x"], "agent_id": 1})).unwrap_err());
    assert_eq!(
        errors,
        [
            ("packet_ids.1".to_owned(), "uuid_parsing"),
            ("agent_id".to_owned(), "string_type"),
            ("agent_name".to_owned(), "missing"),
        ]
    );

    assert_eq!(read_batch(&json!({"packets": vec![minimal_body(); BATCH_MAX]})).unwrap().len(), BATCH_MAX);
    assert!(read_batch(&json!({"packets": vec![minimal_body(); BATCH_MAX + 1]})).is_err());
    let mut forged = minimal_body();
    forged["hitl"] = json!({"reason": "r", "response": "yes"});
    let entries = read_batch(&json!({"packets": [minimal_body(), forged, {}]})).unwrap();
    assert!(entries[0].is_ok());
    let errors_of = |index: usize| error_paths(entries[index].as_ref().unwrap_err());
    assert_eq!(errors_of(1), [("hitl.response".to_owned(), "value_error")]);
    assert_eq!(errors_of(2)[0], ("metadata".to_owned(), "missing"));
    for entry in [json!(null), json!([]), json!("packet")] {
        let refused = read_batch(&json!({"packets": [minimal_body(), entry]})).unwrap_err();
        assert_eq!(error_paths(&refused), [("packets.1".to_owned(), "dict_type")]);
    }
}

#[test]
fn patch_member_types_are_checked() {
    let errors =
        error_paths(&Patch::read(&json!({"status": "done", "context": {}, "actions": {"failed": [5]}})).unwrap_err());
    assert_eq!(
        errors,
        [
            ("status".to_owned(), "enum"),
            ("context.summary".to_owned(), "missing"),
            ("actions.failed.0".to_owned(), "dict_type"),
        ]
    );
}
