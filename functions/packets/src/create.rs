//! `POST /api/v1/packets`: an agent hands over.

use axum::extract::{Extension, State};
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::packet::{CREATE_FORMAT, Proposal};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use serde_json::Value;

use crate::body::Body;
use crate::caller::Caller;
use crate::daily::Counted;
use crate::dialect::DIALECT;
use crate::given_name::GivenName;
use crate::schemas::fit::{Holding, Remembered};
use crate::shelf;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-create",
    method: Verb::Post,
    path: "/api/v1/packets",
    auth: Auth::Key(Scope::PacketsWrite),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadSchema, Touch::Create],
    summary: "Hand a packet over to another agent",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler).layer(Extension(Remembered::default()))
}

async fn handler(
    State(cx): State<Cx>,
    Extension(schemas): Extension<Remembered>,
    caller: Caller<right::PacketsWrite>,
    IdempotencyKey(name): IdempotencyKey,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let proposal = body.read(&caller.key, Proposal::read)?;
    spend(&cx, &caller.key, Budget::Creates).await?;
    Holding::new(schemas).hold(&cx, caller.key.tenant, &proposal).await?;
    let counted = Counted::handoff(&cx, &caller.key, name.as_deref()).await?;
    let named = name.as_deref().map(|name| GivenName::new(name, CREATE_FORMAT, proposal.to_json()));
    match shelf::create(&cx, &caller.key, proposal, named.as_ref()).await {
        Ok(made) => Ok((StatusCode::CREATED, axum::Json(made.view(&cx)))),
        Err(problem) => Err(counted.unless_made(&cx, problem).await),
    }
}

#[cfg(test)]
mod tests {
    use handrail_domain::account::Tier;
    use handrail_domain::packet::{PacketEvent, State as PacketState};
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Desk, NOON, READER, checkpoint, packet};

    #[tokio::test]
    async fn everything_is_shown_and_null_when_unset() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/api/v1/packets", AGENT, packet()).await;
        let expected = json!({
            "id": made.id(),
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
        assert_eq!((made.status.as_u16(), &made.json), (201, &expected));
        let record = desk.record(made.id()).await;
        assert!(matches!(record.newest().unwrap().event, PacketEvent::Created { .. }));
    }

    #[tokio::test]
    async fn a_required_checkpoint_makes_it_wait_for_a_person() {
        let desk = Desk::new().await;
        let made = desk.call(ENDPOINT, "/api/v1/packets", AGENT, checkpoint()).await;
        assert_eq!(made.json["status"], "awaiting_human");
        assert_eq!(desk.record(made.id()).await.state(), PacketState::AwaitingHuman);
        let mut optional = checkpoint();
        optional["hitl"]["required"] = false.into();
        let made = desk.call(ENDPOINT, "/api/v1/packets", AGENT, optional).await;
        assert_eq!(made.json["status"], "created");
    }

    #[tokio::test]
    async fn everything_that_is_wrong_is_named() {
        let desk = Desk::new().await;
        let body = json!({
            "metadata": {"source_agent": {"id": 1, "name": "Sales"}, "target_agent": {"id": "b"}},
            "context": {"summary": "s", "artifacts": [{"key": "k", "value": 5}]},
            "decisions": null,
        });
        let refused = desk.call(ENDPOINT, "/api/v1/packets", AGENT, body).await;
        assert_eq!(refused.refusal(), (400, "metadata.source_agent.id: Input should be a valid string"));
        assert_eq!(refused.json["field"], "metadata.source_agent.id");
        let errors = refused.json["errors"].as_array().unwrap();
        let places: Vec<_> = errors.iter().map(|error| error["loc"].clone()).collect();
        let expected = [
            json!(["body", "metadata", "source_agent", "id"]),
            json!(["body", "metadata", "target_agent", "name"]),
            json!(["body", "context", "artifacts", 0, "value"]),
        ];
        assert_eq!(places, expected, "{}", refused.json);
        assert_eq!((&errors[1]["type"], &errors[1]["msg"]), (&json!("missing"), &json!("Field required")));
    }

    #[tokio::test]
    async fn what_is_no_json_object_is_told_in_words() {
        let desk = Desk::new().await;
        for body in ["", "{", "[]", "null", "5", r#"{"a":"\ud800"}"#, "{} {}", &format!("{}1", "[".repeat(500))] {
            let request = http::Request::builder().header("x-api-key", AGENT);
            let refused = desk.send(ENDPOINT, "/api/v1/packets", request, body.to_owned()).await;
            assert_eq!(refused.status.as_u16(), 400, "{body}");
            assert!(refused.json["detail"].is_string() && refused.json["field"].is_null(), "{body}: {}", refused.json);
        }
    }

    /// What would come back as another number is not taken, and what only looks odd is.
    #[tokio::test]
    async fn a_number_comes_back_as_it_was_or_is_refused() {
        let desk = Desk::new().await;
        let post = async |custom: &str, mark: &str| {
            let body = packet().to_string().replace(r#""Upgrade to Business""#, &format!(r#""s","custom":{custom}"#));
            let request = http::Request::builder().header("x-api-key", AGENT);
            desk.send(ENDPOINT, "/api/v1/packets", request, format!("{mark}{body}")).await
        };
        let custom = r#"{"wei":"1000000000000000000000","n":[18446744073709551615,-9223372036854775808,0.5,1e+300]}"#;
        for mark in ["", "\u{feff}"] {
            let made = post(custom, mark).await;
            assert_eq!((made.status.as_u16(), made.json["context"]["custom"].to_string().as_str()), (201, custom));
        }
        let refused = post(r#"{"wei":1000000000000000000000}"#, "").await;
        let told = "The body holds 1000000000000000000000, a whole number of more than 64 bits: write it as a text";
        assert_eq!((refused.refusal(), &refused.json["field"]), ((400, told), &Value::Null));
        assert_eq!(refused.json["errors"][0]["type"], "int_parsing_size");
        assert_eq!(post(r#"{"n":1e400}"#, "").await.status.as_u16(), 400);
    }

    #[tokio::test]
    async fn a_tier_says_how_much_may_come_at_once() {
        let desk = Desk::new().await;
        let free = desk.with_key_of(Tier::Free, "ho_test_free").await;
        let mut large = packet();
        large["context"]["custom"] = json!({"text": "x".repeat(65 * 1024)});
        let refused = desk.call(ENDPOINT, "/api/v1/packets", free, large.clone()).await;
        assert_eq!((refused.status.as_u16(), &refused.json["tier"]), (413, &json!("free")), "{}", refused.json);
        let taken = desk.call(ENDPOINT, "/api/v1/packets", AGENT, large.clone()).await;
        assert_eq!(taken.json["context"]["custom"], large["context"]["custom"]);
    }

    #[tokio::test]
    async fn a_repeat_under_a_key_finds_the_first() {
        let desk = Desk::new().await;
        let ask = async |body: Value| {
            let request = http::Request::builder().header("x-api-key", AGENT).header("idempotency-key", "order-1");
            desk.send(ENDPOINT, "/api/v1/packets", request, body.to_string()).await
        };
        let first = ask(packet()).await;
        desk.advance(60);
        let again = ask(packet()).await;
        assert_eq!((again.status.as_u16(), &again.json), (201, &first.json));
        let mut other = packet();
        other["context"]["summary"] = "Another".into();
        assert_eq!(ask(other).await.status.as_u16(), 409);
    }

    #[tokio::test]
    async fn who_may_only_read_is_told_what_it_takes() {
        let desk = Desk::new().await;
        let refused = desk.call(ENDPOINT, "/api/v1/packets", READER, packet()).await;
        let detail = refused.json["detail"].as_str().unwrap();
        assert!(refused.status.as_u16() == 403 && detail.contains("role reader"), "{detail}");
        let request = http::Request::builder().header("authorization", format!("Bearer {AGENT}"));
        let nobody = desk.send(ENDPOINT, "/api/v1/packets", request, packet().to_string()).await;
        assert_eq!(nobody.refusal(), (401, "Missing X-API-Key header"));
        let unknown = desk.call(ENDPOINT, "/api/v1/packets", "hr_unknown", packet()).await;
        assert_eq!(unknown.refusal(), (401, "Invalid API key"));
        let keys = desk.cx.store.keys(crate::testing::tenant()).await.unwrap();
        for key in keys {
            desk.cx.store.revoke_key(key.tenant, key.id, NOON).await.unwrap();
        }
        desk.advance(6);
        let revoked = desk.call(ENDPOINT, "/api/v1/packets", AGENT, packet()).await;
        assert_eq!(revoked.refusal(), (403, "API key has been revoked"));
    }
}
