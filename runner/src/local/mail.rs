//! `/local/mail`: the mail that Handrail would have sent.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::{Local, LocalFault, wants_json};
use crate::pages::{self, MailDetail, MailRow};

const LISTED_MAX: usize = 200;

pub(super) async fn list(State(local): State<Local>, headers: HeaderMap) -> Result<Response, LocalFault> {
    let mails = local.desk.mails(LISTED_MAX).await?;
    if wants_json(&headers) {
        return Ok(axum::Json(mails).into_response());
    }
    let times: Vec<String> = mails.iter().map(|mail| mail.at.readable()).collect();
    let rows: Vec<MailRow<'_>> = mails
        .iter()
        .zip(&times)
        .map(|(mail, at)| MailRow { id: &mail.id, to: &mail.to, subject: &mail.subject, at })
        .collect();
    Ok(pages::mails(&rows).into_response())
}

pub(super) async fn one(
    State(local): State<Local>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, LocalFault> {
    let Some(mail) = local.desk.mail(&id).await? else {
        return Ok(pages::not_here("mail").into_response());
    };
    if wants_json(&headers) {
        return Ok(axum::Json(mail).into_response());
    }
    let at = mail.at.readable();
    let detail =
        MailDetail { id: &mail.id, to: &mail.to, subject: &mail.subject, at: &at, text: &mail.text, html: &mail.html };
    Ok(pages::mail(&detail).into_response())
}
