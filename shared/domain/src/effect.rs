//! Effects of committed events: messages to send and files to retain.
//!
//! Effects are computed from the committed event and never stored. Any process that reads the event can compute them
//! again, so a crash after the write loses nothing. Each effect happens at least once. Its record, sequence number and
//! purpose identify a repeat.

use crate::time::Timestamp;

pub use crate::purpose::Purpose;

/// Action that follows from an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// Signed HTTP call of the decision's `callback_url`.
    Callback(Purpose),
    /// Mail to the approver, or to a person who signs in.
    Mail(Purpose),
    /// Update of a message in Slack to the current state.
    Slack(Purpose),
    /// Callback that is made no earlier than a given time.
    CallbackAt(Purpose, Timestamp),
    /// Mail that is sent no earlier than a given time.
    MailAt(Purpose, Timestamp),
    /// Retention of the files that the event names, which are temporary until then.
    RetainFiles(Purpose),
}

impl Effect {
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Callback(purpose)
            | Self::Mail(purpose)
            | Self::Slack(purpose)
            | Self::RetainFiles(purpose)
            | Self::CallbackAt(purpose, _)
            | Self::MailAt(purpose, _) => purpose,
        }
    }

    /// Returns the effect with `at` as its earliest time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        match self {
            Self::Callback(purpose) | Self::CallbackAt(purpose, _) => Self::CallbackAt(purpose, at),
            Self::Mail(purpose) | Self::MailAt(purpose, _) => Self::MailAt(purpose, at),
            // An update shows the state at the time of the update, so a delay has no use.
            Self::Slack(purpose) => Self::Slack(purpose),
            // Temporary files are deleted after a while, so a delay would lose them.
            Self::RetainFiles(purpose) => Self::RetainFiles(purpose),
        }
    }

    /// Returns the earliest time of the effect, or `None` if the effect is immediate.
    pub fn not_before(self) -> Option<Timestamp> {
        match self {
            Self::Callback(_) | Self::Mail(_) | Self::Slack(_) | Self::RetainFiles(_) => None,
            Self::CallbackAt(_, at) | Self::MailAt(_, at) => Some(at),
        }
    }
}
