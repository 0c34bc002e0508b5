//! Handles button clicks. Most clicks are a complete answer; some open a dialog.

use axum::response::{IntoResponse, Response};
use handrail_approvals::slack::{DialogMetadata, answer_dialog, closed_message, needs_dialog};
use handrail_context::cx::Cx;
use handrail_domain::decision::{Choice, Decision, SubmittedAnswer};
use handrail_domain::record::Record;
use handrail_slack_api::{MessageRef, OPERATION_TIMEOUT};
use handrail_web::problem::Problem;
use http::StatusCode;
use serde_json::Value;

use crate::answers::{AnswerOutcome, SlackApprover, bot_token};
use crate::client::slack_client;

pub(crate) async fn handle(cx: &Cx, payload: &Value) -> Result<Response, Problem> {
    let action = &payload["actions"][0];
    // Slack also reports clicks on the button that links to the page.
    let Some(choice) = action["action_id"].as_str().and_then(Choice::from_name) else { return Ok(ok_response()) };
    let button_token = action["value"].as_str().unwrap_or_default();
    let approver = SlackApprover::from_button_token(cx, button_token, payload).await?;
    let (current, is_approver) = approver.current_decision(cx);
    if !is_approver {
        return show_closed_message(cx, &current, payload).await;
    }
    if needs_dialog(choice, current.spec.response_type.as_ref()) {
        let metadata = DialogMetadata { button_token: button_token.to_owned(), choice };
        return open_dialog(cx, &current, &metadata, payload).await;
    }
    match approver.answer(cx, choice, SubmittedAnswer::default()).await? {
        // The effects of the answer update the message.
        AnswerOutcome::Accepted => Ok(ok_response()),
        AnswerOutcome::TooLate(decision) => show_closed_message(cx, &decision, payload).await,
        AnswerOutcome::Invalid(error) => Err(Problem::invalid("action", error.message)),
    }
}

async fn open_dialog(
    cx: &Cx,
    current: &Record<Decision>,
    metadata: &DialogMetadata,
    payload: &Value,
) -> Result<Response, Problem> {
    let trigger = payload["trigger_id"].as_str().unwrap_or_default();
    let Some(token) = bot_token(cx, current).await? else { return Ok(ok_response()) };
    let opened =
        slack_client(cx, OPERATION_TIMEOUT).open_view(&token, trigger, &answer_dialog(current, metadata)).await;
    match opened {
        Ok(()) => Ok(ok_response()),
        // On an error Slack tells the user that the click failed, and the user clicks again.
        Err(fault) => {
            tracing::warn!(%fault, "the dialog could not be opened");
            Err(Problem::Busy { retry_after_s: 1 })
        }
    }
}

/// Shows the outcome in the clicked message, which may be a copy that the delivery doesn't know.
async fn show_closed_message(cx: &Cx, current: &Record<Decision>, payload: &Value) -> Result<Response, Problem> {
    let text = |name: &str| payload["container"][name].as_str().unwrap_or_default().to_owned();
    let message = MessageRef { channel: text("channel_id"), ts: text("message_ts") };
    if let Some(token) = bot_token(cx, current).await? {
        let closed = closed_message(current);
        if let Err(fault) =
            slack_client(cx, OPERATION_TIMEOUT).update_message(&token, &message, &closed.text, &closed.blocks).await
        {
            tracing::warn!(%fault, "the message could not be updated");
        }
    }
    Ok(ok_response())
}

fn ok_response() -> Response {
    StatusCode::OK.into_response()
}
