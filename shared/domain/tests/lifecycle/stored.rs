//! What lies in the database. A change here makes old records unreadable, or breaks the chains over them.

use std::fmt::Debug;

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Ask, Backup, Channel, Choice, Decision, DecisionEvent, Expiry, Outcome, Place, Standing, Urgency,
};
use handrail_domain::ids::{CommandId, KeyId, TenantId};
use handrail_domain::record::{ChainHash, Entry, LogLine, Record};
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value, json};

use super::support::{FIRST, SECOND, START, Setup, Who, ask, chain_over, email, files, key, open, record_id, tenant};

/// The value is stored as exactly this text, and the text is read as exactly this value.
pub(crate) fn pinned<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

pub(crate) fn reads_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, value);
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

fn full_ask() -> Ask {
    Ask {
        action: "Pay \"ACME\" 100 €".to_owned(),
        approver: email("Ann@example.com"),
        context: Some("line\nline".to_owned()),
        urgency: Urgency::High,
        timeout_minutes: Number::from_f64(0.5).unwrap(),
        channel: Channel::Webhook,
        options: vec![Choice::Approve, Choice::Modify],
        callback_url: Some("https://example.com/hook".to_owned()),
        enforce: true,
        amount: Some(Number::from(100)),
        expires_at: FIRST,
        backup: Some(Backup { approver: email("bob@example.com"), until: SECOND, shown_as_pending: false }),
        response_type: None,
        context_images: vec![],
        policy: None,
        reminders: true,
        asked_by: key(1),
        asked_by_name: "deploy agent".to_owned(),
    }
}

pub(crate) fn answer() -> Answer {
    let response_data = Some(json!({"z": 1, "a": [1.5, null]}));
    let notes = Some("but less".to_owned());
    Answer { resolved_by: "ann@example.com".to_owned(), notes, response_data, ..Answer::default() }
}

pub(crate) fn at(place: Place) -> Standing {
    Standing { place, attachments: vec![] }
}

fn bare_answer() -> Answer {
    Answer { resolved_by: "ann@example.com".to_owned(), ..Answer::default() }
}

fn entry() -> Entry<Decision> {
    let command = CommandId::new("tap", b"modify");
    Entry { seq: 2, at: START.plus_ms(5), by: Who::Approver.actor(), command, event: DecisionEvent::Modified(answer()) }
}

#[test]
fn asks_are_stored_like_this() {
    pinned(
        &full_ask(),
        r#"{"action":"Pay \"ACME\" 100 €","approver":"Ann@example.com","context":"line\nline","urgency":"high","timeout_minutes":0.5,"channel":"webhook","options":["approve","modify"],"callback_url":"https://example.com/hook","enforce":true,"amount":100,"expires_at":"2026-09-21T15:13:20.000Z","backup":{"approver":"bob@example.com","until":"2026-09-21T16:13:20.000Z"},"asked_by":"key_01M3250V00040G2081040G2081","asked_by_name":"deploy agent"}"#,
    );
    let small = ask(&Setup::plain(false, vec![Choice::Deny]));
    pinned(
        &small,
        r#"{"action":"Deploy","approver":"ann@example.com","urgency":"medium","timeout_minutes":60,"channel":"email","options":["deny"],"enforce":false,"expires_at":"2026-09-21T15:13:20.000Z","asked_by":"key_01M3250V00040G2081040G2081","asked_by_name":"deploy agent"}"#,
    );
}

#[test]
fn standings_are_stored_like_this() {
    let outcome = |answer| Outcome { at: START, answer };
    pinned(&at(Place::Pending), r#"{"state":"pending"}"#);
    pinned(&at(Place::Escalated), r#"{"state":"escalated"}"#);
    pinned(&at(Place::Expired(Expiry::default())), r#"{"state":"expired"}"#);
    pinned(
        &at(Place::Approved(outcome(bare_answer()))),
        r#"{"state":"approved","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com"}"#,
    );
    pinned(
        &at(Place::Denied(outcome(bare_answer()))),
        r#"{"state":"denied","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com"}"#,
    );
    pinned(
        &at(Place::Modified(outcome(answer()))),
        r#"{"state":"modified","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}"#,
    );
}

#[test]
fn events_are_stored_like_this() {
    pinned(
        &DecisionEvent::Created { ask_sha256: "ab12".to_owned() },
        r#"{"type":"decision.created","ask_sha256":"ab12"}"#,
    );
    pinned(&DecisionEvent::Approved(bare_answer()), r#"{"type":"decision.approved","resolved_by":"ann@example.com"}"#);
    pinned(&DecisionEvent::Denied(bare_answer()), r#"{"type":"decision.denied","resolved_by":"ann@example.com"}"#);
    pinned(
        &DecisionEvent::Modified(answer()),
        r#"{"type":"decision.modified","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}"#,
    );
    pinned(&DecisionEvent::Escalated, r#"{"type":"decision.escalated"}"#);
    pinned(&DecisionEvent::Expired, r#"{"type":"decision.expired"}"#);
}

#[test]
fn actors_are_stored_like_this() {
    pinned(&Who::AgentKey.actor(), r#"{"kind":"key","key":"key_01M3250V00040G2081040G2081","role":"agent"}"#);
    pinned(&Who::AppKey.actor(), r#"{"kind":"key","key":"key_01M3250V00081040G2081040G2","role":"app"}"#);
    pinned(&Who::AdminKey.actor(), r#"{"kind":"key","key":"key_01M3250V000C1G60R30C1G60R3","role":"admin"}"#);
    pinned(&Who::Backup.actor(), r#"{"kind":"person","email":"bob@example.com","by":"mailed_link"}"#);
    pinned(&Actor::Timer, r#"{"kind":"timer"}"#);
    for role in Role::ALL {
        assert_eq!(json!(role), role.name());
    }
}

#[test]
fn an_entry_is_stored_and_hashed_as_this_text() {
    let text = r#"{"seq":2,"at":"2026-09-21T14:13:20.005Z","by":{"kind":"person","email":"Ann@Example.com","by":"mailed_link"},"command":"729cd87c6329408e2bbfea0e.9106d6212bb4dfc928444c4f","event":{"type":"decision.modified","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}}"#;
    pinned(&entry(), text);
    let line = LogLine::new(entry());
    assert_eq!(line.text, text);
    assert_eq!(LogLine::<Decision>::read(text.to_owned()).unwrap(), line);
    let genesis = ChainHash::genesis(tenant(), record_id());
    assert_eq!(genesis.to_hex(), "3ddbe1d900a33d9fed7a245d78da0daa8b151f4f5b9878bb9df2a6b5b3ef7d92");
    assert_eq!(genesis.then(text).to_hex(), "6e1c1740aa50333f5b72bee1e14c85fb5f75efc1af49d0b056a8cec783733f87");
    assert_eq!(genesis.then(text).to_hex(), chain_over([text]));
}

#[test]
fn a_records_first_event_commits_to_what_was_asked() {
    let setup = Setup::plain(true, Choice::ALL.to_vec());
    let record = open(&setup);
    let digest = |record: &Record<Decision>| match &record.newest().unwrap().event {
        DecisionEvent::Created { ask_sha256 } => ask_sha256.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(digest(&record), "783957452ea6118fda26d27892cd1c8c149445e58dd0391fe2740ec0ba4af4c9");
    let mut other = ask(&setup);
    other.action.push('!');
    let by = Who::AgentKey.actor();
    let other = Record::<Decision>::open(tenant(), record_id(), other, by, CommandId::new("create", b"content"), START);
    assert_ne!(digest(&other), digest(&record));
    assert_ne!(other.chain, record.chain);
}

/// Fields that a later version adds must not keep this one from reading, nor the other way round.
#[test]
fn what_this_version_does_not_know_is_read_over() {
    let standing: Standing = serde_json::from_str(r#"{"state":"expired","since":1}"#).unwrap();
    assert_eq!(standing, at(Place::Expired(Expiry::default())));
    let event: DecisionEvent =
        serde_json::from_str(r#"{"type":"decision.denied","resolved_by":"x","mood":"bad"}"#).unwrap();
    assert!(matches!(event, DecisionEvent::Denied(_)));
    assert!(serde_json::from_str::<DecisionEvent>(r#"{"type":"decision.lost"}"#).is_err());
}

#[test]
fn a_chain_belongs_to_one_record() {
    let genesis = ChainHash::genesis(tenant(), record_id());
    let other_record = handrail_domain::ids::RecordId::new(START, [8; 10]);
    assert_ne!(genesis, ChainHash::genesis(tenant(), other_record));
    assert_ne!(genesis, ChainHash::genesis(TenantId::new(START, [8; 10]), record_id()));
    assert_ne!(genesis.then("a").then("b"), genesis.then("b").then("a"));
}

#[test]
fn a_chain_hash_is_read_from_its_own_text_only() {
    let hash = ChainHash::genesis(tenant(), record_id());
    let text = hash.to_hex();
    assert_eq!(ChainHash::from_hex(&text), Some(hash));
    let swapped = |from: &str, to: &str| text.replacen(from, to, 1);
    for bad in [
        String::new(),
        text[1..].to_owned(),
        format!("{text}00"),
        text.to_uppercase(),
        swapped(&text[..2], "+1"),
        swapped(&text[..2], "-1"),
        swapped(&text[..2], " 1"),
        swapped(&text[..2], "g1"),
        swapped(&text[..2], "é"),
    ] {
        assert_eq!(ChainHash::from_hex(&bad), None, "{bad}");
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let finite = any::<f64>().prop_filter("JSON has no other", |number| number.is_finite());
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        finite.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from), any_object(inner),]
    })
}

fn any_object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    let names = prop_oneof!["[a-z_]{1,8}", Just("type".to_owned()), Just("state".to_owned()), any::<String>()];
    prop::collection::vec((names, inner), 0..4)
        .prop_map(|fields| Value::Object(fields.into_iter().collect::<Map<_, _>>()))
}

fn any_answer() -> impl Strategy<Value = Answer> {
    let data = prop::option::of(any_object(any_json()));
    (any::<String>(), any::<Option<String>>(), data, prop::option::of(any_time()), 0..3_usize).prop_map(
        |(resolved_by, notes, response_data, execute_at, count)| {
            let files = files(count);
            Answer { resolved_by, notes, response_data, execute_at, files }
        },
    )
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_300_800_000_i64).prop_map(Timestamp::from_unix_ms)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_answer_reads_back(answer in any_answer(), at in any_time()) {
        reads_back(&DecisionEvent::Approved(answer.clone()));
        let place = Place::Denied(Outcome { at, answer: answer.clone() });
        reads_back(&Standing { place, attachments: answer.files.clone() });
        reads_back(&Entry::<Decision> { at, event: DecisionEvent::Modified(answer), ..entry() });
    }

    #[test]
    fn any_ask_reads_back(
        action in any::<String>(), context in any::<Option<String>>(), amount in 0.0..1e12_f64, minutes in 0.0..43_200.0_f64,
        expires_at in any_time(),
    ) {
        let (amount, timeout_minutes) = (Number::from_f64(amount), Number::from_f64(minutes).unwrap());
        reads_back(&Ask { action, context, amount, timeout_minutes, expires_at, ..full_ask() });
    }

    #[test]
    fn any_key_reads_back_as_an_actor(bytes in any::<[u8; 16]>(), role in prop::sample::select(&Role::ALL[..])) {
        reads_back(&Actor::Key { key: KeyId::from_bytes(bytes), role });
    }

    #[test]
    fn any_text_is_refused_as_a_log_line_or_kept_as_it_is(text in any::<String>()) {
        prop_assert!(LogLine::<Decision>::read(text.clone()).is_err());
        prop_assert!(ChainHash::from_hex(&text).is_none());
    }
}
