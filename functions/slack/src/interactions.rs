//! `POST /slack/interactions`: somebody tapped a button of a message, or sent a dialog. Slack waits three seconds.

use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_decisions::DIALECT;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::limited_body;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::Value;

use crate::signature::is_slacks;
use crate::{dialogs, taps};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-interactions",
    method: Verb::Post,
    path: "/slack/interactions",
    auth: Auth::Slack,
    dialect: DIALECT,
    needs: &[Need::Table, Need::MasterKey, Need::SlackSigningSecret],
    touches: &[Touch::Read, Touch::Move, Touch::PutBody, Touch::ReadWorkspace, Touch::CallSlack],
    summary: "Take what people tap and type in Slack",
    route,
};

/// A dialog with twenty texts of 2,000 characters, each escaped to at most nine bytes, and the message that it came from.
const BODY_BYTES_MAX: usize = 512 * 1024;

fn route() -> MethodRouter<Cx> {
    post(handler)
}

async fn handler(Extract(cx): Extract<Cx>, request: Request) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let body = limited_body(request, BODY_BYTES_MAX).await?;
    let secret = cx.settings.slack.signing_secret.as_ref();
    // Without a secret nobody can be Slack.
    let genuine = secret.is_some_and(|secret| is_slacks(&headers, &body, secret.expose(), cx.clock.now()));
    if !genuine {
        return Err(Problem::refused(
            StatusCode::UNAUTHORIZED,
            "INVALID_SIGNATURE",
            "This is not signed by Slack with this app's signing secret, or it is older than five minutes",
        ));
    }
    let payload = payload(&body)?;
    match payload["type"].as_str() {
        Some("block_actions") => taps::take(&cx, &payload).await,
        Some("view_submission") => dialogs::take(&cx, &payload).await,
        // Slack may tell of more than we asked for.
        _ => Ok(StatusCode::OK.into_response()),
    }
}

fn payload(body: &[u8]) -> Result<Value, Problem> {
    let field = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, text) = field.ok_or_else(|| Problem::invalid("payload", "is missing"))?;
    let payload: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
    payload.ok_or_else(|| Problem::invalid("payload", "is no JSON object"))
}
