//! What has to happen in the world because an event was committed.
//!
//! Effects are computed from the committed event, never stored beside it: whoever sees the event can compute them again,
//! so a process that dies after the write loses nothing. Each happens at least once and is known by record, sequence
//! number and purpose, so that a repeat is recognised.

use serde::{Deserialize, Serialize};

/// One thing to send because of one event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Effect {
    /// A signed HTTP call to the address that the asker gave.
    Callback(Purpose),
    /// A mail to the person who is asked.
    Mail(Purpose),
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
}

impl Purpose {
    pub const ALL: [Self; 6] = [
        Self::AskApprover,
        Self::AskBackup,
        Self::AnnounceCreated,
        Self::AnnounceResolved,
        Self::AnnounceEscalated,
        Self::AnnounceExpired,
    ];

    pub fn name(self) -> &'static str {
        match self {
            Self::AskApprover => "ask-approver",
            Self::AskBackup => "ask-backup",
            Self::AnnounceCreated => "announce-created",
            Self::AnnounceResolved => "announce-resolved",
            Self::AnnounceEscalated => "announce-escalated",
            Self::AnnounceExpired => "announce-expired",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.name() == name)
    }
}

impl Effect {
    pub fn purpose(self) -> Purpose {
        match self {
            Self::Callback(purpose) | Self::Mail(purpose) => purpose,
        }
    }
}
