//! `POST /auth/login`: requests a sign-in mail. The response is equal for known and unknown addresses.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_access::sign_in::request_link;
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::text::EmailAddress;
use handrail_web::descriptions::{Content, Description, FORM, JSON};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::{ClientAddress, Form};
use handrail_web::json_body;
use handrail_web::json_body::Json;
use handrail_web::json_response::Accepted;
use handrail_web::problem::Problem;
use handrail_web::session_cookie::{cross_site_problem, is_cross_origin};
use handrail_web::sign_in_page::sign_in_page;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{pages, sign_in_problem};
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-request",
    method: HttpMethod::Post,
    path: "/auth/login",
    auth: Auth::Public,
    door: DOOR,
    required_settings: &[RequiredSetting::Table, RequiredSetting::SignInsPerMinute],
    accesses: &[DataAccess::CheckRateLimit, DataAccess::CreateUnnamed],
    summary: "Request a mail with a sign-in link",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
        .body(&[Content::of::<RequestBody>(JSON), Content::of::<RequestBody>(FORM)])
        .json::<ResponseBody>(202)
        .page(202)
        .page(400)
        .problems(&[403, 429])
}

#[derive(Deserialize, JsonSchema)]
#[schemars(rename = "SignInRequest")]
struct RequestBody {
    /// Required: mail address of the account's owner.
    email: Option<String>,
}

json_body!(RequestBody { email });

/// A mail is sent if the address has an account.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "SignInRequested")]
struct ResponseBody {
    status: &'static str,
    message: &'static str,
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
    let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let by_form = content_type.starts_with("application/x-www-form-urlencoded");
    if is_cross_origin(request.headers()) {
        return Err(cross_site_problem());
    }
    let RequestBody { email } =
        if by_form { Form::from_request(request, &cx).await?.0 } else { Json::from_request(request, &cx).await?.0 };
    let email = match EmailAddress::parse(email.unwrap_or_default().trim()) {
        Ok(email) => email,
        Err(error) if by_form => {
            let message = format!("Your address {error}.");
            return Ok(sign_in_page(StatusCode::BAD_REQUEST, "../", Some(&message)).into_response());
        }
        Err(error) => return Err(Problem::invalid("email", error.to_string())),
    };
    request_link(&cx, &address, email).await.map_err(sign_in_problem)?;
    if by_form {
        return Ok(pages::mail_sent_page().into_response());
    }
    let message =
        "If this address has an account, a mail with a link is on its way. The link works once, for 15 minutes.";
    Ok(Accepted(ResponseBody { status: "accepted", message }).into_response())
}
