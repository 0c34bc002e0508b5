//! `POST /api/v1/hooks/dlq/retry-all`: replays the dead letters of active webhooks, up to a limit per request.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use futures_util::StreamExt;
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::webhook::WebhookId;
use handrail_platform::fault::Fault;
use handrail_store::{REPLAYS_MAX, WebhookDelivery};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Serialize;

use crate::door::DOOR;
use crate::packet_ops::BATCH_CONCURRENCY;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-retry-all",
    method: HttpMethod::Post,
    path: "/api/v1/hooks/dlq/retry-all",
    auth: Auth::ApiKey(Scope::HooksRetryAll),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ListWebhooks,
        DataAccess::ListDeadLetters,
        DataAccess::ReplayWebhookDelivery,
    ],
    summary: "Replay dead letters",
    route,
};

/// Dead letters per request. With writes of 10 ms, eight at a time, a request takes a quarter of a second; the next
/// request replays more.
const DEAD_LETTERS_PER_REQUEST_MAX: usize = 200;

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

/// Numbers of dead letters.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "RetriedDeadLetters")]
struct ResponseBody {
    retried: usize,
    succeeded: usize,
    failed: usize,
}

/// Makes dead letters pending again, and workers send them later. `succeeded` counts these, `failed` those replayed too
/// often or by another request. Dead letters of inactive webhooks are skipped.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HooksRetryAll>,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    let webhooks = cx.store.webhooks(tenant, Packet::KIND).await?;
    let active: Vec<WebhookId> =
        webhooks.iter().filter(|webhook| webhook.is_active()).map(|webhook| webhook.id).collect();
    let dead_letters =
        cx.store.dead_letters_of_webhooks(tenant, Packet::KIND, &active, DEAD_LETTERS_PER_REQUEST_MAX).await?;
    let replays: Vec<_> = dead_letters.iter().map(|delivery| replay(&cx, delivery)).collect();
    let results: Vec<Result<bool, Fault>> =
        futures_util::stream::iter(replays).buffer_unordered(BATCH_CONCURRENCY).collect().await;
    let (mut succeeded, mut failed) = (0, 0);
    for result in results {
        if result? { succeeded += 1 } else { failed += 1 }
    }
    Ok(axum::Json(ResponseBody { retried: dead_letters.len(), succeeded, failed }))
}

/// Returns `false` if the delivery was replayed too often or by another request.
async fn replay(cx: &Cx, delivery: &WebhookDelivery) -> Result<bool, Fault> {
    if delivery.delivery.replays >= REPLAYS_MAX {
        return Ok(false);
    }
    Ok(cx.store.replay_webhook_delivery(delivery, cx.clock.now()).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::{create_delivery, create_webhook, exhaust, get_delivery};
    use crate::testing::{ADMIN, TestApp, WRITER};
    use serde_json::{Value, json};

    async fn retry_all(app: &TestApp) -> Value {
        app.call(ENDPOINT, "/api/v1/hooks/dlq/retry-all", ADMIN, Value::Null).await.json
    }

    #[tokio::test]
    async fn retry_all_replays_every_active_dead_letter() {
        let app = TestApp::new().await;
        let (webhook, deleted) = (create_webhook(&app).await, create_webhook(&app).await);
        assert_eq!(retry_all(&app).await, json!({"retried": 0, "succeeded": 0, "failed": 0}));
        let (mut deliveries, mut replayed_too_often) = (Vec::new(), Vec::new());
        for seq in 1..=5 {
            deliveries.push(create_delivery(&app, webhook, seq).await);
            exhaust(&app, &deliveries[deliveries.len() - 1]).await;
            exhaust(&app, &create_delivery(&app, deleted, seq).await).await;
        }
        replayed_too_often.push(create_delivery(&app, webhook, 6).await);
        for _ in 0..REPLAYS_MAX {
            exhaust(&app, &replayed_too_often[0]).await;
            let delivery = app
                .cx
                .store
                .webhook_delivery(replayed_too_often[0].key.tenant, replayed_too_often[0].id)
                .await
                .unwrap()
                .unwrap();
            app.cx.store.replay_webhook_delivery(&delivery, app.cx.clock.now()).await.unwrap().unwrap();
        }
        exhaust(&app, &replayed_too_often[0]).await;
        app.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{deleted}"), WRITER, Value::Null).await;
        assert_eq!(retry_all(&app).await, json!({"retried": 6, "succeeded": 5, "failed": 1}));
        for delivery in &deliveries {
            assert_eq!(get_delivery(&app, delivery.id).await["status"], "pending");
        }
        assert_eq!(retry_all(&app).await, json!({"retried": 1, "succeeded": 0, "failed": 1}));
    }

    #[tokio::test]
    async fn retry_all_stops_at_the_request_limit() {
        let app = TestApp::new().await;
        let webhook = create_webhook(&app).await;
        for seq in 0..=DEAD_LETTERS_PER_REQUEST_MAX as u64 {
            exhaust(&app, &create_delivery(&app, webhook, seq).await).await;
        }
        assert_eq!(retry_all(&app).await["succeeded"], DEAD_LETTERS_PER_REQUEST_MAX);
        assert_eq!(retry_all(&app).await, json!({"retried": 1, "succeeded": 1, "failed": 0}));
    }

    #[tokio::test]
    async fn retry_all_requires_admin_role() {
        let app = TestApp::new().await;
        let refused = app.call(ENDPOINT, "/api/v1/hooks/dlq/retry-all", WRITER, Value::Null).await;
        assert!(refused.error().0 == 403 && refused.error().1.contains("admin"), "{}", refused.json);
    }
}
