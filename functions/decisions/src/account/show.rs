//! `GET /account`: shows the account page to the signed-in owner, and the sign-in page without a session.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_access::quota;
use handrail_access::{created_this_month_of_each, month_of};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::ids::hex;
use handrail_domain::text::EmailAddress;
use handrail_web::descriptions::{Description, ProblemFormat};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use handrail_web::session_cookie::OptionalUser;
use handrail_web::sign_in_page::sign_in_page;
use http::StatusCode;

use super::pages::{self, AccountView};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "account-show",
    method: HttpMethod::Get,
    path: "/account",
    auth: Auth::Session,
    door: DOOR.with_error_renderer(pages::HTML_ERROR_RENDERER),
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateSession,
        DataAccess::CheckRateLimit,
        DataAccess::ListKeys,
        DataAccess::ReadUsageOfEach,
    ],
    summary: "Show the account page with the API keys and their usage",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).page(200).page(401).problem_format(ProblemFormat::Page)
}

async fn handler(State(cx): State<Cx>, OptionalUser(user): OptionalUser) -> Result<Response, Problem> {
    let Some(user) = user else {
        return Ok(sign_in_page(StatusCode::UNAUTHORIZED, "", None).into_response());
    };
    let tenant = &user.tenant;
    let keys = cx.store.keys(tenant.tenant).await?;
    let used_by_key = created_this_month_of_each(&cx, &keys).await?;
    let usage = quota::usage_of_tenant(&cx, tenant.tenant, tenant.tier).await?;
    let keys: Vec<_> = keys.into_iter().zip(used_by_key.iter().copied()).collect();
    let page = pages::account_page(&AccountView {
        name: &tenant.name,
        email: tenant.email.as_ref().map_or("", EmailAddress::as_str),
        tier: tenant.tier.name(),
        month: &month_of(cx.clock.now()),
        used: usage.map_or_else(|| used_by_key.iter().sum(), |usage| usage.used),
        limit: usage.map(|usage| usage.limit),
        keys: &keys,
        form_nonce: &hex(&cx.entropy.bytes::<16>()),
    });
    Ok(page.into_response())
}
