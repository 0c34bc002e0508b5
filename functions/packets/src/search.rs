//! `GET /api/v1/packets/search`: packets by the words of their summary and context, newest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, State as PacketState};
use handrail_domain::words::{WORDS_OF_A_QUERY_MAX, Words};
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
    function: "packets-search",
    method: Verb::Get,
    path: "/api/v1/packets/search",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::FindByFacet],
    summary: "Find packets by their words",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

const QUERY_CHARS_MIN: usize = 2;

#[derive(Deserialize)]
struct Wanted {
    q: Option<String>,
    limit: Option<String>,
    offset: Option<String>,
    status: Option<String>,
    priority: Option<String>,
    cursor: Option<String>,
}

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    Asked(wanted): Asked<Wanted>,
    packing: Packing,
) -> Result<Response, Problem> {
    let words = words_of(wanted.q.as_deref())?;
    let window = Window::read(wanted.limit.as_deref(), wanted.offset.as_deref())?;
    let after = page::cursor(wanted.cursor.as_deref())?;
    let filter = Filter::<Packet> {
        // One status here, as published.
        states: given(wanted.status.as_deref()).map(|status| PacketState::from_name(status).into_iter().collect()),
        priority: given(wanted.priority.as_deref()).map(str::to_owned),
        ..Filter::default()
    };
    spend(&cx, &caller.key, Budget::Calls).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let find = |page| {
        let (cx, filter, words) = (&cx, &filter, &words);
        async move {
            let hits = cx.store.search::<Packet>(tenant, words, filter, &page, now).await?;
            // As published the total is this page's. The cursor leads on, also from a page on which few of very many fit.
            Packets::of(cx, hits.records, None, hits.next)
        }
    };
    page::answer(packing, window, after, Order::NewestFirst, find).await
}

fn words_of(query: Option<&str>) -> Result<Words, Problem> {
    let Some(query) = query else { return Err(flawed_at(Part::Query, "q", "Field required", "missing")) };
    if query.chars().count() < QUERY_CHARS_MIN {
        let message = format!("String should have at least {QUERY_CHARS_MIN} characters");
        return Err(flawed_at(Part::Query, "q", message, "string_too_short"));
    }
    let message = || format!("At most {WORDS_OF_A_QUERY_MAX} words can be asked for");
    Words::of_query(query).ok_or_else(|| flawed_at(Part::Query, "q", message(), "too_long"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, READER, packet};

    async fn ask(desk: &Desk, query: &str) -> Answer {
        desk.call(ENDPOINT, &format!("/api/v1/packets/search?{query}"), READER, Value::Null).await
    }

    #[tokio::test]
    async fn words_are_found_wherever_the_context_says_them() {
        let desk = Desk::new().await;
        let mut said = packet();
        said["context"]["conversation_state"] = json!([{"role": "user", "content": "Zebras cross"}]);
        said["context"]["custom"] =
            json!({"where": [{"street": "Quagga", "number": 4711}], "order": -90125, "sum": 12.75});
        let id = desk.made_of(said).await;
        desk.made().await;
        for query in [
            "q=zebra",
            "q=QUAGGA+upgrade",
            "q=street%20cross",
            "q=zebra&status=created&priority=normal",
            "q=4711",
            "q=zebra+90125",
        ] {
            let found = ask(&desk, query).await;
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
            let found = ask(&desk, query).await;
            assert_eq!((found.status.as_u16(), &found.json["packets"]), (200, &json!([])), "{query}");
        }
    }

    #[tokio::test]
    async fn it_finds_what_is_said_now() {
        let desk = Desk::new().await;
        let id = desk.made().await;
        let path = format!("/api/v1/packets/{id}");
        desk.call(crate::patch::ENDPOINT, &path, AGENT, json!({"context": {"summary": "A giraffe"}})).await;
        assert_eq!(ask(&desk, "q=giraffe").await.json["total"], 1);
        assert_eq!(ask(&desk, "q=upgrade").await.json["total"], 0);
    }

    #[tokio::test]
    async fn a_cursor_leads_through_everything_that_is_found() {
        let desk = Desk::new().await;
        let mut made = Vec::new();
        for _ in 0..5 {
            made.insert(0, desk.made().await.to_string());
            desk.advance(1);
        }
        let (mut found, mut cursor) = (Vec::new(), String::new());
        for _ in 0..10 {
            let page = ask(&desk, &format!("q=upgrade&status=created&limit=2&cursor={cursor}")).await;
            let packets = page.json["packets"].as_array().unwrap();
            found.extend(packets.iter().map(|packet| packet["id"].as_str().unwrap().to_owned()));
            match page.json["next_cursor"].as_str() {
                Some(next) => next.clone_into(&mut cursor),
                None => break,
            }
        }
        assert_eq!(found, made);
        let refused = ask(&desk, "q=upgrade&cursor=x").await;
        assert_eq!(refused.refusal(), (400, "Invalid cursor"));
    }

    #[tokio::test]
    async fn a_query_of_one_character_is_refused() {
        let desk = Desk::new().await;
        for query in ["", "q=", "q=x", "q=xy&limit=0"] {
            assert_eq!(ask(&desk, query).await.status.as_u16(), 400, "{query}");
        }
    }
}
