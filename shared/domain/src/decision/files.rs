//! The files of a decision: which there are, and what follows when an event brings some.

use super::rules::{DecisionEvent, Standing};
use crate::attachment::Attachment;
use crate::effect::{Effect, Purpose};

impl Standing {
    /// All files there are, from both sides.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        let answered = self.outcome().map(|outcome| outcome.answer.files.iter());
        self.attachments.iter().chain(answered.into_iter().flatten())
    }
}

/// The files that an event brings.
pub fn files_of(event: &DecisionEvent) -> &[Attachment] {
    match event {
        DecisionEvent::Attached { files } => files,
        DecisionEvent::Approved(answer)
        | DecisionEvent::Denied(answer)
        | DecisionEvent::Modified(answer)
        | DecisionEvent::Scheduled(answer) => &answer.files,
        DecisionEvent::Created { .. }
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => &[],
    }
}

/// They were only lent, and now a record names them.
pub(super) fn keeping(event: &DecisionEvent) -> Option<Effect> {
    (!files_of(event).is_empty()).then_some(Effect::Keep(Purpose::KeepFiles))
}
