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
        // The head's log is short; what it forgot lies beside it, from the question on. While it is open nothing ended it.
        let first = record.log.first().map_or(1, |line| line.entry.seq);
        let is_open = record.standing.question.as_ref().is_some_and(|question| question.number == number);
        let earlier = match number {
            0 => Vec::new(),
            number if is_open => cx.store.events_from::<Packet>(tenant, id, number, first.min(number + 1)).await?,
            number => cx.store.events_from::<Packet>(tenant, id, number, first).await?,
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

#[cfg(test)]
mod tests {
    use handrail_domain::access::Role;
    use handrail_domain::effect::{Effect, Purpose};
    use handrail_domain::ids::KeyId;
    use handrail_domain::lifecycle::Lifecycle;
    use handrail_domain::packet::State;
    use handrail_domain::text::EmailAddress;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, NOON, WRITER, key, packet};

    fn asks(approver: &str) -> Value {
        let mut body = packet();
        body["hitl"] = json!({"reason": "Large sum", "question": "Refund it?", "approver": approver});
        body
    }

    async fn create(desk: &Desk, key: &str, body: Value) -> Answer {
        desk.call(crate::create::ENDPOINT, "/api/v1/packets", key, body).await
    }

    async fn patch(desk: &Desk, id: RecordId, key: &str, body: Value) -> Answer {
        desk.call(crate::patch::ENDPOINT, &format!("/api/v1/packets/{id}"), key, body).await
    }

    async fn follows(desk: &Desk, id: RecordId) -> Vec<Purpose> {
        let record = desk.record(id).await;
        let effects = Packet::effects(&record.ask, record.newest().unwrap());
        effects.into_iter().map(Effect::purpose).collect()
    }

    #[tokio::test]
    async fn whoever_is_named_is_asked_and_comes_back_in_the_checkpoint() {
        let desk = Desk::new().await;
        let made = create(&desk, AGENT, asks("ann@example.com")).await;
        assert_eq!((made.status.as_u16(), &made.json["hitl"]["approver"]), (201, &json!("ann@example.com")));
        assert_eq!(follows(&desk, made.id()).await[0], Purpose::AskApprover);
        let unnamed = desk.made_of(crate::testing::checkpoint()).await;
        assert_eq!(follows(&desk, unnamed).await, []);
        let path = format!("/api/v1/packets/{}", made.id());
        let chained = desk.call(crate::chain::ENDPOINT, &format!("{path}/chain"), AGENT, asks("ann@example.com")).await;
        assert_eq!(follows(&desk, chained.id()).await[0], Purpose::AskApprover);
        let batch = json!({"packets": [asks("ann@example.com"), asks("ann"), packet()]});
        let refused = desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, batch).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packets.1.hitl.approver")));
        let batch = json!({"packets": [asks("ann@example.com"), packet()]});
        let batch = desk.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", AGENT, batch).await;
        let first = batch.json["created"][0]["id"].as_str().unwrap().parse().unwrap();
        assert_eq!(follows(&desk, first).await[0], Purpose::AskApprover);
    }

    #[tokio::test]
    async fn a_patch_that_raises_a_checkpoint_asks_and_one_that_only_puts_it_there_does_not() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        let hitl = asks("ann@example.com")["hitl"].clone();
        assert_eq!(patch(&desk, id, AGENT, json!({"hitl": hitl})).await.status.as_u16(), 200);
        assert_eq!(follows(&desk, id).await, []);
        let raised = patch(&desk, id, AGENT, json!({"status": "awaiting_human"})).await;
        assert_eq!((raised.status.as_u16(), &raised.json["status"]), (200, &json!("awaiting_human")));
        assert_eq!(follows(&desk, id).await[0], Purpose::AskApprover);
        // What they read stays what they answer.
        let other = asks("bob@example.com")["hitl"].clone();
        assert_eq!(patch(&desk, id, AGENT, json!({"hitl": other})).await.status.as_u16(), 409);
        let respond = json!({"response": "yes", "responded_by": "bob"});
        let path = format!("/api/v1/packets/{id}/respond");
        assert_eq!(desk.call(crate::respond::ENDPOINT, &path, WRITER, respond).await.status.as_u16(), 200);
        assert_eq!(follows(&desk, id).await, [Purpose::UpdateSlack]);
    }

    const STRICT: &str = "ho_test_strict";
    const LIMITED: &str = "ho_test_limited";

    async fn with_keys(desk: &Desk) {
        let bob = EmailAddress::parse("bob@example.com").unwrap();
        let strict = Key { id: KeyId::new(NOON, [90; 10]), approvers: vec![bob], ..key(Role::Agent) };
        desk.with_key(strict, STRICT).await;
        let limited = Key { id: KeyId::new(NOON, [91; 10]), decisions_per_month: Some(2), ..key(Role::Agent) };
        desk.with_key(limited, LIMITED).await;
    }

    #[tokio::test]
    async fn a_key_asks_only_the_people_on_its_list() {
        let desk = Desk::new().await;
        with_keys(&desk).await;
        let refused = create(&desk, STRICT, asks("ann@example.com")).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("hitl.approver")));
        assert!(refused.refusal().1.contains("not on this key's list"), "{}", refused.json);
        assert_eq!(create(&desk, STRICT, asks("Bob@Example.com")).await.status.as_u16(), 201);
        let id = desk.claimed().await;
        let raise = |approver: &str| json!({"status": "awaiting_human", "hitl": asks(approver)["hitl"]});
        let refused = patch(&desk, id, STRICT, raise("ann@example.com")).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("hitl.approver")));
        // Nor by raising what a key with another list put there.
        patch(&desk, id, AGENT, json!({"hitl": asks("ann@example.com")["hitl"]})).await;
        let refused = patch(&desk, id, STRICT, json!({"status": "awaiting_human"})).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("hitl.approver")));
        assert_eq!(desk.record(id).await.state(), State::Claimed);
        assert_eq!(patch(&desk, id, STRICT, raise("bob@example.com")).await.status.as_u16(), 200);
    }

    #[tokio::test]
    async fn a_person_who_is_asked_counts_for_the_month_and_nothing_else_does() {
        let desk = Desk::new().await;
        with_keys(&desk).await;
        let id = desk.claimed().await;
        let raise = json!({"status": "awaiting_human", "hitl": asks("ann@example.com")["hitl"]});
        assert_eq!(create(&desk, LIMITED, asks("ann@example.com")).await.status.as_u16(), 201);
        // What asks nobody, or is refused, is not counted.
        assert_eq!(create(&desk, LIMITED, packet()).await.status.as_u16(), 201);
        assert_eq!(patch(&desk, id, LIMITED, json!({"hitl": raise["hitl"]})).await.status.as_u16(), 200);
        let done = json!({"status": "created", "hitl": raise["hitl"]});
        assert_eq!(patch(&desk, id, LIMITED, done).await.status.as_u16(), 400);
        assert_eq!(patch(&desk, id, LIMITED, raise.clone()).await.status.as_u16(), 200);
        let over = create(&desk, LIMITED, asks("ann@example.com")).await;
        assert_eq!(over.status.as_u16(), 429, "{}", over.json);
        let other = desk.claimed().await;
        assert_eq!(patch(&desk, other, LIMITED, raise).await.status.as_u16(), 429);
        assert_eq!(desk.record(other).await.state(), State::Claimed);
        assert_eq!(create(&desk, LIMITED, packet()).await.status.as_u16(), 201);
    }

    /// The published client sends what it read back whole, and sends everything again when an answer is lost.
    #[tokio::test]
    async fn a_repeat_of_what_raised_a_checkpoint_asks_nobody_again() {
        let desk = Desk::new().await;
        with_keys(&desk).await;
        let id = desk.claimed().await;
        let mut raise = json!({"status": "awaiting_human", "hitl": asks("ann@example.com")["hitl"]});
        raise["hitl"]["timeout_seconds"] = 60.into();
        assert_eq!(patch(&desk, id, AGENT, raise.clone()).await.status.as_u16(), 200);
        let asked = desk.record(id).await.standing;
        desk.advance(30);
        // A key that may not ask her asks nobody either when it says what is there.
        for (key, body) in [(AGENT, raise.clone()), (AGENT, json!({"hitl": raise["hitl"]})), (STRICT, raise.clone())] {
            let again = patch(&desk, id, key, body.clone()).await;
            assert_eq!((again.status.as_u16(), &again.json["status"]), (200, &raise["status"]), "{}", again.json);
            assert_eq!(follows(&desk, id).await, [], "{body}");
            let standing = desk.record(id).await.standing;
            assert_eq!((standing.question, standing.answer_until), (asked.question.clone(), asked.answer_until));
        }
        desk.advance(30);
        assert_eq!(desk.record(id).await.seen_at(desk.cx.clock.now()).state(), State::Expired);
    }

    /// As much as is read of a history at once, and more.
    #[tokio::test]
    async fn an_old_question_is_found_however_much_happened_since() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        let path = format!("/api/v1/packets/{id}");
        let text = "\"".repeat(10_000);
        for round in 0..85 {
            let raise = json!({"status": "awaiting_human", "hitl": asks("ann@example.com")["hitl"]});
            assert_eq!(patch(&desk, id, AGENT, raise).await.status.as_u16(), 200);
            let response = if round == 0 { "Go on." } else { text.as_str() };
            let body = json!({"response": response, "responded_by": "bob", "notes": text});
            let answered = desk.call(crate::respond::ENDPOINT, &format!("{path}/respond"), WRITER, body).await;
            assert_eq!(answered.status.as_u16(), 200, "{}", answered.json);
            // What the stream's worker does.
            for line in &desk.record(id).await.log {
                let key = handrail_kernel::store::HeadKey { tenant: crate::testing::tenant(), id };
                desk.cx.store.keep_event(key, line).await.unwrap();
            }
        }
        let found = Checkpoint::find(&desk.cx, crate::testing::tenant(), id, 3).await.unwrap();
        let outcome =
            found.expect("it was asked").question.record.standing.outcome().cloned().expect("it was answered");
        assert_eq!(outcome.answer.resolved_by, "bob");
        assert_eq!(outcome.answer.response_data.unwrap()[REPLY], "Go on.");
    }

    #[tokio::test]
    async fn a_question_is_found_by_its_number_alone() {
        let desk = Desk::new().await;
        let id = create(&desk, AGENT, asks("ann@example.com")).await.id();
        let tenant = crate::testing::tenant();
        let found = Checkpoint::find(&desk.cx, tenant, id, 1).await.unwrap().unwrap();
        assert_eq!(found.question.record.ask.asked_by_name, "the agent");
        for number in [0, 2, u64::MAX] {
            assert!(Checkpoint::find(&desk.cx, tenant, id, number).await.unwrap().is_none(), "{number}");
        }
        let stranger = TenantId::new(NOON, [7; 10]);
        assert!(Checkpoint::find(&desk.cx, stranger, id, 1).await.unwrap().is_none());
    }
}
