//! `/local/mail`: mail that was stored instead of sent.

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::response::{LocalFault, wants_json};
use super::state::Local;
use crate::pages::{self, MailDetail, MailRow};

const MAX_LISTED: usize = 200;

pub(super) async fn list(State(local): State<Local>, headers: HeaderMap) -> Result<Response, LocalFault> {
    let mails = local.local_store.mails(MAX_LISTED).await?;
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

pub(super) async fn show(
    State(local): State<Local>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, LocalFault> {
    let Some(mail) = local.local_store.mail(&id).await? else {
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
