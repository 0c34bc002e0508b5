//! `GET /api/v1/packets/{id}`: returns a packet. An overdue packet is shown as expired without a write.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::scopes;
use handrail_web::problem::Problem;
use serde_json::Value;

use crate::body::PacketId;
use crate::caller::Caller;
use crate::door::DOOR;
use crate::packet_ops;
use crate::view;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-get",
    method: HttpMethod::Get,
    path: "/api/v1/packets/{id}",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::Read],
    summary: "Get a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    PacketId(id): PacketId,
) -> Result<axum::Json<Value>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::Reads(id)).await?;
    let found = packet_ops::get(&cx, caller.key.tenant, id).await?;
    Ok(axum::Json(view::packet_json(&found.record.as_of(cx.clock.now()), &found.content)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{READER, TestApp, checkpoint_body};

    #[tokio::test]
    async fn packet_id_accepts_every_uuid_form() {
        let app = TestApp::new().await;
        let id = app.create_packet().await.to_string();
        for form in [id.clone(), id.to_uppercase(), id.replace('-', "")] {
            let response = app.call(ENDPOINT, &format!("/api/v1/packets/{form}"), READER, Value::Null).await;
            assert_eq!((response.status.as_u16(), &response.json["id"]), (200, &json!(id)));
        }
        let refused = app.call(ENDPOINT, "/api/v1/packets/no-id", READER, Value::Null).await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!("packet_id")));
        assert_eq!(refused.json["errors"][0]["loc"], json!(["path", "packet_id"]));
    }

    #[tokio::test]
    async fn get_shows_timed_out_packet_expired_without_writing() {
        let app = TestApp::new().await;
        let id = app.create_packet_with(checkpoint_body()).await;
        let before = app.get_record(id).await;
        app.advance(60);
        let response = app.call(ENDPOINT, &format!("/api/v1/packets/{id}"), READER, Value::Null).await;
        assert_eq!(response.json["status"], "expired");
        assert_eq!(app.get_record(id).await, before);
    }
}
