//! Hooks: the addresses of an account that are called when something happens to its packets.
//!
//! What is called, and when again, is the workers' business: these operations say who is called, show what was, and ask for
//! it again. Each file is found by its URL, `announcement` is what a call says.

pub(crate) mod announcement;
pub mod create;
pub mod dead;
pub mod delete;
pub mod deliveries;
pub mod list;
pub mod replay;
pub mod retry_all;

use axum::extract::FromRequestParts;
use handrail_domain::hook::{CallId, HookId};
use handrail_kernel::cx::Cx;
use handrail_kernel::problem::Problem;
use handrail_kernel::store::{CALLS_BEHIND_MAX, Call, CallState, DeliveryStatus, Hook};
use http::StatusCode;
use http::request::Parts;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::body::uuid_in_path;
use crate::dialect::{Part, flawed_at, refuse};
use crate::page::Window;

struct HookPath(HookId);

impl FromRequestParts<Cx> for HookPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(HookId::from_bytes(uuid_in_path(parts, cx, "webhook_id").await?)))
    }
}

struct CallPath(CallId);

impl FromRequestParts<Cx> for CallPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(CallId::from_bytes(uuid_in_path(parts, cx, "delivery_id").await?)))
    }
}

/// Every member is a text until it is read.
#[derive(Deserialize)]
struct Wanted {
    status: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
}

impl Wanted {
    fn window(&self) -> Result<Window, Problem> {
        let window = Window::read(self.limit.as_deref(), self.offset.as_deref())?;
        if window.offset > CALLS_BEHIND_MAX {
            let message = format!("Input should be a whole number from 0 to {CALLS_BEHIND_MAX}");
            return Err(flawed_at(Part::Query, "offset", message, "less_than_equal"));
        }
        Ok(window)
    }
}

fn hook_not_found(id: HookId) -> Problem {
    refuse(StatusCode::NOT_FOUND, format!("Webhook {id} not found"))
}

/// The secret is shown to nobody.
fn hook_shown(hook: &Hook) -> Value {
    json!({
        "id": hook.id,
        "url": hook.url,
        "events": hook.events,
        "tenant_id": hook.tenant,
        "active": hook.is_active(),
        "created_at": hook.created_at,
    })
}

const STATES: [(CallState, &str); 4] = [
    (CallState::Pending, "pending"),
    (CallState::Failed, "failed"),
    (CallState::Delivered, "delivered"),
    (CallState::Dead, "dead_letter"),
];

fn state_named(name: &str) -> Option<CallState> {
    STATES.into_iter().find(|(_, its)| *its == name).map(|(state, _)| state)
}

/// What was sent is not shown: only that it was, and what came of it.
fn call_shown(call: &Call) -> Value {
    let delivery = &call.delivery;
    let (state, last) = (CallState::of(delivery), delivery.attempts.last());
    let status = STATES.into_iter().find(|(its, _)| *its == state).map(|(_, name)| name);
    let waits = delivery.status == DeliveryStatus::Pending;
    // A replay is no attempt, and says when it was in the time of the next one.
    let replayed_at = delivery.next_attempt_at.filter(|_| state == CallState::Pending);
    let last_at = last.map(|last| last.at);
    json!({
        "id": call.id,
        "webhook_id": call.hook,
        "packet_id": call.key.record,
        "event_type": call.event,
        "status": status,
        "attempts": delivery.attempts.len(),
        "last_error": last.and_then(|last| last.error.clone().or_else(|| unsaid(last.status))),
        "last_status_code": last.and_then(|last| last.status),
        "next_retry_at": delivery.next_attempt_at.filter(|_| waits),
        "delivered_at": last_at.filter(|_| state == CallState::Delivered),
        "created_at": delivery.created_at,
        "updated_at": replayed_at.or(last_at).unwrap_or(delivery.created_at),
    })
}

/// What went wrong where the receiver said nothing.
fn unsaid(status: Option<u16>) -> Option<String> {
    status.filter(|status| !(200..300).contains(status)).map(|status| format!("HTTP {status}"))
}

#[cfg(test)]
mod testing;
