//! `GET /api/v1/schemas`: lists the tenant's schemas, newest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::SchemaView;
use crate::body::QueryString;
use crate::door::DOOR;
use crate::page::PageParams;
use crate::response_encoding::{ENVELOPE_BYTES_MAX, ResponseEncoding};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-list",
    method: HttpMethod::Get,
    path: "/api/v1/schemas",
    auth: Auth::ApiKey(Scope::PacketsSchemas),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ListSchemas],
    summary: "List the schemas, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<ResponseBody>(200)
}

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
}

/// Page of schemas.
#[derive(Serialize, JsonSchema)]
#[schemars(rename = "ContextSchemaList")]
struct ResponseBody {
    schemas: Vec<SchemaView>,
    total: usize,
    limit: usize,
    offset: usize,
}

/// Lists a page of schemas. A page of large schemas ends early, and the next page starts after the last schema shown.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsSchemas>,
    QueryString(params): QueryString<QueryParams>,
    encoding: ResponseEncoding,
) -> Result<Response, Problem> {
    let PageParams { limit, offset } = PageParams::parse(params.limit.as_deref(), params.offset.as_deref())?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let tenant = caller.key.tenant;
    let schemas = cx.store.schemas(tenant).await?;
    let (mut page, mut budget) = (Vec::new(), encoding.budget_after(ENVELOPE_BYTES_MAX));
    for schema in schemas.iter().skip(offset).take(limit) {
        let view = SchemaView::new(tenant, schema)?;
        if !budget.reserve_entry(&view)? {
            break;
        }
        page.push(view);
    }
    Ok(encoding.encode(&ResponseBody { schemas: page, total: schemas.len(), limit, offset })?)
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;
    use handrail_store::{PutSchemaOutcome, Schema};
    use serde_json::Value;
    use serde_json::json;

    use super::*;
    use crate::testing::{NOON, TestApp, WRITER, tenant};

    #[tokio::test]
    async fn schema_list_is_newest_first_within_response_limit() {
        let app = TestApp::new().await;
        for index in 0..100_u8 {
            let schema = Schema {
                id: RecordId::new(NOON, [200 - index; 10]),
                name: format!("the {index}th"),
                version: 1,
                text: json!({"type": "object", "title": "x".repeat(64_000)}).to_string(),
                created_at: NOON.plus_ms(i64::from(index)),
            };
            assert!(matches!(app.cx.store.put_schema(tenant(), schema).await.unwrap(), PutSchemaOutcome::Done(_)));
        }
        let list_schemas = async |query: &str| {
            let page = app.call(ENDPOINT, &format!("/api/v1/schemas{query}"), WRITER, Value::Null).await;
            let names = page.json["schemas"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> = names.iter().map(|schema| schema["name"].as_str().unwrap().to_owned()).collect();
            (names, page.json)
        };
        let (names, page) = list_schemas("?limit=2&offset=1").await;
        assert_eq!(names, ["the 98th", "the 97th"]);
        assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(100), &json!(2), &json!(1)));
        let (names, _) = list_schemas("?limit=200").await;
        assert!((80..100).contains(&names.len()), "{}", names.len());
        let (second_page, _) = list_schemas(&format!("?limit=200&offset={}", names.len())).await;
        assert_eq!(names.len() + second_page.len(), 100);
        assert_eq!(second_page.last().unwrap(), "the 0th");
        assert_eq!(list_schemas("?offset=100").await.0, [""; 0]);
    }
}
