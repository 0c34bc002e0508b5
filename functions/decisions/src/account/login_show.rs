//! `GET /auth/login/{token}`: shows the page of a sign-in link. Never signs in, because mail scanners open links too.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_access::sign_in::find_login;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::login::LoginStateData;
use handrail_secrets::keys::KeyPurpose;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::PathParam;
use handrail_web::problem::Problem;

use super::{pages, sign_in_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-show",
    method: HttpMethod::Get,
    path: "/auth/login/{token}",
    auth: Auth::Link,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table, RequiredSetting::Key(KeyPurpose::SignIn)],
    accesses: &[DataAccess::Read],
    summary: "Show the page of a sign-in link",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(200).page(410).problems(&[410, 429]).problem_format(ProblemFormat::Page)
}

async fn handler(State(cx): State<Cx>, PathParam(token): PathParam) -> Result<Response, Problem> {
    let login = find_login(&cx, &token).await.map_err(sign_in_problem)?.as_of(cx.clock.now());
    let page = match login.state_data {
        LoginStateData::Requested => {
            pages::confirm_sign_in_page(login.spec.email.as_str(), &login.spec.expires_at.readable())
        }
        LoginStateData::Used { .. } => pages::unusable_link_page(true),
        LoginStateData::Expired => pages::unusable_link_page(false),
    };
    Ok(page.into_response())
}
