//! Stored form of decisions. A change here makes old records unreadable or breaks their chain hashes.

use std::fmt::Debug;

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::decision::{
    Answer, Backup, Channel, Choice, Decision, DecisionEvent, DecisionSpec, Expiry, Outcome, Phase, StateData, Urgency,
};
use handrail_domain::ids::{CommandId, KeyId, TenantId};
use handrail_domain::record::{ChainHash, EncodedLogEntry, LogEntry, Record};
use handrail_domain::time::Timestamp;
use proptest::prelude::*;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value, json};

use super::fixtures::{
    FIRST_DEADLINE, SECOND_DEADLINE, START, Setup, TestActor, create_record, email, expected_chain_hash, key,
    record_id, salt, spec, tenant, test_files,
};

/// Checks that `value` serializes to exactly `text` and that `text` parses to `value`.
pub(crate) fn assert_stored_form<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T, text: &str) {
    assert_eq!(serde_json::to_string(value).unwrap(), text);
    assert_eq!(&serde_json::from_str::<T>(text).unwrap(), value);
}

pub(crate) fn assert_round_trip<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: &T) {
    let text = serde_json::to_string(value).unwrap();
    let read: T = serde_json::from_str(&text).unwrap();
    assert_eq!(&read, value);
    assert_eq!(serde_json::to_string(&read).unwrap(), text);
}

fn full_spec() -> DecisionSpec {
    DecisionSpec {
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
        expires_at: FIRST_DEADLINE,
        backup: Some(Backup { approver: email("bob@example.com"), until: SECOND_DEADLINE, shown_as_pending: false }),
        response_type: None,
        context_images: vec![],
        policy: None,
        reminders: true,
        asked_by: key(1),
        asked_by_name: "deploy agent".to_owned(),
        tool: None,
        arguments: None,
        single_use: None,
        valid_for_seconds: None,
    }
}

pub(crate) fn answer() -> Answer {
    let response_data = Some(json!({"z": 1, "a": [1.5, null]}));
    let notes = Some("but less".to_owned());
    Answer { resolved_by: "ann@example.com".to_owned(), notes, response_data, ..Answer::default() }
}

pub(crate) fn state_data_in(phase: Phase) -> StateData {
    StateData { phase, attachments: vec![], consumption: None }
}

fn minimal_answer() -> Answer {
    Answer { resolved_by: "ann@example.com".to_owned(), ..Answer::default() }
}

fn log_entry() -> LogEntry<Decision> {
    let command = CommandId::new("tap", b"modify");
    LogEntry {
        seq: 2,
        at: START.plus_ms(5),
        by: TestActor::Approver.actor(),
        command,
        event: DecisionEvent::Modified(answer()),
    }
}

#[test]
fn spec_has_stable_stored_form() {
    assert_stored_form(
        &full_spec(),
        r#"{"action":"Pay \"ACME\" 100 €","approver":"Ann@example.com","context":"line\nline","urgency":"high","timeout_minutes":0.5,"channel":"webhook","options":["approve","modify"],"callback_url":"https://example.com/hook","enforce":true,"amount":100,"expires_at":"2026-09-21T15:13:20.000Z","backup":{"approver":"bob@example.com","until":"2026-09-21T16:13:20.000Z"},"asked_by":"key_01M3250V00040G2081040G2081","asked_by_name":"deploy agent"}"#,
    );
    let minimal = spec(&Setup::plain(false, vec![Choice::Deny]));
    assert_stored_form(
        &minimal,
        r#"{"action":"Deploy","approver":"ann@example.com","urgency":"medium","timeout_minutes":60,"channel":"email","options":["deny"],"enforce":false,"expires_at":"2026-09-21T15:13:20.000Z","asked_by":"key_01M3250V00040G2081040G2081","asked_by_name":"deploy agent"}"#,
    );
}

#[test]
fn state_data_has_stable_stored_form() {
    let outcome = |answer| Outcome { at: START, by: None, answer };
    assert_stored_form(&state_data_in(Phase::Pending), r#"{"state":"pending"}"#);
    assert_stored_form(&state_data_in(Phase::Escalated), r#"{"state":"escalated"}"#);
    assert_stored_form(&state_data_in(Phase::Expired(Expiry::default())), r#"{"state":"expired"}"#);
    assert_stored_form(
        &state_data_in(Phase::Approved(outcome(minimal_answer()))),
        r#"{"state":"approved","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com"}"#,
    );
    assert_stored_form(
        &state_data_in(Phase::Denied(outcome(minimal_answer()))),
        r#"{"state":"denied","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com"}"#,
    );
    assert_stored_form(
        &state_data_in(Phase::Modified(outcome(answer()))),
        r#"{"state":"modified","at":"2026-09-21T14:13:20.000Z","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}"#,
    );
}

#[test]
fn events_have_stable_stored_form() {
    assert_stored_form(
        &DecisionEvent::Created { ask_sha256: "ab12".to_owned() },
        r#"{"type":"decision.created","ask_sha256":"ab12"}"#,
    );
    assert_stored_form(
        &DecisionEvent::Approved(minimal_answer()),
        r#"{"type":"decision.approved","resolved_by":"ann@example.com"}"#,
    );
    assert_stored_form(
        &DecisionEvent::Denied(minimal_answer()),
        r#"{"type":"decision.denied","resolved_by":"ann@example.com"}"#,
    );
    assert_stored_form(
        &DecisionEvent::Modified(answer()),
        r#"{"type":"decision.modified","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}"#,
    );
    assert_stored_form(&DecisionEvent::Escalated, r#"{"type":"decision.escalated"}"#);
    assert_stored_form(&DecisionEvent::Expired, r#"{"type":"decision.expired"}"#);
}

#[test]
fn actors_have_stable_stored_form() {
    assert_stored_form(
        &TestActor::AgentKey.actor(),
        r#"{"kind":"key","key":"key_01M3250V00040G2081040G2081","role":"agent"}"#,
    );
    assert_stored_form(
        &TestActor::AppKey.actor(),
        r#"{"kind":"key","key":"key_01M3250V00081040G2081040G2","role":"app"}"#,
    );
    assert_stored_form(
        &TestActor::AdminKey.actor(),
        r#"{"kind":"key","key":"key_01M3250V000C1G60R30C1G60R3","role":"admin"}"#,
    );
    assert_stored_form(&TestActor::Backup.actor(), r#"{"kind":"person","email":"bob@example.com","by":"mailed_link"}"#);
    assert_stored_form(&Actor::Timer, r#"{"kind":"timer"}"#);
    for role in Role::ALL {
        assert_eq!(json!(role), role.name());
    }
}

#[test]
fn log_entry_has_stable_text_and_hash() {
    let text = r#"{"seq":2,"at":"2026-09-21T14:13:20.005Z","by":{"kind":"person","email":"Ann@Example.com","by":"mailed_link"},"command":"729cd87c6329408e2bbfea0e.9106d6212bb4dfc928444c4f","event":{"type":"decision.modified","resolved_by":"ann@example.com","notes":"but less","response_data":{"z":1,"a":[1.5,null]}}}"#;
    assert_stored_form(&log_entry(), text);
    let encoded = EncodedLogEntry::new(log_entry(), None);
    assert_eq!(encoded.text, text);
    assert_eq!(EncodedLogEntry::<Decision>::read(text.to_owned()).unwrap(), encoded);
    let genesis = ChainHash::genesis(tenant(), record_id());
    assert_eq!(genesis.to_hex(), "3ddbe1d900a33d9fed7a245d78da0daa8b151f4f5b9878bb9df2a6b5b3ef7d92");
    assert_eq!(genesis.then(text).to_hex(), "6e1c1740aa50333f5b72bee1e14c85fb5f75efc1af49d0b056a8cec783733f87");
    assert_eq!(genesis.then(text).to_hex(), expected_chain_hash([text]));
}

#[test]
fn first_event_contains_spec_hash() {
    let setup = Setup::plain(true, Choice::ALL.to_vec());
    let record = create_record(&setup);
    let digest = |record: &Record<Decision>| match &record.newest().unwrap().event {
        DecisionEvent::Created { ask_sha256 } => ask_sha256.clone(),
        other => panic!("{other:?}"),
    };
    assert_eq!(digest(&record), "783957452ea6118fda26d27892cd1c8c149445e58dd0391fe2740ec0ba4af4c9");
    let mut other = spec(&setup);
    other.action.push('!');
    let by = TestActor::AgentKey.actor();
    let other = Record::<Decision>::create(
        tenant(),
        record_id(),
        other,
        by,
        CommandId::new("create", b"content"),
        START,
        salt(),
    );
    assert_ne!(digest(&other), digest(&record));
    assert_ne!(other.chain, record.chain);
}

/// Versions of the service read each other's records, so unknown members are ignored.
#[test]
fn unknown_stored_members_are_ignored() {
    let state_data: StateData = serde_json::from_str(r#"{"state":"expired","since":1}"#).unwrap();
    assert_eq!(state_data, state_data_in(Phase::Expired(Expiry::default())));
    let event: DecisionEvent =
        serde_json::from_str(r#"{"type":"decision.denied","resolved_by":"x","mood":"bad"}"#).unwrap();
    assert!(matches!(event, DecisionEvent::Denied(_)));
    assert!(serde_json::from_str::<DecisionEvent>(r#"{"type":"decision.lost"}"#).is_err());
}

#[test]
fn chain_hash_depends_on_record_id() {
    let genesis = ChainHash::genesis(tenant(), record_id());
    let other_record = handrail_domain::ids::RecordId::new(START, [8; 10]);
    assert_ne!(genesis, ChainHash::genesis(tenant(), other_record));
    assert_ne!(genesis, ChainHash::genesis(TenantId::new(START, [8; 10]), record_id()));
    assert_ne!(genesis.then("a").then("b"), genesis.then("b").then("a"));
}

#[test]
fn chain_hash_parses_only_its_own_format() {
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
            let (files, shown_hash) = (test_files(count), (count > 0).then(|| format!("sha256:{count}")));
            let key_name = (count == 2).then(|| "back office".to_owned());
            Answer { resolved_by, notes, response_data, execute_at, files, key_name, shown_hash }
        },
    )
}

fn any_time() -> impl Strategy<Value = Timestamp> {
    (0..253_402_300_800_000_i64).prop_map(Timestamp::from_unix_ms)
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn any_answer_round_trips(answer in any_answer(), at in any_time()) {
        assert_round_trip(&DecisionEvent::Approved(answer.clone()));
        let phase = Phase::Denied(Outcome { at, by: Some(TestActor::Approver.actor()), answer: answer.clone() });
        assert_round_trip(&StateData { phase, attachments: answer.files.clone(), consumption: None });
        assert_round_trip(&LogEntry::<Decision> { at, event: DecisionEvent::Modified(answer), ..log_entry() });
    }

    #[test]
    fn any_spec_round_trips(
        action in any::<String>(), context in any::<Option<String>>(), amount in 0.0..1e12_f64,
        minutes in 0.0..43_200.0_f64, expires_at in any_time(),
    ) {
        let (amount, timeout_minutes) = (Number::from_f64(amount), Number::from_f64(minutes).unwrap());
        assert_round_trip(&DecisionSpec { action, context, amount, timeout_minutes, expires_at, ..full_spec() });
    }

    #[test]
    fn any_key_actor_round_trips(bytes in any::<[u8; 16]>(), role in prop::sample::select(&Role::ALL[..])) {
        assert_round_trip(&Actor::Key { key: KeyId::from_bytes(bytes), role });
    }

    #[test]
    fn any_log_text_is_refused_or_unchanged(text in any::<String>()) {
        prop_assert!(EncodedLogEntry::<Decision>::read(text.clone()).is_err());
        prop_assert!(ChainHash::from_hex(&text).is_none());
    }
}
