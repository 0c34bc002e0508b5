//! What has to happen in the world because an event was committed.
//!
//! Effects are computed from the committed event, never stored beside it: whoever sees the event can compute them again,
//! so a process that dies after the write loses nothing. Each happens at least once and is known by record, sequence
//! number and purpose, so that a repeat is recognised.

use serde::{Deserialize, Serialize};

use crate::time::Timestamp;

/// One thing to send because of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A signed HTTP call to the address that the asker gave.
    Callback(Purpose),
    /// A mail to the person who is asked.
    Mail(Purpose),
    /// An edit of what was posted in Slack, so that it shows how things stand.
    Slack(Purpose),
    CallbackAt(Purpose, Timestamp),
    MailAt(Purpose, Timestamp),
    /// The files that the event names stay: until then they were only lent.
    Keep(Purpose),
}

/// Why something is sent. With the record's id and the event's sequence number it names one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Purpose {
    /// Ask the approver.
    AskApprover,
    /// Ask the backup, because the approver did not answer in time.
    AskBackup,
    /// Tell the asker's program that there is something to decide.
    AnnounceCreated,
    AnnounceResolved,
    AnnounceEscalated,
    AnnounceExpired,
    AnnounceCancelled,
    /// The time has come for which it was approved.
    AnnounceDue,
    /// Half of the time is over.
    RemindHalf,
    /// Little time is left.
    RemindLast,
    /// The link that signs a person in.
    SignIn,
    /// Show in Slack how things stand now.
    UpdateSlack,
    KeepFiles,
    /// Tell a subscriber what happened.
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
            | Self::Keep(purpose)
            | Self::CallbackAt(purpose, _)
            | Self::MailAt(purpose, _) => purpose,
        }
    }

    /// The same, but not before this time.
    #[must_use]
    pub fn at(self, at: Timestamp) -> Self {
        match self {
            Self::Callback(purpose) | Self::CallbackAt(purpose, _) => Self::CallbackAt(purpose, at),
            Self::Mail(purpose) | Self::MailAt(purpose, _) => Self::MailAt(purpose, at),
            // An edit shows what is true when it happens.
            Self::Slack(purpose) => Self::Slack(purpose),
            // What is late here is lost.
            Self::Keep(purpose) => Self::Keep(purpose),
        }
    }

    /// Absent: at once.
    pub fn not_before(self) -> Option<Timestamp> {
        match self {
            Self::Callback(_) | Self::Mail(_) | Self::Slack(_) | Self::Keep(_) => None,
            Self::CallbackAt(_, at) | Self::MailAt(_, at) => Some(at),
        }
    }
}
