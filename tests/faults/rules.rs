//! Rules of decisions and packets, written a second time: they share no code with the service that they judge. They read
//! the stored JSON and know only what the journeys do.

use handrail_domain::time::Timestamp;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

/// Effect of an event.
pub(crate) struct ExpectedEffect {
    /// Id that every repeat carries.
    pub id: String,
    pub purpose: &'static str,
    pub channel: Channel,
    pub not_before: Option<Timestamp>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Channel {
    Callback,
    Mail,
    RetainFiles,
    /// Does nothing here, because no journey connects Slack.
    SlackUpdate,
}

pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    to_hex(&Sha256::digest(bytes))
}

/// Returns the chain hash of these log entries. `partition` is `<tenant>#<id>`, with which the chain begins.
pub(crate) fn chain_hash(partition: &str, entries: &[String]) -> String {
    let first = Sha256::digest(partition).to_vec();
    let chained =
        |hash: Vec<u8>, entry: &String| Sha256::digest([&hash, hashed_text(entry).as_bytes()].concat()).to_vec();
    to_hex(&entries.iter().fold(first, chained))
}

/// Returns the text of a stored log entry that is hashed: the digest of the salt and the personal values in their place.
pub(crate) fn hashed_text(stored: &str) -> String {
    let mut entry: Value = serde_json::from_str(stored).expect("an entry is JSON");
    let Some(salt) = entry.as_object_mut().and_then(|members| members.shift_remove("salt")) else {
        return stored.to_owned();
    };
    let mut personal = vec![format!(r#""salt":{salt}"#)];
    for pointer in entry["personal"].as_array().expect("a list of pointers").clone() {
        let (parent, name) = pointer.as_str().and_then(|text| text.rsplit_once('/')).expect("a pointer");
        let parent = entry.pointer_mut(parent).and_then(Value::as_object_mut).expect("a parent");
        personal.push(format!("{pointer}:{}", parent.shift_remove(name).expect("a personal value")));
    }
    entry["personal_sha256"] = sha256_hex(format!("{{{}}}", personal.join(",")).as_bytes()).into();
    entry.to_string()
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn event_type(entry: &Value) -> &str {
    entry["event"]["type"].as_str().expect("an event has a type")
}

fn time(value: &Value) -> Option<Timestamp> {
    value.as_str().and_then(Timestamp::parse)
}

/// Returns the state data that the log entries of a decision lead to. Panics if an event may not follow the others.
pub(crate) fn decision_state_data(entries: &[Value]) -> Value {
    let (mut phase, mut attachments, mut consumption) = (Map::new(), Vec::new(), Value::Null);
    for (index, entry) in entries.iter().enumerate() {
        let from = phase.get("state").and_then(Value::as_str).unwrap_or_default().to_owned();
        let (event, at) = (event_type(entry), &entry["at"]);
        let may_follow = match event {
            "decision.created" => index == 0,
            "decision.escalated" => from == "pending",
            // An approval is used once, and its execution ends once.
            "decision.consumed" => from == "approved" && consumption.is_null(),
            "decision.executed" => consumption.is_object() && consumption["end"].is_null(),
            _ => ["pending", "escalated"].contains(&from.as_str()),
        };
        assert!(may_follow, "{event} may not follow the state {from:?}");
        let next = match event {
            "decision.created" => json!({"state": "pending"}),
            "decision.escalated" => json!({"state": "escalated"}),
            "decision.expired" => json!({"state": "expired"}),
            "decision.attached" => {
                attachments.extend(entry["event"]["files"].as_array().expect("a list").clone());
                continue;
            }
            "decision.consumed" => {
                consumption = json!({
                    "execution_id": entry["event"]["execution_id"],
                    "consumed_at": at,
                    "key": entry["by"]["key"],
                    "key_name": entry["event"]["key_name"],
                });
                continue;
            }
            "decision.executed" => {
                assert_eq!(entry["event"]["execution_id"], consumption["execution_id"]);
                consumption["end"] = json!({
                    "outcome": entry["event"]["outcome"],
                    "detail": entry["event"]["detail"],
                    "finished_at": at,
                });
                continue;
            }
            "decision.approved" | "decision.denied" => {
                let mut outcome = entry["event"].clone();
                outcome.as_object_mut().expect("an event is an object").remove("type");
                // Later events may follow, so the state keeps who answered.
                outcome["by"] = entry["by"].clone();
                outcome["state"] = event.trim_start_matches("decision.").into();
                outcome["at"] = at.clone();
                outcome
            }
            other => panic!("no journey makes {other}"),
        };
        phase = next.as_object().expect("state data is an object").clone();
    }
    if !attachments.is_empty() {
        phase.insert("attachments".to_owned(), attachments.into());
    }
    if !consumption.is_null() {
        phase.insert("consumption".to_owned(), consumption);
    }
    Value::Object(phase)
}

/// Returns the next deadline of a decision in this state.
pub(crate) fn decision_deadline(state: &str, spec: &Value) -> Option<Timestamp> {
    match state {
        "pending" => time(&spec["expires_at"]),
        "escalated" => time(&spec["backup"]["until"]),
        _ => None,
    }
}

/// Returns the purpose of the mail that the current approver must have got.
pub(crate) fn current_approver_mail(state: &str) -> Option<&'static str> {
    match state {
        "pending" => Some("ask-approver"),
        "escalated" => Some("ask-backup"),
        _ => None,
    }
}

/// Returns the effects of a decision that is sent by mail, without reminders and with a callback URL.
pub(crate) fn decision_effects(id: &str, entries: &[Value], spec: &Value) -> Vec<ExpectedEffect> {
    assert_eq!((&spec["channel"], &spec["reminders"]), (&json!("email"), &json!(false)));
    assert!(spec["callback_url"].is_string() && spec["policy"].is_null(), "{spec}");
    let of_entry = |entry: &Value| -> Vec<ExpectedEffect> {
        let effects: &[(Channel, &'static str)] = match event_type(entry) {
            "decision.created" => &[(Channel::Mail, "ask-approver")],
            "decision.attached" => &[(Channel::RetainFiles, "keep-files")],
            "decision.escalated" => &[(Channel::Mail, "ask-backup"), (Channel::Callback, "announce-escalated")],
            "decision.approved" | "decision.denied" => &[(Channel::Callback, "announce-resolved")],
            "decision.expired" => &[(Channel::Callback, "announce-expired")],
            "decision.consumed" | "decision.executed" => &[],
            other => panic!("no journey makes {other}"),
        };
        effects.iter().map(|(channel, purpose)| effect(id, entry, *channel, purpose, None)).collect()
    };
    entries.iter().flat_map(of_entry).collect()
}

fn effect(
    id: &str,
    entry: &Value,
    channel: Channel,
    purpose: &'static str,
    not_before: Option<Timestamp>,
) -> ExpectedEffect {
    let id = format!("msg_{}_{}_{purpose}", id.replace('-', ""), entry["seq"]);
    ExpectedEffect { id, purpose, channel, not_before }
}

/// Returns the event in the body of a callback.
pub(crate) fn callback_event(purpose: &str) -> &'static str {
    match purpose {
        "announce-resolved" => "decision.resolved",
        "announce-escalated" => "decision.escalated",
        "announce-expired" => "decision.expired",
        other => panic!("no journey makes the callback {other}"),
    }
}

/// State of a packet, as its log entries give it.
#[derive(Debug, PartialEq)]
pub(crate) struct PacketState {
    pub state: String,
    /// Reference to the newest content.
    pub content: Value,
    /// Agent that holds the claim.
    pub holder: Value,
    /// `true` if an approver's checkpoint is open.
    pub asks: bool,
}

pub(crate) fn packet_state(entries: &[Value]) -> PacketState {
    let mut packet = PacketState { state: String::new(), content: Value::Null, holder: Value::Null, asks: false };
    for entry in entries {
        let event = &entry["event"];
        let edited = if event_type(entry) == "packet.created" { event } else { &event["edited"] };
        let next = match event_type(entry) {
            "packet.created" if event["human_first"] == true => "awaiting_human",
            "packet.created" => "created",
            "packet.claimed" => {
                packet.holder = event["by"].clone();
                "claimed"
            }
            "packet.answered" => "claimed",
            "packet.moved" => event["to"].as_str().expect("a state"),
            "packet.edited" => {
                assert!(edited.is_null(), "no journey edits a packet's content");
                continue;
            }
            other => panic!("no journey makes {other}"),
        };
        packet.state = next.to_owned();
        packet.asks = edited["asks"].is_object();
        if !edited["content"].is_null() {
            packet.content = edited["content"].clone();
        }
    }
    packet
}

const MINUTE_MS: i64 = 60_000;

/// Returns the effects of a packet's events: the approver of a checkpoint is asked, and reminded after half of the time
/// and ten minutes before its end.
pub(crate) fn packet_effects(id: &str, entries: &[Value]) -> Vec<ExpectedEffect> {
    let of_entry = |entry: &Value| -> Vec<ExpectedEffect> {
        let event = &entry["event"];
        match event_type(entry) {
            "packet.created" if event["asks"].is_object() => {
                let opened_at = time(&entry["at"]).expect("an event has a time");
                let until = time(&event["answer_until"]).expect("the journeys' checkpoints have a deadline");
                let half = opened_at.plus_ms(until.ms_since(opened_at) / 2);
                let times = [
                    ("ask-approver", None),
                    ("remind-half", Some(half)),
                    ("remind-last", Some(until.plus_ms(-10 * MINUTE_MS))),
                ];
                times.into_iter().map(|(purpose, at)| effect(id, entry, Channel::Mail, purpose, at)).collect()
            }
            "packet.answered" => vec![effect(id, entry, Channel::SlackUpdate, "update-slack", None)],
            "packet.created" | "packet.claimed" | "packet.moved" | "packet.edited" => Vec::new(),
            other => panic!("no journey makes {other}"),
        }
    };
    entries.iter().flat_map(of_entry).collect()
}
