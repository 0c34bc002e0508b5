//! `GET /api/v1/hooks/dlq`: lists dead letters, newest first.

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

use super::{DeliveryView, QueryParams};
use crate::body::QueryString;
use crate::door::DOOR;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-hooks-dead",
    method: HttpMethod::Get,
    path: "/api/v1/hooks/dlq",
    auth: Auth::ApiKey(Scope::HooksWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ListDeadLetters],
    summary: "List dead letters",
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
    QueryString(params): QueryString<QueryParams>,
) -> Result<axum::Json<Vec<DeliveryView>>, Problem> {
    let page_params = params.page_params()?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let deliveries =
        cx.store.dead_letters(caller.key.tenant, Packet::KIND, page_params.offset, page_params.limit).await?;
    Ok(axum::Json(deliveries.iter().map(DeliveryView::new).collect()))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::hooks::testing::{create_delivery, create_webhook, exhaust};
    use crate::testing::{TestApp, WRITER};

    #[tokio::test]
    async fn dead_letters_of_all_webhooks_are_listed() {
        let app = TestApp::new().await;
        let (first, second) = (create_webhook(&app).await, create_webhook(&app).await);
        let mut dead_letters = Vec::new();
        for (seq, webhook) in [(1, first), (2, second), (3, first), (4, second)] {
            app.advance(1);
            let delivery = create_delivery(&app, webhook, seq).await;
            if seq != 3 {
                exhaust(&app, &delivery).await;
                dead_letters.insert(0, json!(delivery.id));
            }
        }
        let list = async |query: &str| {
            let listed = app.call(ENDPOINT, &format!("/api/v1/hooks/dlq{query}"), WRITER, Value::Null).await.json;
            listed.as_array().unwrap().iter().map(|delivery| delivery["id"].clone()).collect::<Vec<_>>()
        };
        assert_eq!(list("").await, dead_letters);
        assert_eq!(list("?limit=1&offset=1").await, dead_letters[1..2]);
        let refused = app.call(ENDPOINT, "/api/v1/hooks/dlq?limit=x", WRITER, Value::Null).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("limit")));
    }
}
