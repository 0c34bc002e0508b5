//! `POST /slack/interactions`: receives button clicks and dialogs from Slack, which waits three seconds.

use crate::door::DOOR;
use axum::extract::{Request, State as Extract};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Content, Description, FORM};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::read_limited_body;
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde_json::Value;

use crate::dialogs::DialogReply;
use crate::signature::is_signed_by_slack;
use crate::{button_clicks, dialogs};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "slack-interactions",
    method: HttpMethod::Post,
    path: "/slack/interactions",
    auth: Auth::SlackSignature,
    door: DOOR,
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApprovalLinks),
        RequiredSetting::Key(KeyPurpose::Slack),
        RequiredSetting::SlackSigningSecret,
    ],
    accesses: &[
        DataAccess::Read,
        DataAccess::Transition,
        DataAccess::PutBody,
        DataAccess::ReadWorkspace,
        DataAccess::CallSlack,
    ],
    summary: "Receive button clicks and dialogs from Slack",
    route,
};

/// Largest body: a dialog with twenty texts of 2,000 characters, each escaped to at most nine bytes, and its message.
const BODY_BYTES_MAX: usize = 512 * 1024;

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    /// Form that Slack sends.
    #[derive(JsonSchema)]
    #[expect(dead_code, reason = "the form is read as text")]
    struct InteractionForm {
        /// JSON of the interaction.
        payload: String,
    }
    Description::of(handler)
        .body(&[Content::of::<InteractionForm>(FORM)])
        .empty(200)
        .json::<DialogReply>(200)
        .problems(&[401, 403, 404, 409, 410])
}

async fn handler(Extract(cx): Extract<Cx>, request: Request) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let body = read_limited_body(request, BODY_BYTES_MAX).await?;
    let secret = cx.settings.slack.signing_secret.as_ref();
    // Without a secret no signature is valid.
    let is_signed = secret.is_some_and(|secret| is_signed_by_slack(&headers, &body, secret.expose(), cx.clock.now()));
    if !is_signed {
        return Err(Problem::refused(
            StatusCode::UNAUTHORIZED,
            "INVALID_SIGNATURE",
            "The request has no valid Slack signature, or is more than five minutes old",
        ));
    }
    let payload = parse_payload(&body)?;
    match payload["type"].as_str() {
        Some("block_actions") => button_clicks::handle(&cx, &payload).await,
        Some("view_submission") => dialogs::handle(&cx, &payload).await,
        // Slack may send other types of interaction.
        _ => Ok(StatusCode::OK.into_response()),
    }
}

fn parse_payload(body: &[u8]) -> Result<Value, Problem> {
    let field = url::form_urlencoded::parse(body).find(|(name, _)| name == "payload");
    let (_, text) = field.ok_or_else(|| Problem::invalid("payload", "is required"))?;
    let payload: Option<Value> = serde_json::from_str(&text).ok().filter(Value::is_object);
    payload.ok_or_else(|| Problem::invalid("payload", "must be a JSON object"))
}
