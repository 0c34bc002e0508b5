//! A tap on a button. Most are the whole answer; some open a dialog.

use axum::response::{IntoResponse, Response};
use handrail_asking::slack::{Kept, dialog, ended, needs_dialog};
use handrail_domain::decision::{Choice, Decision, Given};
use handrail_domain::record::Record;
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_slack_api::{OPERATION_PATIENCE, Placed};
use http::StatusCode;
use serde_json::Value;

use crate::answering::{Answered, Person, bot_token};
use crate::slack;

pub(crate) async fn take(cx: &Cx, payload: &Value) -> Result<Response, Problem> {
    let action = &payload["actions"][0];
    // A button that only leads to the page tells of its tap too.
    let Some(choice) = action["action_id"].as_str().and_then(Choice::from_name) else { return Ok(done()) };
    let ticket = action["value"].as_str().unwrap_or_default();
    let person = Person::with(cx, ticket, payload).await?;
    let (seen, asked) = person.seen(cx);
    if !asked {
        return show_end(cx, &seen, payload).await;
    }
    if needs_dialog(choice, seen.ask.response_type.as_ref()) {
        let kept = Kept { ticket: ticket.to_owned(), choice };
        return open_dialog(cx, &seen, &kept, payload).await;
    }
    match person.answer(cx, choice, Given::default()).await? {
        // The message is edited by what follows from the answer, wherever that came from.
        Answered::Counts => Ok(done()),
        Answered::TooLate(found) => show_end(cx, &found, payload).await,
        Answered::Wrong { message, .. } => Err(Problem::invalid("action", message)),
    }
}

async fn open_dialog(cx: &Cx, seen: &Record<Decision>, kept: &Kept, payload: &Value) -> Result<Response, Problem> {
    let trigger = payload["trigger_id"].as_str().unwrap_or_default();
    let Some(token) = bot_token(cx, seen).await? else { return Ok(done()) };
    let opened = slack(cx, OPERATION_PATIENCE).open_view(&token, trigger, &dialog(seen, kept)).await;
    match opened {
        Ok(()) => Ok(done()),
        // Slack then tells the person that it did not work, and they tap again.
        Err(fault) => {
            tracing::warn!(%fault, "a dialog did not open");
            Err(Problem::Busy { retry_after_s: 1 })
        }
    }
}

/// Whoever taps a button that should be gone sees at once why: the message that they hold may be one that nobody knows of.
async fn show_end(cx: &Cx, seen: &Record<Decision>, payload: &Value) -> Result<Response, Problem> {
    let text = |name: &str| payload["container"][name].as_str().unwrap_or_default().to_owned();
    let place = Placed { channel: text("channel_id"), ts: text("message_ts") };
    if let Some(token) = bot_token(cx, seen).await? {
        let end = ended(seen);
        if let Err(fault) = slack(cx, OPERATION_PATIENCE).update(&token, &place, &end.text, &end.blocks).await {
            tracing::warn!(%fault, "a message could not be edited");
        }
    }
    Ok(done())
}

fn done() -> Response {
    StatusCode::OK.into_response()
}
