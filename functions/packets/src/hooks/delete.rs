//! `DELETE /api/v1/hooks/{id}`: deletes a webhook. Its pending deliveries become dead letters without an attempt.

use axum::extract::State;
use axum::routing::{MethodRouter, delete};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_store::{CloseOutcome, CloseReason};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::json_response::NoContent;
use handrail_web::problem::Problem;
use http::StatusCode;

use super::{WebhookPath, webhook_not_found};
use crate::door::DOOR;
use crate::errors::error;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-delete",
    method: HttpMethod::Delete,
    path: "/api/v1/hooks/{id}",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::CloseWebhook],
    summary: "Delete a webhook",
    route,
};

fn route() -> MethodRouter<Cx> {
    delete(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HooksWrite>,
    WebhookPath(id): WebhookPath,
) -> Result<NoContent, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    match cx.store.close_webhook(caller.key.tenant, Packet::KIND, id, CloseReason::Deleted, cx.clock.now()).await? {
        // No body: published clients repeat a DELETE unless the response is an empty 204.
        CloseOutcome::Closed => Ok(NoContent),
        CloseOutcome::AlreadyClosed => Err(error(StatusCode::CONFLICT, format!("Webhook {id} is already inactive"))),
        CloseOutcome::NotFound => Err(webhook_not_found(id)),
    }
}

#[cfg(test)]
mod tests {
    use handrail_records::webhook::signing_secret;
    use serde_json::Value;

    use super::*;
    use crate::hooks::testing::{create_webhook, list_webhooks};
    use crate::testing::{AGENT, TestApp, WRITER};

    #[tokio::test]
    async fn webhook_is_deleted_once_with_its_secret() {
        let app = TestApp::new().await;
        let id = create_webhook(&app).await;
        let path = format!("/api/v1/hooks/{id}");
        assert_eq!(app.call(ENDPOINT, &path, AGENT, Value::Null).await.status.as_u16(), 403);
        let in_capitals = format!("/api/v1/hooks/{}", id.to_string().to_uppercase());
        let deleted = app.call(ENDPOINT, &in_capitals, WRITER, Value::Null).await;
        assert_eq!((deleted.status.as_u16(), deleted.body.len()), (204, 0));
        let repeat = app.call(ENDPOINT, &path, WRITER, Value::Null).await;
        assert_eq!(repeat.error(), (409, format!("Webhook {id} is already inactive").as_str()));
        let stored = &list_webhooks(&app).await[0];
        assert!(!stored.is_active() && signing_secret(&app.cx, stored).unwrap().is_none());
    }

    #[tokio::test]
    async fn unknown_webhook_is_not_found() {
        let app = TestApp::new().await;
        create_webhook(&app).await;
        let unknown = "018f0000-0000-7000-8000-000000000000";
        let response = app.call(ENDPOINT, &format!("/api/v1/hooks/{unknown}"), WRITER, Value::Null).await;
        assert_eq!(response.error(), (404, format!("Webhook {unknown} not found").as_str()));
        let invalid_id = app.call(ENDPOINT, "/api/v1/hooks/mine", WRITER, Value::Null).await;
        assert_eq!(invalid_id.error(), (404, "Webhook mine not found"));
    }
}
