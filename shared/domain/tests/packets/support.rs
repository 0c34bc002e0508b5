//! How the tests make packets and play commands: the only file here that knows how the crate is called.

use handrail_domain::access::Role;
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Verdict, decide};
use handrail_domain::packet::{
    Act, AgentRef, Asker, Claim, Content, ContentRef, Edit, Packet, Patch, Proposal, Refusal, Response, State,
};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::{Value, json};

pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
pub(crate) const SECOND_MS: i64 = 1_000;
/// When the packet has lived its day.
pub(crate) const END: Timestamp = START.plus_ms(24 * 3_600 * SECOND_MS);
pub(crate) const LEASE_S: u32 = 60;
pub(crate) const ANSWER_S: i64 = 600;

/// What differs between the packets of the tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Setup {
    pub leased: bool,
    pub checkpoint: Checkpoint,
    /// The checkpoint comes before any agent.
    pub human_first: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Checkpoint {
    None,
    NoLimit,
    Limited,
    /// Limited, and it asks Ann.
    Named,
}

impl Setup {
    pub(crate) const PLAIN: Self = Self { leased: false, checkpoint: Checkpoint::None, human_first: false };
    pub(crate) const ASKING: Self = Self { leased: true, checkpoint: Checkpoint::Limited, human_first: false };

    pub(crate) fn all() -> Vec<Self> {
        let mut all = Vec::new();
        for leased in [false, true] {
            for checkpoint in [Checkpoint::None, Checkpoint::NoLimit, Checkpoint::Limited, Checkpoint::Named] {
                all.push(Self { leased, checkpoint, human_first: false });
                if checkpoint != Checkpoint::None {
                    all.push(Self { leased, checkpoint, human_first: true });
                }
            }
        }
        all
    }

    fn hitl(self) -> Option<Value> {
        match self.checkpoint {
            Checkpoint::None => None,
            Checkpoint::NoLimit => Some(json!({"required": self.human_first, "reason": "a risk"})),
            Checkpoint::Limited => {
                Some(json!({"required": self.human_first, "reason": "a risk", "timeout_seconds": ANSWER_S}))
            }
            Checkpoint::Named => {
                let required = self.human_first;
                Some(json!({"required": required, "reason": "a risk", "timeout_seconds": ANSWER_S, "approver": ANN}))
            }
        }
    }
}

/// Everybody who might try something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    AgentKey,
    AppKey,
    AdminKey,
    /// Ann, at the link that was sent to her.
    Person,
    OtherPerson,
    Policy,
    Timer,
}

impl Who {
    pub(crate) const ALL: [Self; 7] =
        [Self::AgentKey, Self::AppKey, Self::AdminKey, Self::Person, Self::OtherPerson, Self::Policy, Self::Timer];

    pub(crate) fn is_key(self) -> bool {
        matches!(self, Self::AgentKey | Self::AppKey | Self::AdminKey)
    }

    pub(crate) fn actor(self) -> Actor {
        match self {
            Self::AgentKey => Actor::Key { key: key(1), role: Role::Agent },
            Self::AppKey => Actor::Key { key: key(2), role: Role::App },
            Self::AdminKey => Actor::Key { key: key(3), role: Role::Admin },
            Self::Person => Actor::Person { email: address(ANN), by: ProofOfPerson::MailedLink },
            Self::OtherPerson => Actor::Person { email: address("bob@example.com"), by: ProofOfPerson::Slack },
            Self::Policy => Actor::Policy { rule: "small amounts".to_owned() },
            Self::Timer => Actor::Timer,
        }
    }
}

pub(crate) const ANN: &str = "Ann@example.com";

pub(crate) fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).unwrap()
}

/// A key that may ask anybody, also in Slack.
pub(crate) const ASKER: Asker<'static> = Asker { name: "the agent's key", approvers: &[], in_slack: true };

pub(crate) fn tenant() -> TenantId {
    TenantId::new(START, [1; 10])
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

/// The smallest packet that can be asked for.
pub(crate) fn smallest() -> Value {
    json!({
        "metadata": {"source_agent": {"id": "maker", "name": "Maker"}, "target_agent": {"id": "meant", "name": "Meant"}},
        "context": {"summary": "Half done"},
    })
}

pub(crate) fn proposal(body: &Value) -> Proposal {
    Proposal::read(body).unwrap_or_else(|flaws| panic!("{flaws:?}"))
}

pub(crate) fn made(proposal: Proposal) -> (Record<Packet>, Content) {
    let (ask, content) = proposal.into_ask(key(1), START).unwrap();
    let ask = ask.asking(ASKER.asked(&content).unwrap());
    (Record::open(tenant(), record_id(), ask, Who::AgentKey.actor(), command_id("create"), START), content)
}

/// A packet and what it carries, as the kernel keeps them side by side.
#[derive(Clone, Debug)]
pub(crate) struct Held {
    pub record: Record<Packet>,
    pub content: Content,
}

impl Held {
    pub(crate) fn open(setup: Setup) -> Self {
        let mut body = smallest();
        if let Some(hitl) = setup.hitl() {
            body["hitl"] = hitl;
        }
        Self::of(&body)
    }

    pub(crate) fn of(body: &Value) -> Self {
        let (record, content) = made(proposal(body));
        Self { record, content }
    }

    pub(crate) fn state(&self) -> State {
        self.record.state()
    }

    /// Does it, and panics when it may not be done.
    pub(crate) fn act(&self, act: &Act, who: Who, at: Timestamp) -> Self {
        let verdict = play(&self.record, act, who, at).unwrap_or_else(|refusal| panic!("{act:?}: {refusal:?}"));
        assert!(!verdict.settles_first, "{act:?} came too late");
        Self { record: verdict.next, content: self.content.clone() }
    }

    pub(crate) fn claimed(&self, lease_seconds: Option<u32>, at: Timestamp) -> Self {
        self.act(&Claim { by: agent("worker"), lease_seconds }.act(), Who::AgentKey, at)
    }

    pub(crate) fn patched(&self, body: &Value, at: Timestamp) -> Result<Self, Refusal> {
        let patch = Patch::read(body).unwrap_or_else(|flaws| panic!("{flaws:?}"));
        let (act, content) = patch.plan(self.state(), &self.content, at).unwrap_or_else(|flaws| panic!("{flaws:?}"));
        let act = act.asking(ASKER.asked(&content).unwrap());
        let verdict = play(&self.record, &act, Who::AgentKey, at)?;
        assert!(!verdict.settles_first, "{body} came too late");
        assert_eq!(verdict.next.standing.content, content.reference(), "{body}");
        Ok(Self { record: verdict.next, content })
    }

    pub(crate) fn answered(&self, response: &str, at: Timestamp) -> Result<Self, Refusal> {
        let response = Response { by: "Ann".to_owned(), response: response.to_owned(), notes: None };
        let (act, content) = response.plan(&self.content, at);
        let verdict = play(&self.record, &act, Who::AppKey, at)?;
        assert!(!verdict.settles_first, "too late");
        assert_eq!(verdict.next.standing.content, content.reference());
        Ok(Self { record: verdict.next, content })
    }

    /// By Ann, at the link to this question.
    pub(crate) fn answered_by_ann(&self, question: u64, at: Timestamp) -> Result<Self, Refusal> {
        let response = Response { by: ANN.to_owned(), response: "yes".to_owned(), notes: Some("but".to_owned()) };
        let (act, content) = response.plan_to(Some(question), &self.content, at);
        let verdict = play(&self.record, &act, Who::Person, at)?;
        assert!(!verdict.settles_first, "too late");
        Ok(Self { record: verdict.next, content })
    }

    /// With everything done that is due.
    pub(crate) fn at(&self, now: Timestamp) -> Self {
        Self { record: self.record.seen_at(now), content: self.content.clone() }
    }
}

/// A packet in this state, led there by the rules themselves, one second a step.
pub(crate) fn held_in(state: State, setup: Setup) -> Held {
    let at = |seconds: i64| START.plus_ms(seconds * SECOND_MS);
    let open = Held::open(setup);
    if state == State::AwaitingHuman {
        return match (setup.human_first, setup.hitl()) {
            (true, _) => open,
            (false, None) => claimed(&open, setup, at(1)).patched(&json!({"status": "awaiting_human"}), at(2)).unwrap(),
            (false, Some(mut hitl)) => {
                hitl["question"] = json!("Go on?");
                let body = json!({"status": "awaiting_human", "hitl": hitl});
                claimed(&open, setup, at(1)).patched(&body, at(2)).unwrap()
            }
        };
    }
    let work = |held: &Held| held.patched(&json!({"status": "in_progress"}), at(2)).unwrap();
    // A person answered before anybody claims or makes anything of it.
    let claimed = || match setup.human_first {
        true => open.answered("yes", at(1)).unwrap(),
        false => claimed(&open, setup, at(1)),
    };
    match state {
        State::Created if setup.human_first => claimed_then_lapsed(),
        State::Created => open,
        State::Claimed => claimed(),
        State::InProgress => work(&claimed()),
        State::Completed => work(&claimed()).patched(&json!({"status": "completed"}), at(3)).unwrap(),
        State::Failed => work(&claimed()).patched(&json!({"status": "failed"}), at(3)).unwrap(),
        State::Expired if setup.human_first && matches!(setup.checkpoint, Checkpoint::Limited | Checkpoint::Named) => {
            open.at(at(ANSWER_S)) // nobody answered
        }
        State::Expired if setup.leased => open.act(&Act::Delete, Who::AdminKey, at(1)),
        State::Expired => open.at(END),
        State::AwaitingHuman => unreachable!("above"),
    }
}

fn claimed(open: &Held, setup: Setup, at: Timestamp) -> Held {
    open.claimed(setup.leased.then_some(LEASE_S), at)
}

/// Its holder was lost.
fn claimed_then_lapsed() -> Held {
    let at = |seconds: i64| START.plus_ms(seconds * SECOND_MS);
    let lapsed = Held::open(Setup::PLAIN).claimed(Some(1), at(1)).at(at(2));
    assert_eq!(lapsed.state(), State::Created);
    lapsed
}

/// One command against a packet, once: what is due settles instead of it.
pub(crate) fn play(record: &Record<Packet>, act: &Act, who: Who, now: Timestamp) -> Result<Verdict<Packet>, Refusal> {
    decide(record, &Command { id: command_id("command"), actor: who.actor(), act: act.clone() }, now)
}

/// A version that some edit makes of another one.
pub(crate) fn version(name: &str) -> ContentRef {
    ContentRef::of(&name)
}

/// A fresh edit that has nothing to do with a checkpoint.
pub(crate) fn edit_of(record: &Record<Packet>) -> Edit {
    let standing = &record.standing;
    let (base, has_checkpoint) = (standing.content.clone(), standing.has_checkpoint);
    Edit { base, content: version("next"), has_checkpoint, sets_checkpoint: false, answer_until: None, asks: None }
}

/// Everything that a packet's record holds, as text.
pub(crate) fn bytes(record: &Record<Packet>) -> String {
    let log: Vec<_> = record.log.iter().map(|line| (&line.text, &line.entry)).collect();
    let Record { tenant, id, created_at, updated_at, seq, ask, standing, chain, .. } = record;
    serde_json::to_string(&(tenant, id, created_at, updated_at, seq, ask, standing, log, chain.to_hex())).unwrap()
}
