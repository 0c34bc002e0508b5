//! `POST /api/v1/packets`: creates a packet by which an agent hands its work over.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{CREATE_FORMAT, NewPacket};
use handrail_packet_records::{CheckedPacket, IdempotentRequest};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;

use crate::body::Body;
use crate::daily_quota::DailyReservation;
use crate::door::DOOR;
use crate::packet_error::creation_problem;
use crate::requests;
use crate::schemas::validation::{ContextValidator, SchemaCache};
use crate::view::PacketView;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-create",
    method: HttpMethod::Post,
    path: "/api/v1/packets",
    auth: Auth::ApiKey(Scope::PacketsWrite),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadSchema, DataAccess::Create],
    summary: "Create a packet",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(SchemaCache::default()))
}

pub fn description() -> Description {
    Description::of(handler).problems(&[403])
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<SchemaCache>,
    caller: Caller<scopes::PacketsWrite>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewPacket>,
) -> Result<Created<PacketView>, Problem> {
    let proposal = body.read(&caller.key, NewPacket::read)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::Creates).await?;
    ContextValidator::new(schemas).validate(&cx, caller.key.tenant, &proposal).await?;
    let request = idempotency_key
        .as_deref()
        .map(|idempotency_key| IdempotentRequest::new(idempotency_key, CREATE_FORMAT, proposal.to_json()));
    let packet = CheckedPacket::new(&cx, &caller.key, proposal, request.as_ref()).map_err(creation_problem)?;
    let reservation = DailyReservation::reserve(&cx, &caller.key, idempotency_key.as_deref()).await?;
    match packet.create(&cx, &caller.key).await {
        Ok(created) => Ok(Created(PacketView::as_of_now(&cx, &created))),
        Err(error) => Err(reservation.release_on_error(&cx, creation_problem(error)).await),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::packet::{PacketEvent, State as PacketState};
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, NOON, READER, TestApp, WRITER, checkpoint_body, packet_body};

    #[tokio::test]
    async fn created_packet_shows_unset_fields_as_null() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/api/v1/packets", WRITER, packet_body()).await;
        let expected = json!({
            "id": created.id(),
            "version": "1.0.0",
            "parent_packet_id": null,
            "metadata": {
                "source_agent": {"id": "a-1", "name": "Sales", "framework": null, "version": null},
                "target_agent": {"id": "b-1", "name": "Billing", "framework": null},
                "created_at": NOON,
                "claimed_at": null,
                "completed_at": null,
                "priority": "normal",
                "tags": ["upgrade"],
            },
            "context": {"summary": "Upgrade to Business", "conversation_state": [], "artifacts": [], "custom": {}},
            "decisions": [],
            "actions": {"pending": [], "completed": [], "failed": []},
            "dependencies": [],
            "hitl": null,
            "status": "created",
            "schema_id": null,
            "created_at": NOON,
            "updated_at": NOON,
            "expires_at": NOON.plus_ms(24 * 60 * 60_000),
            "lease_expires_at": null,
        });
        assert_eq!((created.status.as_u16(), &created.json), (201, &expected));
        let record = app.get_record(created.id()).await;
        assert!(matches!(record.newest().unwrap().event, PacketEvent::Created { .. }));
    }

    #[tokio::test]
    async fn required_checkpoint_sets_awaiting_human() {
        let app = TestApp::new().await;
        let created = app.call(ENDPOINT, "/api/v1/packets", WRITER, checkpoint_body()).await;
        assert_eq!(created.json["status"], "awaiting_human");
        assert_eq!(app.get_record(created.id()).await.state(), PacketState::AwaitingHuman);
        let mut optional = checkpoint_body();
        optional["hitl"]["required"] = false.into();
        let created = app.call(ENDPOINT, "/api/v1/packets", WRITER, optional).await;
        assert_eq!(created.json["status"], "created");
    }

    #[tokio::test]
    async fn refusal_lists_every_invalid_field() {
        let app = TestApp::new().await;
        let body = json!({
            "metadata": {"source_agent": {"id": 1, "name": "Sales"}, "target_agent": {"id": "b"}},
            "context": {"summary": "s", "artifacts": [{"key": "k", "value": 5}]},
            "decisions": null,
        });
        let refused = app.call(ENDPOINT, "/api/v1/packets", WRITER, body).await;
        assert_eq!(refused.error(), (400, "metadata.source_agent.id: Input should be a valid string"));
        assert_eq!(refused.json["field"], "metadata.source_agent.id");
        let errors = refused.json["errors"].as_array().unwrap();
        let locations: Vec<_> = errors.iter().map(|error| error["loc"].clone()).collect();
        let expected = [
            json!(["body", "metadata", "source_agent", "id"]),
            json!(["body", "metadata", "target_agent", "name"]),
            json!(["body", "context", "artifacts", 0, "value"]),
        ];
        assert_eq!(locations, expected, "{}", refused.json);
        assert_eq!((&errors[1]["type"], &errors[1]["msg"]), (&json!("missing"), &json!("Field required")));
    }

    #[tokio::test]
    async fn body_without_json_object_is_refused() {
        let app = TestApp::new().await;
        for body in ["", "{", "[]", "null", "5", r#"{"a":"\ud800"}"#, "{} {}", &format!("{}1", "[".repeat(500))] {
            let request = http::Request::builder().header("x-api-key", WRITER);
            let refused = app.send(ENDPOINT, "/api/v1/packets", request, body.to_owned()).await;
            assert_eq!(refused.status.as_u16(), 400, "{body}");
            assert!(refused.json["detail"].is_string() && refused.json["field"].is_null(), "{body}: {}", refused.json);
        }
    }

    /// A number that would change when stored is refused; unusual notation is accepted.
    #[tokio::test]
    async fn numbers_are_returned_unchanged_or_refused() {
        let app = TestApp::new().await;
        let post = async |custom: &str, byte_order_mark: &str| {
            let body =
                packet_body().to_string().replace(r#""Upgrade to Business""#, &format!(r#""s","custom":{custom}"#));
            let request = http::Request::builder().header("x-api-key", WRITER);
            app.send(ENDPOINT, "/api/v1/packets", request, format!("{byte_order_mark}{body}")).await
        };
        let custom = r#"{"wei":"1000000000000000000000","n":[18446744073709551615,-9223372036854775808,0.5,1e+300]}"#;
        for byte_order_mark in ["", "\u{feff}"] {
            let created = post(custom, byte_order_mark).await;
            assert_eq!(
                (created.status.as_u16(), created.json["context"]["custom"].to_string().as_str()),
                (201, custom)
            );
        }
        let refused = post(r#"{"wei":1000000000000000000000}"#, "").await;
        let message = "The body contains 1000000000000000000000, an integer beyond 64 bits. Send it as a string";
        assert_eq!((refused.error(), &refused.json["field"]), ((400, message), &Value::Null));
        assert_eq!(refused.json["errors"][0]["type"], "int_parsing_size");
        assert_eq!(post(r#"{"n":1e400}"#, "").await.status.as_u16(), 400);
    }

    #[tokio::test]
    async fn tier_limits_request_body_size() {
        let app = TestApp::new().await;
        let free = app.create_key(Tier::Free, "ho_test_free").await;
        let mut large = packet_body();
        large["context"]["custom"] = json!({"text": "x".repeat(65 * 1024)});
        let refused = app.call(ENDPOINT, "/api/v1/packets", free, large.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["tier"]), (413, &json!("free")), "{}", refused.json);
        let accepted = app.call(ENDPOINT, "/api/v1/packets", WRITER, large.clone()).await;
        assert_eq!(accepted.json["context"]["custom"], large["context"]["custom"]);
    }

    #[tokio::test]
    async fn same_idempotency_key_returns_first_packet() {
        let app = TestApp::new().await;
        let create = async |body: Value| {
            let request = http::Request::builder().header("x-api-key", WRITER).header("idempotency-key", "order-1");
            app.send(ENDPOINT, "/api/v1/packets", request, body.to_string()).await
        };
        let first = create(packet_body()).await;
        app.advance(60);
        let repeat = create(packet_body()).await;
        assert_eq!((repeat.status.as_u16(), &repeat.json), (201, &first.json));
        let mut other = packet_body();
        other["context"]["summary"] = "Another".into();
        assert_eq!(create(other).await.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn create_refuses_reader_agent_and_revoked_keys() {
        let app = TestApp::new().await;
        let refused = app.call(ENDPOINT, "/api/v1/packets", READER, packet_body()).await;
        let message = "Insufficient permissions. Required role: writer, current role: reader";
        assert_eq!(refused.error(), (403, message));
        let refused = app.call(ENDPOINT, "/api/v1/packets", AGENT, packet_body()).await;
        assert_eq!(refused.error(), (403, "Insufficient permissions. Required role: writer, current role: agent"));
        let request = http::Request::builder().header("authorization", format!("Bearer {WRITER}"));
        let without_key = app.send(ENDPOINT, "/api/v1/packets", request, packet_body().to_string()).await;
        assert_eq!(without_key.error(), (401, "Missing X-API-Key header"));
        let unknown = app.call(ENDPOINT, "/api/v1/packets", "hr_unknown", packet_body()).await;
        assert_eq!(unknown.error(), (401, "Invalid API key"));
        let keys = app.cx.store.keys(crate::testing::tenant()).await.unwrap();
        for key in keys {
            app.cx.store.revoke_key(key.tenant, key.id, NOON).await.unwrap();
        }
        app.advance(6);
        let revoked = app.call(ENDPOINT, "/api/v1/packets", WRITER, packet_body()).await;
        assert_eq!(revoked.error(), (403, "API key has been revoked"));
    }
}
