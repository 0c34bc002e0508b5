//! `GET /api/v1/packets`: the account's packets, newest first, those that are asked for.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, State as PacketState, read_time};
use handrail_domain::time::Timestamp;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::right;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use handrail_kernel::store::{Filter, Order};
use serde::Deserialize;

use crate::body::Asked;
use crate::caller::Caller;
use crate::dialect::{DIALECT, Part, flawed_at};
use crate::packing::Packing;
use crate::page::{self, Packets, Window, given};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-list",
    method: Verb::Get,
    path: "/api/v1/packets",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::Find],
    summary: "List packets, newest first, by what they are and whose",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// More tags than a packet can have fit none.
const TAGS_MAX: usize = handrail_domain::packet::TAGS_MAX;

/// An empty text is as good as none.
#[derive(Deserialize)]
struct Wanted {
    status: Option<String>,
    source_agent: Option<String>,
    target_agent: Option<String>,
    tags: Option<String>,
    priority: Option<String>,
    created_after: Option<String>,
    created_before: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    Asked(wanted): Asked<Wanted>,
    packing: Packing,
) -> Result<Response, Problem> {
    let window = Window::read(wanted.limit.as_deref(), wanted.offset.as_deref())?;
    let after = page::cursor(wanted.cursor.as_deref())?;
    let filter = filter_of(&wanted)?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let find = |page| {
        let (cx, filter) = (&cx, &filter);
        async move {
            let found = cx.store.find::<Packet>(tenant, filter, &page, now).await?;
            Packets::of(cx, found.records, Some(found.total), found.next)
        }
    };
    page::answer(packing, window, after, Order::NewestFirst, find).await
}

fn filter_of(wanted: &Wanted) -> Result<Filter<Packet>, Problem> {
    let owned = |text: &Option<String>| given(text.as_deref()).map(str::to_owned);
    let tags: Vec<String> = parts(wanted.tags.as_deref()).map(str::to_owned).collect();
    if tags.len() > TAGS_MAX {
        return Err(flawed_at(Part::Query, "tags", format!("At most {TAGS_MAX} tags can be asked for"), "too_long"));
    }
    Ok(Filter {
        states: given(wanted.status.as_deref()).map(states_named),
        source: owned(&wanted.source_agent),
        holder: owned(&wanted.target_agent),
        priority: owned(&wanted.priority),
        tags,
        created_from: time_of("created_after", wanted.created_after.as_deref())?,
        created_to: time_of("created_before", wanted.created_before.as_deref())?,
    })
}

fn parts(list: Option<&str>) -> impl Iterator<Item = &str> {
    list.unwrap_or_default().split(',').map(str::trim).filter(|part| !part.is_empty())
}

/// A status that does not exist fits no packet.
pub(crate) fn states_named(list: &str) -> Vec<PacketState> {
    parts(Some(list)).filter_map(PacketState::from_name).collect()
}

pub(crate) fn time_of(name: &'static str, text: Option<&str>) -> Result<Option<Timestamp>, Problem> {
    let Some(text) = given(text) else { return Ok(None) };
    // Who does not escape the plus of an offset sends a space.
    let read = read_time(text).or_else(|| read_time(&text.replace(' ', "+")));
    let refuse = || flawed_at(Part::Query, name, "Input should be a valid datetime or date", "datetime_parsing");
    read.map(Some).ok_or_else(refuse)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, READER, packet};

    async fn ask(desk: &Desk, query: &str) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/packets{query}"), READER, Value::Null).await
    }

    #[tokio::test]
    async fn a_query_that_means_nothing_is_refused_by_name() {
        let desk = Desk::new().await;
        for (query, field) in [
            ("?limit=0", "limit"),
            ("?limit=201", "limit"),
            ("?limit=x", "limit"),
            ("?offset=-1", "offset"),
            ("?created_after=yesterday", "created_after"),
            ("?created_before=2026-13-01", "created_before"),
            ("?cursor=x", "cursor"),
            ("?status=created&limit=5&status=claimed", "status"),
            ("?unknown=1&limit=5&unknown=2&offset=1&offset=1", "offset"),
        ] {
            let refused = ask(&desk, query).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &json!(field)), "{query}");
        }
    }

    #[tokio::test]
    async fn an_empty_filter_is_none_and_an_unknown_word_fits_nothing() {
        let desk = Desk::new().await;
        desk.made().await;
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
            let page = ask(&desk, query).await;
            assert_eq!((page.status.as_u16(), &page.json["total"]), (200, &json!(total)), "{query}: {}", page.json);
            assert_eq!(page.json["packets"].as_array().unwrap().len(), total, "{query}");
        }
    }

    #[tokio::test]
    async fn a_page_of_large_packets_is_packed_or_ends_early() {
        let desk = Desk::new().await;
        let mut large = packet();
        large["context"]["custom"] = json!({"text": "large ".repeat(100 * 1024)});
        for _ in 0..11 {
            desk.call(crate::create::ENDPOINT, "/api/v1/packets", AGENT, large.clone()).await;
        }
        let plain = ask(&desk, "").await;
        let shown = plain.json["packets"].as_array().unwrap().len();
        assert!((1..11).contains(&shown) && plain.json["total"] == 11, "{shown}");
        let rest = ask(&desk, &format!("?cursor={}", plain.json["next_cursor"].as_str().unwrap())).await;
        assert_eq!(rest.json["packets"].as_array().unwrap().len(), 11 - shown);
        let request = http::Request::builder().header("x-api-key", READER).header("accept-encoding", "gzip, deflate");
        let packed = desk.send(ENDPOINT, "/api/v1/packets", request, "").await;
        assert_eq!(packed.headers["content-encoding"], "gzip");
        let whole: Value = serde_json::from_reader(flate2::read::GzDecoder::new(&packed.body[..])).unwrap();
        assert_eq!(whole["packets"].as_array().unwrap().len(), 11);
        assert_eq!(whole["next_cursor"], Value::Null);
    }
}
