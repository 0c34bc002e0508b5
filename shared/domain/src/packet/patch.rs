//! What a PATCH and an answer make of the content that is there. Pure: the newest content in, the act and the next content out.

use std::collections::HashMap;

use serde_json::Value;

use super::content::{Actions, Completed, Content, Context, Decided, Dependency, Failed, Hitl, Pending};
use super::event::{Act, Edit};
use super::read_content::{
    read_completed, read_context, read_decided, read_dependency, read_failed, read_hitl, read_pending,
};
use super::reading::{Flaw, Reading, Step};
use super::state::State;
use super::wire::Response;
use crate::time::Timestamp;

pub(super) const FORGED: &str = "Only the person who is asked writes an answer";

/// What somebody wants to be otherwise. Null and absent both mean: as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    pub status: Option<State>,
    pub context: Option<Context>,
    pub decisions: Option<Vec<Decided>>,
    pub actions: Option<ActionsPatch>,
    pub dependencies: Option<Vec<Dependency>>,
    pub hitl: Option<Hitl>,
}

/// A list that is not named stays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionsPatch {
    pub pending: Option<Vec<Pending>>,
    pub completed: Option<Vec<Completed>>,
    pub failed: Option<Vec<Failed>>,
}

impl Patch {
    pub fn read(body: &Value) -> Result<Self, Vec<Flaw>> {
        Reading::of(body, |reading, body| {
            let members = reading.object(body)?;
            let status = reading.optional(members, "status", |r, value| r.word(value, State::ALL, State::name));
            let context = reading.optional(members, "context", read_context);
            let decisions = reading.optional(members, "decisions", |r, value| r.list(value, read_decided));
            let actions = reading.optional(members, "actions", read_actions_patch);
            let dependencies = reading.optional(members, "dependencies", |r, value| r.list(value, read_dependency));
            let hitl = reading.optional(members, "hitl", read_hitl);
            Some(Self {
                status: status?,
                context: context?,
                decisions: decisions?,
                actions: actions?,
                dependencies: dependencies?,
                hitl: hitl?,
            })
        })
    }

    pub fn changes_content(&self) -> bool {
        let Self { status: _, context, decisions, actions, dependencies, hitl } = self;
        context.is_some() || decisions.is_some() || actions.is_some() || dependencies.is_some() || hitl.is_some()
    }

    /// Could it ask a person? Only what raises a checkpoint, or gives one to who waits without, does.
    pub fn may_ask(&self) -> bool {
        self.status == Some(State::AwaitingHuman) || self.hitl.as_ref().is_some_and(|hitl| hitl.approver.is_some())
    }

    /// What it makes of a packet that stands in this state with this content: what to do, and the content after it.
    ///
    /// The content is unchanged where the act carries no edit. Refused: an answer that no person gave.
    pub fn plan(&self, state: State, content: &Content, now: Timestamp) -> Result<(Act, Content), Vec<Flaw>> {
        let asks_now = self.status == Some(State::AwaitingHuman) && state != State::AwaitingHuman;
        let next = self.merged(content, asks_now)?;
        // Raised with an edit always: it holds what was asked against what is the newest when it is written.
        let edit = (self.changes_content() || self.status == Some(State::AwaitingHuman)).then(|| Edit {
            base: content.reference(),
            content: next.reference(),
            has_checkpoint: next.hitl.is_some(),
            // Who sends back the checkpoint that is there, or repeats what brought it, brings none.
            sets_checkpoint: self.hitl.is_some() && next.hitl != content.hitl,
            answer_until: next.answer_until(now),
            asks: None,
        });
        let act = match (self.status, edit) {
            (Some(to), edit) => Act::Move { to, edit, in_batch: false },
            (None, Some(edit)) => Act::Edit(edit),
            (None, None) => Act::Renew,
        };
        Ok((act, next))
    }

    /// Context, dependencies and the checkpoint are replaced, decisions merged by id, actions list by list.
    fn merged(&self, content: &Content, asks_now: bool) -> Result<Content, Vec<Flaw>> {
        let mut next = content.clone();
        if let Some(context) = &self.context {
            next.context = context.clone();
        }
        if let Some(decisions) = &self.decisions {
            merge_decisions(&mut next.decisions, decisions);
        }
        if let Some(ActionsPatch { pending, completed, failed }) = &self.actions {
            let Actions { pending: old_pending, completed: old_completed, failed: old_failed } = next.actions;
            next.actions = Actions {
                pending: pending.clone().unwrap_or(old_pending),
                completed: completed.clone().unwrap_or(old_completed),
                failed: failed.clone().unwrap_or(old_failed),
            };
        }
        if let Some(dependencies) = &self.dependencies {
            next.dependencies = dependencies.clone();
        }
        if let Some(hitl) = &self.hitl {
            // Who sends back the answer that they read forges nothing.
            let known = content.hitl.as_ref().is_some_and(|there| there.has_answer_of(hitl));
            if hitl.is_answered() && !known {
                let path = [Step::Member("hitl"), Step::Member("response")];
                return Err(vec![Flaw::new(&path, FORGED, "value_error")]);
            }
            next.hitl = Some(hitl.clone());
        }
        if asks_now {
            // What is asked now has no answer yet.
            next.hitl = next.hitl.map(Hitl::unanswered);
        }
        Ok(next)
    }
}

/// The same id is replaced in its place, a new one comes last. Where an id is there twice, its first place counts.
fn merge_decisions(there: &mut Vec<Decided>, more: &[Decided]) {
    let mut places = HashMap::new();
    for (place, decided) in there.iter().enumerate() {
        places.entry(decided.id.clone()).or_insert(place);
    }
    for decided in more {
        match places.get(&decided.id).and_then(|place| there.get_mut(*place)) {
            Some(old) => *old = decided.clone(),
            None => {
                places.insert(decided.id.clone(), there.len());
                there.push(decided.clone());
            }
        }
    }
}

impl Response {
    /// What the answer makes of the content: what to do, and the content after it.
    pub fn plan(&self, content: &Content, now: Timestamp) -> (Act, Content) {
        self.plan_to(None, content, now)
    }

    /// The same, if the question that was read is still the one that is asked.
    pub fn plan_to(&self, question: Option<u64>, content: &Content, now: Timestamp) -> (Act, Content) {
        let next = content.answered(&self.response, &self.by, self.notes.as_deref(), now);
        let edit = Edit {
            base: content.reference(),
            content: next.reference(),
            has_checkpoint: next.hitl.is_some(),
            sets_checkpoint: false,
            answer_until: None,
            asks: None,
        };
        let Self { by, response, notes } = self.clone();
        (Act::Respond { by, response, notes, question, edit }, next)
    }
}

fn read_actions_patch(reading: &mut Reading, value: &Value) -> Option<ActionsPatch> {
    let members = reading.object(value)?;
    let pending = reading.optional(members, "pending", |r, value| r.list(value, read_pending));
    let completed = reading.optional(members, "completed", |r, value| r.list(value, read_completed));
    let failed = reading.optional(members, "failed", |r, value| r.list(value, read_failed));
    Some(ActionsPatch { pending: pending?, completed: completed?, failed: failed? })
}
