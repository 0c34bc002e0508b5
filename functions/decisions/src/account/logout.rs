//! `POST /auth/logout`: ends the session at once, everywhere.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::wants_json;
use handrail_kernel::problem::Problem;
use handrail_kernel::session::{Visitor, set_cookie};
use handrail_kernel::settings::Need;
use http::HeaderMap;
use http::header::SET_COOKIE;
use serde_json::json;

use super::{pages, see};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-logout",
    method: Verb::Post,
    path: "/auth/logout",
    auth: Auth::Session,
    dialect: pages::DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpSession, Touch::Lease, Touch::EndSession],
    summary: "Sign out",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// Whoever is signed out already is signed out.
async fn handler(State(cx): State<Cx>, Visitor(person): Visitor, headers: HeaderMap) -> Result<Response, Problem> {
    if let Some(person) = person {
        person.sign_out(&cx).await?;
    }
    let mut response =
        if wants_json(&headers) { axum::Json(json!({"signed_in": false})).into_response() } else { see("../account") };
    response.headers_mut().insert(SET_COOKIE, set_cookie(&cx, None));
    Ok(response)
}
