//! `POST /account/keys/{id}/revoke`: the owner revokes an API key on the account page.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::AdminRights;
use handrail_access::api_keys::revoke;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;
use handrail_web::session_cookie::OptionalUser;
use handrail_web::sign_in_page::sign_in_page;
use http::StatusCode;

use super::{pages, redirect_to};
use crate::auth::{KEY_NOT_FOUND, key_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-key-revoke",
    method: HttpMethod::Post,
    path: "/account/keys/{id}/revoke",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateSession, DataAccess::CheckRateLimit, DataAccess::RevokeKey],
    summary: "Revoke an API key on the account page",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).empty(303).page(401).problem_format(ProblemFormat::Page)
}

async fn handler(
    State(cx): State<Cx>,
    OptionalUser(user): OptionalUser,
    PathParam(id): PathParam,
) -> Result<Response, Problem> {
    let Some(user) = user else {
        return Ok(sign_in_page(StatusCode::UNAUTHORIZED, "../../../", None).into_response());
    };
    let id = id.parse().map_err(|_| KEY_NOT_FOUND)?;
    let owner = AdminRights::of_owner(&user.tenant);
    revoke(&cx, &owner, owner.tenant, id).await.map_err(key_problem)?;
    Ok(redirect_to("../../../account"))
}
