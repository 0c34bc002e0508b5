//! `GET /api/v1/hooks/{id}/deliveries`: lists the deliveries of a webhook with their results, newest first.

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

use super::{DeliveryView, QueryParams, WebhookPath, parse_state, webhook_not_found};
use crate::body::QueryString;
use crate::door::DOOR;
use crate::page::non_blank;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-deliveries",
    method: HttpMethod::Get,
    path: "/api/v1/hooks/{id}/deliveries",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::ReadWebhook,
        DataAccess::ListWebhookDeliveries,
    ],
    summary: "List the deliveries of a webhook",
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
    WebhookPath(id): WebhookPath,
    QueryString(params): QueryString<QueryParams>,
) -> Result<axum::Json<Vec<DeliveryView>>, Problem> {
    let page_params = params.page_params()?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    cx.store.webhook(tenant, Packet::KIND, id).await?.ok_or_else(|| webhook_not_found(id))?;
    let state = match non_blank(params.status.as_deref()).map(str::trim) {
        None => None,
        Some(name) => match parse_state(name) {
            Some(state) => Some(state),
            // An unknown status matches no delivery.
            None => return Ok(axum::Json(Vec::new())),
        },
    };
    let deliveries = cx.store.webhook_deliveries_of(tenant, id, state, page_params.offset, page_params.limit).await?;
    Ok(axum::Json(deliveries.iter().map(DeliveryView::new).collect()))
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;
    use serde_json::{Value, json};

    use super::*;
    use crate::hooks::testing::{create_delivery, create_webhook, exhaust, record_attempt};
    use crate::testing::{NOON, TestApp, WRITER};

    #[tokio::test]
    async fn delivery_shows_status_and_attempts() {
        let app = TestApp::new().await;
        let webhook = create_webhook(&app).await;
        let path = format!("/api/v1/hooks/{webhook}/deliveries");
        let list = async || app.call(ENDPOINT, &path, WRITER, Value::Null).await.json[0].clone();
        let delivery = create_delivery(&app, webhook, 1).await;
        let mut expected = json!({
            "id": delivery.id,
            "webhook_id": webhook,
            "packet_id": delivery.key.record,
            "event_type": "packet.created",
            "status": "pending",
            "attempts": 0,
            "last_error": null,
            "last_status_code": null,
            "next_retry_at": null,
            "delivered_at": null,
            "created_at": NOON,
            "updated_at": NOON,
        });
        assert_eq!(list().await, expected);
        record_attempt(&app, &delivery, Some(503), Some(NOON.plus_ms(1_000))).await;
        for (name, value) in [
            ("status", json!("failed")),
            ("attempts", json!(1)),
            ("last_error", json!("HTTP 503")),
            ("last_status_code", json!(503)),
            ("next_retry_at", json!(NOON.plus_ms(1_000))),
        ] {
            expected[name] = value;
        }
        assert_eq!(list().await, expected);
        app.advance(1);
        record_attempt(&app, &delivery, Some(200), None).await;
        for (name, value) in [
            ("status", json!("delivered")),
            ("attempts", json!(2)),
            ("last_error", Value::Null),
            ("last_status_code", json!(200)),
            ("next_retry_at", Value::Null),
            ("delivered_at", json!(NOON.plus_ms(1_000))),
            ("updated_at", json!(NOON.plus_ms(1_000))),
        ] {
            expected[name] = value;
        }
        assert_eq!(list().await, expected);
    }

    #[tokio::test]
    async fn deliveries_are_listed_by_page_and_status() {
        let app = TestApp::new().await;
        let (webhook, other) = (create_webhook(&app).await, create_webhook(&app).await);
        let mut packets: Vec<RecordId> = Vec::new();
        for seq in 1..=6 {
            app.advance(1);
            let delivery = create_delivery(&app, webhook, seq).await;
            packets.insert(0, delivery.key.record);
            if seq % 2 == 0 {
                exhaust(&app, &delivery).await;
            }
        }
        create_delivery(&app, other, 9).await;
        let list = async |query: &str| {
            let listed =
                app.call(ENDPOINT, &format!("/api/v1/hooks/{webhook}/deliveries{query}"), WRITER, Value::Null).await;
            let listed: Vec<RecordId> = serde_json::from_value(
                listed
                    .json
                    .as_array()
                    .unwrap_or_else(|| panic!("{}", listed.json))
                    .iter()
                    .map(|delivery| delivery["packet_id"].clone())
                    .collect(),
            )
            .unwrap();
            listed
        };
        assert_eq!(list("").await, packets);
        assert_eq!(list("?limit=2&offset=1").await, packets[1..3]);
        assert_eq!(list("?offset=6").await, []);
        let dead_letters: Vec<RecordId> = packets.iter().copied().step_by(2).collect();
        assert_eq!(list("?status=dead_letter").await, dead_letters);
        assert_eq!(list("?status=dead_letter&limit=1&offset=2").await, dead_letters[2..]);
        assert_eq!(list("?status=pending").await.len(), 3);
        assert_eq!(list("?status=delivered").await, []);
        assert_eq!(list("?status=lost").await, []);
        assert_eq!(list("?status=").await.len(), 6);
    }

    #[tokio::test]
    async fn invalid_deliveries_query_is_refused_by_name() {
        let app = TestApp::new().await;
        let webhook = create_webhook(&app).await;
        for (query, field) in
            [("?limit=0", "limit"), ("?limit=201", "limit"), ("?offset=-1", "offset"), ("?offset=10001", "offset")]
        {
            let refused =
                app.call(ENDPOINT, &format!("/api/v1/hooks/{webhook}/deliveries{query}"), WRITER, Value::Null).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
        let unknown =
            app.call(ENDPOINT, "/api/v1/hooks/018f0000-0000-7000-8000-000000000000/deliveries", WRITER, Value::Null);
        assert_eq!(unknown.await.status.as_u16(), 404);
    }
}
