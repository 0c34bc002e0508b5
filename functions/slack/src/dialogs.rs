//! A dialog that was filled in and sent.

use axum::response::{IntoResponse, Response};
use handrail_asking::slack::{Kept, Wrongs, ended_in_words, read_answer, sentence, told};
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use http::StatusCode;
use serde_json::{Value, json};

use crate::answering::{Answered, Person};

pub(crate) async fn take(cx: &Cx, payload: &Value) -> Result<Response, Problem> {
    let view = &payload["view"];
    let kept = view["private_metadata"].as_str().and_then(|text| serde_json::from_str::<Kept>(text).ok());
    // Not a dialog of ours: there is nothing to do about it.
    let Some(kept) = kept else { return Ok(StatusCode::OK.into_response()) };
    let person = Person::with(cx, &kept.ticket, payload).await?;
    let typed = match read_answer(&person.visit.question.ask, kept.choice, &view["state"]["values"]) {
        Ok(typed) => typed,
        Err(wrongs) => return Ok(wrong(&wrongs)),
    };
    match person.answer(cx, kept.choice, typed.given).await? {
        // An empty answer closes the dialog.
        Answered::Counts => Ok(StatusCode::OK.into_response()),
        Answered::TooLate(found) => {
            let (title, text) = ended_in_words(&found);
            Ok(axum::Json(json!({"response_action": "update", "view": told(title, &text)})).into_response())
        }
        Answered::Wrong { field, message } => {
            let block = if field == "notes" { "notes" } else { typed.data_block };
            Ok(wrong(&Wrongs::from_iter([(block.to_owned(), sentence(&message).into())])))
        }
    }
}

fn wrong(wrongs: &Wrongs) -> Response {
    axum::Json(json!({"response_action": "errors", "errors": wrongs})).into_response()
}
