//! What lies in the database since there is more than yes or no. Pinned as the older forms are.

use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Ask, Cancelled, Choice, DecisionEvent, Expiry, Outcome, Place, ResponseType, Standing,
};
use handrail_domain::policy::{PolicyVerdict, RuleEffect};
use serde_json::{Value, json};

use super::stored::{answer, at, pinned, reads_back};
use super::support::{SECOND, START, Setup, Who, ask, files};

#[test]
fn what_came_later_is_stored_like_this() {
    let file = r#"{"id":"blob1","name":"report 1.pdf","content_type":"application/pdf","size":1001,"sha256":"SHA"}"#
        .replace("SHA", &"ab".repeat(32));
    pinned(&files(1).remove(0), &file);
    let full =
        Answer { resolved_by: "ann@example.com".to_owned(), execute_at: Some(SECOND), files: files(1), ..answer() };
    let said = format!(
        r#""resolved_by":"ann@example.com","notes":"but less","response_data":{{"z":1,"a":[1.5,null]}},"execute_at":"2026-09-21T16:13:20.000Z","files":[{file}]"#
    );
    pinned(&DecisionEvent::Scheduled(full.clone()), &format!(r#"{{"type":"decision.scheduled",{said}}}"#));
    pinned(
        &Standing { place: Place::Scheduled(Outcome { at: START, answer: full }), attachments: files(1) },
        &format!(r#"{{"state":"scheduled","at":"2026-09-21T14:13:20.000Z",{said},"attachments":[{file}]}}"#),
    );
    pinned(
        &Standing { place: Place::Pending, attachments: files(1) },
        &format!(r#"{{"state":"pending","attachments":[{file}]}}"#),
    );
    pinned(
        &DecisionEvent::Attached { files: files(1) },
        &format!(r#"{{"type":"decision.attached","files":[{file}]}}"#),
    );
    pinned(&DecisionEvent::Cancelled { reason: None }, r#"{"type":"decision.cancelled"}"#);
    let reason = Some("asked twice".to_owned());
    pinned(
        &DecisionEvent::Cancelled { reason: reason.clone() },
        r#"{"type":"decision.cancelled","reason":"asked twice"}"#,
    );
    pinned(
        &at(Place::Expired(Expiry { cancelled: Some(Cancelled { at: START, reason }) })),
        r#"{"state":"expired","cancelled":{"at":"2026-09-21T14:13:20.000Z","reason":"asked twice"}}"#,
    );
    pinned(&Actor::Policy { rule: "small".to_owned() }, r#"{"kind":"policy","rule":"small"}"#);
    pinned(&Who::OnSlack.actor(), r#"{"kind":"person","email":"ann@example.com","by":"slack"}"#);
}

/// Each at the end of an ask that has nothing else beyond what is always there.
#[test]
fn what_an_ask_can_say_since_then_is_stored_like_this() {
    let small = || ask(&Setup::plain(true, vec![Choice::Deny]));
    let added = |changed: &Ask| {
        let (before, after) = (serde_json::to_value(small()).unwrap(), serde_json::to_value(changed).unwrap());
        let new = after.as_object().unwrap().iter().filter(|(name, value)| before.get(*name) != Some(value));
        reads_back(changed);
        Value::Object(new.map(|(name, value)| (name.clone(), value.clone())).collect())
    };
    assert_eq!(added(&small()), json!({}));
    let images = vec!["https://example.com/a.png".to_owned()];
    assert_eq!(added(&Ask { context_images: images.clone(), ..small() }), json!({"context_images": images}));
    assert_eq!(added(&Ask { reminders: false, ..small() }), json!({"reminders": false}));
    let policy = Some(PolicyVerdict { rule: "small".to_owned(), effect: RuleEffect::Deny });
    assert_eq!(added(&Ask { policy, ..small() }), json!({"policy": {"rule": "small", "effect": "deny"}}));
    let mut patient = small();
    patient.backup.as_mut().unwrap().shown_as_pending = true;
    let backup = json!({"approver": "bob@example.com", "until": SECOND, "shown_as_pending": true});
    assert_eq!(added(&patient), json!({ "backup": backup }));
    for (asked, stored) in [
        (json!({"type": "confirm"}), json!({"type": "confirm"})),
        (json!({"type": "approve_deny"}), json!({"type": "approve_deny"})),
        (
            json!({"type": "choose", "choices": ["a", "b"]}),
            json!({"type": "choose", "label": "Select an option", "choices": ["a", "b"]}),
        ),
        (
            json!({"type": "text_input", "fields": [{"name": "a"}]}),
            json!({"type": "text_input", "fields": [{"name": "a", "label": "a", "required": false, "placeholder": ""}]}),
        ),
        (
            json!({"type": "number_input", "max": 1.5}),
            json!({"type": "number_input", "label": "Enter a number", "max": 1.5, "placeholder": ""}),
        ),
        (
            json!({"type": "file_upload", "max_files": 2, "accept": [".csv"]}),
            json!({"type": "file_upload", "label": "Upload a file", "max_files": 2, "accept": [".csv"]}),
        ),
        (
            json!({"type": "schedule"}),
            json!({"type": "schedule", "label": "When should it happen?", "allow_immediate": true}),
        ),
    ] {
        let response_type = Some(ResponseType::check(&asked).unwrap());
        assert_eq!(added(&Ask { response_type, ..small() }), json!({ "response_type": stored }));
    }
}
