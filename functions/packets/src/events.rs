//! `GET /events`: what happens in the account, as server-sent events.
//!
//! On a machine of one's own the stream lasts as long as the client wants. Behind API Gateway nothing lasts: there the same
//! operation answers as soon as there is something to tell, or after some seconds, and the client comes again with the id
//! of the last event, as every `EventSource` does by itself. Every answer says up to where it looked, so nothing is missed
//! between two of them, and nothing comes twice.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use handrail_domain::access::Scope;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::cx::Cx;
use handrail_kernel::endpoint::{Auth, Endpoint, Touch, Verb};
use handrail_kernel::extract::ThroughGateway;
use handrail_kernel::feed::By;
use handrail_kernel::problem::Problem;
use handrail_kernel::settings::Need;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;

use crate::dialect::DIALECT;
use crate::live::{Channels, Event, Follower, News, Watch, Ways, hello, ping};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-events",
    method: Verb::Get,
    path: "/events",
    auth: Auth::Key(Scope::PacketsRead),
    dialect: DIALECT,
    needs: &[Need::Table],
    touches: &[Touch::LookUpKey, Touch::Lease, Touch::ReadFeed],
    summary: "Follow what happens to the packets",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// How soon a client comes again after an answer.
const RETRY: &str = "retry: 1000\n\n";
/// Read for one answer when nothing of it is wanted. The answer then says how far it came.
const LOOKS_OF_AN_ANSWER_MAX: usize = 50;

async fn handler(
    State(cx): State<Cx>,
    follower: Follower,
    ThroughGateway(through_gateway): ThroughGateway,
) -> Result<Response, Problem> {
    let Follower { key, credential, channels, after } = follower;
    spend(&cx, &key, Budget::Calls).await?;
    let ways = if through_gateway { Ways::ANSWER } else { Ways::lasting(By::Stream) };
    let watch = Watch::open(&cx, &key, &credential, after, ways).await?;
    let hello = block(Some(watch.position()), "connected", &hello(&cx, &key));
    let body = if through_gateway { answer(watch, &channels, hello).await? } else { lasting(watch, channels, hello) };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies that gather an answer before they pass it on.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn lasting(watch: Watch, channels: Channels, hello: String) -> Body {
    let first = stream::once(std::future::ready(hello));
    let rest = stream::unfold((watch, channels), |(mut watch, channels)| async move {
        let text = match watch.next().await {
            Ok(News::Events(events)) => told(&events, &channels, watch.position()),
            Ok(News::Ping(now)) => block(None, "ping", &ping(now)),
            Ok(News::Over) => return None,
            // The client comes again and goes on where it was.
            Err(fault) => {
                tracing::warn!(fault = fault.chain(), "a stream of events ended");
                return None;
            }
        };
        Some((text, (watch, channels)))
    });
    Body::from_stream(first.chain(rest).map(|text| Ok::<_, Infallible>(Bytes::from(text))))
}

async fn answer(mut watch: Watch, channels: &Channels, hello: String) -> Result<Body, Problem> {
    let mut text = hello;
    for _ in 0..LOOKS_OF_AN_ANSWER_MAX {
        match watch.next().await? {
            News::Events(events) => {
                text.push_str(&told(&events, channels, watch.position()));
                if events.iter().any(|event| channels.fits(event)) {
                    break;
                }
            }
            News::Ping(_) => {}
            News::Over => break,
        }
    }
    text.push_str(RETRY);
    Ok(Body::from(text))
}

/// The events that are wanted, and at the end up to where was looked: a block without data moves the client on and says
/// nothing.
fn told(events: &[Event], channels: &Channels, position: u64) -> String {
    let mut text = String::new();
    for event in events.iter().filter(|event| channels.fits(event)) {
        text.push_str(&block(Some(event.number), &event.name, &event.frame()));
    }
    text.push_str(&format!("id: {position}\n\n"));
    text
}

/// JSON has no line breaks, so the data is one line.
fn block(id: Option<u64>, name: &str, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}
