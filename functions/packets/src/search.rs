//! `GET /api/v1/packets/search`: finds packets by words in their summary and context, newest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::field_error::RequestPart;
use handrail_domain::packet::{Packet, State as PacketState};
use handrail_domain::search_terms::{SearchTerms, WORDS_OF_A_QUERY_MAX};
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
    function: "packets-search",
    method: HttpMethod::Get,
    path: "/api/v1/packets/search",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::FindByFilter],
    summary: "Search packets by words",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<page::PacketList>(200)
}

const QUERY_CHARS_MIN: usize = 2;

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Words to search for.
    q: Option<String>,
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
    /// Statuses, separated by commas.
    status: Option<String>,
    priority: Option<String>,
    /// The `next_cursor` of the previous page.
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    QueryString(params): QueryString<QueryParams>,
    encoding: ResponseEncoding,
) -> Result<Response, Problem> {
    let terms = parse_search_terms(params.q.as_deref())?;
    let page_params = PageParams::parse(params.limit.as_deref(), params.offset.as_deref())?;
    let cursor = page::parse_cursor(params.cursor.as_deref())?;
    let filter = Filter::<Packet> {
        // The published API accepts only one status here.
        states: non_blank(params.status.as_deref()).map(|status| PacketState::from_name(status).into_iter().collect()),
        priority: non_blank(params.priority.as_deref()).map(str::to_owned),
        ..Filter::default()
    };
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let find = |page| {
        let (cx, filter, terms) = (&cx, &filter, &terms);
        async move {
            let found = cx.store.search::<Packet>(tenant, terms, filter, &page, now).await?;
            // The cursor continues even after a short page.
            PacketPage::new(cx, found.records, found.total, found.next)
        }
    };
    page::page_response(encoding, page_params, cursor, Order::NewestFirst, find).await
}

fn parse_search_terms(query: Option<&str>) -> Result<SearchTerms, Problem> {
    let Some(query) = query else { return Err(field_error(RequestPart::Query, "q", "Field required", "missing")) };
    if query.chars().count() < QUERY_CHARS_MIN {
        let message = format!("String should have at least {QUERY_CHARS_MIN} characters");
        return Err(field_error(RequestPart::Query, "q", message, "string_too_short"));
    }
    let message = || format!("Search for at most {WORDS_OF_A_QUERY_MAX} words");
    SearchTerms::of_query(query).ok_or_else(|| field_error(RequestPart::Query, "q", message(), "too_long"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, READER, TestApp, TestResponse, packet_body};

    async fn search_packets(app: &TestApp, query: &str) -> TestResponse {
        app.call(ENDPOINT, &format!("/api/v1/packets/search?{query}"), READER, Value::Null).await
    }

    #[tokio::test]
    async fn search_finds_words_anywhere_in_context() {
        let app = TestApp::new().await;
        let mut packet = packet_body();
        packet["context"]["conversation_state"] = json!([{"role": "user", "content": "Zebras cross"}]);
        packet["context"]["custom"] =
            json!({"where": [{"street": "Quagga", "number": 4711}], "order": -90125, "sum": 12.75});
        let id = app.create_packet_with(packet).await;
        app.create_packet().await;
        for query in [
            "q=zebra",
            "q=QUAGGA+upgrade",
            "q=street%20cross",
            "q=zebra&status=created&priority=normal",
            "q=4711",
            "q=zebra+90125",
        ] {
            let found = search_packets(&app, query).await;
            assert_eq!((found.status.as_u16(), &found.json["total"]), (200, &json!(1)), "{query}");
            assert_eq!(found.json["packets"][0]["id"], json!(id));
        }
        for query in [
            "q=zebra+unicorn",
            "q=zebra&status=completed",
            "q=zebra&priority=high",
            "q=%2B%2B",
            "q=12.75",
            "q=C%2B%2B%20a-b%20x:y%22%27%00",
        ] {
            let found = search_packets(&app, query).await;
            assert_eq!((found.status.as_u16(), &found.json["packets"]), (200, &json!([])), "{query}");
        }
    }

    #[tokio::test]
    async fn search_uses_current_content() {
        let app = TestApp::new().await;
        let id = app.create_packet().await;
        let path = format!("/api/v1/packets/{id}");
        app.call(crate::patch::ENDPOINT, &path, AGENT, json!({"context": {"summary": "A giraffe"}})).await;
        assert_eq!(search_packets(&app, "q=giraffe").await.json["total"], 1);
        assert_eq!(search_packets(&app, "q=upgrade").await.json["total"], 0);
    }

    #[tokio::test]
    async fn search_total_counts_all_pages() {
        let app = TestApp::new().await;
        for _ in 0..5 {
            app.create_packet().await;
        }
        let mut cursor = String::new();
        for found in [2, 2, 1] {
            let page = search_packets(&app, &format!("q=upgrade&limit=2&cursor={cursor}")).await;
            assert_eq!((&page.json["total"], page.json["packets"].as_array().unwrap().len()), (&json!(5), found));
            assert_eq!(page.headers.get("x-total-is-minimum"), None);
            page.json["next_cursor"].as_str().unwrap_or_default().clone_into(&mut cursor);
        }
        let page = search_packets(&app, "q=upgrade&limit=2&offset=4").await;
        assert_eq!((&page.json["total"], page.json["packets"].as_array().unwrap().len()), (&json!(5), 1));
    }

    #[tokio::test]
    async fn cursor_visits_every_search_result() {
        let app = TestApp::new().await;
        let mut created = Vec::new();
        for _ in 0..5 {
            created.insert(0, app.create_packet().await.to_string());
            app.advance(1);
        }
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = search_packets(&app, &format!("q=upgrade&status=created&limit=2&cursor={cursor}")).await;
            let packets = page.json["packets"].as_array().unwrap();
            found.extend(packets.iter().map(|packet| packet["id"].as_str().unwrap().to_owned()));
            match page.json["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(found, created);
        let refused = search_packets(&app, "q=upgrade&cursor=x").await;
        assert_eq!(refused.error(), (400, "Invalid cursor"));
    }

    #[tokio::test]
    async fn search_query_below_two_characters_is_refused() {
        let app = TestApp::new().await;
        for query in ["", "q=", "q=x", "q=xy&limit=0"] {
            assert_eq!(search_packets(&app, query).await.status.as_u16(), 400, "{query}");
        }
    }
}
