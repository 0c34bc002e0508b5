//! Fixtures: actors, acts and records of the tests, and helpers that run commands on them.

use handrail_domain::access::Role;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::answer_origin::AnsweringKey;
use handrail_domain::approvers::{ApproverPattern, AskablePeople};
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{
    Act, Answer, Channel, Choice, ConsumeRequest, Decision, DecisionEvent, DecisionSpec, ExecutionOutcome, NewDecision,
    Refusal, Requester, State, SubmittedAnswer,
};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, PlannedTransition, decide, fire_due_timer};
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::personal_values::RecordSalt;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
/// Deadline of the approver.
pub(crate) const FIRST_DEADLINE: Timestamp = START.plus_ms(HOUR_MS);
/// Deadline of the backup, if the record has a backup.
pub(crate) const SECOND_DEADLINE: Timestamp = START.plus_ms(2 * HOUR_MS);

pub(crate) const APPROVER: &str = "ann@example.com";
pub(crate) const BACKUP: &str = "bob@example.com";

/// Settings in which the records of the tests differ.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub backup: bool,
    pub options: Vec<Choice>,
    pub requested_data: RequestedData,
}

/// Data that the spec requests besides the choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RequestedData {
    Nothing,
    /// From 1 to 10.
    Number,
    Time {
        allow_immediate: bool,
    },
}

impl Setup {
    pub(crate) fn plain(backup: bool, options: Vec<Choice>) -> Self {
        Self { backup, options, requested_data: RequestedData::Nothing }
    }

    /// Returns every subset of the options without requested data, and each kind of requested data with the fewest and
    /// the most options. Each comes with and without a backup.
    pub(crate) fn all() -> Vec<Self> {
        let subsets = (1..8_u8).map(|bits| {
            let options = Choice::ALL.into_iter().enumerate().filter(|(index, _)| bits & (1 << index) != 0);
            options.map(|(_, choice)| choice).collect::<Vec<_>>()
        });
        let with_and_without_backup =
            |options: Vec<Choice>| [true, false].map(|backup| Self::plain(backup, options.clone()));
        let plain: Vec<_> = subsets.flat_map(with_and_without_backup).collect();
        let data_kinds = [
            RequestedData::Number,
            RequestedData::Time { allow_immediate: true },
            RequestedData::Time { allow_immediate: false },
        ];
        let with_data = data_kinds.into_iter().flat_map(|requested_data| {
            let has_fewest_or_most_options =
                |setup: &&Self| setup.options == [Choice::Approve] || setup.options == Choice::ALL;
            plain.iter().filter(has_fewest_or_most_options).map(move |setup| Self { requested_data, ..setup.clone() })
        });
        with_data.chain(plain.clone()).collect()
    }

    pub(crate) fn last_deadline(&self) -> Timestamp {
        if self.backup { SECOND_DEADLINE } else { FIRST_DEADLINE }
    }
}

/// Actors that run commands in the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestActor {
    AgentKey,
    AppKey,
    AdminKey,
    Approver,
    Backup,
    /// The approver, authenticated by Slack.
    ApproverOnSlack,
    Stranger,
    Policy,
    Timer,
}

impl TestActor {
    pub(crate) const ALL: [Self; 9] = [
        Self::AgentKey,
        Self::AppKey,
        Self::AdminKey,
        Self::Approver,
        Self::Backup,
        Self::ApproverOnSlack,
        Self::Stranger,
        Self::Policy,
        Self::Timer,
    ];

    pub(crate) fn is_person(self) -> bool {
        matches!(self, Self::Approver | Self::Backup | Self::ApproverOnSlack | Self::Stranger)
    }

    /// Returns the actor. The approver's address differs in case from the address in the spec.
    pub(crate) fn actor(self) -> Actor {
        let person = |address| Actor::Person { email: email(address), by: AuthMethod::MailedLink };
        match self {
            Self::AgentKey => Actor::Key { key: key(1), role: Role::Agent },
            Self::AppKey => Actor::Key { key: key(2), role: Role::App },
            Self::AdminKey => Actor::Key { key: key(3), role: Role::Admin },
            Self::Approver => person("Ann@Example.com"),
            Self::Backup => person(BACKUP),
            Self::ApproverOnSlack => Actor::Person { email: email(APPROVER), by: AuthMethod::Slack },
            Self::Stranger => person("eve@example.com"),
            Self::Policy => Actor::Policy { rule: "small amounts".to_owned() },
            Self::Timer => Actor::Timer,
        }
    }
}

/// Execution time of scheduled answers, later than every command of the tests.
pub(crate) const EXECUTE_AT: Timestamp = START.plus_ms(10 * HOUR_MS);

/// Submitted answers: empty, full, with a valid and an invalid number, with a future and a past time, and by a key that
/// may and one that may not answer what it asked.
pub(crate) fn all_submitted_answers() -> Vec<SubmittedAnswer> {
    let full = SubmittedAnswer {
        resolved_by: Some("Carol".to_owned()),
        notes: Some("two\nlines".to_owned()),
        response_data: Some(json!({"limit": 50, "of": [1.5, null]})),
        ..SubmittedAnswer::default()
    };
    let data = |data| SubmittedAnswer { response_data: Some(data), ..SubmittedAnswer::default() };
    let time = |at: Timestamp| SubmittedAnswer { execute_at: Some(at.to_string()), ..SubmittedAnswer::default() };
    let by_key = |askers_may_answer| {
        let key = AnsweringKey { name: "back office".to_owned(), askers_may_answer };
        SubmittedAnswer { key: Some(key), ..SubmittedAnswer::default() }
    };
    vec![
        SubmittedAnswer::default(),
        full,
        data(json!({"value": 5})),
        data(json!({"value": 11})),
        time(EXECUTE_AT),
        time(START),
        by_key(true),
        by_key(false),
    ]
}

/// Every act. The first approves without further data.
pub(crate) fn all_acts() -> Vec<Act> {
    let answers = Choice::ALL
        .into_iter()
        .flat_map(|choice| all_submitted_answers().into_iter().map(move |submitted| Act::Answer(choice, submitted)));
    let other_acts = [
        Act::Attach(test_files(1)),
        Act::Attach(test_files(6)),
        Act::Cancel { reason: None },
        Act::Cancel { reason: Some("duplicate request".to_owned()) },
        consume("run-1", &approved_hash()),
        consume("run-2", &format!("sha256:{}", "0".repeat(64))),
        finish("run-1", ExecutionOutcome::Succeeded),
        finish("run-2", ExecutionOutcome::Failed),
        Act::Escalate,
        Act::Expire,
    ];
    answers.chain(other_acts).collect()
}

/// Hash of the action that every spec of these tests has.
pub(crate) fn approved_hash() -> String {
    let digest = Sha256::digest(r#"{"action":"Deploy","arguments":null,"tool":null}"#);
    format!("sha256:{}", digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
}

pub(crate) fn consume(execution_id: &str, action_hash: &str) -> Act {
    Act::Consume(ConsumeRequest {
        execution_id: execution_id.to_owned(),
        action_hash: action_hash.to_owned(),
        key_name: "deploy agent".to_owned(),
    })
}

pub(crate) fn finish(execution_id: &str, outcome: ExecutionOutcome) -> Act {
    Act::Finish { execution_id: execution_id.to_owned(), outcome, detail: Some("invoice 7".to_owned()) }
}

/// The record after the asking key used the approval for `run-1`, and after that execution ended if `outcome` is given.
pub(crate) fn with_consumption(record: &Record<Decision>, outcome: Option<ExecutionOutcome>) -> Record<Decision> {
    let (by, at) = (TestActor::AgentKey.actor(), record.updated_at);
    let (execution_id, key_name) = ("run-1".to_owned(), "deploy agent".to_owned());
    let consumed = DecisionEvent::Consumed { execution_id: execution_id.clone(), key_name };
    let record = record.append(consumed, by.clone(), command_id("consume"), at);
    let Some(outcome) = outcome else { return record };
    record.append(DecisionEvent::Executed { execution_id, outcome, detail: None }, by, command_id("finish"), at)
}

pub(crate) fn test_files(count: usize) -> Vec<Attachment> {
    let file = |n: usize| Attachment {
        id: format!("blob{n}"),
        name: format!("report {n}.pdf"),
        content_type: "application/pdf".to_owned(),
        size: 1_000 + n as u64,
        sha256: "ab".repeat(32),
    };
    (1..=count).map(file).collect()
}

pub(crate) fn email(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

pub(crate) fn tenant() -> TenantId {
    TenantId::new(START, [1; 10])
}

pub(crate) fn salt() -> RecordSalt {
    RecordSalt::from_bytes([4; 16])
}

pub(crate) fn key(n: u8) -> KeyId {
    KeyId::new(START, [n; 10])
}

pub(crate) fn record_id() -> RecordId {
    RecordId::new(START, [9; 10])
}

pub(crate) fn command_id(name: &str) -> CommandId {
    CommandId::new(name, b"content")
}

/// Without `approvers` the requester may ask anyone.
pub(crate) fn requester<'a>(approvers: &'a [ApproverPattern], backup: Option<&'a EmailAddress>) -> Requester<'a> {
    Requester {
        key: key(1),
        name: "deploy agent",
        askable: if approvers.is_empty() { AskablePeople::Anyone } else { AskablePeople::Listed(approvers) },
        backup,
        escalation_stays_pending: false,
        rules: &[],
        trusts_stated_amounts: false,
        slack: false,
        reach: AddressPolicy::PublicOnly,
    }
}

/// A valid request with only the required fields.
pub(crate) fn new_decision() -> NewDecision {
    NewDecision { action: Some("Deploy".to_owned()), approver: Some(APPROVER.to_owned()), ..NewDecision::default() }
}

pub(crate) fn spec(setup: &Setup) -> DecisionSpec {
    let backup = setup.backup.then(|| email(BACKUP));
    let response_type = match setup.requested_data {
        RequestedData::Nothing => None,
        RequestedData::Number => Some(json!({"type": "number_input", "min": 1, "max": 10})),
        RequestedData::Time { allow_immediate } => {
            Some(json!({"type": "schedule", "allow_immediate": allow_immediate}))
        }
    };
    let (options, channel) = (Some(setup.options.clone()), Some(Channel::Email));
    let request = NewDecision { options, channel, response_type, ..new_decision() };
    DecisionSpec::check(request, &requester(&[], backup.as_ref()), START).unwrap()
}

pub(crate) fn create_record(setup: &Setup) -> Record<Decision> {
    Record::create(tenant(), record_id(), spec(setup), TestActor::AgentKey.actor(), command_id("create"), START, salt())
}

/// A record in `state`, even if the lifecycle would not reach that state with `setup`.
pub(crate) fn record_in(state: State, setup: &Setup) -> Record<Decision> {
    let answer = Answer { resolved_by: APPROVER.to_owned(), ..Answer::default() };
    let (event, by, at) = match state {
        State::Pending => return create_record(setup),
        State::Escalated => (DecisionEvent::Escalated, Actor::Timer, FIRST_DEADLINE),
        State::Approved => (DecisionEvent::Approved(answer), TestActor::Approver.actor(), START.plus_ms(5)),
        State::Denied => (DecisionEvent::Denied(answer), TestActor::Approver.actor(), START.plus_ms(5)),
        State::Modified => (DecisionEvent::Modified(answer), TestActor::Approver.actor(), START.plus_ms(5)),
        State::Scheduled => {
            let answer = Answer { execute_at: Some(EXECUTE_AT), ..answer };
            (DecisionEvent::Scheduled(answer), TestActor::Approver.actor(), START.plus_ms(5))
        }
        State::Expired => (DecisionEvent::Expired, Actor::Timer, setup.last_deadline()),
    };
    create_record(setup).append(event, by, command_id("earlier"), at)
}

/// A record that the requester cancelled.
pub(crate) fn cancelled_record(setup: &Setup) -> Record<Decision> {
    let event = DecisionEvent::Cancelled { reason: None };
    create_record(setup).append(event, TestActor::AgentKey.actor(), command_id("earlier"), START.plus_ms(5))
}

/// A record in `state` that already has `count` files.
pub(crate) fn record_with_files(count: usize, state: State, setup: &Setup) -> Record<Decision> {
    let record = record_in(state, setup);
    let at = record.updated_at;
    record.append(
        DecisionEvent::Attached { files: test_files(count) },
        TestActor::AgentKey.actor(),
        command_id("attach"),
        at,
    )
}

/// Runs one command on a record. A due timer fires instead of the command.
pub(crate) fn run_command(
    record: &Record<Decision>,
    act: &Act,
    actor: TestActor,
    now: Timestamp,
) -> Result<PlannedTransition<Decision>, Refusal> {
    run_command_with_id(record, act, actor, now, "command")
}

pub(crate) fn run_command_with_id(
    record: &Record<Decision>,
    act: &Act,
    actor: TestActor,
    now: Timestamp,
    name: &str,
) -> Result<PlannedTransition<Decision>, Refusal> {
    decide(record, &Command { id: command_id(name), actor: actor.actor(), act: act.clone() }, now)
}

/// Fires due timers until none is due.
pub(crate) fn with_due_timers(record: &Record<Decision>, now: Timestamp) -> Record<Decision> {
    let mut record = record.clone();
    for _ in 0..10 {
        match fire_due_timer(&record, now) {
            Some(transition) => record = transition.next,
            None => return record,
        }
    }
    panic!("more than ten timers are due");
}

/// All fields of a record as text.
pub(crate) fn bytes(record: &Record<Decision>) -> String {
    let log: Vec<_> = record.log.iter().map(|encoded| (&encoded.text, &encoded.entry)).collect();
    let Record { tenant, id, created_at, updated_at, seq, spec, state_data, chain, .. } = record;
    serde_json::to_string(&(tenant, id, created_at, updated_at, seq, spec, state_data, log, chain.to_hex())).unwrap()
}

/// Returns `true` if the text is that of the entry, with or without the members that name its personal values.
pub(crate) fn is_text_of<T: serde::Serialize>(entry: &T, text: &str) -> bool {
    let plain = serde_json::to_string(entry).unwrap();
    let more = text.strip_prefix(plain.strip_suffix('}').unwrap());
    more.is_some_and(|more| more == "}" || (more.starts_with(r#","personal":["/"#) && more.contains(r#"],"salt":""#)))
}

/// The text of a stored log entry that is hashed, computed without the crate.
pub(crate) fn expected_hashed_text(stored: &str) -> String {
    let mut entry: serde_json::Value = serde_json::from_str(stored).unwrap();
    let members = entry.as_object_mut().unwrap();
    let Some(salt) = members.shift_remove("salt") else { return stored.to_owned() };
    let mut personal = vec![format!(r#""salt":{salt}"#)];
    for pointer in members["personal"].as_array().unwrap().clone() {
        let (parent, name) = pointer.as_str().unwrap().rsplit_once('/').unwrap();
        let parent = entry.pointer_mut(parent).and_then(serde_json::Value::as_object_mut).unwrap();
        personal.push(format!("{pointer}:{}", parent.shift_remove(name).unwrap()));
    }
    let digest = Sha256::digest(format!("{{{}}}", personal.join(",")));
    entry["personal_sha256"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    entry.to_string()
}

/// The chain hash over these encoded log entries, computed without the crate.
pub(crate) fn expected_chain_hash<'a>(entries: impl IntoIterator<Item = &'a str>) -> String {
    let genesis = Sha256::digest(format!("{}#{}", tenant(), record_id())).to_vec();
    let hash = entries.into_iter().fold(genesis, |hash, text| {
        let hashed = expected_hashed_text(text);
        Sha256::digest([&hash, hashed.as_bytes()].concat()).to_vec()
    });
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_answer(event: &DecisionEvent) -> bool {
    use DecisionEvent::{Approved, Denied, Modified, Scheduled};
    matches!(event, Approved(_) | Denied(_) | Modified(_) | Scheduled(_))
}
