//! `GET /auth/login/{token}`: the page behind the link in the mail. Looking never signs in: scanners open links too.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use handrail_domain::login::Standing;
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::Segment;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;

use super::{pages, requested};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "auth-login-show",
    method: Verb::Get,
    path: "/auth/login/{token}",
    auth: Auth::Link,
    dialect: pages::DIALECT,
    needs: &[Need::Table, Need::MasterKey],
    touches: &[Touch::Read],
    summary: "The page behind the link that signs in",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(State(cx): State<Cx>, Segment(token): Segment) -> Result<Response, Problem> {
    let seen = requested(&cx, &token).await?.seen_at(cx.clock.now());
    let page = match seen.standing {
        Standing::Requested => pages::enter(seen.ask.email.as_str(), &seen.ask.expires_at.readable()),
        Standing::Used { .. } => pages::link_over(true),
        Standing::Expired => pages::link_over(false),
    };
    Ok(page.into_response())
}
