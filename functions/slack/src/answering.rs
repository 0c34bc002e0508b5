//! From a tap or a dialog to an answer: whose it is, and whether it counts.

use handrail_asking::slack::Ticket;
use handrail_decisions::{Visit, refused};
use handrail_domain::actor::{Actor, ProofOfPerson};
use handrail_domain::decision::{Act, Choice, Decision, Given, Refusal, asked_now};
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::seal::open;
use handrail_kernel::slack::SlackUser;
use handrail_kernel::transition::Stop;
use handrail_slack_api::BotToken;
use http::StatusCode;
use serde_json::{Value, json};

/// Somebody whose message this was.
pub(crate) struct Person {
    pub(crate) visit: Visit,
    token: String,
}

pub(crate) enum Answered {
    /// Now, or by the same tap before.
    Counts,
    /// As it stands instead.
    TooLate(Box<Record<Decision>>),
    Wrong {
        field: &'static str,
        message: String,
    },
}

impl Person {
    /// A ticket in other hands than it was made for is as good as none.
    pub(crate) async fn with(cx: &Cx, ticket: &str, payload: &Value) -> Result<Self, Problem> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let user = SlackUser { team: text(&payload["team"]["id"]), user: text(&payload["user"]["id"]) };
        let ticket = Ticket::parse(ticket).ok_or_else(not_asked)?;
        if !ticket.is_for(cx.master()?, &user) {
            return Err(not_asked());
        }
        let visit = Visit::by(cx, &ticket.token).await?;
        Ok(Self { visit, token: ticket.token })
    }

    /// The decision now, and whether this person is the one who is asked.
    pub(crate) fn seen(&self, cx: &Cx) -> (Record<Decision>, bool) {
        let seen = self.visit.question.seen_at(cx.clock.now());
        let asked = asked_now(&seen).is_some_and(|asked| asked.same_mailbox(&self.visit.person));
        (seen, asked)
    }

    pub(crate) async fn answer(&self, cx: &Cx, choice: Choice, given: Given) -> Result<Answered, Problem> {
        let content = json!([given.notes, given.response_data, given.execute_at]).to_string();
        let command = Command::<Decision> {
            // The button and what was typed: the same sent twice finds its own answer.
            id: CommandId::new(&format!("slack {} {} {content}", self.token, choice.name()), &[]),
            actor: Actor::Person { email: self.visit.person.clone(), by: ProofOfPerson::Slack },
            act: Act::Answer(choice, given),
        };
        match self.visit.answer(cx, &command).await {
            Ok(()) => Ok(Answered::Counts),
            Err(Stop::Refused(Refusal::DoesNotFit { field, message })) => Ok(Answered::Wrong { field, message }),
            Err(Stop::Refused(
                Refusal::AlreadyAnswered { .. }
                | Refusal::Expired { .. }
                | Refusal::Cancelled { .. }
                | Refusal::NotAsked
                | Refusal::NotOffered { .. },
            )) => {
                let found = Visit::by(cx, &self.token).await?.question;
                Ok(Answered::TooLate(Box::new(found.seen_at(cx.clock.now()))))
            }
            Err(stop) => Err(stop.into_problem("Decision", refused)),
        }
    }
}

/// What the bot of the account's workspace shows to be let in. `None`: the workspace was never connected here.
pub(crate) async fn bot_token(cx: &Cx, seen: &Record<Decision>) -> Result<Option<BotToken>, Problem> {
    let Some(workspace) = cx.store.workspace(seen.tenant).await? else { return Ok(None) };
    let token = open(cx.master()?, "slack", &seen.tenant.to_string(), &workspace.sealed_token)?;
    Ok(Some(BotToken::new(token)))
}

fn not_asked() -> Problem {
    Problem::refused(StatusCode::FORBIDDEN, "NOT_ASKED", "This message was sent to somebody else")
}
