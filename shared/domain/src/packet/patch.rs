//! Changes of the content by a PATCH or by an answer. Pure functions from the newest content to the act and the next
//! content.

use std::collections::HashMap;

use serde_json::Value;

use super::content::{
    Actions, CheckpointAnswer, CompletedAction, Content, Context, Dependency, FailedAction, Hitl, PendingAction,
    PriorDecision,
};
use super::event::{Act, Edit};
use super::lifecycle::{Packet, asker_of_checkpoint};
use super::read_content::{
    ONLY_APPROVER_ANSWERS, read_completed, read_context, read_dependency, read_failed, read_hitl, read_pending,
    read_prior_decision,
};
use super::state::State;
use crate::actor::Actor;
use crate::answer_origin::{AnswerOrigin, AnsweringKey};
use crate::body_reader::BodyReader;
use crate::field_error::FieldError;
use crate::record::Record;
use crate::time::Timestamp;

const ANSWERED_STAYS: &str = "An answered checkpoint can't be changed: send it back as it was read, or open a new one with status awaiting_human";

/// Body of a PATCH. A member that is null or absent leaves the content unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Patch {
    pub status: Option<State>,
    pub context: Option<Context>,
    pub decisions: Option<Vec<PriorDecision>>,
    pub actions: Option<ActionsPatch>,
    pub dependencies: Option<Vec<Dependency>>,
    pub hitl: Option<Hitl>,
}

/// Action lists of a PATCH. A list that is absent stays unchanged.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActionsPatch {
    pub pending: Option<Vec<PendingAction>>,
    pub completed: Option<Vec<CompletedAction>>,
    pub failed: Option<Vec<FailedAction>>,
}

impl Patch {
    pub fn read(body: &Value) -> Result<Self, Vec<FieldError>> {
        BodyReader::read_body(body, |reader, body| {
            let members = reader.object(body)?;
            let status = reader.optional(members, "status", |r, value| r.one_of(value, State::ALL, State::name));
            let context = reader.optional(members, "context", read_context);
            let decisions = reader.optional(members, "decisions", |r, value| r.list(value, read_prior_decision));
            let actions = reader.optional(members, "actions", read_actions_patch);
            let dependencies = reader.optional(members, "dependencies", |r, value| r.list(value, read_dependency));
            let hitl = reader.optional(members, "hitl", read_hitl);
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

    /// Returns `true` if the patch may ask an approver: if it sets the status `awaiting_human`, or a checkpoint with an
    /// approver.
    pub fn may_open_checkpoint(&self) -> bool {
        self.status == Some(State::AwaitingHuman) || self.hitl.as_ref().is_some_and(|hitl| hitl.approver.is_some())
    }

    /// Returns the act for a packet in this state with this content, and the content after the act.
    ///
    /// The content is unchanged if the act has no edit. Fails if the patch contains an answer to the checkpoint.
    pub fn plan(&self, state: State, content: &Content, now: Timestamp) -> Result<(Act, Content), Vec<FieldError>> {
        let opens_checkpoint = self.status == Some(State::AwaitingHuman) && state != State::AwaitingHuman;
        let next = self.merged(content, opens_checkpoint)?;
        // Opening a checkpoint always has an edit, so that the write fails if the content has changed meanwhile.
        let edit = (self.changes_content() || self.status == Some(State::AwaitingHuman)).then(|| Edit {
            base: content.reference(),
            content: next.reference(),
            has_checkpoint: next.hitl.is_some(),
            // A patch that repeats the present checkpoint sets none.
            sets_checkpoint: self.hitl.is_some() && next.hitl != content.hitl,
            answer_until: next.checkpoint_deadline(now),
            asks: None,
        });
        let act = match (self.status, edit) {
            (Some(to), edit) => Act::Move { to, edit, in_batch: false },
            (None, Some(edit)) => Act::Edit(edit),
            (None, None) => Act::Heartbeat,
        };
        Ok((act, next))
    }

    /// Merges the patch into the content. Context, dependencies and checkpoint are replaced, decisions merged by id,
    /// and actions replaced list by list.
    fn merged(&self, content: &Content, opens_checkpoint: bool) -> Result<Content, Vec<FieldError>> {
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
            let current = content.hitl.as_ref().filter(|_| hitl.is_answered());
            // A client may send back the answer that it read.
            if hitl.is_answered() && !current.is_some_and(|current| current.has_answer_of(hitl)) {
                let path = ["hitl", "response"];
                return Err(vec![FieldError::new(path, ONLY_APPROVER_ANSWERS, "value_error")]);
            }
            next.hitl = match current {
                // The answer would seem to be one to another request.
                Some(current) if !opens_checkpoint && !current.is_same_as(hitl) => {
                    return Err(vec![FieldError::new(["hitl"], ANSWERED_STAYS, "value_error")]);
                }
                Some(current) if !opens_checkpoint => Some(current.clone()),
                _ => Some(hitl.clone()),
            };
        }
        if opens_checkpoint {
            // A checkpoint that opens has no answer yet.
            next.hitl = next.hitl.map(Hitl::unanswered);
        }
        Ok(next)
    }
}

/// Merges decisions by id: a known id is replaced in its first position, a new id is appended.
fn merge_decisions(decisions: &mut Vec<PriorDecision>, updates: &[PriorDecision]) {
    let mut positions = HashMap::new();
    for (position, decision) in decisions.iter().enumerate() {
        positions.entry(decision.id.clone()).or_insert(position);
    }
    for update in updates {
        match positions.get(&update.id).and_then(|position| decisions.get_mut(*position)) {
            Some(decision) => *decision = update.clone(),
            None => {
                positions.insert(update.id.clone(), decisions.len());
                decisions.push(update.clone());
            }
        }
    }
}

/// Author of an answer to a checkpoint.
#[derive(Clone, Debug, PartialEq)]
pub struct Responder {
    pub by: Actor,
    /// API key that sends the answer. `None` if a person answers.
    pub key: Option<AnsweringKey>,
    /// Number of the event that opened the checkpoint, from the approver's link. `None` for a program, which answers the
    /// checkpoint that is open now.
    pub question: Option<u64>,
}

impl CheckpointAnswer {
    /// Returns the act that answers the checkpoint of the record, and the content after the act.
    /// The guard refuses a person's answer if another checkpoint is open.
    pub fn plan(
        &self,
        responder: &Responder,
        record: &Record<Packet>,
        content: &Content,
        now: Timestamp,
    ) -> (Act, Content) {
        let Responder { by, key, question } = responder.clone();
        let key_name = key.as_ref().map(|key| key.name.as_str());
        let next = content.answered(self, AnswerOrigin::new(&by, key_name, asker_of_checkpoint(record)), now);
        let edit = Edit {
            base: content.reference(),
            content: next.reference(),
            has_checkpoint: next.hitl.is_some(),
            sets_checkpoint: false,
            answer_until: None,
            asks: None,
        };
        let Self { by, response, notes } = self.clone();
        (Act::Respond { by, response, notes, question, key, edit }, next)
    }
}

fn read_actions_patch(reader: &mut BodyReader, value: &Value) -> Option<ActionsPatch> {
    let members = reader.object(value)?;
    let pending = reader.optional(members, "pending", |r, value| r.list(value, read_pending));
    let completed = reader.optional(members, "completed", |r, value| r.list(value, read_completed));
    let failed = reader.optional(members, "failed", |r, value| r.list(value, read_failed));
    Some(ActionsPatch { pending: pending?, completed: completed?, failed: failed? })
}
