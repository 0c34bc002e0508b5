//! `POST /auth/login`: somebody wants to sign in. The answer is the same whether or not there is such an account.

use axum::extract::{FromRequest, Request, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_domain::actor::Actor;
use handrail_domain::ids::CommandId;
use handrail_domain::login::{Ask, Login, tenant};
use handrail_domain::record::Record;
use handrail_domain::text::EmailAddress;
use handrail_kernel::access::{Allowance, take};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{ClientAddress, Form, Json};
use handrail_kernel::problem::Problem;
use handrail_kernel::session::{cross_site, is_from_strange_page};
use handrail_kernel::settings::Need;
use handrail_kernel::transition;
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde::Deserialize;
use serde_json::json;

use super::pages;
use crate::dialect::DIALECT;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-request",
    method: Verb::Post,
    path: "/auth/login",
    auth: Auth::Public,
    dialect: DIALECT,
    needs: &[Need::Table, Need::SignInsPerMinute],
    touches: &[Touch::Lease, Touch::Open],
    summary: "Ask for a mail with a link that signs in",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

#[derive(Deserialize)]
struct Wire {
    email: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    ClientAddress(address): ClientAddress,
    request: Request,
) -> Result<Response, Problem> {
    let kind = request.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let by_form = kind.starts_with("application/x-www-form-urlencoded");
    if is_from_strange_page(request.headers()) {
        return Err(cross_site());
    }
    let Wire { email } =
        if by_form { Form::from_request(request, &cx).await?.0 } else { Json::from_request(request, &cx).await?.0 };
    let email = match EmailAddress::parse(email.unwrap_or_default().trim()) {
        Ok(email) => email,
        Err(fault) if by_form => {
            let problem = format!("Your address {fault}.");
            return Ok(pages::sign_in(StatusCode::BAD_REQUEST, "../", Some(&problem)).into_response());
        }
        Err(fault) => return Err(Problem::invalid("email", fault.to_string())),
    };
    let limit = cx.settings.limits.sign_ins_per_minute;
    take(&cx, Allowance::of_stranger("login-from", &address, limit)).await?;
    take(&cx, Allowance::of_stranger("login-to", &email.as_str().to_lowercase(), limit)).await?;
    let (id, now) = (cx.new_record_id(), cx.clock.now());
    let command = CommandId::new(&id.to_string(), &[]);
    let record = Record::<Login>::open(tenant(), id, Ask::new(email, now), Actor::Visitor, command.clone(), now);
    let made = transition::create(&cx, record, &command).await;
    made.map_err(|stop| stop.into_problem("Login", |_| Problem::Broken))?;
    if by_form {
        return Ok(pages::sent().into_response());
    }
    let message =
        "If this address has an account, a mail with a link is on its way. The link works once, for 15 minutes.";
    Ok((StatusCode::ACCEPTED, axum::Json(json!({"status": "accepted", "message": message}))).into_response())
}
