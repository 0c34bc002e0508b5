//! `GET /ws`: live events over a WebSocket, beside `GET /events` and from the same journal.
//!
//! Local only: on AWS a WebSocket would be an API Gateway API of another type, with its own URL and its connections in
//! the table. There `GET /events` sends the same events and continues after reconnects.

use std::time::Duration;

use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use handrail_access::{RateLimitClass, check_key_limit};
use handrail_context::cx::Cx;
use handrail_packets::live::{
    Channel, Channels, Event, LiveRequest, PING_INTERVAL_MS, connected_message, ping_message, subscribe,
};
use handrail_platform::clock::Clock;
use handrail_platform::fault::Fault;
use handrail_web::live_connections::Transport;
use handrail_web::problem::{Problem, render_errors};
use handrail_web::subscription::{Subscription, SubscriptionItem, SubscriptionOptions};
use http::StatusCode;
use serde_json::{Value, json};

/// Longest frame of a client; its commands are short.
const FRAME_BYTES_MAX: usize = 4 * 1024;
/// Longest wait for a client to read a frame.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

pub(crate) fn router(cx: Cx) -> Router {
    let error_renderer = handrail_packets::DOOR.error_renderer;
    Router::new()
        .route("/ws", get(open))
        .layer(Extension(handrail_packets::DOOR))
        .layer(middleware::from_fn(move |request: Request, next: Next| render_errors(error_renderer, request, next)))
        .with_state(cx)
}

/// Opens the WebSocket. Refusals are HTTP errors before the upgrade.
async fn open(
    State(cx): State<Cx>,
    request: LiveRequest,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let LiveRequest { subscriber, channels, last_event_id: after } = request;
    let upgrade = upgrade.map_err(|_| {
        Problem::refused(StatusCode::UPGRADE_REQUIRED, "", "This address takes WebSockets. For a stream see /events")
    })?;
    check_key_limit(&cx, &subscriber.key, RateLimitClass::OtherRequests).await?;
    let first_message = connected_message(&cx, &subscriber.key);
    let options = SubscriptionOptions::unlimited(Transport::WebSocket, PING_INTERVAL_MS);
    let subscription = subscribe(&cx, subscriber, after, options).await?;
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        // The connection has ended, so an error cannot be sent.
        let _ = serve_socket(&cx, socket, subscription, channels, first_message).await;
    }))
}

struct Disconnected;

async fn serve_socket(
    cx: &Cx,
    mut socket: WebSocket,
    mut subscription: Subscription,
    mut channels: Channels,
    first_message: Value,
) -> Result<(), Disconnected> {
    send(&mut socket, &first_message).await?;
    loop {
        tokio::select! {
            item = subscription.next() => match item {
                Ok(SubscriptionItem::Entries(entries)) => {
                    for entry in entries {
                        match Event::from_journal_entry(entry) {
                            Ok(Some(event)) if channels.matches(&event) => send(&mut socket, &event.to_message()).await?,
                            Ok(_) => {}
                            Err(fault) => return close_after(socket, &fault).await,
                        }
                    }
                }
                Ok(SubscriptionItem::Ping(now)) => send(&mut socket, &ping_message(now)).await?,
                Ok(SubscriptionItem::Closed) => return close(socket).await,
                Err(fault) => return close_after(socket, &fault).await,
            },
            received = socket.recv() => match received {
                Some(Ok(Message::Text(text))) => {
                    let reply = handle_frame(&text, &mut channels, &*cx.clock);
                    send(&mut socket, &reply).await?;
                }
                Some(Ok(Message::Binary(_))) => send(&mut socket, &error_frame("Frames are text")).await?,
                // The library answers pings.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
            },
        }
    }
}

/// Executes a client's command and returns the reply.
fn handle_frame(text: &str, channels: &mut Channels, clock: &dyn Clock) -> Value {
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return error_frame("The frame is not valid JSON") };
    let action = frame["action"].as_str().unwrap_or_default();
    match action {
        "ping" => json!({"type": "pong", "timestamp": clock.now()}),
        "subscribe" | "unsubscribe" => {
            let name = frame["channel"].as_str().unwrap_or_default();
            let result = Channel::parse(name).and_then(|channel| {
                if action == "subscribe" {
                    return channels.add(channel);
                }
                channels.remove(&channel);
                Ok(())
            });
            match result {
                Ok(()) => json!({"type": format!("{action}d"), "channel": name}),
                Err(message) => error_frame(message),
            }
        }
        _ => error_frame("Actions are subscribe, unsubscribe and ping"),
    }
}

fn error_frame(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

async fn send(socket: &mut WebSocket, frame: &Value) -> Result<(), Disconnected> {
    let sent = socket.send(Message::Text(Utf8Bytes::from(frame.to_string())));
    match tokio::time::timeout(SEND_TIMEOUT, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Disconnected),
    }
}

/// Closes the socket after a fault. The client reconnects and continues at its last event.
async fn close_after(socket: WebSocket, fault: &Fault) -> Result<(), Disconnected> {
    tracing::warn!(fault = fault.with_causes(), "an event socket ended");
    close(socket).await
}

async fn close(mut socket: WebSocket) -> Result<(), Disconnected> {
    let closed = tokio::time::timeout(SEND_TIMEOUT, socket.send(Message::Close(None))).await;
    closed.map_err(|_| Disconnected)?.map_err(|_| Disconnected)
}
