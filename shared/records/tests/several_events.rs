//! A command with several events: one write, one journal entry and one effect for each event. And a command whose work
//! is already done: no write.

#![expect(clippy::unwrap_used, reason = "a failing setup fails the test")]

use handrail_domain::access::Role;
use handrail_domain::actor::Actor;
use handrail_domain::effect::{Effect, Purpose};
use handrail_domain::ids::{CommandId, KeyId, RecordId};
use handrail_domain::lifecycle::{Command, Lifecycle, Table, TimerRule, row};
use handrail_domain::record::{LogEntry, Record};
use handrail_domain::time::Timestamp;
use handrail_records::kind::{EventMappers, follow_ups_of};
use handrail_records::transition::{AppliedCommand, TransitionError, create, transition};
use handrail_store::kind_of;
use handrail_test_app::{NOON, TestApp, settings, tenant};
use serde::{Deserialize, Serialize};

/// Work that a quick worker takes and finishes at once.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Job;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum State {
    Open,
    Taken,
    Finished,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Act {
    Take { quick: bool },
    Finish,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
enum Event {
    Opened,
    Taken { quick: bool },
    Finished,
}

#[derive(Debug, PartialEq, Eq)]
struct NotPossible;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trigger {
    Take,
    Finish,
}

impl Lifecycle for Job {
    const KIND: &'static str = "job";
    const TABLE: Table<State, Trigger> = Table {
        rows: &[
            row(State::Open, Trigger::Take, State::Taken, "job.taken"),
            row(State::Taken, Trigger::Finish, State::Finished, "job.finished"),
        ],
        timers: &[],
    };

    type State = State;
    type Trigger = Trigger;
    type Spec = ();
    type StateData = State;
    type Event = Event;
    type Act = Act;
    type Refusal = NotPossible;

    fn state(state_data: &State) -> State {
        *state_data
    }

    fn state_name(state: State) -> &'static str {
        match state {
            State::Open => "open",
            State::Taken => "taken",
            State::Finished => "finished",
        }
    }

    fn event_name(event: &Event) -> &'static str {
        match event {
            Event::Opened => "job.opened",
            Event::Taken { .. } => "job.taken",
            Event::Finished => "job.finished",
        }
    }

    fn trigger((): &(), act: &Act, _now: Timestamp) -> Trigger {
        match act {
            Act::Take { .. } => Trigger::Take,
            Act::Finish => Trigger::Finish,
        }
    }

    fn initial_event((): &()) -> Event {
        Event::Opened
    }

    fn deadline((): &(), _state_data: &State, _timer: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        None
    }

    fn timer_command(_timer: &TimerRule<State, Trigger>) -> Act {
        Act::Finish
    }

    fn guard(_record: &Record<Self>, act: &Act, _actor: &Actor, _now: Timestamp) -> Result<Event, NotPossible> {
        Ok(match act {
            Act::Take { quick } => Event::Taken { quick: *quick },
            Act::Finish => Event::Finished,
        })
    }

    fn following_act(_record: &Record<Self>, event: &Event) -> Option<Act> {
        matches!(event, Event::Taken { quick: true }).then_some(Act::Finish)
    }

    fn is_already_done(record: &Record<Self>, act: &Act, _actor: &Actor) -> bool {
        matches!(act, Act::Finish) && record.state_data == State::Finished
    }

    fn refuse_no_transition(_record: &Record<Self>, _act: &Act) -> NotPossible {
        NotPossible
    }

    fn apply(_before: Option<&State>, entry: &LogEntry<Self>) -> State {
        match entry.event {
            Event::Opened => State::Open,
            Event::Taken { .. } => State::Taken,
            Event::Finished => State::Finished,
        }
    }

    fn personal_values(_: &Self::Event) -> &'static [&'static str] {
        &[]
    }

    fn effects((): &(), entry: &LogEntry<Self>) -> Vec<Effect> {
        vec![Effect::Mail(Purpose::new(Self::state_name(Self::apply(None, entry))))]
    }
}

fn command(name: &str, act: Act) -> Command<Job> {
    let actor = Actor::Key { key: KeyId::new(NOON, [2; 10]), role: Role::Agent };
    Command { id: CommandId::new(name, &[]), actor, act }
}

async fn create_job(app: &TestApp) -> RecordId {
    let opened = command("open", Act::Finish);
    let record = Record::<Job>::create(
        tenant(),
        app.cx.new_record_id(),
        (),
        opened.actor,
        opened.id.clone(),
        NOON,
        app.cx.new_record_salt(),
    );
    create(&app.cx, record, &opened.id).await.unwrap().record.id
}

async fn act(app: &TestApp, id: RecordId, name: &str, act: Act) -> Result<AppliedCommand<Job>, TransitionError<Job>> {
    transition(&app.cx, tenant(), id, &command(name, act)).await
}

#[tokio::test]
async fn command_with_two_events_is_one_write() {
    let app = TestApp::new(settings()).await;
    let id = create_job(&app).await;
    let applied = act(&app, id, "take", Act::Take { quick: true }).await.unwrap();
    assert_eq!((applied.record.state_data, applied.record.seq, applied.is_repeat), (State::Finished, 3, false));
    assert_eq!(app.record::<Job>(id).await, applied.record, "the stored record has both events");
    let changes = app.changes();
    assert_eq!(changes.len(), 2, "one for the create and one for both events");

    let mut sent = Vec::new();
    for (old, new) in &changes {
        let new = new.as_ref().unwrap();
        assert_eq!(kind_of(new), Some("job"));
        let follow_ups = follow_ups_of::<Job>(&app.cx, old.as_ref(), new, EventMappers::AUDIT_ONLY).await.unwrap();
        sent.extend(follow_ups.effects.into_iter().map(|(seq, effect)| (seq, effect.purpose().name().to_owned())));
    }
    let expected = [(1, "open"), (2, "taken"), (3, "finished")];
    assert_eq!(sent, expected.map(|(seq, name)| (seq, name.to_owned())));
    let journal = app.cx.store.journal_entries_after(tenant(), 0, 10).await.unwrap();
    let states = journal.iter().map(|entry| entry.states.clone().unwrap().to).collect::<Vec<_>>();
    assert_eq!(states, ["open", "taken", "finished"]);
    let totals = journal[2].totals_of(Job::KIND);
    assert_eq!((totals.in_state("finished"), totals.records(), totals.count_of_action("job.taken")), (1, 1, 1));
}

#[tokio::test]
async fn repeated_command_adds_no_event() {
    let app = TestApp::new(settings()).await;
    let id = create_job(&app).await;
    act(&app, id, "take", Act::Take { quick: true }).await.unwrap();
    for (name, wanted) in [("take", Act::Take { quick: true }), ("finish", Act::Finish)] {
        let repeat = act(&app, id, name, wanted).await.unwrap();
        assert_eq!((repeat.record.seq, repeat.is_repeat), (3, true), "{name}");
    }
    let refused = act(&app, id, "take again", Act::Take { quick: false }).await;
    assert!(matches!(refused, Err(TransitionError::Refused(NotPossible))), "{refused:?}");
}
