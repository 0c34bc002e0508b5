//! Local pages: start page, mailbox, webhooks and clock. Never deployed to AWS.

mod clock;
mod files;
mod hooks;
mod local_only;
mod mail;
mod response;
mod state;

use std::net::{IpAddr, Ipv4Addr};

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use handrail_domain::outbound::AddressPolicy;
use handrail_platform::clock::Clock;

use crate::endpoints::endpoints;
use crate::pages::{self, Home, Operation};

pub(crate) use files::open_folder;
pub(crate) use state::Local;

pub(crate) fn router(local: Local) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/local/mail", get(mail::list))
        .route("/local/mail/{id}", get(mail::show))
        .route("/local/hooks", get(hooks::list))
        .route("/local/hooks/in/{name}", post(hooks::receive))
        .route("/local/clock", get(clock::show).post(clock::advance))
        .route("/local/files/{token}", put(files::put).layer(DefaultBodyLimit::disable()))
        .route_layer(axum::middleware::from_fn_with_state(local.clone(), local_only::require_local))
        .with_state(local)
}

/// Returns a curl command that creates a decision, with a callback to the local page if calls may go to this machine.
pub fn curl_line(origin: &str, key: &str, address_policy: AddressPolicy) -> String {
    let may_call_itself = address_policy.allows("", IpAddr::V4(Ipv4Addr::LOCALHOST));
    let callback = match may_call_itself {
        true => format!(", \"callback_url\": \"{origin}/local/hooks/in/try\""),
        false => String::new(),
    };
    format!(
        "curl -s {origin}/decisions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"action\": \"Refund order 1234 (80 EUR)\", \"approver\": \"you@example.com\"{callback}}}'"
    )
}

async fn home(State(local): State<Local>) -> Response {
    let now = local.clock.now();
    let advanced = Some(local.clock.ahead_seconds()).filter(|ahead| *ahead > 0).map(|ahead| format!("{ahead} s"));
    let all_endpoints = endpoints();
    let methods: Vec<_> = all_endpoints.iter().map(|endpoint| endpoint.method.to_http()).collect();
    let operations: Vec<Operation<'_>> = all_endpoints
        .iter()
        .zip(&methods)
        .map(|(endpoint, method)| Operation { method: method.as_str(), path: endpoint.path, summary: endpoint.summary })
        .collect();
    pages::home(&Home {
        address: &local.origin,
        curl: &curl_line(&local.origin, local.key.as_deref().unwrap_or("<your key>"), local.cx.settings.address_policy),
        clock: &now.readable(),
        advanced: advanced.as_deref(),
        operations: &operations,
    })
    .into_response()
}
