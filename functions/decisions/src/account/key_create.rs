//! `POST /account/keys`: the owner creates an API key on the account page. Only the response shows the secret.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::AdminRights;
use handrail_access::key_creation::KeyWithSecret;
use handrail_context::cx::Cx;
use handrail_context::effect_ids::EffectIds;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Role;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::Form;
use handrail_web::problem::Problem;
use handrail_web::session_cookie::OptionalUser;
use handrail_web::sign_in_page::sign_in_page;
use http::StatusCode;
use serde::Deserialize;

use super::pages;
use crate::auth::key_params::KeyParams;
use crate::auth::keys_create::create_key;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-key-create",
    method: HttpMethod::Post,
    path: "/account/keys",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table, RequiredSetting::KeysPerHour],
    accesses: &[DataAccess::AuthenticateSession, DataAccess::CheckRateLimit, DataAccess::CreateKey],
    summary: "Create an API key on the account page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

const ROOT_PATH: &str = "../";

#[derive(Deserialize)]
struct NewKeyForm {
    name: Option<String>,
    role: Option<String>,
}

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
    let params = KeyParams { name: form.name, role: role.transpose()?, ..KeyParams::default() };
    let owner = AdminRights::of_owner(&user.tenant);
    let KeyWithSecret { key, secret } = create_key(&cx, &EffectIds::random(&cx), &owner, params).await?;
    Ok(pages::new_key_page(ROOT_PATH, &key, &secret).into_response())
}
