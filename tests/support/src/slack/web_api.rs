//! Web API methods of the fake Slack, each as strict as Slack's.

use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::{HeaderMap, StatusCode};
use serde_json::{Map, Value, json};

use super::checks::{check_blocks, check_view};
use super::message::SlackMessage;
use super::state::{CLIENT_ID, CLIENT_SECRET, FailureMode, FakeSlackState, PausedCall, SCOPES, TEAM};

type Shared = (Arc<Mutex<FakeSlackState>>, Arc<PausedCall>);

pub(super) fn router(state: Arc<Mutex<FakeSlackState>>, paused: Arc<PausedCall>) -> Router {
    Router::new().route("/api/{method}", post(method)).with_state((state, paused))
}

async fn method(
    State((state, paused)): State<Shared>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (response, failure) = {
        let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
        state.calls.push(method.clone());
        let failure = state.failures.get_mut(&method).and_then(std::collections::VecDeque::pop_front);
        let executes = matches!(failure, None | Some(FailureMode::DoneButSilent | FailureMode::Paused));
        (executes.then(|| execute(&mut state, &method, &headers, &body)), failure)
    };
    match failure {
        None => axum::Json(response.unwrap_or_default()).into_response(),
        Some(FailureMode::Error(error)) => axum::Json(json!({"ok": false, "error": error})).into_response(),
        Some(FailureMode::Limited(seconds)) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
        }
        Some(FailureMode::Status(status)) => StatusCode::from_u16(status).expect("a status").into_response(),
        // As when the connection breaks after the request arrived: the response is cut off.
        Some(FailureMode::DoneButSilent) => (StatusCode::OK, "{\"ok\":").into_response(),
        Some(FailureMode::Paused) => {
            paused.arrived.notify_one();
            paused.released.notified().await;
            axum::Json(response.unwrap_or_default()).into_response()
        }
        Some(FailureMode::Hangs) => std::future::pending().await,
    }
}

fn execute(state: &mut FakeSlackState, method: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let result = arguments(method, headers, body).and_then(|arguments| match method {
        "oauth.v2.access" => exchange(state, headers, &arguments),
        _ => {
            let is_known = bearer(headers).is_some_and(|token| state.tokens.contains(token));
            if !is_known {
                return Err("account_inactive".to_owned());
            }
            call_method(state, method, &arguments)
        }
    });
    match result {
        Ok(Value::Object(fields)) => {
            Value::Object([("ok".to_owned(), true.into())].into_iter().chain(fields).collect())
        }
        Ok(_) => json!({"ok": true}),
        Err(error) => {
            if error.contains(' ') {
                state.invalid_calls.push(format!("{method}: {error}"));
                return json!({"ok": false, "error": "invalid_arguments"});
            }
            json!({"ok": false, "error": error})
        }
    }
}

/// Parses the arguments: a form for the methods that accept only forms, JSON for the others.
fn arguments(method: &str, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    let content_type =
        headers.get("content-type").and_then(|content_type| content_type.to_str().ok()).unwrap_or_default();
    let form = matches!(method, "oauth.v2.access" | "users.lookupByEmail");
    match (form, content_type) {
        (true, "application/x-www-form-urlencoded") => {
            let pairs = url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into()));
            Ok(pairs.collect())
        }
        (false, "application/json; charset=utf-8") => {
            serde_json::from_slice(body).map_err(|error| format!("no JSON object: {error}"))
        }
        _ => Err(format!("the content type {content_type} is not accepted")),
    }
}

fn exchange(state: &mut FakeSlackState, headers: &HeaderMap, arguments: &Map<String, Value>) -> Result<Value, String> {
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&expected) {
        return Err("bad_client_secret".to_owned());
    }
    if !state.codes.remove(text(arguments, "code")?) {
        return Err("invalid_code".to_owned());
    }
    state.id_counter += 1;
    let token = format!("xoxb-{}-secret", state.id_counter);
    state.tokens.insert(token.clone());
    Ok(json!({
        "access_token": token,
        "token_type": "bot",
        "scope": state.scopes.unwrap_or(SCOPES),
        "bot_user_id": "U0HANDRAIL",
        "app_id": "A0HANDRAIL",
        "team": {"id": TEAM, "name": "The Stand-Ins"},
        "enterprise": null,
        "authed_user": {"id": "U0ADMIN"},
        "is_enterprise_install": false,
    }))
}

fn call_method(state: &mut FakeSlackState, method: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
    match method {
        "users.lookupByEmail" => {
            let id = state.users.get(text(arguments, "email")?).ok_or("users_not_found")?;
            Ok(json!({"user": {"id": id, "deleted": false, "is_bot": false}}))
        }
        "conversations.open" => {
            let user = text(arguments, "users")?;
            let is_known = state.users.values().any(|id| id == user);
            if is_known { Ok(json!({"channel": {"id": dm_of(user)}})) } else { Err("user_not_found".to_owned()) }
        }
        "chat.postMessage" => {
            let channel = text(arguments, "channel")?.to_owned();
            let user = state.users.values().find(|id| dm_of(id) == channel).ok_or("channel_not_found")?.clone();
            let (text, blocks) = (text(arguments, "text")?.to_owned(), checked_blocks(arguments)?);
            state.id_counter += 1;
            let ts = format!("1790000000.{:06}", state.id_counter);
            let response = json!({"channel": channel, "ts": ts});
            state.messages.push(SlackMessage { channel, ts, user, text, blocks, edits: 0 });
            Ok(response)
        }
        "chat.update" => {
            let (channel, ts) = (text(arguments, "channel")?, text(arguments, "ts")?);
            let (text, blocks) = (text(arguments, "text")?.to_owned(), checked_blocks(arguments)?);
            let found = state.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts);
            let message = found.ok_or("message_not_found")?;
            (message.text, message.blocks, message.edits) = (text, blocks, message.edits + 1);
            Ok(json!({"channel": channel, "ts": ts}))
        }
        "views.open" => {
            if !state.triggers.remove(text(arguments, "trigger_id")?) {
                return Err("expired_trigger_id".to_owned());
            }
            let view = arguments.get("view").ok_or("the view is missing")?;
            check_view(view)?;
            state.views.push(view.clone());
            Ok(json!({"view": view}))
        }
        _ => Err("unknown_method".to_owned()),
    }
}

fn checked_blocks(arguments: &Map<String, Value>) -> Result<Value, String> {
    let blocks = arguments.get("blocks").ok_or("the blocks are missing")?;
    check_blocks(blocks, 50)?;
    Ok(blocks.clone())
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    headers.get("authorization")?.to_str().ok()?.strip_prefix("Bearer ")
}

fn text<'a>(arguments: &'a Map<String, Value>, name: &str) -> Result<&'a str, String> {
    let value = arguments.get(name).and_then(Value::as_str).filter(|value| !value.is_empty());
    value.ok_or_else(|| format!("the argument {name} is missing"))
}

/// Returns the user's direct message channel.
fn dm_of(user: &str) -> String {
    user.replacen('U', "D", 1)
}
