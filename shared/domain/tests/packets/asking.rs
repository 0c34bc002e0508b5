//! A checkpoint that names a person: who is asked and reminded, who may answer which question, and how it is seen.

use handrail_domain::decision::{Channel, Choice, Decision, Place, REPLY, ResponseType, Urgency};
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::{Act, Asker, Flaw, Packet, PacketEvent, Patch, Proposal, Refusal, State, question};
use handrail_domain::record::Record;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

use super::support::{ANN, ANSWER_S, END, Held, SECOND_MS, START, Setup, Who, address, held_in, play, smallest};

const MINUTE_MS: i64 = 60 * SECOND_MS;

fn asking(hitl: &Value) -> Value {
    let mut body = smallest();
    body["hitl"] = json!({"reason": "Above the limit", "approver": ANN});
    for (name, value) in hitl.as_object().unwrap() {
        body["hitl"][name] = value.clone();
    }
    body
}

fn asked() -> Held {
    Held::of(&asking(&json!({"question": "Refund it?", "options": ["yes", "no"], "timeout_seconds": 3_600})))
}

fn follows(held: &Held) -> Vec<Effect> {
    Packet::effects(&held.record.ask, held.record.newest().unwrap())
}

fn seen(held: &Held, number: u64) -> Record<Decision> {
    question(&held.record, &held.content, &[], number).unwrap()
}

fn at(minutes: i64) -> Timestamp {
    START.plus_ms(minutes * MINUTE_MS)
}

const RAISED: u64 = 3;

/// In the middle of the work, as the third event.
fn raised(at: Timestamp) -> Held {
    let hitl = json!({"reason": "a risk", "approver": ANN, "timeout_seconds": 3_600});
    let claimed = Held::open(Setup::PLAIN).claimed(None, START);
    claimed.patched(&json!({"status": "awaiting_human", "hitl": hitl}), at).unwrap()
}

#[test]
fn whoever_is_named_is_mailed_and_reminded_at_half_time_and_before_the_end() {
    let mailed = |until: i64, from: i64| {
        [
            Effect::Mail(Purpose::AskApprover),
            Effect::MailAt(Purpose::RemindHalf, at(from + (until - from) / 2)),
            Effect::MailAt(Purpose::RemindLast, at(until - 10)),
        ]
    };
    assert_eq!(follows(&asked()), mailed(60, 0));
    // Without a time of its own it ends with the packet.
    assert_eq!(follows(&Held::of(&asking(&json!({})))), mailed(24 * 60, 0));
    assert_eq!(follows(&raised(at(20))), mailed(80, 20));
    // A question that is raised late ends with the packet too.
    assert_eq!(follows(&raised(at(23 * 60 + 20))), mailed(24 * 60, 23 * 60 + 20));
    let short = Held::of(&asking(&json!({"timeout_seconds": 300})));
    assert_eq!(follows(&short), [Effect::Mail(Purpose::AskApprover)]);
    // Who waits without a question gets one.
    let empty = Held::open(Setup::PLAIN).patched(&json!({"status": "awaiting_human"}), at(1)).unwrap();
    assert_eq!(follows(&empty), []);
    let given = empty.patched(&json!({"hitl": {"reason": "r", "approver": ANN, "timeout_seconds": 3_600}}), at(2));
    assert_eq!(follows(&given.unwrap()), mailed(62, 2));
}

#[test]
fn nobody_is_asked_where_nobody_is_named_or_nothing_is_raised() {
    let optional = Held::of(&asking(&json!({"required": false})));
    assert_eq!(
        (optional.state(), follows(&optional), &optional.record.standing.question),
        (State::Created, vec![], &None)
    );
    for setup in Setup::all() {
        for state in State::ALL {
            let held = held_in(*state, setup);
            let named = held.content.hitl.as_ref().is_some_and(|hitl| hitl.approver.is_some());
            let asks = follows(&held).contains(&Effect::Mail(Purpose::AskApprover));
            assert_eq!(asks, named && *state == State::AwaitingHuman, "{setup:?} {state:?}");
            assert_eq!(held.record.standing.question.is_some(), asks, "{setup:?} {state:?}");
        }
    }
    // The stored checkpoint asks when it is raised.
    let raised = optional.patched(&json!({"status": "awaiting_human"}), at(1)).unwrap();
    assert!(follows(&raised).contains(&Effect::Mail(Purpose::AskApprover)));
    // Another checkpoint that is only put there asks nobody.
    let put = optional.patched(&json!({"hitl": {"reason": "r", "approver": ANN}}), at(1)).unwrap();
    assert_eq!((follows(&put), &put.record.standing.question), (vec![], &None));
}

#[test]
fn every_end_of_a_question_shows_where_it_was_posted() {
    let ends = [
        asked().answered("yes", at(1)).unwrap(),
        asked().answered_by_ann(1, at(1)).unwrap(),
        asked().patched(&json!({"status": "failed"}), at(1)).unwrap(),
        asked().act(&Act::Delete, Who::AgentKey, at(1)),
        asked().at(at(60)),
    ];
    for end in ends {
        assert_eq!(follows(&end), [Effect::Slack(Purpose::UpdateSlack)], "{:?}", end.record.newest());
        assert_eq!(end.record.standing.question, None);
    }
    assert_eq!(follows(&Held::open(Setup::PLAIN).act(&Act::Delete, Who::AgentKey, at(1))), []);
}

#[test]
fn a_person_answers_the_question_that_they_were_asked_and_no_other() {
    let first = raised(at(1));
    assert_eq!(first.answered_by_ann(RAISED + 1, at(2)).err(), Some(Refusal::NotTheirs));
    let answered = first.answered_by_ann(RAISED, at(2)).unwrap();
    let event = &answered.record.newest().unwrap().event;
    assert!(matches!(event, PacketEvent::Answered { by, response, notes, .. }
        if by == ANN && response == "yes" && notes.as_deref() == Some("but")));
    assert_eq!(answered.answered_by_ann(RAISED, at(2)).err(), Some(Refusal::NotAwaiting { state: State::Claimed }));
    // Asked again, the old link is none to the new question.
    let again = json!({"status": "awaiting_human", "hitl": {"reason": "And now?", "approver": ANN}});
    let second = answered.patched(&again, at(3)).unwrap();
    let number = second.record.seq;
    assert_eq!(second.answered_by_ann(RAISED, at(4)).err(), Some(Refusal::NotTheirs));
    assert_eq!(second.answered_by_ann(number, at(4)).unwrap().state(), State::Claimed);
    // Nor does anybody else answer for her, by link or without one.
    for (question, who) in [(Some(number), Who::OtherPerson), (None, Who::Person), (Some(number), Who::Timer)] {
        let response = handrail_domain::packet::Response { by: ANN.to_owned(), response: "y".to_owned(), notes: None };
        let (act, _) = response.plan_to(question, &second.content, at(4));
        assert_eq!(play(&second.record, &act, who, at(4)).err(), Some(Refusal::NotTheirs), "{who:?}");
    }
}

#[test]
fn it_is_seen_as_a_decision_that_asks_the_same() {
    let mut body = asking(&json!({"question": "Refund it?", "options": ["yes", "no"], "timeout_seconds": 3_600}));
    body["metadata"]["priority"] = "critical".into();
    let held = Held::of(&body);
    let seen = seen(&held, 1);
    assert_eq!((seen.ask.action.as_str(), seen.ask.approver.as_str()), ("Refund it?", ANN));
    assert_eq!(seen.ask.context.as_deref(), Some("Above the limit\n\nHalf done"));
    assert_eq!((seen.ask.urgency, seen.ask.channel), (Urgency::Critical, Channel::Slack));
    assert_eq!(seen.ask.response_type, Some(ResponseType::Reply { choices: vec!["yes".to_owned(), "no".to_owned()] }));
    assert_eq!((&seen.ask.options[..], seen.ask.asked_by_name.as_str()), (&[Choice::Approve][..], "the agent's key"));
    assert_eq!((seen.created_at, seen.ask.expires_at, &seen.standing.place), (START, at(60), &Place::Pending));
    // One rule for both: what a decision's event would cause is what the packet's causes.
    assert_eq!(Decision::effects(&seen.ask, seen.event(1).unwrap()), follows(&held));
    assert!(matches!(seen.seen_at(at(60)).standing.place, Place::Expired(_)), "its time is the question's");
    // The reason is the question where there is no other.
    let plain = super::asking::seen(&Held::of(&asking(&json!({"question": " "}))), 1);
    assert_eq!((plain.ask.action.as_str(), plain.ask.context.as_deref()), ("Above the limit", Some("Half done")));
    assert_eq!((plain.ask.expires_at, plain.ask.response_type), (END, Some(ResponseType::Reply { choices: vec![] })));
    assert!(
        question(&held.record, &held.content, &[], 2).is_none()
            && question(&held.record, &held.content, &[], 0).is_none()
    );
}

#[test]
fn afterwards_it_is_seen_as_it_ended_whatever_is_asked_by_then() {
    let answered = raised(at(1)).answered_by_ann(RAISED, at(2)).unwrap();
    let again = json!({"status": "awaiting_human", "context": {"summary": "Later"},
        "hitl": {"reason": "And now?", "approver": "bob@example.com"}});
    let second = answered.patched(&again, at(3)).unwrap();
    for held in [&answered, &second, &second.at(END)] {
        let seen = seen(held, RAISED);
        let outcome = seen.standing.outcome().unwrap();
        assert_eq!((outcome.at, outcome.answer.resolved_by.as_str()), (at(2), ANN));
        assert_eq!(outcome.answer.response_data, Some(json!({REPLY: "yes"})));
        assert_eq!(seen.newest().unwrap().by, Who::Person.actor(), "how we know");
        assert_eq!((seen.ask.action.as_str(), &seen.ask.context), ("a risk", &None));
    }
    let new = seen(&second, second.record.seq);
    assert_eq!((new.ask.action.as_str(), new.ask.approver.as_str()), ("And now?", "bob@example.com"));
    assert_eq!(new.standing.place, Place::Pending);
    // What the log has forgotten is told beside it.
    let (earlier, later) = second.record.log.split_at(4);
    let short = Record { log: later.to_vec(), ..second.record.clone() };
    assert!(question(&short, &second.content, &[], RAISED).is_none());
    assert_eq!(question(&short, &second.content, earlier, RAISED), Some(seen(&second, RAISED)));

    let taken_back = [
        asked().act(&Act::Delete, Who::AgentKey, at(5)),
        asked().patched(&json!({"status": "failed"}), at(5)).unwrap(),
    ];
    for held in taken_back {
        assert_eq!(seen(&held, 1).standing.cancelled().map(|cancelled| cancelled.at), Some(at(5)));
    }
    let over = seen(&asked().at(at(60)), 1);
    assert!(matches!(&over.standing.place, Place::Expired(expiry) if expiry.cancelled.is_none()));
}

fn flaws(body: &Value) -> Vec<String> {
    Proposal::read(body).err().unwrap_or_default().iter().map(Flaw::field).collect()
}

#[test]
fn what_an_approver_could_not_be_shown_is_refused_by_name() {
    let (long, hidden) = ("x".repeat(2_001), "a\u{0}b");
    for (hitl, field) in [
        (json!({"approver": "ann"}), "hitl.approver"),
        (json!({"approver": 7}), "hitl.approver"),
        (json!({"approver": "ann@example.com, bob@example.com"}), "hitl.approver"),
        (json!({"required": false, "reason": " "}), "hitl.question"),
        (json!({"question": "\u{200b}"}), "hitl.question"),
        (json!({"question": long}), "hitl.question"),
        (json!({"reason": long}), "hitl.reason"),
        (json!({"question": hidden}), "hitl.question"),
        (json!({"question": "Go on?", "reason": "x".repeat(20_001)}), "hitl.reason"),
        (json!({"question": "Go on?", "reason": hidden}), "hitl.reason"),
        (json!({"options": ["yes", " "]}), "hitl.options"),
        (json!({"options": ["yes", "yes"]}), "hitl.options"),
        (json!({"options": ["two\nlines"]}), "hitl.options"),
        (json!({"options": ["x".repeat(201)]}), "hitl.options"),
        (json!({"options": (0..51).map(|n| n.to_string()).collect::<Vec<_>>()}), "hitl.options"),
    ] {
        let body = asking(&hitl);
        assert_eq!(flaws(&body), [field], "{hitl}");
        let patch = json!({"status": "awaiting_human", "hitl": body["hitl"]});
        assert_eq!(Patch::read(&patch).unwrap_err().iter().map(Flaw::field).collect::<Vec<_>>(), [field], "{hitl}");
        // What nobody is shown may look as it likes.
        let mut unnamed = body;
        unnamed["hitl"]["approver"] = Value::Null;
        assert_eq!(flaws(&unnamed), [] as [&str; 0], "{hitl}");
    }
    for hitl in [json!({"options": []}), json!({"options": ["one"]}), json!({"question": "Two\nlines?"})] {
        assert_eq!(flaws(&asking(&hitl)), [] as [&str; 0], "{hitl}");
    }
}

#[test]
fn a_key_asks_only_whom_it_may() {
    let content = asked().content;
    let approvers = [address("bob@example.com")];
    let strict = Asker { name: "key", approvers: &approvers, in_slack: false };
    assert_eq!(strict.asked(&content).unwrap_err().field(), "hitl.approver");
    let approvers = [address("ANN@EXAMPLE.COM")];
    let allowed = Asker { approvers: &approvers, ..strict }.asked(&content).unwrap().unwrap();
    assert_eq!((allowed.approver.as_str(), allowed.question.as_str(), allowed.in_slack), (ANN, "Refund it?", false));
    assert_eq!(strict.asked(&Held::open(Setup::ASKING).content), Ok(None));
    let long = Held::of(&asking(&json!({"question": "long ".repeat(400)})));
    let kept = Asker { approvers: &[], ..strict }.asked(&long.content).unwrap().unwrap();
    assert!(kept.question.chars().count() <= 500, "the log stays short");
}

#[test]
fn a_checkpoint_with_a_person_has_the_deadline_of_any_other() {
    let named = held_in(State::AwaitingHuman, Setup { checkpoint: super::support::Checkpoint::Named, ..Setup::ASKING });
    let until = named.record.standing.answer_until.unwrap();
    assert_eq!(until, START.plus_ms((2 + ANSWER_S) * SECOND_MS));
    assert!(named.answered_by_ann(named.record.seq, until.plus_ms(-1)).is_ok());
    assert!(play(&named.record, &Act::AnswerTimeOut, Who::Timer, until).unwrap().settles_first);
}
