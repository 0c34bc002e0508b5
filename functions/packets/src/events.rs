//! `GET /events`: sends the events of the tenant's packets as server-sent events.

use axum::extract::State;
use axum::response::Response;
use axum::routing::{MethodRouter, get};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_context::settings::RequiredSetting;
use handrail_domain::access::Scope;
use handrail_domain::time::Timestamp;
use handrail_platform::fault::Fault;
use handrail_store::JournalEntry;
use handrail_web::descriptions::Description;
use handrail_web::endpoint::{Auth, DataAccess, Endpoint, HttpMethod};
use handrail_web::event_stream::{ServerSentEvent, StreamEvents, polled_response, streaming_response};
use handrail_web::extract::ViaApiGateway;
use handrail_web::live_connections::Transport;
use handrail_web::problem::Problem;
use handrail_web::subscription::SubscriptionOptions;

use crate::door::DOOR;
use crate::live::{Channels, Event, LiveRequest, PING_INTERVAL_MS, connected_message, ping_message, subscribe};

pub const ENDPOINT: Endpoint = Endpoint {
    function: "packets-events",
    method: HttpMethod::Get,
    path: "/events",
    auth: Auth::ApiKey(Scope::PacketsRead),
    door: DOOR,
    required_settings: &[RequiredSetting::Table],
    accesses: &[DataAccess::AuthenticateKey, DataAccess::CheckRateLimit, DataAccess::ReadJournal],
    summary: "Stream packet events",
    route,
};

fn route() -> MethodRouter<Cx> {
    get(handler)
}

pub fn description() -> Description {
    Description::of(handler).text(200, "text/event-stream")
}

async fn handler(
    State(cx): State<Cx>,
    request: LiveRequest,
    ViaApiGateway(through_gateway): ViaApiGateway,
) -> Result<Response, Problem> {
    let LiveRequest { subscriber, channels, last_event_id } = request;
    check_key_limit(&cx, &subscriber.key, RateLimitClass::OtherRequests).await?;
    let options = if through_gateway {
        SubscriptionOptions::single_response(PING_INTERVAL_MS)
    } else {
        SubscriptionOptions::unlimited(Transport::EventStream, PING_INTERVAL_MS)
    };
    let data = connected_message(&cx, &subscriber.key);
    let subscription = subscribe(&cx, subscriber, last_event_id, options).await?;
    let connected = ServerSentEvent { id: Some(subscription.position()), name: "connected".to_owned(), data };
    if through_gateway {
        return Ok(polled_response(subscription, &PacketEvents(channels), Some(&connected)).await?);
    }
    Ok(streaming_response(subscription, PacketEvents(channels), Some(&connected)))
}

/// Events of the packets that match the channels.
struct PacketEvents(Channels);

impl StreamEvents for PacketEvents {
    fn event(&self, entry: JournalEntry) -> Result<Option<ServerSentEvent>, Fault> {
        let event = Event::from_journal_entry(entry)?.filter(|event| self.0.matches(event));
        Ok(event.map(|event| ServerSentEvent { id: Some(event.number), data: event.to_message(), name: event.name }))
    }

    fn ping(&self, now: Timestamp) -> ServerSentEvent {
        ServerSentEvent { id: None, name: "ping".to_owned(), data: ping_message(now) }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use handrail_platform::clock::Clock;
    use http::HeaderValue;
    use lambda_http::request::RequestContext;
    use serde_json::Value;

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
        assert!(text.ends_with("\n\nretry: 1000\n\n"), "{text}");
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
            assert!(text.ends_with("\n\nretry: 1000\n\n"), "{text}");
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
