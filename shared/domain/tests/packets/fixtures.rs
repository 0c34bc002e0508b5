//! Fixtures: actors, bodies and packets of the tests, and helpers that run commands on them.

use handrail_domain::access::Role;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::answer_origin::AnsweringKey;
use handrail_domain::approvers::AskablePeople;
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, PlannedTransition, decide};
use handrail_domain::packet::{
    Act, AgentRef, CheckpointAnswer, CheckpointRequester, Claim, Content, ContentRef, Edit, NewPacket, Packet, Patch,
    Refusal, Responder, State,
};
use handrail_domain::personal_values::RecordSalt;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const SECOND_MS: i64 = 1_000;
/// Expiry of a packet, one day after its creation.
pub(crate) const END: Timestamp = START.plus_ms(24 * 3_600 * SECOND_MS);
pub(crate) const LEASE_S: u32 = 60;
pub(crate) const ANSWER_S: i64 = 600;

/// Settings in which the packets of the tests differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub leased: bool,
    pub checkpoint: Checkpoint,
    /// The packet awaits a person before the first claim.
    pub checkpoint_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    None,
    NoLimit,
    Limited,
    /// Limited, with Ann as approver.
    WithApprover,
}

impl Setup {
    pub(crate) const PLAIN: Self = Self { leased: false, checkpoint: Checkpoint::None, checkpoint_first: false };
    pub(crate) const WITH_CHECKPOINT: Self =
        Self { leased: true, checkpoint: Checkpoint::Limited, checkpoint_first: false };

    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for leased in [false, true] {
            for checkpoint in [Checkpoint::None, Checkpoint::NoLimit, Checkpoint::Limited, Checkpoint::WithApprover] {
                all.push(Self { leased, checkpoint, checkpoint_first: false });
                if checkpoint != Checkpoint::None {
                    all.push(Self { leased, checkpoint, checkpoint_first: true });
                }
            }
        }
        all
    }

    fn hitl(self) -> Option<Value> {
        match self.checkpoint {
            Checkpoint::None => None,
            Checkpoint::NoLimit => Some(json!({"required": self.checkpoint_first, "reason": "a risk"})),
            Checkpoint::Limited => {
                Some(json!({"required": self.checkpoint_first, "reason": "a risk", "timeout_seconds": ANSWER_S}))
            }
            Checkpoint::WithApprover => {
                let required = self.checkpoint_first;
                Some(json!({"required": required, "reason": "a risk", "timeout_seconds": ANSWER_S, "approver": ANN}))
            }
        }
    }
}

/// Actors that run commands in the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TestActor {
    AgentKey,
    AppKey,
    AdminKey,
    /// Ann, authenticated by her mailed link.
    Person,
    OtherPerson,
    Policy,
    Timer,
}

impl TestActor {
    pub(crate) const ALL: [Self; 7] =
        [Self::AgentKey, Self::AppKey, Self::AdminKey, Self::Person, Self::OtherPerson, Self::Policy, Self::Timer];

    /// Author of an answer: a key with its name, or a person with the link of the checkpoint with this number.
    pub(crate) fn responder(self, question: Option<u64>) -> Responder {
        let key = self.is_key().then(|| AnsweringKey { name: "back office".to_owned(), askers_may_answer: true });
        Responder { by: self.actor(), key, question }
    }

    pub(crate) fn is_key(self) -> bool {
        matches!(self, Self::AgentKey | Self::AppKey | Self::AdminKey)
    }

    pub(crate) fn actor(self) -> Actor {
        match self {
            Self::AgentKey => Actor::Key { key: key(1), role: Role::Agent },
            Self::AppKey => Actor::Key { key: key(2), role: Role::App },
            Self::AdminKey => Actor::Key { key: key(3), role: Role::Admin },
            Self::Person => Actor::Person { email: address(ANN), by: AuthMethod::MailedLink },
            Self::OtherPerson => Actor::Person { email: address("bob@example.com"), by: AuthMethod::Slack },
            Self::Policy => Actor::Policy { rule: "small amounts".to_owned() },
            Self::Timer => Actor::Timer,
        }
    }
}

pub(crate) const ANN: &str = "Ann@example.com";

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// An API key that may name any approver and uses Slack.
pub(crate) const REQUESTER: CheckpointRequester<'static> =
    CheckpointRequester { name: "the agent's key", askable: AskablePeople::Anyone, in_slack: true };

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

pub(crate) fn child_id() -> RecordId {
    RecordId::new(START, [10; 10])
}

pub(crate) fn command_id(name: &str) -> CommandId {
    CommandId::new(name, b"content")
}

pub(crate) fn agent(id: &str) -> AgentRef {
    AgentRef { id: id.to_owned(), name: format!("Agent {id}"), framework: None, version: None }
}

/// The smallest valid body of a new packet.
pub(crate) fn minimal_body() -> Value {
    json!({
        "metadata": {"source_agent": {"id": "maker", "name": "Maker"}, "target_agent": {"id": "meant", "name": "Meant"}},
        "context": {"summary": "Half done"},
    })
}

pub(crate) fn new_packet(body: &Value) -> NewPacket {
    NewPacket::read(body).unwrap_or_else(|errors| panic!("{errors:?}"))
}

pub(crate) fn create_record(new_packet: NewPacket) -> (Record<Packet>, Content) {
    let (spec, content) = new_packet.into_spec(key(1), START).unwrap();
    let spec = spec.with_checkpoint_request(REQUESTER.request_for(&content).unwrap());
    (
        Record::create(tenant(), record_id(), spec, TestActor::AgentKey.actor(), command_id("create"), START, salt()),
        content,
    )
}

/// A packet's record with its content, which the kernel stores separately.
#[derive(Clone, Debug)]
pub(crate) struct TestPacket {
    pub record: Record<Packet>,
    pub content: Content,
}

impl TestPacket {
    pub(crate) fn create(setup: Setup) -> Self {
        let mut body = minimal_body();
        if let Some(hitl) = setup.hitl() {
            body["hitl"] = hitl;
        }
        Self::from_body(&body)
    }

    pub(crate) fn from_body(body: &Value) -> Self {
        let (record, content) = create_record(new_packet(body));
        Self { record, content }
    }

    pub(crate) fn state(&self) -> State {
        self.record.state()
    }

    /// Runs `act` and panics if the lifecycle refuses the command.
    pub(crate) fn act(&self, act: &Act, actor: TestActor, at: Timestamp) -> Self {
        let transition =
            run_command(&self.record, act, actor, at).unwrap_or_else(|refusal| panic!("{act:?}: {refusal:?}"));
        assert!(!transition.by_timer, "a timer fired before {act:?}");
        Self { record: transition.next, content: self.content.clone() }
    }

    pub(crate) fn claim(&self, lease_seconds: Option<u32>, at: Timestamp) -> Self {
        self.act(&Claim { by: agent("worker"), lease_seconds }.act(), TestActor::AgentKey, at)
    }

    pub(crate) fn patch(&self, body: &Value, at: Timestamp) -> Result<Self, Refusal> {
        let patch = Patch::read(body).unwrap_or_else(|errors| panic!("{errors:?}"));
        let (act, content) = patch.plan(self.state(), &self.content, at).unwrap_or_else(|errors| panic!("{errors:?}"));
        let act = act.with_checkpoint_request(REQUESTER.request_for(&content).unwrap());
        let transition = run_command(&self.record, &act, TestActor::AgentKey, at)?;
        assert!(!transition.by_timer, "a timer fired before {body}");
        assert_eq!(transition.next.state_data.content, content.reference(), "{body}");
        Ok(Self { record: transition.next, content })
    }

    pub(crate) fn answer(&self, response: &str, at: Timestamp) -> Result<Self, Refusal> {
        let response = CheckpointAnswer { by: "Ann".to_owned(), response: response.to_owned(), notes: None };
        let (act, content) = response.plan(&TestActor::AppKey.responder(None), &self.record, &self.content, at);
        let transition = run_command(&self.record, &act, TestActor::AppKey, at)?;
        assert!(!transition.by_timer, "a timer fired before the answer");
        assert_eq!(transition.next.state_data.content, content.reference());
        Ok(Self { record: transition.next, content })
    }

    /// Answers as Ann, with the link of the checkpoint with this number.
    pub(crate) fn answer_as_ann(&self, number: u64, at: Timestamp) -> Result<Self, Refusal> {
        let response =
            CheckpointAnswer { by: ANN.to_owned(), response: "yes".to_owned(), notes: Some("but".to_owned()) };
        let responder = TestActor::Person.responder(Some(number));
        let (act, content) = response.plan(&responder, &self.record, &self.content, at);
        let transition = run_command(&self.record, &act, TestActor::Person, at)?;
        assert!(!transition.by_timer, "a timer fired before the answer");
        Ok(Self { record: transition.next, content })
    }

    /// The packet after its due timers fired.
    pub(crate) fn with_due_timers(&self, now: Timestamp) -> Self {
        Self { record: self.record.as_of(now), content: self.content.clone() }
    }
}

/// A packet in `state`, reached by commands one second apart.
pub(crate) fn packet_in(state: State, setup: Setup) -> TestPacket {
    let at = |seconds: i64| START.plus_ms(seconds * SECOND_MS);
    let open = TestPacket::create(setup);
    if state == State::AwaitingHuman {
        return match (setup.checkpoint_first, setup.hitl()) {
            (true, _) => open,
            (false, None) => {
                claimed_packet(&open, setup, at(1)).patch(&json!({"status": "awaiting_human"}), at(2)).unwrap()
            }
            (false, Some(mut hitl)) => {
                hitl["question"] = json!("Go on?");
                let body = json!({"status": "awaiting_human", "hitl": hitl});
                claimed_packet(&open, setup, at(1)).patch(&body, at(2)).unwrap()
            }
        };
    }
    let start_work = |packet: &TestPacket| packet.patch(&json!({"status": "in_progress"}), at(2)).unwrap();
    // With the checkpoint first, the answer also claims the packet.
    let claimed = || match setup.checkpoint_first {
        true => open.answer("yes", at(1)).unwrap(),
        false => claimed_packet(&open, setup, at(1)),
    };
    match state {
        State::Created if setup.checkpoint_first => packet_with_expired_claim(),
        State::Created => open,
        State::Claimed => claimed(),
        State::InProgress => start_work(&claimed()),
        State::Completed => start_work(&claimed()).patch(&json!({"status": "completed"}), at(3)).unwrap(),
        State::Failed => start_work(&claimed()).patch(&json!({"status": "failed"}), at(3)).unwrap(),
        State::Expired
            if setup.checkpoint_first && matches!(setup.checkpoint, Checkpoint::Limited | Checkpoint::WithApprover) =>
        {
            open.with_due_timers(at(ANSWER_S)) // the checkpoint timed out
        }
        State::Expired if setup.leased => open.act(&Act::Delete, TestActor::AdminKey, at(1)),
        State::Expired => open.with_due_timers(END),
        State::AwaitingHuman => unreachable!("above"),
    }
}

fn claimed_packet(open: &TestPacket, setup: Setup, at: Timestamp) -> TestPacket {
    open.claim(setup.leased.then_some(LEASE_S), at)
}

/// A packet that returned to `created` because its lease expired.
fn packet_with_expired_claim() -> TestPacket {
    let at = |seconds: i64| START.plus_ms(seconds * SECOND_MS);
    let expired_claim = TestPacket::create(Setup::PLAIN).claim(Some(1), at(1)).with_due_timers(at(2));
    assert_eq!(expired_claim.state(), State::Created);
    expired_claim
}

/// Runs one command on a packet. A due timer fires instead of the command.
pub(crate) fn run_command(
    record: &Record<Packet>,
    act: &Act,
    actor: TestActor,
    now: Timestamp,
) -> Result<PlannedTransition<Packet>, Refusal> {
    decide(record, &Command { id: command_id("command"), actor: actor.actor(), act: act.clone() }, now)
}

/// Reference to another version of the content.
pub(crate) fn content_ref(name: &str) -> ContentRef {
    ContentRef::of(&name)
}

/// An edit of the current content that does not set a checkpoint.
pub(crate) fn edit_of(record: &Record<Packet>) -> Edit {
    let (base, has_checkpoint) = (record.state_data.content.clone(), record.state_data.has_checkpoint);
    Edit { base, content: content_ref("next"), has_checkpoint, sets_checkpoint: false, answer_until: None, asks: None }
}

/// Returns `true` if the text is that of the entry, with or without the members that name its personal values.
pub(crate) fn is_text_of<T: serde::Serialize>(entry: &T, text: &str) -> bool {
    let plain = serde_json::to_string(entry).unwrap();
    let more = text.strip_prefix(plain.strip_suffix('}').unwrap());
    more.is_some_and(|more| more == "}" || (more.starts_with(r#","personal":["/"#) && more.contains(r#"],"salt":""#)))
}

/// The text of a stored log entry that is hashed, computed without the crate.
pub(crate) fn expected_hashed_text(stored: &str) -> String {
    let mut entry: Value = serde_json::from_str(stored).unwrap();
    let members = entry.as_object_mut().unwrap();
    let Some(salt) = members.shift_remove("salt") else { return stored.to_owned() };
    let mut personal = vec![format!(r#""salt":{salt}"#)];
    for pointer in members["personal"].as_array().unwrap().clone() {
        let (parent, name) = pointer.as_str().unwrap().rsplit_once('/').unwrap();
        let parent = entry.pointer_mut(parent).and_then(Value::as_object_mut).unwrap();
        personal.push(format!("{pointer}:{}", parent.shift_remove(name).unwrap()));
    }
    let digest = Sha256::digest(format!("{{{}}}", personal.join(",")));
    entry["personal_sha256"] = digest.iter().map(|byte| format!("{byte:02x}")).collect::<String>().into();
    entry.to_string()
}

/// The chain hash over these encoded log entries, computed without the crate.
pub(crate) fn expected_chain_hash<'a>(entries: impl IntoIterator<Item = &'a str>) -> String {
    let genesis = to_hex(&Sha256::digest(format!("{}#{}", tenant(), record_id())));
    entries.into_iter().fold(genesis, |hash, text| expected_next_hash(&hash, text))
}

/// The chain hash with one more entry, computed without the crate.
pub(crate) fn expected_next_hash(hash: &str, entry: &str) -> String {
    let bytes = (0..hash.len()).step_by(2).map(|at| u8::from_str_radix(&hash[at..at + 2], 16).unwrap());
    to_hex(&Sha256::digest(bytes.chain(expected_hashed_text(entry).bytes()).collect::<Vec<u8>>()))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// All fields of a packet's record as text.
pub(crate) fn bytes(record: &Record<Packet>) -> String {
    let log: Vec<_> = record.log.iter().map(|encoded| (&encoded.text, &encoded.entry)).collect();
    let Record { tenant, id, created_at, updated_at, seq, spec, state_data, chain, .. } = record;
    serde_json::to_string(&(tenant, id, created_at, updated_at, seq, spec, state_data, log, chain.to_hex())).unwrap()
}
