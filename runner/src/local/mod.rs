//! What only a laptop has: the first page, the mailbox, the webhooks, the clock. Never part of what is deployed.

mod clock;
mod files;
mod hooks;
mod mail;
mod visitors;

use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post, put};
use handrail_domain::ids::TenantId;
use handrail_kernel::clock::Clock;
use handrail_kernel::cx::Cx;
use handrail_kernel::fault::Fault;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};
use serde_json::json;

use crate::clock::MovableClock;
use crate::desk::Desk;
use crate::engine::Folder;
use crate::pages::{self, Home, Operation};
use crate::pump::PumpHandle;
use crate::serve::endpoints;

pub(crate) use files::open_folder;

#[derive(Clone)]
pub(crate) struct Local {
    pub cx: Cx,
    pub desk: Desk,
    pub pump: PumpHandle,
    pub clock: Arc<MovableClock>,
    pub origin: String,
    pub key: String,
    /// Whose deliveries are shown.
    pub tenant: Option<TenantId>,
    /// Where files lie, if they lie here.
    pub folder: Option<Folder>,
}

pub(crate) fn router(local: Local) -> Router {
    Router::new()
        .route("/", get(home))
        .route("/local/mail", get(mail::list))
        .route("/local/mail/{id}", get(mail::one))
        .route("/local/hooks", get(hooks::list))
        .route("/local/hooks/in/{name}", post(hooks::receive))
        .route("/local/clock", get(clock::show).post(clock::advance))
        .route("/local/files/{token}", put(files::put).layer(DefaultBodyLimit::disable()))
        .route_layer(axum::middleware::from_fn(visitors::from_here_only))
        .with_state(local)
}

/// A command that works when it is pasted.
pub fn curl_line(origin: &str, key: &str) -> String {
    format!(
        "curl -s {origin}/decisions -H 'Authorization: Bearer {key}' -H 'Content-Type: application/json' \
         -d '{{\"action\": \"Refund order 1234 (80 EUR)\", \"approver\": \"you@example.com\", \
         \"callback_url\": \"{origin}/local/hooks/in/try\"}}'"
    )
}

async fn home(State(local): State<Local>) -> Response {
    let now = local.clock.now();
    let advanced = Some(local.clock.ahead_seconds()).filter(|ahead| *ahead > 0).map(|ahead| format!("{ahead} s"));
    let listed = endpoints();
    let methods: Vec<_> = listed.iter().map(|endpoint| endpoint.method.http()).collect();
    let operations: Vec<Operation<'_>> = listed
        .iter()
        .zip(&methods)
        .map(|(endpoint, method)| Operation { method: method.as_str(), path: endpoint.path, summary: endpoint.summary })
        .collect();
    pages::home(&Home {
        address: &local.origin,
        curl: &curl_line(&local.origin, &local.key),
        clock: &now.readable(),
        advanced: advanced.as_deref(),
        operations: &operations,
    })
    .into_response()
}

fn wants_json(headers: &HeaderMap) -> bool {
    headers
        .get(ACCEPT)
        .and_then(|accept| accept.to_str().ok())
        .is_some_and(|accept| accept.contains("application/json"))
}

/// Local pages have no dialect: their reader has the log beside the browser.
struct LocalFault(Fault);

impl From<Fault> for LocalFault {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl IntoResponse for LocalFault {
    fn into_response(self) -> Response {
        tracing::error!(fault = self.0.chain(), "a local page failed");
        (StatusCode::INTERNAL_SERVER_ERROR, axum::Json(json!({"error": self.0.to_string()}))).into_response()
    }
}
