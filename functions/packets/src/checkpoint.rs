//! A checkpoint that asks a person by name: found by the number in their link, seen as a question, and answered by them.
//!
//! Called by the workers that ask and by the pages and Slack's operations, which take the answer. The view is for people; the
//! packet alone says what counts, in its own conditional write.

use handrail_asking::Question;
use handrail_domain::decision::{self, Decision, REPLY};
use handrail_domain::ids::{RecordId, TenantId};
use handrail_domain::lifecycle::{Command, decide};
use handrail_domain::packet::{self, Asked, Asker, Content, Packet, Refusal, Response};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use handrail_kernel::problem::Problem;
use handrail_kernel::quota::{self, Counted};
use handrail_kernel::store::Key;
use handrail_kernel::transition::{self, Proposed, Stop};
use serde_json::Value;

use crate::dialect::{Part, flawed};
use crate::shelf::Held;
use crate::words;

/// Whom this content asks in the name of this key, if it asks somebody.
pub(crate) fn asked(key: &Key, content: &Content) -> Result<Option<Asked>, Problem> {
    let asker = Asker { name: &key.name, approvers: &key.approvers, in_slack: key.tier.asks_in_slack() };
    asker.asked(content).map_err(|flaw| flawed(Part::Body, &[flaw]))
}

/// Somebody who is asked counts as a decision does: the month's limit is one for both.
pub(crate) async fn count(cx: &Cx, key: &Key, id: RecordId, named: bool) -> Result<Counted, Problem> {
    quota::take::<Packet>(cx, key, id, named).await
}

/// One question of a packet.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    pub question: Question,
    number: u64,
    record: Record<Packet>,
}

impl Checkpoint {
    /// The question that the event of this number asked. `None`: there is no such packet, or that event asked nobody.
    pub async fn find(cx: &Cx, tenant: TenantId, id: RecordId, number: u64) -> Result<Option<Self>, Fault> {
        let Some(whole) = cx.store.whole::<Packet>(tenant, id).await? else { return Ok(None) };
        let Held { record, content } = Held::of(whole)?;
        // The head's log is short; what it forgot lies beside it.
        let first = record.log.first().map_or(1, |line| line.entry.seq);
        let earlier = match number {
            number if (1..first).contains(&number) => cx.store.events_before::<Packet>(tenant, id, first).await?,
            _ => Vec::new(),
        };
        let seen = packet::question(&record, &content, &earlier, number);
        Ok(seen.map(|seen| Self { question: Question { record: seen, number: Some(number) }, number, record }))
    }

    /// What a person answered, if it fits the question and is the first answer.
    ///
    /// Judged by the rules of a decision as it was read, and then made true by the packet's own write, which finds out
    /// whether the question is still the one that is asked.
    pub async fn answer(&self, cx: &Cx, command: &Command<Decision>) -> Result<(), Stop<Decision>> {
        if self.record.made_by(&command.id).is_some() {
            // Our own answer is not a refusal.
            return Ok(());
        }
        let view = &self.question.record;
        let verdict = decide(view, command, cx.clock.now()).map_err(Stop::Refused)?;
        let Some(outcome) = verdict.next.standing.outcome() else {
            return Err(Stop::Refused(decision::Refusal::Expired { at: view.ask.expires_at }));
        };
        let said = outcome.answer.response_data.as_ref().and_then(|data| data.get(REPLY)).and_then(Value::as_str);
        let response = Response {
            by: outcome.answer.resolved_by.clone(),
            response: said.unwrap_or_default().to_owned(),
            notes: outcome.answer.notes.clone(),
        };
        match self.respond(cx, &response, command).await {
            Ok(()) => Ok(()),
            Err(Stop::NotFound) => Err(Stop::NotFound),
            Err(Stop::Refused(Refusal::TooLarge { .. }) | Stop::TooLarge) => {
                let message = "does not fit: the packet holds as much as it can".to_owned();
                Err(Stop::Refused(decision::Refusal::DoesNotFit { field: "response_data", message }))
            }
            // Whoever asks again sees what became of it meanwhile.
            Err(Stop::Refused(_)) => Err(Stop::Refused(decision::Refusal::NotAsked)),
            Err(Stop::OtherContent) => Err(Stop::OtherContent),
            Err(Stop::Busy) => Err(Stop::Busy),
            Err(Stop::Fault(fault)) => Err(Stop::Fault(fault)),
        }
    }

    async fn respond(&self, cx: &Cx, response: &Response, by: &Command<Decision>) -> Result<(), Stop<Packet>> {
        let Record { tenant, id, .. } = self.record;
        let reworked = transition::rework(cx, tenant, id, |whole| {
            let found = Held::of(whole.clone())?;
            let (act, content) = response.plan_to(Some(self.number), &found.content, cx.clock.now());
            let command = Command::<Packet> { id: by.id.clone(), actor: by.actor.clone(), act };
            Ok(Proposed { command, body: Some(words::body_of(&content)?) })
        });
        reworked.await.map(drop)
    }
}
