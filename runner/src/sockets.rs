//! `GET /ws`: live events over a WebSocket, beside `GET /events` and from the same feed.
//!
//! Only here: behind API Gateway a WebSocket is an API of another kind, with an address of its own and its connections kept
//! in the table. There `GET /events` says the same, and goes on where it was.

use std::time::Duration;

use axum::Router;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use handrail_kernel::access::{Budget, spend};
use handrail_kernel::clock::Clock;
use handrail_kernel::cx::Cx;
use handrail_kernel::feed::By;
use handrail_kernel::problem::{Problem, in_dialect};
use handrail_packets::live::{Channel, Channels, Follower, News, Watch, Ways, hello, ping};
use http::StatusCode;
use serde_json::{Value, json};

/// A client says which channel, and no more.
const FRAME_BYTES_MAX: usize = 4 * 1024;
/// A client that does not read for so long is gone.
const SEND_PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn router(cx: Cx) -> Router {
    let dialect = handrail_packets::DIALECT;
    Router::new()
        .route("/ws", get(open))
        .layer(middleware::from_fn(move |request: Request, next: Next| in_dialect(dialect, request, next)))
        .with_state(cx)
}

/// Who may not come in learns it by the status, before there is a socket.
async fn open(
    State(cx): State<Cx>,
    follower: Follower,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let Follower { key, credential, channels, after } = follower;
    let upgrade = upgrade.map_err(|_| {
        Problem::refused(StatusCode::UPGRADE_REQUIRED, "", "This address takes WebSockets. For a stream see /events")
    })?;
    spend(&cx, &key, Budget::Calls).await?;
    let watch = Watch::open(&cx, &key, &credential, after, Ways::lasting(By::Socket)).await?;
    let hello = hello(&cx, &key);
    let upgrade = upgrade.max_message_size(FRAME_BYTES_MAX).max_frame_size(FRAME_BYTES_MAX);
    Ok(upgrade.on_upgrade(move |socket| async move {
        // However it ended, there is nobody left to tell.
        let _ = talk(&cx, socket, watch, channels, hello).await;
    }))
}

struct Gone;

async fn talk(
    cx: &Cx,
    mut socket: WebSocket,
    mut watch: Watch,
    mut channels: Channels,
    hello: Value,
) -> Result<(), Gone> {
    say(&mut socket, &hello).await?;
    loop {
        tokio::select! {
            news = watch.next() => match news {
                Ok(News::Events(events)) => {
                    for event in events.iter().filter(|event| channels.fits(event)) {
                        say(&mut socket, &event.frame()).await?;
                    }
                }
                Ok(News::Ping(now)) => say(&mut socket, &ping(now)).await?,
                Ok(News::Over) => return close(socket).await,
                Err(fault) => {
                    tracing::warn!(fault = fault.chain(), "a socket of events ended");
                    return close(socket).await;
                }
            },
            came = socket.recv() => match came {
                Some(Ok(Message::Text(text))) => {
                    let reply = heard(&text, &mut channels, &*cx.clock);
                    say(&mut socket, &reply).await?;
                }
                Some(Ok(Message::Binary(_))) => say(&mut socket, &wrong("Frames are text")).await?,
                // Answered by the library.
                Some(Ok(Message::Ping(_) | Message::Pong(_))) => {}
                Some(Ok(Message::Close(_)) | Err(_)) | None => return Ok(()),
            },
        }
    }
}

/// What is answered to a client's frame.
fn heard(text: &str, channels: &mut Channels, clock: &dyn Clock) -> Value {
    let Ok(frame) = serde_json::from_str::<Value>(text) else { return wrong("The frame is not valid JSON") };
    let action = frame["action"].as_str().unwrap_or_default();
    match action {
        "ping" => json!({"type": "pong", "timestamp": clock.now()}),
        "subscribe" | "unsubscribe" => {
            let name = frame["channel"].as_str().unwrap_or_default();
            let done = Channel::read(name).and_then(|channel| {
                if action == "subscribe" {
                    return channels.add(channel);
                }
                channels.remove(&channel);
                Ok(())
            });
            match done {
                Ok(()) => json!({"type": format!("{action}d"), "channel": name}),
                Err(message) => wrong(message),
            }
        }
        _ => wrong("Actions are subscribe, unsubscribe and ping"),
    }
}

fn wrong(message: &str) -> Value {
    json!({"type": "error", "message": message})
}

async fn say(socket: &mut WebSocket, frame: &Value) -> Result<(), Gone> {
    let sent = socket.send(Message::Text(Utf8Bytes::from(frame.to_string())));
    match tokio::time::timeout(SEND_PATIENCE, sent).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Gone),
    }
}

async fn close(mut socket: WebSocket) -> Result<(), Gone> {
    let closed = tokio::time::timeout(SEND_PATIENCE, socket.send(Message::Close(None))).await;
    closed.map_err(|_| Gone)?.map_err(|_| Gone)
}
