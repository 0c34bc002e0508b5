//! Purposes of the calls of a decision's `callback_url`.

use crate::purpose::Purpose;

/// Purpose of a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackPurpose {
    /// Notifies the requester of a new decision.
    Created,
    Resolved,
    Escalated,
    Expired,
    Cancelled,
    /// Notifies the requester that the time of a scheduled approval has come.
    Due,
}

impl CallbackPurpose {
    pub const ALL: [Self; 6] =
        [Self::Created, Self::Resolved, Self::Escalated, Self::Expired, Self::Cancelled, Self::Due];

    pub const fn purpose(self) -> Purpose {
        match self {
            Self::Created => Purpose::new("announce-created"),
            Self::Resolved => Purpose::new("announce-resolved"),
            Self::Escalated => Purpose::new("announce-escalated"),
            Self::Expired => Purpose::new("announce-expired"),
            Self::Cancelled => Purpose::new("announce-cancelled"),
            Self::Due => Purpose::new("announce-due"),
        }
    }

    /// Returns `None` if no callback has this purpose.
    pub fn from_purpose(purpose: Purpose) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.purpose() == purpose)
    }
}
