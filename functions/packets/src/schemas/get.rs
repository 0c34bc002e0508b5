//! `GET /api/v1/schemas/{id}`: one schema.

use axum::extract::{FromRequestParts, State};
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::ids::RecordId;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::StatusCode;
use http::request::Parts;
use serde_json::Value;

use super::shown;
use crate::body::uuid_in_path;
use crate::caller::Caller;
use crate::dialect::{DIALECT, refuse};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-get",
    method: Verb::Get,
    path: "/api/v1/schemas/{id}",
    auth: Auth::Key(Scope::PacketsSchemas),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadSchema],
    summary: "See a schema",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

struct SchemaId(RecordId);

impl FromRequestParts<Cx> for SchemaId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(RecordId::from_bytes(uuid_in_path(parts, cx, "schema_id").await?)))
    }
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsSchemas>,
    SchemaId(id): SchemaId,
) -> Result<axum::Json<Value>, Problem> {
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    let schema = cx.store.schema(tenant, id).await?;
    let schema = schema.ok_or_else(|| refuse(StatusCode::NOT_FOUND, format!("Schema {id} not found")))?;
    Ok(axum::Json(shown(tenant, &schema)?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::{Desk, WRITER};

    #[tokio::test]
    async fn a_schema_is_seen_by_its_id() {
        let desk = Desk::new().await;
        let body = json!({"name": "order", "json_schema": {"type": "object"}});
        let made = desk.call(super::super::create::ENDPOINT, "/api/v1/schemas", WRITER, body).await;
        let ask = async |id: &str| desk.call(ENDPOINT, &format!("/api/v1/schemas/{id}"), WRITER, Value::Null).await;
        let seen = ask(&made.id().to_string().to_uppercase()).await;
        assert_eq!((seen.status.as_u16(), &seen.json), (200, &made.json));
        let nobody = "018f0000-0000-7000-8000-000000000000";
        assert_eq!(ask(nobody).await.refusal(), (404, &*format!("Schema {nobody} not found")));
        assert_eq!(ask("x").await.status.as_u16(), 400);
    }
}
