//! What the hashes of a packet's log cover: no address of a person and nothing that a person wrote.

use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::ids::CommandId;
use handrail_domain::packet::{CheckpointRequest, Edited, Packet, PacketEvent, State};
use handrail_domain::record::{ContentRef, EncodedLogEntry, LogEntry};
use handrail_domain::text::EmailAddress;

use super::fixtures::{START, salt};

/// Part of every address and text of a person in these tests, and of each digest of such texts.
const MARK: &str = "zaphod";

fn address() -> EmailAddress {
    EmailAddress::parse(&format!("{MARK}@example.com")).unwrap()
}

fn edited() -> Edited {
    let asks = CheckpointRequest {
        approver: address(),
        question: format!("May {MARK} go on?"),
        asked_by: "a key".to_owned(),
        in_slack: false,
    };
    let content = ContentRef { sha256: MARK.to_owned(), bytes: 7 };
    Edited { content, has_checkpoint: true, answer_until: None, asks: Some(asks) }
}

#[test]
fn hashes_cover_no_address_and_no_text_of_a_person() {
    let Edited { content, asks, .. } = edited();
    let events = [
        PacketEvent::Created {
            ask_sha256: MARK.to_owned(),
            source: "maker".to_owned(),
            content,
            human_first: true,
            has_checkpoint: true,
            answer_until: None,
            asks,
            chained_to: None,
        },
        PacketEvent::Moved {
            from: State::Claimed,
            to: State::Completed,
            agent: "w".to_owned(),
            in_batch: false,
            edited: Some(edited()),
        },
        PacketEvent::Edited { edited: Some(edited()) },
        PacketEvent::Answered {
            by: MARK.to_owned(),
            response: MARK.to_owned(),
            notes: Some(MARK.to_owned()),
            edited: edited(),
            key_name: None,
            by_asker: false,
        },
        PacketEvent::Deleted { from: State::Failed },
    ];
    for event in events {
        let by = Actor::Person { email: address(), by: AuthMethod::Session };
        let entry = LogEntry::<Packet> { seq: 3, at: START, by, command: CommandId::new("c", b"x"), event };
        let encoded = EncodedLogEntry::new(entry, Some(salt()));
        let hashed = encoded.hashed();
        assert!(!hashed.text.contains(MARK), "{}", hashed.text);
        assert!(hashed.personal.as_deref().is_some_and(|personal| personal.contains(MARK)));
        assert!(hashed.has_matching_personal_values());
        assert_eq!(EncodedLogEntry::read(encoded.text.clone()).unwrap(), encoded);
    }
}
