//! Purposes of the messages to the approvers of a decision or of a packet's checkpoint.

use crate::purpose::Purpose;

/// Purpose of a message to an approver.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApprovalPurpose {
    /// Asks the approver.
    AskApprover,
    /// Asks the backup after the approver did not answer in time.
    AskBackup,
    /// Reminds the approver after half of the time to answer.
    RemindHalf,
    /// Reminds the approver shortly before the deadline.
    RemindLast,
}

impl ApprovalPurpose {
    pub const ALL: [Self; 4] = [Self::AskApprover, Self::AskBackup, Self::RemindHalf, Self::RemindLast];

    pub const fn purpose(self) -> Purpose {
        match self {
            Self::AskApprover => Purpose::new("ask-approver"),
            Self::AskBackup => Purpose::new("ask-backup"),
            Self::RemindHalf => Purpose::new("remind-half"),
            Self::RemindLast => Purpose::new("remind-last"),
        }
    }

    /// Returns `None` if no message to an approver has this purpose.
    pub fn from_purpose(purpose: Purpose) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.purpose() == purpose)
    }

    pub fn is_reminder(self) -> bool {
        match self {
            Self::RemindHalf | Self::RemindLast => true,
            Self::AskApprover | Self::AskBackup => false,
        }
    }
}
