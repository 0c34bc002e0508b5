//! `GET /api/v1/packets/awaiting`: lists the packets that wait for a person, oldest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, State as PacketState};
use handrail_store::{Filter, Order};
use handrail_web::caller::{Caller, scopes};
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::problem::Problem;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::body::QueryString;
use crate::door::DOOR;
use crate::page::{self, PacketPage, PageParams};
use crate::response_encoding::ResponseEncoding;

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-awaiting",
    method: HttpMethod::Get,
    path: "/api/v1/packets/awaiting",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[
        DataAccess::AuthenticateKey,
        DataAccess::CheckRateLimit,
        DataAccess::FindByFilter,
        DataAccess::FindOverdue,
        DataAccess::ReadCounts,
    ],
    summary: "List the packets that wait for a person, oldest first",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).json::<page::PacketList>(200)
}

#[derive(Deserialize, JsonSchema)]
struct QueryParams {
    /// Entries of the page.
    limit: Option<String>,
    /// Entries to leave out.
    offset: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<scopes::PacketsRead>,
    QueryString(params): QueryString<QueryParams>,
    encoding: ResponseEncoding,
) -> Result<Response, Problem> {
    let page_params = PageParams::parse(params.limit.as_deref(), params.offset.as_deref())?;
    check_key_limit(&cx, &caller.key, RateLimitClass::OtherRequests).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let filter = Filter { states: Some(vec![PacketState::AwaitingHuman]), ..Filter::default() };
    let find = |page| {
        let (cx, filter) = (&cx, &filter);
        async move {
            let found = cx.store.find::<Packet>(tenant, filter, &page, now).await?;
            // The published API pages this list by offset only.
            PacketPage::new(cx, found.records, found.total, None)
        }
    };
    page::page_response(encoding, page_params, None, Order::OldestFirst, find).await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{READER, TestApp, checkpoint_body};

    #[tokio::test]
    async fn awaiting_lists_oldest_first_without_expired() {
        let app = TestApp::new().await;
        let mut ids_created = Vec::new();
        for _ in 0..3 {
            ids_created.push(app.create_packet_with(checkpoint_body()).await.to_string());
            app.advance(20);
        }
        app.create_packet().await;
        let list = || app.call(ENDPOINT, "/api/v1/packets/awaiting", READER, Value::Null);
        let ids = |page: &Value| -> Vec<String> {
            let packets = page["packets"].as_array().unwrap().iter();
            packets.map(|packet| packet["id"].as_str().unwrap().to_owned()).collect()
        };
        // The checkpoint of the first packet timed out after a minute.
        let page = list().await.json;
        assert_eq!((ids(&page), &page["total"]), (ids_created[1..].to_vec(), &Value::from(2)));
    }
}
