//! What the hashes of a decision's log cover: no address of a person and nothing that a person wrote.

use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{Answer, Decision, DecisionEvent, ExecutionOutcome};
use handrail_domain::ids::CommandId;
use handrail_domain::record::{ChainHash, EncodedLogEntry, LogEntry};
use serde_json::json;

use super::fixtures::{START, Setup, create_record, email, record_id, salt, tenant};
use handrail_domain::decision::Choice;

/// Part of every address and text of a person in these tests.
const MARK: &str = "zaphod";

fn answer() -> Answer {
    let file = Attachment {
        id: "f1".to_owned(),
        name: format!("{MARK}.pdf"),
        content_type: "application/pdf".to_owned(),
        size: 1,
        sha256: "ab".to_owned(),
    };
    Answer {
        resolved_by: format!("{MARK}@example.com"),
        notes: Some(format!("{MARK} was here")),
        response_data: Some(json!({MARK: [MARK, 1.5, null]})),
        files: vec![file],
        ..Answer::default()
    }
}

fn entries() -> Vec<LogEntry<Decision>> {
    let files = answer().files;
    let events = [
        DecisionEvent::Created { ask_sha256: MARK.to_owned() },
        DecisionEvent::Approved(answer()),
        DecisionEvent::Denied(answer()),
        DecisionEvent::Modified(answer()),
        DecisionEvent::Scheduled(Answer { execute_at: Some(START), ..answer() }),
        DecisionEvent::Attached { files },
        DecisionEvent::Cancelled { reason: Some(MARK.to_owned()) },
        DecisionEvent::Consumed { execution_id: "run-1".to_owned(), key_name: "deploy agent".to_owned() },
        DecisionEvent::Executed {
            execution_id: "run-1".to_owned(),
            outcome: ExecutionOutcome::Failed,
            detail: Some(format!("{MARK} got nothing")),
        },
        DecisionEvent::Escalated,
        DecisionEvent::Expired,
    ];
    let by = Actor::Person { email: email(&format!("{MARK}@example.com")), by: AuthMethod::MailedLink };
    let entry = |event| LogEntry { seq: 2, at: START, by: by.clone(), command: CommandId::new("c", b"x"), event };
    events.map(entry).into()
}

#[test]
fn hashes_cover_no_address_and_no_text_of_a_person() {
    for entry in entries() {
        let encoded = EncodedLogEntry::new(entry.clone(), Some(salt()));
        let hashed = encoded.hashed();
        assert!(!hashed.text.contains(MARK), "{}", hashed.text);
        assert!(hashed.personal.as_deref().is_some_and(|personal| personal.contains(MARK)));
        assert!(hashed.has_matching_personal_values());
        assert_eq!(EncodedLogEntry::read(encoded.text.clone()).unwrap(), encoded);
        assert_eq!(encoded.entry, entry);
    }
}

/// Programs of an earlier version read what this one stores.
#[test]
fn stored_text_is_the_plain_entry_with_two_more_members() {
    for entry in entries() {
        let plain = EncodedLogEntry::new(entry.clone(), None).text;
        let salted = EncodedLogEntry::new(entry, Some(salt())).text;
        let more = salted.strip_prefix(plain.strip_suffix('}').unwrap()).unwrap();
        assert!(more.starts_with(r#","personal":["/by/email""#) && more.contains(r#"],"salt":""#), "{more}");
    }
}

#[test]
fn record_of_an_earlier_version_continues_its_chain() {
    let mut earlier = create_record(&Setup::plain(false, Choice::ALL.to_vec()));
    earlier.salt = None;
    let by = Actor::Person { email: email("ann@example.com"), by: AuthMethod::MailedLink };
    let next = earlier.append(DecisionEvent::Denied(answer()), by, CommandId::new("c", b"x"), START);
    let text = &next.log.last().unwrap().text;
    assert!(!text.contains("personal"), "{text}");
    assert_eq!(next.chain, earlier.chain.then(text));
    assert_ne!(next.chain, ChainHash::genesis(tenant(), record_id()));
}
