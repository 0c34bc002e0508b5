//! `GET /api/v1/hooks`: lists the tenant's webhooks, active and inactive, newest first.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;

use super::WebhookView;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-list",
    method: HttpMethod::Get,
    path: "/api/v1/hooks",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ListWebhooks],
    summary: "List webhooks",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HooksWrite>,
) -> Result<axum::Json<Vec<WebhookView>>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let webhooks = cx.store.webhooks(caller.key.tenant, Packet::KIND).await?;
    Ok(axum::Json(webhooks.iter().map(WebhookView::new).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::webhook_health::{CallResult, WebhookHealth};
    use handrail_store::CloseReason;
    use serde_json::Value;

    use super::*;
    use crate::hooks::testing::{create_webhook, list_webhooks};
    use crate::testing::{NOON, TestApp, WRITER, tenant};

    #[tokio::test]
    async fn list_shows_health_and_pause() {
        let app = TestApp::new().await;
        create_webhook(&app).await;
        let list = async || app.call(ENDPOINT, "/api/v1/hooks", WRITER, Value::Null).await.json[0].clone();
        for health in ["failing", "failing", "paused"] {
            let webhook = list_webhooks(&app).await.remove(0);
            let after = webhook.health.after_call(CallResult::TimedOut, false, NOON);
            assert!(app.cx.store.put_webhook_health(Packet::KIND, &webhook, after).await.unwrap());
            let is_stale_write_refused = !app.cx.store.put_webhook_health(Packet::KIND, &webhook, after).await.unwrap();
            assert!(is_stale_write_refused);
            assert_eq!(list().await["health"], health);
        }
        assert_eq!(list().await["paused_until"], serde_json::json!(NOON.plus_ms(60_000)));
        let webhook = list_webhooks(&app).await.remove(0);
        app.cx.store.close_webhook(tenant(), Packet::KIND, webhook.id, CloseReason::Gone, NOON).await.unwrap();
        let inactive = list().await;
        let shown = ["active", "health", "paused_until", "inactive_reason"].map(|name| inactive[name].clone());
        assert_eq!(shown, [false.into(), Value::Null, Value::Null, "gone".into()]);
        let closed = list_webhooks(&app).await.remove(0);
        assert!(!app.cx.store.put_webhook_health(Packet::KIND, &closed, WebhookHealth::default()).await.unwrap());
    }

    #[tokio::test]
    async fn webhooks_are_listed_newest_first_including_inactive() {
        let app = TestApp::new().await;
        let list = async || app.call(ENDPOINT, "/api/v1/hooks", WRITER, Value::Null).await.json;
        assert_eq!(list().await, serde_json::json!([]));
        let first = create_webhook(&app).await;
        app.advance(1);
        let second = create_webhook(&app).await;
        app.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{first}"), WRITER, Value::Null).await;
        let listed = list().await;
        let states: Vec<_> =
            listed.as_array().unwrap().iter().map(|webhook| (&webhook["id"], &webhook["active"])).collect();
        let (first, second) = (first.to_string().into(), second.to_string().into());
        assert_eq!(states, [(&second, &true.into()), (&first, &false.into())]);
        assert!(listed.as_array().unwrap().iter().all(|webhook| webhook.get("secret").is_none()));
    }
}
