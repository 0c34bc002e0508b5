//! `POST /api/v1/schemas`: an account says how a context looks. Once said, it stays.

use axum::extract::State;
use axum::routing::{MethodRouter, post};
use handrail_domain::access::Scope;
use handrail_domain::ids::RecordId;
use handrail_domain::packet::{Flaw, SchemaProposal, Step};
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::{IdempotencyKey, right};
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{PutSchema, SCHEMA_BYTES_MAX, SCHEMAS_MAX, Schema};
use http::StatusCode;
use serde_json::Value;

use super::fit::{Ready, aside};
use super::shown;
use crate::body::Body;
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed, refuse};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-create",
    method: Verb::Post,
    path: "/api/v1/schemas",
    auth: Auth::Key(Scope::PacketsSchemas),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::KeepSchema],
    summary: "Register a schema that contexts are held to",
    route,
};

fn route() -> MethodRouter<Cx> {
    post(handler)
}

/// The kind in a schema's id that an idempotency key leads to.
const KIND: &str = "schema";

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsSchemas>,
    IdempotencyKey(name): IdempotencyKey,
    body: Body,
) -> Result<(StatusCode, axum::Json<Value>), Problem> {
    let key = &caller.key;
    let wanted = body.read(key, SchemaProposal::read)?;
    spend(&cx, key, Budget::Calls).await?;
    let text = wanted.json_schema.to_string();
    if text.len() > SCHEMA_BYTES_MAX {
        return Err(unfit(format!("holds {} bytes, and at most {SCHEMA_BYTES_MAX} are taken", text.len())));
    }
    let json_schema = wanted.json_schema;
    if let Err(found) = aside(move || Ready::of(&json_schema).map(drop)).await? {
        return Err(unfit(if found.at.is_empty() { found.why } else { format!("at {}: {}", found.at, found.why) }));
    }
    let id = match name {
        Some(name) => RecordId::from_idempotency_key(key.tenant, key.id, KIND, &name),
        None => cx.new_record_id(),
    };
    let schema = Schema { id, name: wanted.name, version: wanted.version, text, created_at: cx.clock.now() };
    match cx.store.put_schema(key.tenant, schema).await? {
        PutSchema::Done(schema) => Ok((StatusCode::CREATED, axum::Json(shown(key.tenant, &schema)?))),
        PutSchema::OtherContent => {
            Err(refuse(StatusCode::CONFLICT, "This Idempotency-Key was used for another request: use a new one"))
        }
        PutSchema::TooMany => {
            Err(refuse(StatusCode::CONFLICT, format!("The account has {SCHEMAS_MAX} schemas, and can have no more")))
        }
    }
}

fn unfit(message: String) -> Problem {
    flawed(Part::Body, &[Flaw::new(&[Step::Member("json_schema")], message, "schema")])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, NOON, READER, WRITER, tenant};

    async fn register(desk: &Desk, json_schema: Value) -> Answer {
        desk.call(ENDPOINT, "/api/v1/schemas", WRITER, json!({"name": "order", "json_schema": json_schema})).await
    }

    #[tokio::test]
    async fn a_schema_is_told_back_as_it_was_registered() {
        let desk = Desk::new().await;
        let schema = json!({"type": "object", "properties": {"custom": {"required": ["order"]}}, "title": "Grüße"});
        let body = json!({"name": "order", "version": 3, "json_schema": schema, "unknown": 1});
        let made = desk.call(ENDPOINT, "/api/v1/schemas", WRITER, body).await;
        let expected = json!({
            "id": made.id(), "name": "order", "version": 3, "json_schema": schema,
            "tenant_id": tenant(), "created_at": NOON,
        });
        assert_eq!((made.status.as_u16(), &made.json), (201, &expected));
        assert_eq!(register(&desk, json!({"type": "object"})).await.json["version"], 1);
        for key in [AGENT, READER] {
            assert_eq!(desk.call(ENDPOINT, "/api/v1/schemas", key, json!({})).await.status.as_u16(), 403);
        }
    }

    #[tokio::test]
    async fn a_repeat_under_a_key_is_one_schema() {
        let desk = Desk::new().await;
        let ask = async |kind: &str| {
            let request = http::Request::builder().header("x-api-key", WRITER).header("idempotency-key", "mine");
            let body = json!({"name": "order", "json_schema": {"type": kind}}).to_string();
            desk.send(ENDPOINT, "/api/v1/schemas", request, body).await
        };
        let first = ask("object").await;
        desk.advance(5);
        assert_eq!(ask("object").await.json, first.json);
        assert_eq!(ask("string").await.status.as_u16(), 409);
        assert_eq!(desk.cx.store.schemas(tenant()).await.unwrap().len(), 1);
    }

    #[tokio::test]
    async fn what_is_no_schema_is_refused_and_the_place_is_named() {
        let desk = Desk::new().await;
        let bare = json!({"type": "object"});
        for (body, field) in [
            (json!({"json_schema": bare}), "name"),
            (json!({"name": "", "json_schema": bare}), "name"),
            (json!({"name": "x".repeat(129), "json_schema": bare}), "name"),
            (json!({"name": "x", "json_schema": bare, "version": 0}), "version"),
            (json!({"name": "x", "json_schema": bare, "version": 1.5}), "version"),
            (json!({"name": "x", "json_schema": {}}), "json_schema.type"),
            (json!({"name": "x", "json_schema": true}), "json_schema"),
            (json!({"name": "x"}), "json_schema"),
        ] {
            let refused = desk.call(ENDPOINT, "/api/v1/schemas", WRITER, body.clone()).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{body}");
        }
        for (schema, place) in [
            (json!({"type": "objekt"}), "at type:"),
            (json!({"type": "object", "properties": {"a": {"minLength": -1}}}), "at properties/a/minLength:"),
            (json!({"type": "object", "properties": {"a": {"pattern": "(?=x)"}}}), "pattern"),
            (json!({"type": "object", "description": "x".repeat(SCHEMA_BYTES_MAX)}), "bytes"),
            (json!({"type": "object", "$schema": "https://example.com/mine"}), "at $schema:"),
        ] {
            let refused = register(&desk, schema).await;
            let (status, detail) = refused.refusal();
            assert!(status == 400 && detail.starts_with("json_schema: ") && detail.contains(place), "{detail}");
            assert_eq!(refused.json["field"], "json_schema");
        }
    }

    #[tokio::test]
    async fn an_account_has_so_many_schemas_and_no_more() {
        let desk = Desk::new().await;
        let schema = |at: usize| Schema {
            id: RecordId::new(NOON, [u8::try_from(at).unwrap(); 10]),
            name: "x".to_owned(),
            version: 1,
            text: "{}".to_owned(),
            created_at: NOON,
        };
        for at in 0..SCHEMAS_MAX {
            assert!(matches!(desk.cx.store.put_schema(tenant(), schema(at)).await.unwrap(), PutSchema::Done(_)));
        }
        let refused = register(&desk, json!({"type": "object"})).await;
        assert_eq!(refused.status.as_u16(), 409, "{}", refused.json);
        // A repeat needs no room.
        assert!(matches!(desk.cx.store.put_schema(tenant(), schema(7)).await.unwrap(), PutSchema::Done(_)));
        assert_eq!(desk.cx.store.schemas(tenant()).await.unwrap().len(), SCHEMAS_MAX);
    }
}
