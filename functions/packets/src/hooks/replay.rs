//! `POST /api/v1/hooks/dlq/{id}/replay`: replays a dead letter, with an unchanged body.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_domain::webhook::WebhookDeliveryId;
use handrail_store::{DeliveryStatus, REPLAYS_MAX, Webhook};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use http::StatusCode;
use schemars::JsonSchema;
use serde::Serialize;

use super::DeliveryPath;
use crate::door::DOOR;
use crate::errors::error;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-replay",
    method: HttpMethod::Post,
    path: "/api/v1/hooks/dlq/{id}/replay",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadWebhookDelivery,
        DataAccess::ReadWebhook,
        DataAccess::ReplayWebhookDelivery,
    ],
    summary: "Replay a dead letter",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

/// Delivery that is sent again.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ReplayedDelivery")]
struct ResponseBody {
    delivery_id: WebhookDeliveryId,
    replayed: bool,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::HooksWrite>,
    DeliveryPath(id): DeliveryPath,
) -> Result<axum::Json<ResponseBody>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    let delivery = cx.store.webhook_delivery(tenant, id).await?.filter(|delivery| delivery.kind == Packet::KIND);
    let delivery = delivery
        .filter(|delivery| delivery.delivery.status == DeliveryStatus::DeadLetter)
        .ok_or_else(|| dead_letter_not_found(id))?;
    if !cx.store.webhook(tenant, Packet::KIND, delivery.webhook).await?.as_ref().is_some_and(Webhook::is_active) {
        let message = format!("Webhook {} is inactive: its deliveries cannot be replayed", delivery.webhook);
        return Err(error(StatusCode::CONFLICT, message));
    }
    if delivery.delivery.replays >= REPLAYS_MAX {
        return Err(error(StatusCode::CONFLICT, format!("This delivery was replayed {REPLAYS_MAX} times already")));
    }
    // `None` means that another request has replayed the dead letter.
    cx.store.replay_webhook_delivery(&delivery, cx.clock.now()).await?.ok_or_else(|| dead_letter_not_found(id))?;
    Ok(axum::Json(ResponseBody { delivery_id: id, replayed: true }))
}

fn dead_letter_not_found(id: WebhookDeliveryId) -> Problem {
    error(StatusCode::NOT_FOUND, format!("Dead letter {id} not found"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hooks::testing::{create_delivery, create_webhook, exhaust, get_delivery};
    use crate::testing::{AGENT, NOON, TestApp, TestResponse, WRITER, tenant};
    use serde_json::{Value, json};

    async fn replay(app: &TestApp, id: WebhookDeliveryId, key: &str) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/hooks/dlq/{id}/replay"), key, Value::Null).await
    }

    #[tokio::test]
    async fn concurrent_replays_accept_one() {
        let app = TestApp::new().await;
        let delivery = create_delivery(&app, create_webhook(&app).await, 1).await;
        let not_found = format!("Dead letter {} not found", delivery.id);
        assert_eq!(
            replay(&app, delivery.id, WRITER).await.error(),
            (404, not_found.as_str()),
            "a pending delivery is no dead letter"
        );
        exhaust(&app, &delivery).await;
        assert_eq!(replay(&app, delivery.id, AGENT).await.status.as_u16(), 403);
        app.advance(60);
        let requests = (0..5).map(|_| replay(&app, delivery.id, WRITER));
        let responses = futures_util::future::join_all(requests).await;
        let (accepted, refused): (Vec<_>, Vec<_>) =
            responses.iter().partition(|response| response.status.as_u16() == 200);
        assert_eq!((accepted.len(), refused.len()), (1, 4));
        assert_eq!(accepted[0].json, json!({"delivery_id": delivery.id, "replayed": true}));
        assert!(refused.iter().all(|response| response.error() == (404, not_found.as_str())));
        let path = "/api/v1/hooks/dlq/nope/replay";
        assert_eq!(app.call(ENDPOINT, path, WRITER, Value::Null).await.error(), (404, "Dead letter nope not found"));
        let delivery_json = get_delivery(&app, delivery.id).await;
        assert_eq!(
            (&delivery_json["status"], &delivery_json["next_retry_at"]),
            (&json!("pending"), &json!(NOON.plus_ms(60_000)))
        );
        assert_eq!(delivery_json["updated_at"], json!(NOON.plus_ms(60_000)));
        let dead_letters = app.call(crate::hooks::dlq::ENDPOINT, "/api/v1/hooks/dlq", WRITER, Value::Null).await;
        assert_eq!(dead_letters.json, json!([]));
    }

    #[tokio::test]
    async fn delivery_is_replayed_at_most_20_times() {
        let app = TestApp::new().await;
        let delivery = create_delivery(&app, create_webhook(&app).await, 1).await;
        for _ in 0..REPLAYS_MAX {
            exhaust(&app, &delivery).await;
            assert_eq!(replay(&app, delivery.id, WRITER).await.status.as_u16(), 200);
        }
        exhaust(&app, &delivery).await;
        assert_eq!(
            replay(&app, delivery.id, WRITER).await.error(),
            (409, "This delivery was replayed 20 times already")
        );
    }

    #[tokio::test]
    async fn inactive_webhook_refuses_replay() {
        let app = TestApp::new().await;
        let webhook = create_webhook(&app).await;
        let delivery = create_delivery(&app, webhook, 1).await;
        exhaust(&app, &delivery).await;
        app.call(crate::hooks::delete::ENDPOINT, &format!("/api/v1/hooks/{webhook}"), WRITER, Value::Null).await;
        let (status, detail) = {
            let refused = replay(&app, delivery.id, WRITER).await;
            (refused.status.as_u16(), refused.error().1.to_owned())
        };
        assert!(status == 409 && detail.contains("inactive"), "{status} {detail}");
        assert_eq!(app.cx.store.webhook_delivery(tenant(), delivery.id).await.unwrap().unwrap().delivery.replays, 0);
    }
}
