//! Logins: a person requests a link by mail and signs in with the link, once and before it expires.

use serde::{Deserialize, Serialize};

use crate::actor::Actor;
use crate::effect::{Effect, Purpose};
use crate::ids::TenantId;
use crate::lifecycle::{Lifecycle, Row, Table, TimerRule, row};
use crate::record::{LogEntry, Record};
use crate::text::EmailAddress;
use crate::time::Timestamp;

use State::{Expired, Requested, Used};

/// Purpose of the mail with the link by which a person signs in: the only message of a login.
pub const SIGN_IN: Purpose = Purpose::new("sign-in");

/// Lifetime of a link.
pub const LOGIN_TTL_MS: i64 = 15 * 60 * 1000;

/// Transitions and timers of a login.
pub const TABLE: Table<State, Trigger> =
    Table { rows: ROWS, timers: &[TimerRule { name: "expiry", armed_in: &[Requested], raises: Trigger::Expire }] };

#[rustfmt::skip]
const ROWS: &[Row<State, Trigger>] = &[
    row(Requested, Trigger::Use,    Used,    "login.used"),
    row(Requested, Trigger::Expire, Expired, "login.expired"),
];

/// States of a login.
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

/// Spec of a login. The address may belong to no tenant: a login is created before tenants are looked up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoginSpec {
    pub email: EmailAddress,
    pub expires_at: Timestamp,
}

impl LoginSpec {
    pub fn new(email: EmailAddress, now: Timestamp) -> Self {
        Self { email, expires_at: now.plus_ms(LOGIN_TTL_MS) }
    }
}

/// State data of a login.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum LoginStateData {
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

/// Reasons to refuse a link. A retry never succeeds; the person has to request another link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    Used { at: Timestamp },
    Expired { at: Timestamp },
}

/// Returns the tenant of all logins, which belong to the installation because the person is not yet known.
pub fn tenant() -> TenantId {
    TenantId::from_bytes([0; 16])
}

/// Record kind of a login.
#[derive(Clone, Debug, PartialEq)]
pub struct Login;

impl Lifecycle for Login {
    const KIND: &'static str = "login";
    const TABLE: Table<State, Trigger> = TABLE;
    /// Thirty days: longer than the table's stream can lag, and long enough to investigate a report.
    const TTL_SECONDS: Option<i64> = Some(30 * 24 * 60 * 60);

    type State = State;
    type Trigger = Trigger;
    type Spec = LoginSpec;
    type StateData = LoginStateData;
    type Event = LoginEvent;
    type Act = Act;
    type Refusal = Refusal;

    fn state(state_data: &LoginStateData) -> State {
        match state_data {
            LoginStateData::Requested => Requested,
            LoginStateData::Used { .. } => Used,
            LoginStateData::Expired => Expired,
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

    fn trigger(_: &LoginSpec, act: &Act, _: Timestamp) -> Trigger {
        match act {
            Act::Use => Trigger::Use,
            Act::Expire => Trigger::Expire,
        }
    }

    fn initial_event(_: &LoginSpec) -> LoginEvent {
        LoginEvent::Requested
    }

    fn deadline(spec: &LoginSpec, _: &LoginStateData, _: &TimerRule<State, Trigger>) -> Option<Timestamp> {
        Some(spec.expires_at)
    }

    fn timer_command(_: &TimerRule<State, Trigger>) -> Act {
        Act::Expire
    }

    fn guard(_: &Record<Self>, act: &Act, _: &Actor, _: Timestamp) -> Result<LoginEvent, Refusal> {
        Ok(match act {
            Act::Use => LoginEvent::Used,
            Act::Expire => LoginEvent::Expired,
        })
    }

    fn refuse_no_transition(record: &Record<Self>, _: &Act) -> Refusal {
        match record.state_data {
            LoginStateData::Used { at } => Refusal::Used { at },
            LoginStateData::Requested | LoginStateData::Expired => Refusal::Expired { at: record.spec.expires_at },
        }
    }

    fn apply(_: Option<&LoginStateData>, entry: &LogEntry<Self>) -> LoginStateData {
        match entry.event {
            LoginEvent::Requested => LoginStateData::Requested,
            LoginEvent::Used => LoginStateData::Used { at: entry.at },
            LoginEvent::Expired => LoginStateData::Expired,
        }
    }

    fn personal_values(_: &LoginEvent) -> &'static [&'static str] {
        &[]
    }

    fn effects(_: &LoginSpec, entry: &LogEntry<Self>) -> Vec<Effect> {
        match entry.event {
            LoginEvent::Requested => vec![Effect::Mail(SIGN_IN)],
            LoginEvent::Used | LoginEvent::Expired => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actor::AuthMethod;
    use crate::ids::{CommandId, RecordId};
    use crate::lifecycle::{Command, decide};
    use crate::personal_values::RecordSalt;

    const NOON: Timestamp = Timestamp::from_unix_ms(1_790_000_000_000);

    fn requested() -> Record<Login> {
        let spec = LoginSpec::new(EmailAddress::parse("ann@example.com").unwrap(), NOON);
        Record::create(
            tenant(),
            RecordId::new(NOON, [1; 10]),
            spec,
            Actor::Anonymous,
            CommandId::new("login", &[]),
            NOON,
            RecordSalt::from_bytes([1; 16]),
        )
    }

    fn command(act: Act) -> Command<Login> {
        let email = EmailAddress::parse("ann@example.com").unwrap();
        let actor = Actor::Person { email, by: AuthMethod::MailedLink };
        Command { id: CommandId::new("use", &[]), actor, act }
    }

    /// Tries every state with every act before, at and after the deadline.
    #[test]
    fn link_signs_in_once_before_deadline() {
        let deadline = NOON.plus_ms(LOGIN_TTL_MS);
        for at in [NOON, deadline.plus_ms(-1)] {
            let used = decide(&requested(), &command(Act::Use), at).unwrap().next;
            assert_eq!(used.state_data, LoginStateData::Used { at });
            assert!(used.is_terminal() && used.due().is_none());
            assert_eq!(Login::effects(&used.spec, used.newest().unwrap()), []);
            for later in [at, deadline, deadline.plus_ms(1)] {
                assert_eq!(decide(&used, &command(Act::Use), later).unwrap_err(), Refusal::Used { at });
            }
        }
        for at in [deadline, deadline.plus_ms(1)] {
            let planned = decide(&requested(), &command(Act::Use), at).unwrap();
            assert!(planned.by_timer);
            assert_eq!(planned.next.state_data, LoginStateData::Expired);
            let refused = decide(&planned.next, &command(Act::Use), at).unwrap_err();
            assert_eq!(refused, Refusal::Expired { at: deadline });
        }
        // Only the timer can expire a login.
        assert_eq!(decide(&requested(), &command(Act::Expire), NOON).unwrap_err(), Refusal::Expired { at: deadline });
    }

    #[test]
    fn requested_login_sends_mail_and_has_deadline() {
        let requested = requested();
        assert_eq!(Login::effects(&requested.spec, requested.newest().unwrap()), [Effect::Mail(SIGN_IN)]);
        assert_eq!(requested.due().unwrap().at, NOON.plus_ms(LOGIN_TTL_MS));
        for row in TABLE.rows {
            assert!(TABLE.is_terminal(row.to), "{row:?}");
        }
    }

    #[test]
    fn stored_form_of_logins_is_stable() {
        let requested = requested();
        assert_eq!(serde_json::to_string(&requested.state_data).unwrap(), r#"{"state":"requested"}"#);
        let used = decide(&requested, &command(Act::Use), NOON).unwrap().next;
        assert_eq!(
            serde_json::to_string(&used.state_data).unwrap(),
            r#"{"state":"used","at":"2026-09-21T14:13:20.000Z"}"#
        );
        assert!(requested.log[0].text.contains(r#""by":{"kind":"visitor"}"#), "{}", requested.log[0].text);
        assert_eq!(tenant().to_string(), "ten_00000000000000000000000000");
    }
}
