//! A login: somebody asks for a mail with a link, and whoever holds the link signs in with it once, or it expires.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::effect::{Effect, Purpose};
use crate::ids::TenantId;
use crate::lifecycle::{Lifecycle, Row, Table, TimerRule, row};
use crate::record::{Entry, Record};
use crate::text::EmailAddress;
use crate::time::Timestamp;

use State::{Expired, Requested, Used};

pub const LOGIN_LIVES_MS: i64 = 15 * 60 * 1000;

/// The specification.
pub const TABLE: Table<State, Trigger> =
    Table { rows: ROWS, timers: &[TimerRule { name: "expiry", armed_in: &[Requested], raises: Trigger::Expire }] };

#[rustfmt::skip]
const ROWS: &[Row<State, Trigger>] = &[
    row(Requested, Trigger::Use,    Used,    "login.used"),
    row(Requested, Trigger::Expire, Expired, "login.expired"),
];

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    Requested,
    Used,
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    Use,
    Expire,
}

/// What was asked for: nobody has looked yet whether there is such an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    pub email: EmailAddress,
    pub expires_at: Timestamp,
}

impl Ask {
    pub fn new(email: EmailAddress, now: Timestamp) -> Self {
        Self { email, expires_at: now.plus_ms(LOGIN_LIVES_MS) }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Standing {
    Requested,
    Used { at: Timestamp },
    Expired,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type")]
pub enum LoginEvent {
    #[serde(rename = "login.requested")]
    Requested,
    #[serde(rename = "login.used")]
    Used,
    #[serde(rename = "login.expired")]
    Expired,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    Use,
    Expire,
}

/// Retrying never helps: another mail does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Used { at: Timestamp },
    Expired { at: Timestamp },
}

/// Logins belong to no account until they are used: they are the installation's own.
pub fn tenant() -> TenantId {
    TenantId::from_bytes([0; 16])
}

#[derive(Clone, Debug, PartialEq)]
pub struct Login;

impl Lifecycle for Login {
    const KIND: &'static str = "login";
    const TABLE: Table<State, Trigger> = TABLE;
    /// A month: longer than a stream may stand still, and long enough to look into what somebody reports.
    const FORGOTTEN_AFTER_SECONDS: Option<i64> = Some(30 * 24 * 60 * 60);

    type State = State;
    type Trigger = Trigger;
    type Ask = Ask;
    type Standing = Standing;
    type Event = LoginEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(standing: &Standing) -> State {
        match standing {
            Standing::Requested => Requested,
            Standing::Used { .. } => Used,
            Standing::Expired => Expired,
        }
    }

    fn state_name(state: State) -> &'static str {
        match state {
            Requested => "requested",
            Used => "used",
            Expired => "expired",
        }
    }

    fn event_name(event: &LoginEvent) -> &'static str {
        match event {
            LoginEvent::Requested => "login.requested",
            LoginEvent::Used => "login.used",
            LoginEvent::Expired => "login.expired",
        }
    }

    fn trigger(_: &Ask, act: &Act, _: Timestamp) -> Trigger {
        match act {
            Act::Use => Trigger::Use,
            Act::Expire => Trigger::Expire,
        }
    }

    fn opening(_: &Ask) -> LoginEvent {
        LoginEvent::Requested
    }

    fn deadline(ask: &Ask, _: &Standing, _: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        Some(ask.expires_at)
    }

    fn act_of_timer(_: &TimerRule<State, Trigger>) -> Act {
        Act::Expire
    }

    fn permit(_: &Record<Self>, act: &Act, _: &Actor, _: Timestamp) -> Result<LoginEvent, Refusal> {
        Ok(match act {
            Act::Use => LoginEvent::Used,
            Act::Expire => LoginEvent::Expired,
        })
    }

    fn no_row(record: &Record<Self>, _: &Act) -> Refusal {
        match record.standing {
            Standing::Used { at } => Refusal::Used { at },
            Standing::Requested | Standing::Expired => Refusal::Expired { at: record.ask.expires_at },
        }
    }

    fn after(_: Option<&Standing>, entry: &Entry<Self>) -> Standing {
        match entry.event {
            LoginEvent::Requested => Standing::Requested,
            LoginEvent::Used => Standing::Used { at: entry.at },
            LoginEvent::Expired => Standing::Expired,
        }
    }

    fn effects(_: &Ask, entry: &Entry<Self>) -> Vec<Effect> {
        match entry.event {
            LoginEvent::Requested => vec![Effect::Mail(Purpose::SignIn)],
            LoginEvent::Used | LoginEvent::Expired => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::ProofOfPerson;
    use crate::ids::{CommandId, RecordId};
    use crate::lifecycle::{Command, decide};

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn requested() -> Record<Login> {
        let ask = Ask::new(EmailAddress::parse("ann@example.com").unwrap(), NOON);
        Record::open(tenant(), RecordId::new(NOON, [1; 10]), ask, Actor::Visitor, CommandId::new("login", &[]), NOON)
    }

    fn using(act: Act) -> Command<Login> {
        let email = EmailAddress::parse("ann@example.com").unwrap();
        let actor = Actor::Person { email, by: ProofOfPerson::MailedLink };
        Command { id: CommandId::new("use", &[]), actor, act }
    }

    /// Every state with every act before, at and after the deadline.
    #[test]
    fn a_link_signs_in_once_and_only_in_time() {
        let last = NOON.plus_ms(LOGIN_LIVES_MS);
        for at in [NOON, last.plus_ms(-1)] {
            let used = decide(&requested(), &using(Act::Use), at).unwrap().next;
            assert_eq!(used.standing, Standing::Used { at });
            assert!(used.is_settled() && used.due().is_none());
            assert_eq!(Login::effects(&used.ask, used.newest().unwrap()), []);
            for later in [at, last, last.plus_ms(1)] {
                assert_eq!(decide(&used, &using(Act::Use), later).unwrap_err(), Refusal::Used { at });
            }
        }
        for at in [last, last.plus_ms(1)] {
            let verdict = decide(&requested(), &using(Act::Use), at).unwrap();
            assert!(verdict.settles_first);
            assert_eq!(verdict.next.standing, Standing::Expired);
            let refused = decide(&verdict.next, &using(Act::Use), at).unwrap_err();
            assert_eq!(refused, Refusal::Expired { at: last });
        }
        // What the clock does nobody commands.
        assert_eq!(decide(&requested(), &using(Act::Expire), NOON).unwrap_err(), Refusal::Expired { at: last });
    }

    #[test]
    fn asking_mails_and_the_deadline_is_the_only_timer() {
        let requested = requested();
        assert_eq!(Login::effects(&requested.ask, requested.newest().unwrap()), [Effect::Mail(Purpose::SignIn)]);
        assert_eq!(requested.due().unwrap().at, NOON.plus_ms(LOGIN_LIVES_MS));
        for row in TABLE.rows {
            assert!(TABLE.is_terminal(row.to), "{row:?}");
        }
    }

    #[test]
    fn logins_are_stored_like_this_for_good() {
        let requested = requested();
        assert_eq!(serde_json::to_string(&requested.standing).unwrap(), r#"{"state":"requested"}"#);
        let used = decide(&requested, &using(Act::Use), NOON).unwrap().next;
        assert_eq!(
            serde_json::to_string(&used.standing).unwrap(),
            r#"{"state":"used","at":"2026-09-21T14:13:20.000Z"}"#
        );
        assert!(requested.log[0].text.contains(r#""by":{"kind":"visitor"}"#), "{}", requested.log[0].text);
        assert_eq!(tenant().to_string(), "ten_00000000000000000000000000");
    }
}
