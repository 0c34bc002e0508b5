//! Identifies the Slack user behind a button click or a dialog, and records their answer.

use handrail_approvals::LinkAccess;
use handrail_approvals::errors::refusal_to_problem;
use handrail_approvals::slack::ButtonToken;
use handrail_context::cx::Cx;
use handrail_domain::actor::{Actor, AuthMethod};
use handrail_domain::decision::{Act, Choice, Decision, Refusal, SubmittedAnswer, current_approver};
use handrail_domain::field_error::FieldError;
use handrail_domain::ids::CommandId;
use handrail_domain::lifecycle::Command;
use handrail_domain::record::Record;
use handrail_domain::slack_user::SlackUser;
use handrail_records::transition::TransitionError;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::seal::open;
use handrail_slack_api::BotToken;
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

/// A Slack user who answers the message that was sent to them.
pub(crate) struct SlackApprover {
    pub(crate) link_access: LinkAccess,
    link_token: String,
}

pub(crate) enum AnswerOutcome {
    /// The answer is recorded, now or by an earlier equal request.
    Accepted,
    /// The decision was closed or escalated before, with its current state.
    TooLate(Box<Record<Decision>>),
    Invalid(FieldError),
}

impl SlackApprover {
    /// Verifies a button's token. A token of another Slack user is refused like an invalid one.
    pub(crate) async fn from_button_token(cx: &Cx, token: &str, payload: &Value) -> Result<Self, Problem> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let user = SlackUser { team: text(&payload["team"]["id"]), user: text(&payload["user"]["id"]) };
        let token = ButtonToken::parse(token).ok_or_else(not_the_recipient)?;
        if !token.is_valid_for(cx.key(KeyPurpose::Slack)?, &user) {
            return Err(not_the_recipient());
        }
        let link_access = open_link(cx, &token.link_token).await?;
        Ok(Self { link_access, link_token: token.link_token })
    }

    /// The current decision, and `true` if this user is its current approver.
    pub(crate) fn current_decision(&self, cx: &Cx) -> (Record<Decision>, bool) {
        let current = self.link_access.decision().as_of(cx.clock.now());
        let is_approver =
            current_approver(&current).is_some_and(|approver| approver.same_mailbox(&self.link_access.approver));
        (current, is_approver)
    }

    pub(crate) async fn answer(
        &self,
        cx: &Cx,
        choice: Choice,
        answer: SubmittedAnswer,
    ) -> Result<AnswerOutcome, Problem> {
        let content = json!([answer.notes, answer.response_data, answer.execute_at]).to_string();
        let command = Command::<Decision> {
            // Made of the button and the content, so that a repeat finds its own answer.
            id: CommandId::new(&format!("slack {} {} {content}", self.link_token, choice.name()), &[]),
            actor: Actor::Person { email: self.link_access.approver.clone(), by: AuthMethod::Slack },
            act: Act::Answer(choice, answer),
        };
        match self.link_access.answer(cx, &command).await {
            Ok(()) => Ok(AnswerOutcome::Accepted),
            Err(TransitionError::Refused(Refusal::AnswerMismatch(error))) => Ok(AnswerOutcome::Invalid(error)),
            Err(TransitionError::Refused(
                Refusal::AlreadyAnswered { .. }
                | Refusal::Expired { .. }
                | Refusal::Cancelled { .. }
                | Refusal::NotCurrentApprover
                | Refusal::NotOffered { .. },
            )) => {
                let access = open_link(cx, &self.link_token).await?;
                Ok(AnswerOutcome::TooLate(Box::new(access.decision().as_of(cx.clock.now()))))
            }
            Err(error) => Err(Problem::from_transition(error, "Decision", refusal_to_problem)),
        }
    }
}

async fn open_link(cx: &Cx, token: &str) -> Result<LinkAccess, Problem> {
    LinkAccess::from_token(cx, token).await?.ok_or(Problem::NotFound { resource: "Decision" })
}

/// Bot token of the tenant's workspace. Returns `None` if no workspace is connected.
pub(crate) async fn bot_token(cx: &Cx, current: &Record<Decision>) -> Result<Option<BotToken>, Problem> {
    let Some(workspace) = cx.store.workspace(current.tenant).await? else { return Ok(None) };
    let token = open(cx.key(KeyPurpose::Slack)?, "slack", &current.tenant.to_string(), &workspace.sealed_token)?;
    Ok(Some(BotToken::new(token)))
}

fn not_the_recipient() -> Problem {
    Problem::refused(StatusCode::FORBIDDEN, "NOT_ASKED", "This message was sent to another person")
}
