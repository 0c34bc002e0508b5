//! Effects of committed events: messages to send and files to retain.
//!
//! Effects are computed from the committed event and never stored. Any process that reads the event can compute them
//! again, so a crash after the write loses nothing. Each effect happens at least once. Its record, sequence number and
//! purpose identify a repeat.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

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

/// Purpose of an effect. Identifies a delivery, together with the record's id and the event's sequence number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Asks the approver.
    AskApprover,
    /// Asks the backup after the approver did not answer in time.
    AskBackup,
    /// Notifies the requester of a new decision.
    AnnounceCreated,
    AnnounceResolved,
    AnnounceEscalated,
    AnnounceExpired,
    AnnounceCancelled,
    /// Notifies the requester that the time of a scheduled approval has come.
    AnnounceDue,
    /// Reminds the approver after half of the time to answer.
    RemindHalf,
    /// Reminds the approver shortly before the deadline.
    RemindLast,
    /// Sends the link with which a person signs in.
    SignIn,
    /// Updates a Slack message to the current state.
    UpdateSlack,
    /// Retains the files of an event.
    KeepFiles,
    /// Delivers an event to a webhook.
    Announce,
}

impl Purpose {
    pub const ALL: [Self; 14] = [
        Self::AskApprover,
        Self::AskBackup,
        Self::AnnounceCreated,
        Self::AnnounceResolved,
        Self::AnnounceEscalated,
        Self::AnnounceExpired,
        Self::AnnounceCancelled,
        Self::AnnounceDue,
        Self::RemindHalf,
        Self::RemindLast,
        Self::SignIn,
        Self::UpdateSlack,
        Self::KeepFiles,
        Self::Announce,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::AskApprover => "ask-approver",
            Self::AskBackup => "ask-backup",
            Self::AnnounceCreated => "announce-created",
            Self::AnnounceResolved => "announce-resolved",
            Self::AnnounceEscalated => "announce-escalated",
            Self::AnnounceExpired => "announce-expired",
            Self::AnnounceCancelled => "announce-cancelled",
            Self::AnnounceDue => "announce-due",
            Self::RemindHalf => "remind-half",
            Self::RemindLast => "remind-last",
            Self::SignIn => "sign-in",
            Self::UpdateSlack => "update-slack",
            Self::KeepFiles => "keep-files",
            Self::Announce => "announce",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
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
