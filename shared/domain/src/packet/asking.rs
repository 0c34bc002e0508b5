//! Who is asked at a checkpoint that names somebody, and whether they may be.

use serde::{Deserialize, Serialize};

use super::content::{Content, Hitl};
use super::reading::{Flaw, Step};
use crate::decision::{ACTION_CHARS_MAX, CONTEXT_CHARS_MAX, check_choices, check_listed};
use crate::text::{EmailAddress, has_hidden_controls, one_line};

/// Of what was asked, kept with the event.
const KEPT_CHARS_MAX: usize = 500;

/// A person, and what they are asked. Part of the event that asks them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    pub approver: EmailAddress,
    /// As far as it is told once the question is over: by then the content may hold another one.
    pub question: String,
    /// The name of the key that asked. An agent names itself as it likes.
    pub asked_by: String,
    /// In Slack, if the account has a workspace there at that moment; else by mail.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_slack: bool,
}

impl Asked {
    fn by(name: &str, hitl: &Hitl, approver: &EmailAddress, in_slack: bool) -> Self {
        let (question, asked_by) = (one_line(hitl.asks(), KEPT_CHARS_MAX), name.to_owned());
        Self { approver: approver.clone(), question, asked_by, in_slack }
    }

    /// Does this checkpoint ask the same person the same?
    pub(super) fn is_of(&self, hitl: &Hitl) -> bool {
        hitl.approver.as_ref().is_some_and(|approver| *self == Self::by(&self.asked_by, hitl, approver, self.in_slack))
    }

    pub(super) fn in_event(&self, number: u64) -> Question {
        Question { number, approver: self.approver.clone() }
    }
}

/// A question that waits for somebody's answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// That of the event that asked: a packet may ask again.
    pub number: u64,
    pub approver: EmailAddress,
}

/// Who asks, and what their key says about asking.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    pub name: &'a str,
    /// Empty: anyone may be asked.
    pub approvers: &'a [EmailAddress],
    pub in_slack: bool,
}

impl Asker<'_> {
    /// Whom this content asks, if it asks somebody. Refused: a person whom the key may not ask.
    pub fn asked(&self, content: &Content) -> Result<Option<Asked>, Flaw> {
        let Some((hitl, approver)) = content.hitl.as_ref().and_then(|hitl| Some((hitl, hitl.approver.as_ref()?)))
        else {
            return Ok(None);
        };
        check_listed(self.approvers, approver).map_err(|invalid| {
            Flaw::new(&[Step::Member("hitl"), Step::Member("approver")], invalid.message, "value_error")
        })?;
        Ok(Some(Asked::by(self.name, hitl, approver, self.in_slack)))
    }
}

impl Hitl {
    /// What the person is asked. The reason says it where there is no question.
    pub fn asks(&self) -> &str {
        self.question.as_deref().filter(|question| !question.trim().is_empty()).unwrap_or(&self.reason)
    }

    /// What a mail, a page and a message can't show: in which member, and why.
    pub(super) fn not_shown(&self) -> Option<(&'static str, String)> {
        let hidden = "must not hold control characters other than tabs and line breaks";
        let question = if self.asks() == self.reason { "reason" } else { "question" };
        if one_line(self.asks(), ACTION_CHARS_MAX).is_empty() {
            return Some(("question", "must say what the approver is asked".to_owned()));
        }
        if self.asks().chars().count() > ACTION_CHARS_MAX {
            return Some((question, format!("must be at most {ACTION_CHARS_MAX} characters for an approver")));
        }
        if has_hidden_controls(self.asks()) {
            return Some((question, hidden.to_owned()));
        }
        if self.reason.chars().count() > CONTEXT_CHARS_MAX {
            return Some(("reason", format!("must be at most {CONTEXT_CHARS_MAX} characters for an approver")));
        }
        if has_hidden_controls(&self.reason) {
            return Some(("reason", hidden.to_owned()));
        }
        check_choices(self.options.as_deref().unwrap_or_default()).err().map(|why| ("options", why))
    }
}
