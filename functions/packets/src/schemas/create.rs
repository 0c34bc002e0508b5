//! `POST /api/v1/schemas`: registers a JSON schema for the contexts of packets. A schema never changes.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::SchemaProposal;
use handrail_store::{PutSchemaOutcome, SCHEMA_BYTES_MAX, SCHEMAS_MAX, Schema};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::IdempotencyKey;
use handrail_web::json_response::Created;
use handrail_web::problem::Problem;
use http::StatusCode;

use super::SchemaView;
use super::validation::{CompiledSchema, run_blocking};
use crate::body::Body;
use crate::door::DOOR;
use crate::errors::{error, field_error};
use crate::requests;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-create",
    method: HttpMethod::Post,
    path: "/api/v1/schemas",
    auth: Auth::ApiKey(Scope::PacketsSchemas),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::PutSchema],
    summary: "Register a schema for packet contexts",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

pub fn description() -> Description {
    Description::of(handler).problems(&[409])
}

/// Kind from which a schema's id is derived, together with the idempotency key.
const KIND: &str = "schema";

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsSchemas>,
    IdempotencyKey(idempotency_key): IdempotencyKey,
    body: Body<requests::NewSchema>,
) -> Result<Created<SchemaView>, Problem> {
    let key = &caller.key;
    let proposal = body.read(key, SchemaProposal::read)?;
    check_key_limit(&cx, key, RateLimitClass::OtherRequests).await?;
    let text = proposal.json_schema.to_string();
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(unsupported_schema(format!("has {} bytes, and the limit is {SCHEMA_BYTES_MAX} bytes", text.len())));
    }
    let json_schema = proposal.json_schema;
    if let Err(unsupported) = run_blocking(move || CompiledSchema::compile(&json_schema).map(drop)).await? {
        return Err(unsupported_schema(if unsupported.path.is_empty() {
            unsupported.reason
        } else {
            format!("at {}: {}", unsupported.path, unsupported.reason)
        }));
    }
    let id = match idempotency_key {
        Some(text) => RecordId::from_idempotency_key(key.tenant, key.id, KIND, &text),
        None => cx.new_record_id(),
    };
    let schema = Schema { id, name: proposal.name, version: proposal.version, text, created_at: cx.clock.now() };
    match cx.store.put_schema(key.tenant, schema).await? {
        PutSchemaOutcome::Done(schema) => Ok(Created(SchemaView::new(key.tenant, &schema)?)),
        PutSchemaOutcome::IdempotencyConflict => Err(Problem::idempotency_conflict()),
        PutSchemaOutcome::TooMany => {
            Err(error(StatusCode::CONFLICT, format!("The account has reached its limit of {SCHEMAS_MAX} schemas")))
        }
    }
}

fn unsupported_schema(message: String) -> Problem {
    field_error(RequestPart::Body, "json_schema", message, "schema")
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, NOON, READER, TestApp, TestResponse, WRITER, tenant};

    async fn register_schema(app: &TestApp, json_schema: Value) -> TestResponse {
        app.call(ENDPOINT, "/api/v1/schemas", WRITER, json!({"name": "order", "json_schema": json_schema})).await
    }

    #[tokio::test]
    async fn registered_schema_is_returned_unchanged() {
        let app = TestApp::new().await;
        let schema = json!({"type": "object", "properties": {"custom": {"required": ["order"]}}, "title": "Grüße"});
        let body = json!({"name": "order", "version": 3, "json_schema": schema, "unknown": 1});
        let created = app.call(ENDPOINT, "/api/v1/schemas", WRITER, body).await;
        let expected = json!({
            "id": created.id(), "name": "order", "version": 3, "json_schema": schema,
            "tenant_id": tenant(), "created_at": NOON,
        });
        assert_eq!((created.status.as_u16(), &created.json), (201, &expected));
        assert_eq!(register_schema(&app, json!({"type": "object"})).await.json["version"], 1);
        for key in [AGENT, READER] {
            assert_eq!(app.call(ENDPOINT, "/api/v1/schemas", key, json!({})).await.status.as_u16(), 403);
        }
    }

    #[tokio::test]
    async fn same_idempotency_key_creates_one_schema() {
        let app = TestApp::new().await;
        let register = async |kind: &str| {
            let request = http::Request::builder().header("x-api-key", WRITER).header("idempotency-key", "mine");
            let body = json!({"name": "order", "json_schema": {"type": kind}}).to_string();
            app.send(ENDPOINT, "/api/v1/schemas", request, body).await
        };
        let first = register("object").await;
        app.advance(5);
        assert_eq!(register("object").await.json, first.json);
        assert_eq!(register("string").await.status.as_u16(), 409);
        assert_eq!(app.cx.store.schemas(tenant()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn invalid_schema_is_refused_with_its_path() {
        let app = TestApp::new().await;
        let minimal_schema = json!({"type": "object"});
        for (body, field) in [
            (json!({"json_schema": minimal_schema}), "name"),
            (json!({"name": "", "json_schema": minimal_schema}), "name"),
            (json!({"name": "x".repeat(129), "json_schema": minimal_schema}), "name"),
            (json!({"name": "x", "json_schema": minimal_schema, "version": 0}), "version"),
            (json!({"name": "x", "json_schema": minimal_schema, "version": 1.5}), "version"),
            (json!({"name": "x", "json_schema": {}}), "json_schema.type"),
            (json!({"name": "x", "json_schema": true}), "json_schema"),
            (json!({"name": "x"}), "json_schema"),
        ] {
            let refused = app.call(ENDPOINT, "/api/v1/schemas", WRITER, body.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{body}");
        }
        for (schema, expected) in [
            (json!({"type": "objekt"}), "at type:"),
            (json!({"type": "object", "properties": {"a": {"minLength": -1}}}), "at properties/a/minLength:"),
            (json!({"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}), "pattern"),
            (json!({"type": "object", "description": "x".repeat(SCHEMA_BYTES_MAX)}), "bytes"),
            (json!({"type": "object", "$schema": "https://example.com/mine"}), "at $schema:"),
        ] {
            let refused = register_schema(&app, schema).await;
            let (status, detail) = refused.error();
            assert!(status == 400 && detail.starts_with("json_schema: ") && detail.contains(expected), "{detail}");
            assert_eq!(refused.json["field"], "json_schema");
        }
    }

    #[tokio::test]
    async fn tenant_schema_limit_is_enforced() {
        let app = TestApp::new().await;
        let schema = |index: usize| Schema {
            id: RecordId::new(NOON, [u8::try_from(index).unwrap(); 10]),
            name: "x".to_owned(),
            version: 1,
            text: "{}".to_owned(),
            created_at: NOON,
        };
        for index in 0..SCHEMAS_MAX {
            assert!(matches!(
                app.cx.store.put_schema(tenant(), schema(index)).await.unwrap(),
                PutSchemaOutcome::Done(_)
            ));
        }
        let refused = register_schema(&app, json!({"type": "object"})).await;
        assert_eq!(refused.status.as_u16(), 409, "{}", refused.json);
        // A repeat creates no schema, so the limit does not apply.
        assert!(matches!(app.cx.store.put_schema(tenant(), schema(7)).await.unwrap(), PutSchemaOutcome::Done(_)));
        assert_eq!(app.cx.store.schemas(tenant()).await.unwrap().len(), SCHEMAS_MAX);
    }
}
