//! `GET /api/v1/packets/awaiting`: what waits for a person, and longest first.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_domain::access::Scope;
use handrail_domain::packet::{Packet, State as PacketState};
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
use crate::dialect::DIALECT;
use crate::packing::Packing;
use crate::page::{self, Packets, Window};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-awaiting",
    method: Verb::Get,
    path: "/api/v1/packets/awaiting",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::FindByFacet],
    summary: "List the packets that wait for a person, oldest first",
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

async fn handler(
    State(cx): State<Cx>,
    caller: Caller<right::PacketsRead>,
    Asked(wanted): Asked<Wanted>,
    packing: Packing,
) -> Result<Response, Problem> {
    let window = Window::read(wanted.limit.as_deref(), wanted.offset.as_deref())?;
    spend(&cx, &caller.key, Budget::Calls).await?;
    let (tenant, now) = (caller.key.tenant, cx.clock.now());
    let filter = Filter { states: Some(vec![PacketState::AwaitingHuman]), ..Filter::default() };
    let find = |page| {
        let (cx, filter) = (&cx, &filter);
        async move {
            let found = cx.store.find::<Packet>(tenant, filter, &page, now).await?;
            // As published: this list has offsets and no cursor.
            Packets::of(cx, found.records, Some(found.total), None)
        }
    };
    page::answer(packing, window, None, Order::OldestFirst, find).await
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::testing::{Desk, READER, checkpoint};

    #[tokio::test]
    async fn what_waits_longest_comes_first_and_what_is_over_is_gone() {
        let desk = Desk::new().await;
        let mut made = Vec::new();
        for _ in 0..3 {
            made.push(desk.made_of(checkpoint()).await.to_string());
            desk.advance(20);
        }
        desk.made().await;
        let ask = || desk.call(ENDPOINT, "/api/v1/packets/awaiting", READER, Value::Null);
        let ids = |page: &Value| -> Vec<String> {
            let packets = page["packets"].as_array().unwrap().iter();
            packets.map(|packet| packet["id"].as_str().unwrap().to_owned()).collect()
        };
        // The first of them had a minute, and nobody answered.
        let page = ask().await.json;
        assert_eq!((ids(&page), &page["total"]), (made[1..].to_vec(), &Value::from(2)));
    }
}
