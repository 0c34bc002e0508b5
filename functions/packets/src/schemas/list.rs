//! `GET /api/v1/schemas`: the account's schemas, newest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use serde::Deserialize;
use serde_json::json;

use super::shown;
use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::DIALECT;
use crate::packing::{ENVELOPE_BYTES_MAX, Packing};
use crate::page::Window;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-schema-list",
    method: Verb::Get,
    path: "/api/v1/schemas",
    auth: Auth::Key(Scope::PacketsSchemas),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ListSchemas],
    summary: "List the schemas, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

#[derive(Deserialize)]
struct Wanted {
    limit: Option<String>,
    offset: Option<String>,
}

/// A page of large schemas ends early: the next one begins behind those that it shows.
async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsSchemas>,
    Asked(wanted): Asked<Wanted>,
    packing: Packing,
) -> Result<Response, Problem> {
    let Window { limit, offset } = Window::read(wanted.limit.as_deref(), wanted.offset.as_deref())?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let tenant = caller.key.tenant;
    let schemas = cx.store.schemas(tenant).await?;
    let (mut page, mut room) = (Vec::new(), packing.room_beside(ENVELOPE_BYTES_MAX));
    for schema in schemas.iter().skip(offset).take(limit) {
        let shown = shown(tenant, schema)?;
        if !room.take_entry(&shown)? {
            break;
        }
        page.push(shown);
    }
    let answer = json!({"schemas": page, "total": schemas.len(), "limit": limit, "offset": offset});
    Ok(packing.answer_of(&answer)?)
}

#[cfg(test)]
mod tests {
    use handrail_domain::ids::RecordId;
    use handrail_kernel::store::{PutSchema, Schema};
    use serde_json::Value;

    use super::*;
    use crate::testing::{Desk, NOON, WRITER, tenant};

    #[tokio::test]
    async fn schemas_are_listed_newest_first_as_far_as_an_answer_goes() {
        let desk = Desk::new().await;
        for at in 0..100_u8 {
            let schema = Schema {
                id: RecordId::new(NOON, [200 - at; 10]),
                name: format!("the {at}th"),
                version: 1,
                text: json!({"type": "object", "title": "x".repeat(64_000)}).to_string(),
                created_at: NOON.plus_ms(i64::from(at)),
            };
            assert!(matches!(desk.cx.store.put_schema(tenant(), schema).await.unwrap(), PutSchema::Done(_)));
        }
        let ask = async |query: &str| {
            let page = desk.call(ENDPOINT, &format!("/api/v1/schemas{query}"), WRITER, Value::Null).await;
            let names = page.json["schemas"].as_array().cloned().unwrap_or_default();
            let names: Vec<String> = names.iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect();
            (names, page.json)
        };
        let (names, page) = ask("?limit=2&offset=1").await;
        assert_eq!(names, ["the 98th", "the 97th"]);
        assert_eq!((&page["total"], &page["limit"], &page["offset"]), (&json!(100), &json!(2), &json!(1)));
        let (names, _) = ask("?limit=200").await;
        assert!((80..100).contains(&names.len()), "{}", names.len());
        let (rest, _) = ask(&format!("?limit=200&offset={}", names.len())).await;
        assert_eq!(names.len() + rest.len(), 100);
        assert_eq!(rest.last().unwrap(), "the 0th");
        assert_eq!(ask("?offset=100").await.0, [""; 0]);
    }
}
