//! How the tests make records and play commands: the only file here that knows how the crate is called.

use handrail_domain::access::Role;
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::attachment::Attachment;
use handrail_domain::decision::{
    Act, Answer, Ask, Asker, Channel, Choice, Decision, DecisionEvent, Given, Proposal, Refusal, State,
};
use handrail_domain::ids::{CommandId, KeyId, RecordId, TenantId};
use handrail_domain::lifecycle::{Command, Verdict, decide, settle};
use handrail_domain::outbound::Reach;
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_domain::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};

pub(crate) const HOUR_MS: i64 = 3_600_000;
pub(crate) const START: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);
/// When the approver's time is over.
pub(crate) const FIRST: Timestamp = START.plus_ms(HOUR_MS);
/// When the backup's time is over, if there is one.
pub(crate) const SECOND: Timestamp = START.plus_ms(2 * HOUR_MS);

pub(crate) const APPROVER: &str = "ann@example.com";
pub(crate) const BACKUP: &str = "bob@example.com";

/// What differs between the records of the tests.
#[derive(Clone, Debug)]
pub(crate) struct Setup {
    pub backup: bool,
    pub options: Vec<Choice>,
    pub asked: Asked,
}

/// What is asked for beside yes or no.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Nothing,
    /// From 1 to 10.
    Number,
    Time {
        allow_immediate: bool,
    },
}

impl Setup {
    pub(crate) fn plain(backup: bool, options: Vec<Choice>) -> Self {
        Self { backup, options, asked: Asked::Nothing }
    }

    /// With and without backup: plain buttons with every subset of the answers, and what else can be asked for with the
    /// fewest and the most answers that may go with it.
    pub(crate) fn all() -> Vec<Self> {
        let subsets = (1..8_u8).map(|bits| {
            let chosen = Choice::ALL.into_iter().enumerate().filter(|(place, _)| bits & (1 << place) != 0);
            chosen.map(|(_, choice)| choice).collect::<Vec<_>>()
        });
        let both = |options: Vec<Choice>| [true, false].map(|backup| Self::plain(backup, options.clone()));
        let plain: Vec<_> = subsets.flat_map(both).collect();
        let more = [Asked::Number, Asked::Time { allow_immediate: true }, Asked::Time { allow_immediate: false }];
        let with_more = more.into_iter().flat_map(|asked| {
            let fits = |setup: &&Self| setup.options == [Choice::Approve] || setup.options == Choice::ALL;
            plain.iter().filter(fits).map(move |setup| Self { asked, ..setup.clone() })
        });
        with_more.chain(plain.clone()).collect()
    }

    pub(crate) fn last_deadline(&self) -> Timestamp {
        if self.backup { SECOND } else { FIRST }
    }
}

/// Everybody who might try something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    AgentKey,
    AppKey,
    AdminKey,
    Approver,
    Backup,
    /// The approver again, but by Slack.
    OnSlack,
    Stranger,
    Policy,
    Timer,
}

impl Who {
    pub(crate) const ALL: [Self; 9] = [
        Self::AgentKey,
        Self::AppKey,
        Self::AdminKey,
        Self::Approver,
        Self::Backup,
        Self::OnSlack,
        Self::Stranger,
        Self::Policy,
        Self::Timer,
    ];

    pub(crate) fn is_person(self) -> bool {
        matches!(self, Self::Approver | Self::Backup | Self::OnSlack | Self::Stranger)
    }

    /// The approver's address comes in another case than the one that was asked.
    pub(crate) fn actor(self) -> Actor {
        let person = |text| Actor::Person { email: email(text), by: ProofOfPerson::MailedLink };
        match self {
            Self::AgentKey => Actor::Key { key: key(1), role: Role::Agent },
            Self::AppKey => Actor::Key { key: key(2), role: Role::App },
            Self::AdminKey => Actor::Key { key: key(3), role: Role::Admin },
            Self::Approver => person("Ann@Example.com"),
            Self::Backup => person(BACKUP),
            Self::OnSlack => Actor::Person { email: email(APPROVER), by: ProofOfPerson::Slack },
            Self::Stranger => person("eve@example.com"),
            Self::Policy => Actor::Policy { rule: "small amounts".to_owned() },
            Self::Timer => Actor::Timer,
        }
    }
}

/// Later than any moment at which the tests act.
pub(crate) const LATER: Timestamp = START.plus_ms(10 * HOUR_MS);

/// What can come with an answer: nothing, much, numbers that are asked for and that are not, times to come and gone.
pub(crate) fn all_given() -> Vec<Given> {
    let full = Given {
        resolved_by: Some("Carol".to_owned()),
        notes: Some("two\nlines".to_owned()),
        response_data: Some(json!({"limit": 50, "of": [1.5, null]})),
        ..Given::default()
    };
    let data = |data| Given { response_data: Some(data), ..Given::default() };
    let time = |at: Timestamp| Given { execute_at: Some(at.to_string()), ..Given::default() };
    vec![Given::default(), full, data(json!({"value": 5})), data(json!({"value": 11})), time(LATER), time(START)]
}

/// Every act. The first is a bare yes.
pub(crate) fn all_acts() -> Vec<Act> {
    let answers =
        Choice::ALL.into_iter().flat_map(|choice| all_given().into_iter().map(move |g| Act::Answer(choice, g)));
    let others = [
        Act::Attach(files(1)),
        Act::Attach(files(6)),
        Act::Cancel { reason: None },
        Act::Cancel { reason: Some("asked twice".to_owned()) },
        Act::Escalate,
        Act::Expire,
    ];
    answers.chain(others).collect()
}

pub(crate) fn files(count: usize) -> Vec<Attachment> {
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

pub(crate) fn key(n: u8) -> KeyId {
    KeyId::new(START, [n; 10])
}

pub(crate) fn record_id() -> RecordId {
    RecordId::new(START, [9; 10])
}

pub(crate) fn command_id(name: &str) -> CommandId {
    CommandId::new(name, b"content")
}

pub(crate) fn asker<'a>(approvers: &'a [EmailAddress], backup: Option<&'a EmailAddress>) -> Asker<'a> {
    Asker {
        key: key(1),
        name: "deploy agent",
        approvers,
        backup,
        escalation_stays_pending: false,
        rules: &[],
        slack: false,
        reach: Reach::PublicOnly,
    }
}

/// A proposal with nothing wrong and nothing that need not be there.
pub(crate) fn proposal() -> Proposal {
    Proposal { action: Some("Deploy".to_owned()), approver: Some(APPROVER.to_owned()), ..Proposal::default() }
}

pub(crate) fn ask(setup: &Setup) -> Ask {
    let backup = setup.backup.then(|| email(BACKUP));
    let response_type = match setup.asked {
        Asked::Nothing => None,
        Asked::Number => Some(json!({"type": "number_input", "min": 1, "max": 10})),
        Asked::Time { allow_immediate } => Some(json!({"type": "schedule", "allow_immediate": allow_immediate})),
    };
    let (options, channel) = (Some(setup.options.clone()), Some(Channel::Email));
    let proposal = Proposal { options, channel, response_type, ..proposal() };
    Ask::check(proposal, &asker(&[], backup.as_ref()), START).unwrap()
}

pub(crate) fn open(setup: &Setup) -> Record<Decision> {
    Record::open(tenant(), record_id(), ask(setup), Who::AgentKey.actor(), command_id("create"), START)
}

/// A record in this state, whether or not the rules would have led there with this setup.
pub(crate) fn record_in(state: State, setup: &Setup) -> Record<Decision> {
    let answer = Answer { resolved_by: APPROVER.to_owned(), ..Answer::default() };
    let (event, by, at) = match state {
        State::Pending => return open(setup),
        State::Escalated => (DecisionEvent::Escalated, Actor::Timer, FIRST),
        State::Approved => (DecisionEvent::Approved(answer), Who::Approver.actor(), START.plus_ms(5)),
        State::Denied => (DecisionEvent::Denied(answer), Who::Approver.actor(), START.plus_ms(5)),
        State::Modified => (DecisionEvent::Modified(answer), Who::Approver.actor(), START.plus_ms(5)),
        State::Scheduled => {
            let answer = Answer { execute_at: Some(LATER), ..answer };
            (DecisionEvent::Scheduled(answer), Who::Approver.actor(), START.plus_ms(5))
        }
        State::Expired => (DecisionEvent::Expired, Actor::Timer, setup.last_deadline()),
    };
    open(setup).with(event, by, command_id("earlier"), at)
}

/// A record that the asker took back.
pub(crate) fn cancelled(setup: &Setup) -> Record<Decision> {
    let event = DecisionEvent::Cancelled { reason: None };
    open(setup).with(event, Who::AgentKey.actor(), command_id("earlier"), START.plus_ms(5))
}

/// One that waits in this state and has files already.
pub(crate) fn with_files(count: usize, state: State, setup: &Setup) -> Record<Decision> {
    let record = record_in(state, setup);
    let at = record.updated_at;
    record.with(DecisionEvent::Attached { files: files(count) }, Who::AgentKey.actor(), command_id("attach"), at)
}

/// One command against a record, once: what is due settles instead of it.
pub(crate) fn play(
    record: &Record<Decision>,
    act: &Act,
    who: Who,
    now: Timestamp,
) -> Result<Verdict<Decision>, Refusal> {
    play_named(record, act, who, now, "command")
}

pub(crate) fn play_named(
    record: &Record<Decision>,
    act: &Act,
    who: Who,
    now: Timestamp,
    name: &str,
) -> Result<Verdict<Decision>, Refusal> {
    decide(record, &Command { id: command_id(name), actor: who.actor(), act: act.clone() }, now)
}

/// Raises what is due until nothing is.
pub(crate) fn settled(record: &Record<Decision>, now: Timestamp) -> Record<Decision> {
    let mut record = record.clone();
    for _ in 0..10 {
        match settle(&record, now) {
            Some(verdict) => record = verdict.next,
            None => return record,
        }
    }
    panic!("settling does not end");
}

/// Everything that a record holds, as text.
pub(crate) fn bytes(record: &Record<Decision>) -> String {
    let log: Vec<_> = record.log.iter().map(|line| (&line.text, &line.entry)).collect();
    let Record { tenant, id, created_at, updated_at, seq, ask, standing, chain, .. } = record;
    serde_json::to_string(&(tenant, id, created_at, updated_at, seq, ask, standing, log, chain.to_hex())).unwrap()
}

/// The chain over these lines, computed without the crate.
pub(crate) fn chain_over<'a>(lines: impl IntoIterator<Item = &'a str>) -> String {
    let genesis = Sha256::digest(format!("{}#{}", tenant(), record_id())).to_vec();
    let hash = lines.into_iter().fold(genesis, |hash, line| Sha256::digest([&hash, line.as_bytes()].concat()).to_vec());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn is_answer(event: &DecisionEvent) -> bool {
    use DecisionEvent::{Approved, Denied, Modified, Scheduled};
    matches!(event, Approved(_) | Denied(_) | Modified(_) | Scheduled(_))
}
