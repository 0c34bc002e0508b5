//! `GET /api/v1/packets`: lists the tenant's packets that match the filters, newest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::packet::{Packet, State as PacketState};
use handrail_domain::read_time::read_query_time;
use handrail_domain::time::Timestamp;
use handrail_store::{Filter, Order};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::body::QueryString;
use crate::door::DOOR;
use crate::errors::field_error;
use crate::page::{self, PacketPage, PageParams, non_blank};
use crate::response_encoding::ResponseEncoding;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-list",
    method: HttpMethod::Get,
    path: "/api/v1/packets",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::Find,
        DataAccess::FindOverdue,
        DataAccess::ReadCounts,
    ],
    summary: "List packets that match filters, newest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<page::PacketList>(200)
}

/// Tags in a filter. A packet cannot have more, so more would match no packet.
const TAGS_MAX: usize = handrail_domain::packet::TAGS_MAX;

/// Query parameters. A blank one counts as absent.
#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Statuses, separated by commas.
    status: Option<String>,
    source_agent: Option<String>,
    target_agent: Option<String>,
    /// Tags, separated by commas.
    tags: Option<String>,
    priority: Option<String>,
    /// Time or date.
    created_after: Option<String>,
    /// Time or date.
    created_before: Option<String>,
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    QueryString(params): QueryString<QueryParams>,
    encoding: ResponseEncoding,
) -> Result<Response, Problem> {
    let page_params = PageParams::parse(params.limit.as_deref(), params.offset.as_deref())?;
    let cursor = page::parse_cursor(params.cursor.as_deref())?;
    let filter = parse_filter(&params)?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let find = |page| {
        let (cx, filter) = (&cx, &filter);
        async move {
            let found = cx.store.find::<Packet>(tenant, filter, &page, now).await?;
            PacketPage::new(cx, found.records, found.total, found.next)
        }
    };
    page::page_response(encoding, page_params, cursor, Order::NewestFirst, find).await
}

fn parse_filter(params: &QueryParams) -> Result<Filter<Packet>, Problem> {
    let owned = |text: &Option<String>| non_blank(text.as_deref()).map(str::to_owned);
    let tags: Vec<String> = split_list(params.tags.as_deref()).map(str::to_owned).collect();
    if tags.len() > TAGS_MAX {
        return Err(field_error(RequestPart::Query, "tags", format!("Filter by at most {TAGS_MAX} tags"), "too_long"));
    }
    Ok(Filter {
        states: non_blank(params.status.as_deref()).map(parse_states),
        source: owned(&params.source_agent),
        holder: owned(&params.target_agent),
        priority: owned(&params.priority),
        tags,
        created_from: parse_time("created_after", params.created_after.as_deref())?,
        created_to: parse_time("created_before", params.created_before.as_deref())?,
    })
}

fn split_list(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// Parses a comma-separated list of states. Unknown names are dropped, so an unknown status matches no packet.
pub(crate) fn parse_states(list: &str) -> Vec<PacketState> {
    split_list(Some(list)).filter_map(PacketState::from_name).collect()
}

/// Parses a time filter. A blank text counts as absent.
pub(crate) fn parse_time(name: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = non_blank(text) else { return Ok(None) };
    let refuse =
        || field_error(RequestPart::Query, name, "Input should be a valid datetime or date", "datetime_parsing");
    read_query_time(text).map(Some).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{READER, TestApp, TestResponse, WRITER, packet_body, tenant};

    async fn list_packets(app: &TestApp, query: &str) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/packets{query}"), READER, Value::Null).await
    }

    #[tokio::test]
    async fn invalid_list_query_is_refused_by_name() {
        let app = TestApp::new().await;
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?limit=201", "limit"),
            ("?limit=x", "limit"),
            ("?offset=-1", "offset"),
            ("?offset=10001", "offset"),
            ("?offset=99999999999999999999", "offset"),
            ("?created_after=yesterday", "created_after"),
            ("?created_before=2026-13-01", "created_before"),
            ("?cursor=x", "cursor"),
            ("?status=created&limit=5&status=claimed", "status"),
            ("?unknown=1&limit=5&unknown=2&offset=1&offset=1", "offset"),
        ] {
            let refused = list_packets(&app, query).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
    }

    #[tokio::test]
    async fn empty_filter_is_ignored_unknown_value_matches_nothing() {
        let app = TestApp::new().await;
        app.create_packet().await;
        for (query, total) in [
            ("?status=&priority=&tags=&source_agent=&target_agent=&created_after=&cursor=", 1),
            ("?status=created,open", 1),
            ("?status=open", 0),
            ("?priority=urgent", 0),
            ("?tags=,upgrade,", 1),
            ("?tags=upgrade,other", 0),
            ("?created_after=2026-01-01T00:00:00+00:00", 1),
            ("?created_after=1790000000", 1),
            ("?created_before=2026-01-01", 0),
            ("?hitl_required=true", 1),
        ] {
            let page = list_packets(&app, query).await;
            assert_eq!((page.status.as_u16(), &page.json["total"]), (200, &json!(total)), "{query}: {}", page.json);
            assert_eq!(page.json["packets"].as_array().unwrap().len(), total, "{query}");
        }
    }

    #[tokio::test]
    async fn combination_is_counted_to_a_thousand() {
        let app = TestApp::new().await;
        let batch = json!({"packets": vec![packet_body(); 50]});
        for _ in 0..21 {
            let created = app.call(crate::batch_create::ENDPOINT, "/api/v1/packets/batch", WRITER, batch.clone()).await;
            assert_eq!(created.json["created"].as_array().map(Vec::len), Some(50), "{}", created.json["errors"]);
            app.advance(60);
        }
        let page = list_packets(&app, "?status=created&tags=upgrade&limit=2").await;
        assert_eq!(page.json["total"], 1_000);
        assert_eq!(page.headers["x-total-is-minimum"], "true");
        // A list that was read to its end has an exact total.
        let end = list_packets(&app, "?status=created&tags=upgrade&limit=10&offset=1045").await;
        assert_eq!((&end.json["total"], end.headers.get("x-total-is-minimum")), (&json!(1_050), None));
        assert_eq!(end.json["packets"].as_array().map(Vec::len), Some(5));
        // A count that is not part of a list is exact.
        let filter = Filter::<Packet> {
            states: Some(vec![PacketState::Created]),
            tags: vec!["upgrade".to_owned()],
            ..Filter::default()
        };
        assert_eq!(app.cx.store.count_matching(tenant(), &filter, app.cx.clock.now()).await.unwrap(), 1_050);
    }

    #[tokio::test]
    async fn page_of_large_packets_is_compressed_or_shortened() {
        let app = TestApp::new().await;
        let mut large = packet_body();
        large["context"]["custom"] = json!({"text": "large ".repeat(100 * 1024)});
        for _ in 0..11 {
            app.call(crate::create::ENDPOINT, "/api/v1/packets", WRITER, large.clone()).await;
        }
        let plain = list_packets(&app, "").await;
        let first_page_len = plain.json["packets"].as_array().unwrap().len();
        assert!((1..11).contains(&first_page_len) && plain.json["total"] == 11, "{first_page_len}");
        let second_page = list_packets(&app, &format!("?cursor={}", plain.json["next_cursor"].as_str().unwrap())).await;
        assert_eq!(second_page.json["packets"].as_array().unwrap().len(), 11 - first_page_len);
        let request = http::Request::builder().header("x-api-key", READER).header("accept-encoding", "gzip, deflate");
        let compressed = app.send(ENDPOINT, "/api/v1/packets", request, "").await;
        assert_eq!(compressed.headers["content-encoding"], "gzip");
        let whole: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&compressed.body[..])).unwrap();
        assert_eq!(whole["packets"].as_array().unwrap().len(), 11);
        assert_eq!(whole["next_cursor"], Value::Null);
    }
}
