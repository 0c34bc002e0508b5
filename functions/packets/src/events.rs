//! `GET /events`: sends the events of the tenant's packets as server-sent events.
//!
//! The local runner keeps the stream open as long as the client wants. API Gateway cannot: there the response ends
//! after the first events or after some seconds, and the client reconnects with the id of the last event, as every
//! `EventSource` does. Each response ends with the position that was read, so no event is missed or sent twice.

use std::convert::Infallible;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_records::feed::Transport;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::extract::ViaApiGateway;
use handrail_web::problem::Problem;
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use serde_json::Value;

use crate::door::DOOR;
use crate::live::{
    Channels, Event, LiveRequest, Subscription, SubscriptionItem, SubscriptionOptions, connected_message, ping_message,
};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-events",
    method: HttpMethod::Get,
    path: "/events",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadFeed],
    summary: "Stream packet events",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

/// Delay before a client reconnects, as a field of server-sent events.
const RETRY_FIELD: &str = "retry: 1000\n\n";
/// Reads of the feed per response while no event matches the channels. The response then reports the position.
const POLLS_PER_RESPONSE_MAX: usize = 50;

async fn handler(
    State(cx): State<Cx>,
    request: LiveRequest,
    ViaApiGateway(through_gateway): ViaApiGateway,
) -> Result<Response, Problem> {
    let LiveRequest { key, api_key, channels, last_event_id } = request;
    check_key_limit(&cx, &key, RateLimitClass::OtherRequests).await?;
    let options = if through_gateway {
        SubscriptionOptions::SINGLE_RESPONSE
    } else {
        SubscriptionOptions::unlimited(Transport::EventStream)
    };
    let subscription = Subscription::open(&cx, &key, &api_key, last_event_id, options).await?;
    let greeting = encode_sse_event(Some(subscription.position()), "connected", &connected_message(&cx, &key));
    let body = if through_gateway {
        polled_body(subscription, &channels, greeting).await?
    } else {
        streaming_body(subscription, channels, greeting)
    };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    // Proxies like nginx otherwise buffer the response.
    headers.insert("x-accel-buffering", HeaderValue::from_static("no"));
    Ok(response)
}

fn streaming_body(subscription: Subscription, channels: Channels, greeting: String) -> Body {
    let first = stream::once(std::future::ready(greeting));
    let rest = stream::unfold((subscription, channels), |(mut subscription, channels)| async move {
        let text = match subscription.next().await {
            Ok(SubscriptionItem::Events(events)) => encode_events(&events, &channels, subscription.position()),
            Ok(SubscriptionItem::Ping(now)) => encode_sse_event(None, "ping", &ping_message(now)),
            Ok(SubscriptionItem::Closed) => return None,
            // The client reconnects and continues at its last event.
            Err(fault) => {
                tracing::warn!(fault = fault.with_causes(), "event stream ended by an error");
                return None;
            }
        };
        Some((text, (subscription, channels)))
    });
    Body::from_stream(first.chain(rest).map(|text| Ok::<_, Infallible>(Bytes::from(text))))
}

async fn polled_body(mut subscription: Subscription, channels: &Channels, greeting: String) -> Result<Body, Problem> {
    let mut text = greeting;
    for _ in 0..POLLS_PER_RESPONSE_MAX {
        match subscription.next().await? {
            SubscriptionItem::Events(events) => {
                text.push_str(&encode_events(&events, channels, subscription.position()));
                if events.iter().any(|event| channels.matches(event)) {
                    break;
                }
            }
            SubscriptionItem::Ping(_) => {}
            SubscriptionItem::Closed => break,
        }
    }
    text.push_str(RETRY_FIELD);
    Ok(Body::from(text))
}

/// Encodes the events of the channels, followed by the position that was read. A block without data sets the client's
/// last event id and dispatches no event.
fn encode_events(events: &[Event], channels: &Channels, position: u64) -> String {
    let mut text = String::new();
    for event in events.iter().filter(|event| channels.matches(event)) {
        text.push_str(&encode_sse_event(Some(event.number), &event.name, &event.to_message()));
    }
    text.push_str(&format!("id: {position}\n\n"));
    text
}

/// Encodes one server-sent event. Serialised JSON has no line breaks, so `data` is one line.
fn encode_sse_event(id: Option<u64>, name: &str, data: &Value) -> String {
    let id = id.map(|id| format!("id: {id}\n")).unwrap_or_default();
    format!("{id}event: {name}\ndata: {data}\n\n")
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use handrail_domain::time::Timestamp;
    use handrail_platform::clock::Clock;
    use lambda_http::request::RequestContext;

    use super::*;
    use crate::testing::{AGENT, NOON, READER, TestApp, TestResponse, claim_body};

    /// Clock that advances to the requested time as soon as a task sleeps.
    struct InstantClock(AtomicI64);

    impl Clock for InstantClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_unix_ms(self.0.load(Ordering::SeqCst))
        }

        fn sleep_until(&self, at: Timestamp) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
            self.0.fetch_max(at.as_unix_ms(), Ordering::SeqCst);
            Box::pin(std::future::ready(()))
        }
    }

    /// Sends a request that appears to come from API Gateway.
    async fn poll_via_gateway(app: &TestApp, path: &str) -> TestResponse {
        let clock = Arc::new(InstantClock(AtomicI64::new(NOON.as_unix_ms())));
        let cx = Cx::new(app.cx.store.clone(), clock, app.cx.entropy.clone(), app.cx.settings.clone());
        let request = http::Request::builder().extension(RequestContext::ApiGatewayV2(Default::default()));
        app.send_with_cx(cx, ENDPOINT, path, request, "").await
    }

    fn event_ids(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("id: ")).collect()
    }

    fn event_names(text: &str) -> Vec<&str> {
        text.lines().filter_map(|line| line.strip_prefix("event: ")).collect()
    }

    #[tokio::test]
    async fn gateway_response_contains_events_and_next_position() {
        let app = TestApp::new().await;
        let id = app.create_claimed_packet().await;
        app.run_dispatcher().await;
        let all = poll_via_gateway(&app, &format!("/events?api_key={READER}&last_event_id=0")).await;
        assert_eq!(
            (all.status.as_u16(), &all.headers["content-type"]),
            (200, &HeaderValue::from_static("text/event-stream"))
        );
        let text = String::from_utf8(all.body).unwrap();
        assert_eq!(event_names(&text), ["connected", "packet.created", "packet.claimed"]);
        assert_eq!(event_ids(&text), ["0", "1", "2", "2"]);
        assert!(text.ends_with(RETRY_FIELD), "{text}");
        let data = text.lines().filter_map(|line| line.strip_prefix("data: ")).next_back().unwrap();
        let message: Value = serde_json::from_str(data).unwrap();
        assert_eq!((&message["type"], &message["packet_id"]), (&"packet.claimed".into(), &serde_json::json!(id)));
        assert_eq!((&message["data"]["status"], &message["timestamp"]), (&"claimed".into(), &serde_json::json!(NOON)));
        let metadata = app.call(crate::get::ENDPOINT, &format!("/api/v1/packets/{id}"), READER, Value::Null).await;
        assert_eq!(message["data"]["metadata"], metadata.json["metadata"], "metadata equals that of the packet");
        let resumed = poll_via_gateway(&app, &format!("/events?api_key={READER}&last_event_id=1")).await;
        assert_eq!(event_names(&String::from_utf8(resumed.body).unwrap()), ["connected", "packet.claimed"]);
    }

    #[tokio::test]
    async fn gateway_response_without_events_ends_after_timeout() {
        let app = TestApp::new().await;
        app.create_claimed_packet().await;
        app.run_dispatcher().await;
        for query in ["", "&last_event_id=2", "&last_event_id=77", "&last_event_id=0&subscribe=status:failed"] {
            let response = poll_via_gateway(&app, &format!("/events?api_key={READER}{query}")).await;
            let text = String::from_utf8(response.body).unwrap();
            assert_eq!((event_names(&text), event_ids(&text).last()), (vec!["connected"], Some(&"2")), "{query}");
            assert!(text.ends_with(RETRY_FIELD));
        }
    }

    #[tokio::test]
    async fn subscription_matches_any_of_its_channels() {
        let app = TestApp::new().await;
        let (first, second) = (app.create_claimed_packet().await, app.create_packet().await);
        app.call(crate::claim::ENDPOINT, &format!("/api/v1/packets/{second}/claim"), AGENT, claim_body("c-1")).await;
        app.run_dispatcher().await;
        for (channels, expected) in [
            (format!("subscribe=packet:{first}"), 2),
            ("subscribe=agent:a-1".to_owned(), 4),
            ("subscribe=agent:c-1".to_owned(), 1),
            ("subscribe=status:claimed".to_owned(), 2),
            (format!("subscribe=status:claimed&subscribe=packet:{second}"), 3),
            ("subscribe=status:open".to_owned(), 0),
        ] {
            let response =
                poll_via_gateway(&app, &format!("/events?api_key={READER}&last_event_id=0&{channels}")).await;
            let text = String::from_utf8(response.body).unwrap();
            assert_eq!(event_names(&text).len(), 1 + expected, "{channels}: {text}");
        }
    }

    #[tokio::test]
    async fn invalid_subscription_is_refused_before_streaming() {
        let app = TestApp::new().await;
        let without_key = poll_via_gateway(&app, "/events").await;
        assert_eq!(without_key.error(), (401, "Missing X-API-Key header"));
        assert_eq!(poll_via_gateway(&app, "/events?api_key=hr_unknown").await.error(), (401, "Invalid API key"));
        for (query, field) in [
            ("subscribe=tenant:x", "subscribe"),
            ("subscribe=packet:x", "subscribe"),
            ("last_event_id=x", "last_event_id"),
            ("last_event_id=-1", "last_event_id"),
        ] {
            let refused = poll_via_gateway(&app, &format!("/events?api_key={READER}&{query}")).await;
            assert_eq!((refused.status.as_u16(), &refused.json["field"]), (400, &field.into()), "{query}");
        }
    }
}
