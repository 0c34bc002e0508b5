//! `GET /api/v1/schemas/{id}`: returns a schema.

use axum::extract::{FromRequestParts, State};
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::ids::RecordId;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::{Argument, Description};
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use http::StatusCode;
use http::request::Parts;

use super::SchemaView;
use crate::body::find_path_uuid;
use crate::door::DOOR;
use crate::errors::error;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-get",
    method: HttpMethod::Get,
    path: "/api/v1/schemas/{id}",
    auth: Auth::ApiKey(Scope::PacketsSchemas),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadSchema],
    summary: "Get a schema",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler)
}

struct SchemaId(RecordId);

impl Argument for SchemaId {
    fn describe(description: &mut Description) {
        description.problems.insert(404);
    }
}

impl FromRequestParts<Cx> for SchemaId {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, cx: &Cx) -> Result<Self, Problem> {
        Ok(Self(RecordId::from_bytes(find_path_uuid(parts, cx, "Schema").await?)))
    }
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsSchemas>,
    SchemaId(id): SchemaId,
) -> Result<axum::Json<SchemaView>, Problem> {
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    let schema = cx.store.schema(tenant, id).await?;
    let schema = schema.ok_or_else(|| error(StatusCode::NOT_FOUND, format!("Schema {id} not found")))?;
    Ok(axum::Json(SchemaView::new(tenant, &schema)?))
}

#[cfg(test)]
mod tests {
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{TestApp, WRITER};

    #[tokio::test]
    async fn schema_is_returned_by_its_id() {
        let app = TestApp::new().await;
        let body = json!({"name": "order", "json_schema": {"type": "object"}});
        let created = app.call(super::super::create::ENDPOINT, "/api/v1/schemas", WRITER, body).await;
        let get_schema =
            async |id: &str| app.call(ENDPOINT, &format!("/api/v1/schemas/{id}"), WRITER, Value::Null).await;
        let response = get_schema(&created.id().to_string().to_uppercase()).await;
        assert_eq!((response.status.as_u16(), &response.json), (200, &created.json));
        let unknown = "018f0000-0000-7000-8000-000000000000";
        assert_eq!(get_schema(unknown).await.error(), (404, &*format!("Schema {unknown} not found")));
        assert_eq!(get_schema("x").await.error(), (404, "Schema x not found"));
    }
}
