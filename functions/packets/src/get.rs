//! `GET /api/v1/packets/{id}`: returns a packet. An overdue packet is shown as expired without a write.

use axum::extract::State;
use axum::routing::{MethodRouter, get};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use handrail_web::record_reads::limited_read;

use crate::body::PacketId;
use crate::door::DOOR;
use crate::packet_ops;
use crate::view::PacketView;

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

pub fn description() -> Description {
    Description::of(handler)
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    PacketId(id): PacketId,
) -> Result<axum::Json<PacketView>, Problem> {
    let found = limited_read(&cx, &caller.key, id, packet_ops::get(&cx, caller.key.tenant, id)).await?;
    Ok(axum::Json(PacketView::new(&found.record.as_of(cx.clock.now()), &found.content)))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
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
    async fn reads_of_unknown_packets_are_limited() {
        let app = TestApp::new().await;
        let known = format!("/api/v1/packets/{}", app.create_packet().await);
        let get = async |path: &str| app.call(ENDPOINT, path, READER, Value::Null).await;
        assert_eq!(get(&known).await.status.as_u16(), 200);
        for number in 0..60 {
            let unknown = format!("/api/v1/packets/00000000-0000-7000-8000-{number:012}");
            assert_eq!(get(&unknown).await.status.as_u16(), 404, "{number}");
        }
        let refused = get("/api/v1/packets/00000000-0000-7000-8000-000000000000").await;
        assert_eq!((refused.status.as_u16(), &refused.json["field"]), (429, &json!("rate_limit")));
        let wait: i64 = refused.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(get(&known).await.status.as_u16(), 200);
        app.advance(wait);
        assert_eq!(get("/api/v1/packets/00000000-0000-7000-8000-000000000000").await.status.as_u16(), 404);
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
