//! Handles submitted dialogs.

use axum::response::{IntoResponse, Response};
use handrail_approvals::slack::{
    DialogMetadata, FieldErrors, closed_text, field_error_sentence, notice_dialog, parse_dialog,
};
use handrail_context::cx::Cx;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::answers::{AnswerOutcome, SlackApprover};

/// What Slack does with a submitted dialog that stays open.
#[derive(Serialize, JsonSchema)]
#[serde(tag = "response_action", rename_all = "snake_case")]
pub(crate) enum DialogReply {
    /// Shows another dialog.
    Update { view: Value },
    /// Shows errors at the fields of the dialog.
    Errors { errors: FieldErrors },
}

pub(crate) async fn handle(cx: &Cx, payload: &Value) -> Result<Response, Problem> {
    let view = &payload["view"];
    let metadata = view["private_metadata"].as_str().and_then(|text| serde_json::from_str::<DialogMetadata>(text).ok());
    // The dialog is not one of Handrail's.
    let Some(metadata) = metadata else { return Ok(StatusCode::OK.into_response()) };
    let approver = SlackApprover::from_button_token(cx, &metadata.button_token, payload).await?;
    let parsed = match parse_dialog(&approver.link_access.decision().spec, metadata.choice, &view["state"]["values"]) {
        Ok(parsed) => parsed,
        Err(errors) => return Ok(field_errors_response(&errors)),
    };
    match approver.answer(cx, metadata.choice, parsed.answer).await? {
        // An empty response closes the dialog.
        AnswerOutcome::Accepted => Ok(StatusCode::OK.into_response()),
        AnswerOutcome::TooLate(decision) => {
            let (title, text) = closed_text(&decision);
            Ok(axum::Json(DialogReply::Update { view: notice_dialog(title, &text) }).into_response())
        }
        AnswerOutcome::Invalid(error) => {
            let block = if error.field() == "notes" { "notes" } else { parsed.data_block_id };
            Ok(field_errors_response(&FieldErrors::from_iter([(
                block.to_owned(),
                field_error_sentence(&error.message).into(),
            )])))
        }
    }
}

fn field_errors_response(errors: &FieldErrors) -> Response {
    axum::Json(DialogReply::Errors { errors: errors.clone() }).into_response()
}
