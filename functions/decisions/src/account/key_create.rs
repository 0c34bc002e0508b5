//! `POST /account/keys`: the owner creates an API key on the account page. Only the response shows the secret.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::AdminRights;
use handrail_access::key_creation::KeyWithSecret;
use handrail_access::key_grant::KeyGrant;
use handrail_access::key_settings::{KeySettings, Setting};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Role;
use handrail_domain::ids::RequestFormat;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::Form;
use handrail_web::once::{OnceRequest, once_json};
use handrail_web::problem::Problem;
use handrail_web::session_cookie::OptionalUser;
use handrail_web::sign_in_page::sign_in_page;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Deserialize;

use super::pages::{self, NewKeyView};
use crate::auth::key_params::KeyParams;
use crate::auth::keys_create::create_key;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-key-create",
    method: HttpMethod::Post,
    path: "/account/keys",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[
        RequiredSetting::Table,
        RequiredSetting::Key(KeyPurpose::ApiKeys),
        RequiredSetting::Key(KeyPurpose::Callbacks),
        RequiredSetting::KeysPerHour,
    ],
    accesses: &[
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::CreateKey,
        DataAccess::FindCreatedKey,
        DataAccess::RunOnce,
    ],
    summary: "Create an API key on the account page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(201).page(200).page(401).problems(&[409]).problem_format(ProblemFormat::Page)
}

const ROOT_PATH: &str = "../";

const FORMAT: RequestFormat = RequestFormat { name: "account.keys.create", version: 1 };
const NONCE_CHARS_MAX: usize = 64;

#[derive(Deserialize, JsonSchema)]
struct NewKeyForm {
    name: Option<String>,
    role: Option<String>,
    /// Addresses and patterns, separated by commas or spaces.
    approvers: Option<String>,
    /// Random text of the page's form. A form that is sent again has the same one.
    nonce: Option<String>,
}

/// Creates a key once for a form and its contents, and shows the same key to a form that is sent again. A form that
/// was changed after going back in the browser creates another key.
async fn handler(
    State(cx): State<Cx>,
    OptionalUser(user): OptionalUser,
    Form(form): Form<NewKeyForm>,
) -> Result<Response, Problem> {
    let Some(user) = user else {
        return Ok(sign_in_page(StatusCode::UNAUTHORIZED, ROOT_PATH, None).into_response());
    };
    let role = form
        .role
        .as_deref()
        .map(|name| Role::from_name(name).ok_or_else(|| Problem::invalid("role", "must be one of agent, app, admin")));
    let approvers = form.approvers.as_deref().map(list_entries).filter(|approvers| !approvers.is_empty());
    let approvers = approvers.map_or(Setting::Unchanged, Setting::Value);
    let params = KeyParams {
        grant: KeyGrant { role: role.transpose()?, ..KeyGrant::default() },
        settings: KeySettings { name: form.name, approvers, ..KeySettings::default() },
    };
    if form.nonce.as_ref().is_some_and(|nonce| nonce.is_empty() || nonce.len() > NONCE_CHARS_MAX) {
        return Err(Problem::invalid("nonce", format!("must be 1 to {NONCE_CHARS_MAX} characters")));
    }
    let content = params.to_json();
    let idempotency_key = form.nonce.map(|nonce| format!("{nonce} {content}"));
    let request = OnceRequest {
        format: FORMAT,
        tenant: user.tenant.tenant,
        caller: user.caller(),
        idempotency_key: idempotency_key.as_deref(),
        content,
        response_holds_secret: true,
    };
    let new_key = once_json(&cx, request, async |ids| {
        let owner = AdminRights::of_owner(&user.tenant);
        let KeyWithSecret { key, secret } = create_key(&cx, &ids, &owner, params).await?;
        Ok(NewKeyView { name: key.name, role: key.role, secret })
    })
    .await?;
    let new_key = serde_json::from_value(new_key).map_err(|_| Problem::Internal)?;
    Ok(pages::new_key_page(ROOT_PATH, &new_key).into_response())
}

fn list_entries(text: &str) -> Vec<String> {
    let entries = text.split(|c: char| c == ',' || c.is_whitespace());
    entries.filter(|entry| !entry.is_empty()).map(str::to_owned).collect()
}
