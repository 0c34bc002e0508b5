//! Files of a decision, and the effect that retains files when an event names them.

use super::event::DecisionEvent;
use super::state_data::StateData;
use crate::attachment::Attachment;
use crate::effect::{Effect, Purpose};

impl StateData {
    /// All files of the decision: the requester's attachments and the approver's uploads.
    pub fn files(&self) -> impl Iterator<Item = &Attachment> {
        let uploads = self.outcome().map(|outcome| outcome.answer.files.iter());
        self.attachments.iter().chain(uploads.into_iter().flatten())
    }
}

/// Files that the event adds.
pub fn files_of(event: &DecisionEvent) -> &[Attachment] {
    match event {
        DecisionEvent::Attached { files } => files,
        DecisionEvent::Approved(answer)
        | DecisionEvent::Denied(answer)
        | DecisionEvent::Modified(answer)
        | DecisionEvent::Scheduled(answer) => &answer.files,
        DecisionEvent::Created { .. }
        | DecisionEvent::Consumed { .. }
        | DecisionEvent::Executed { .. }
        | DecisionEvent::Cancelled { .. }
        | DecisionEvent::Escalated
        | DecisionEvent::Expired => &[],
    }
}

/// Effect that retains the event's files, which were temporary until a record named them.
pub(super) fn retain_effect(event: &DecisionEvent) -> Option<Effect> {
    (!files_of(event).is_empty()).then_some(Effect::RetainFiles(Purpose::RETAIN_FILES))
}
