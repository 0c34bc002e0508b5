//! Daily quota of a tenant's packets, by UTC days. Each packet of a batch counts, a chained packet does not.
//!
//! One conditional write reserves the quota before the packet is created, and a failed creation releases it.
//! A tenant without a limit causes no write.

use handrail_access::quota;
use handrail_context::cx::Cx;
use handrail_domain::ids::RecordId;
use handrail_domain::lifecycle::Lifecycle;
use handrail_domain::packet::Packet;
use handrail_store::ApiKey;
use handrail_web::problem::Problem;

pub(crate) struct DailyReservation {
    id: RecordId,
    reservation: quota::QuotaReservation,
}

impl DailyReservation {
    /// Reserves the quota for one packet. A packet that exists under `idempotency_key` has been counted already.
    pub(crate) async fn reserve(cx: &Cx, key: &ApiKey, idempotency_key: Option<&str>) -> Result<Self, Problem> {
        let id = match idempotency_key {
            Some(text) => RecordId::from_idempotency_key(key.tenant, key.id, Packet::KIND, text),
            None => cx.new_record_id(),
        };
        let reservation = quota::reserve_daily::<Packet>(cx, key, id, idempotency_key.is_some()).await?;
        Ok(Self { id, reservation })
    }

    /// Releases the reservation, unless the packet may have been created despite the error.
    pub(crate) async fn release_on_error(self, cx: &Cx, problem: Problem) -> Problem {
        if is_definite_failure(&problem) {
            quota::release(cx, &self.reservation, self.id).await;
        }
        problem
    }
}

/// Returns `true` if the error proves that nothing was created.
fn is_definite_failure(problem: &Problem) -> bool {
    !matches!(problem, Problem::Busy { .. } | Problem::Internal)
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use serde_json::json;

    use crate::testing::{TestApp, TestResponse, WRITER, packet_body};

    async fn create_packet(app: &TestApp) -> TestResponse {
        app.call(crate::create::ENDPOINT, "/api/v1/packets", WRITER, packet_body()).await
    }

    #[tokio::test]
    async fn daily_quota_is_enforced_and_resets_next_day() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.handoffs_per_day = Some(2)).await;
        for _ in 0..2 {
            assert_eq!(create_packet(&app).await.status.as_u16(), 201);
        }
        let refused = create_packet(&app).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (429, &json!("handoffs_per_day")));
        assert!(!refused.headers.contains_key("retry-after") && refused.json["detail"].is_string());
        let batch = app.call(
            crate::batch_create::ENDPOINT,
            "/api/v1/packets/batch",
            WRITER,
            json!({"packets": [packet_body()]}),
        );
        assert_eq!(batch.await.status.as_u16(), 429);
        app.advance(24 * 60 * 60);
        assert_eq!(create_packet(&app).await.status.as_u16(), 201);
    }

    #[tokio::test]
    async fn every_batch_entry_counts_in_daily_quota() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.tier = Tier::Free).await;
        let create_batch = async |count: usize| {
            let batch = json!({"packets": vec![packet_body(); count]});
            app.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", WRITER, batch).await
        };
        assert_eq!(create_packet(&app).await.status.as_u16(), 201);
        let created = create_batch(7).await;
        assert_eq!(created.json["created"].as_array().unwrap().len(), 4, "{}", created.json["errors"]);
        let errors = created.json["errors"].as_array().unwrap();
        assert_eq!(errors.iter().map(|error| &error["index"]).collect::<Vec<_>>(), [4, 5, 6]);
        assert!(errors[0]["error"].as_str().unwrap().starts_with("Daily limit of 5 handoffs reached"));
        let refused = create_batch(2).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (429, &json!("handoffs_per_day")));
        // A chained packet does not count.
        let chain = format!("/api/v1/packets/{}/chain", created.json["created"][0]["id"].as_str().unwrap());
        assert_eq!(app.call(crate::chain::ENDPOINT, &chain, WRITER, packet_body()).await.status.as_u16(), 201);
    }

    #[tokio::test]
    async fn refused_and_repeated_requests_use_no_daily_quota() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.handoffs_per_day = Some(1)).await;
        let create_once = async |body: serde_json::Value| {
            let request = http::Request::builder().header("x-api-key", WRITER).header("idempotency-key", "once");
            app.send(crate::create::ENDPOINT, "/api/v1/packets", request, body.to_string()).await
        };
        assert_eq!(create_once(json!({})).await.status.as_u16(), 400);
        for _ in 0..3 {
            assert_eq!(create_once(packet_body()).await.status.as_u16(), 201);
        }
        let mut other = packet_body();
        other["context"]["summary"] = "Another".into();
        assert_eq!(create_once(other).await.status.as_u16(), 409);
        assert_eq!(create_packet(&app).await.status.as_u16(), 429);
    }

    #[tokio::test]
    async fn failed_batch_uses_no_daily_quota() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.handoffs_per_day = Some(1)).await;
        let mut without_schema = packet_body();
        without_schema["schema_id"] = "018f0000-0000-7000-8000-000000000000".into();
        let batch = json!({"packets": [without_schema]});
        let refused = app.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", WRITER, batch).await;
        assert_eq!((refused.status.as_u16(), &refused.json["created"]), (201, &json!([])));
        assert_eq!(create_packet(&app).await.status.as_u16(), 201);
        assert_eq!(create_packet(&app).await.status.as_u16(), 429);
    }

    #[tokio::test]
    async fn daily_quota_of_zero_refuses_every_packet() {
        let app = TestApp::new().await;
        app.create_own_tenant(|tenant| tenant.handoffs_per_day = Some(0)).await;
        assert_eq!(create_packet(&app).await.status.as_u16(), 429);
    }
}
