//! Request to the approver of a checkpoint, and the checks that this approver can be asked.

use serde::{Deserialize, Serialize};

use super::content::{Content, Hitl};
use crate::approvers::AskablePeople;
use crate::decision::{ACTION_CHARS_MAX, CONTEXT_CHARS_MAX, check_choices};
use crate::field_error::FieldError;
use crate::text::{EmailAddress, has_hidden_controls, one_line};

/// Longest part of the question that is stored in the event.
const QUESTION_CHARS_MAX: usize = 500;

/// Request to the approver of a checkpoint. Part of the event that opens the checkpoint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CheckpointRequest {
    pub approver: EmailAddress,
    /// Question in one line, cut if long. Shown after the checkpoint ends, when the content may have another question.
    pub question: String,
    /// Name of the API key that asked. The agent's own name is not verified.
    pub asked_by: String,
    /// `true` if the approver is asked in Slack. Without a connected workspace at that time they are asked by mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_slack: bool,
}

impl CheckpointRequest {
    fn new(key_name: &str, hitl: &Hitl, approver: &EmailAddress, in_slack: bool) -> Self {
        let (question, asked_by) = (one_line(hitl.prompt(), QUESTION_CHARS_MAX), key_name.to_owned());
        Self { approver: approver.clone(), question, asked_by, in_slack }
    }

    /// Returns `true` if the checkpoint has the approver and the question of this request.
    pub(super) fn matches(&self, hitl: &Hitl) -> bool {
        hitl.approver.as_ref().is_some_and(|approver| *self == Self::new(&self.asked_by, hitl, approver, self.in_slack))
    }

    pub(super) fn open(&self, number: u64) -> OpenCheckpoint {
        OpenCheckpoint { number, approver: self.approver.clone() }
    }
}

/// Open checkpoint that names an approver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OpenCheckpoint {
    /// Number of the event that opened the checkpoint. A packet can have several checkpoints in turn.
    pub number: u64,
    pub approver: EmailAddress,
}

/// API key that asks, with its settings for approvers.
#[derive(Clone, Copy, Debug)]
pub struct CheckpointRequester<'a> {
    pub name: &'a str,
    pub askable: AskablePeople<'a>,
    pub in_slack: bool,
}

impl CheckpointRequester<'_> {
    /// Request to the approver in the content's checkpoint. Returns `None` if there is no approver, and fails if the
    /// API key may not ask that approver.
    pub fn request_for(&self, content: &Content) -> Result<Option<CheckpointRequest>, FieldError> {
        let Some((hitl, approver)) = content.hitl.as_ref().and_then(|hitl| Some((hitl, hitl.approver.as_ref()?)))
        else {
            return Ok(None);
        };
        self.askable
            .check(approver)
            .map_err(|message| FieldError::new(["hitl", "approver"], message, "value_error"))?;
        Ok(Some(CheckpointRequest::new(self.name, hitl, approver, self.in_slack)))
    }
}

impl Hitl {
    /// Text for the approver: the question, or the reason if there is no question.
    pub fn prompt(&self) -> &str {
        self.question.as_deref().filter(|question| !question.trim().is_empty()).unwrap_or(&self.reason)
    }

    /// First member that a mail, page or Slack message can't show, with the reason. Returns `None` if there is none.
    pub(super) fn unshowable_field(&self) -> Option<(&'static str, String)> {
        let controls_error = "must not hold control characters other than tabs and line breaks";
        let field = if self.prompt() == self.reason { "reason" } else { "question" };
        if one_line(self.prompt(), ACTION_CHARS_MAX).is_empty() {
            return Some(("question", "must say what the approver is asked".to_owned()));
        }
        if self.prompt().chars().count() > ACTION_CHARS_MAX {
            return Some((field, format!("must be at most {ACTION_CHARS_MAX} characters for an approver")));
        }
        if has_hidden_controls(self.prompt()) {
            return Some((field, controls_error.to_owned()));
        }
        if self.reason.chars().count() > CONTEXT_CHARS_MAX {
            return Some(("reason", format!("must be at most {CONTEXT_CHARS_MAX} characters for an approver")));
        }
        if has_hidden_controls(&self.reason) {
            return Some(("reason", controls_error.to_owned()));
        }
        check_choices(self.options.as_deref().unwrap_or_default()).err().map(|reason| ("options", reason))
    }
}
