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

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use handrail_domain::time::Timestamp;
    use handrail_kernel::clock::Clock;
    use lambda_http::request::RequestContext;

    use super::*;
    use crate::testing::{AGENT, Answer, Desk, NOON, READER, claim};

    /// Time passes as soon as somebody waits for it.
    struct Hasty(AtomicI64);

    impl Clock for Hasty {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
        }

        fn until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            self.0.fetch_max(at.as_unix_ms(), Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }
    }

    /// As behind API Gateway.
    async fn answered(desk: &Desk, path: &str) -> Answer {
        let clock = Arc::new(Hasty(AtomicI64::new(NOON.as_unix_ms())));
        let cx = Cx::new(desk.cx.store.clone(), clock, desk.cx.entropy.clone(), desk.cx.settings.clone());
        let request = http::Request::builder().extension(RequestContext::ApiGatewayV2(Default::default()));
        desk.send_with(cx, ENDPOINT, path, request, "").await
    }

    fn ids(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }

    fn names(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    #[tokio::test]
    async fn behind_the_gateway_an_answer_tells_what_there_is_and_where_to_go_on() {
        let desk = Desk::new().await;
        let id = desk.claimed().await;
        desk.dispatched().await;
        let all = answered(&desk, &format!("/events?api_key={READER}&last_event_id=0")).await;
        assert_eq!(
            (all.status.as_u16(), &all.headers["content-type"]),
            (200, &HeaderValue::from_static("text/event-stream"))
        );
        let text = String::from_utf8(all.body).unwrap();
        assert_eq!(names(&text), ["connected", "packet.created", "packet.claimed"]);
        assert_eq!(ids(&text), ["0", "1", "2", "2"]);
        assert!(text.ends_with(RETRY), "{text}");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
        let frame: Value = serde_json::from_str(data).unwrap();
        assert_eq!((&frame["type"], &frame["packet_id"]), (&"packet.claimed".into(), &serde_json::json!(id)));
        assert_eq!((&frame["data"]["status"], &frame["timestamp"]), (&"claimed".into(), &serde_json::json!(NOON)));
        let metadata = desk.call(crate::get::ENDPOINT, &format!("/api/v1/packets/{id}"), READER, Value::Null).await;
        assert_eq!(frame["data"]["metadata"], metadata.json["metadata"], "as the packet itself has it");
        let later = answered(&desk, &format!("/events?api_key={READER}&last_event_id=1")).await;
        assert_eq!(names(&String::from_utf8(later.body).unwrap()), ["connected", "packet.claimed"]);
    }

    #[tokio::test]
    async fn behind_the_gateway_nothing_new_is_an_answer_too_after_a_while() {
        let desk = Desk::new().await;
        desk.claimed().await;
        desk.dispatched().await;
        for query in ["", "&last_event_id=2", "&last_event_id=77", "&last_event_id=0&subscribe=status:failed"] {
            let quiet = answered(&desk, &format!("/events?api_key={READER}{query}")).await;
            let text = String::from_utf8(quiet.body).unwrap();
            assert_eq!((names(&text), ids(&text).last()), (vec!["connected"], Some(&"2")), "{query}");
            assert!(text.ends_with(RETRY));
        }
    }

    #[tokio::test]
    async fn channels_are_any_of_several() {
        let desk = Desk::new().await;
        let (first, second) = (desk.claimed().await, desk.made().await);
        desk.call(crate::claim::ENDPOINT, &format!("/api/v1/packets/{second}/claim"), AGENT, claim("c-1")).await;
        desk.dispatched().await;
        for (channels, expected) in [
            (format!("subscribe=packet:{first}"), 2),
            ("subscribe=agent:a-1".to_owned(), 4),
            ("subscribe=agent:c-1".to_owned(), 1),
            ("subscribe=status:claimed".to_owned(), 2),
            (format!("subscribe=status:claimed&subscribe=packet:{second}"), 3),
            ("subscribe=status:open".to_owned(), 0),
        ] {
            let answer = answered(&desk, &format!("/events?api_key={READER}&last_event_id=0&{channels}")).await;
            let text = String::from_utf8(answer.body).unwrap();
            assert_eq!(names(&text).len(), 1 + expected, "{channels}: {text}");
        }
    }

    #[tokio::test]
    async fn who_may_not_follow_learns_it_before_anything_is_sent() {
        let desk = Desk::new().await;
        let nobody = answered(&desk, "/events").await;
        assert_eq!(nobody.refusal(), (401, "Missing X-API-Key header"));
        assert_eq!(answered(&desk, "/events?api_key=hr_unknown").await.refusal(), (401, "Invalid API key"));
        for (query, field) in [
            ("subscribe=tenant:x", "subscribe"),
            ("subscribe=packet:x", "subscribe"),
            ("last_event_id=x", "last_event_id"),
            ("last_event_id=-1", "last_event_id"),
        ] {
            let refused = answered(&desk, &format!("/events?api_key={READER}&{query}")).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &field.into()), "{query}");
        }
    }
}
