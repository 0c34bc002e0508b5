//! The methods, each as strict as Slack's.

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
use super::{Book, CLIENT_ID, CLIENT_SECRET, Held, SCOPES, SlackMessage, TEAM, Trouble};

type Shared = (Arc<Mutex<Book>>, Arc<Held>);

pub(super) fn router(book: Arc<Mutex<Book>>, held: Arc<Held>) -> Router {
    Router::new().route("/api/{method}", post(method)).with_state((book, held))
}

async fn method(
    State((book, held)): State<Shared>,
    Path(method): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let (answer, trouble) = {
        let mut book = book.lock().unwrap_or_else(PoisonError::into_inner);
        book.calls.push(method.clone());
        let trouble = book.troubles.get_mut(&method).and_then(std::collections::VecDeque::pop_front);
        let does = matches!(trouble, None | Some(Trouble::DoneButSilent | Trouble::Held));
        (does.then(|| do_it(&mut book, &method, &headers, &body)), trouble)
    };
    match trouble {
        None => axum::Json(answer.unwrap_or_default()).into_response(),
        Some(Trouble::Error(error)) => axum::Json(json!({"ok": false, "error": error})).into_response(),
        Some(Trouble::Limited(seconds)) => {
            (StatusCode::TOO_MANY_REQUESTS, [("retry-after", seconds.to_string())]).into_response()
        }
        Some(Trouble::Status(status)) => StatusCode::from_u16(status).expect("a status").into_response(),
        // As a connection that breaks after the request arrived: the answer is cut off.
        Some(Trouble::DoneButSilent) => (StatusCode::OK, "{\"ok\":").into_response(),
        Some(Trouble::Held) => {
            held.arrived.notify_one();
            held.released.notified().await;
            axum::Json(answer.unwrap_or_default()).into_response()
        }
        Some(Trouble::Hangs) => std::future::pending().await,
    }
}

fn do_it(book: &mut Book, method: &str, headers: &HeaderMap, body: &[u8]) -> Value {
    let done = arguments(method, headers, body).and_then(|arguments| match method {
        "oauth.v2.access" => exchange(book, headers, &arguments),
        _ => {
            let known = bearer(headers).is_some_and(|token| book.tokens.contains(token));
            if !known {
                return Err("account_inactive".to_owned());
            }
            act(book, method, &arguments)
        }
    });
    match done {
        Ok(Value::Object(fields)) => {
            Value::Object([("ok".to_owned(), true.into())].into_iter().chain(fields).collect())
        }
        Ok(_) => json!({"ok": true}),
        Err(error) => {
            if error.contains(' ') {
                book.wrongs.push(format!("{method}: {error}"));
                return json!({"ok": false, "error": "invalid_arguments"});
            }
            json!({"ok": false, "error": error})
        }
    }
}

/// A form for the methods that take nothing else, JSON for the others.
fn arguments(method: &str, headers: &HeaderMap, body: &[u8]) -> Result<Map<String, Value>, String> {
    let kind = headers.get("content-type").and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let form = matches!(method, "oauth.v2.access" | "users.lookupByEmail");
    match (form, kind) {
        (true, "application/x-www-form-urlencoded") => {
            let pairs = url::form_urlencoded::parse(body).map(|(name, value)| (name.into_owned(), value.into()));
            Ok(pairs.collect())
        }
        (false, "application/json; charset=utf-8") => {
            serde_json::from_slice(body).map_err(|error| format!("no JSON object: {error}"))
        }
        _ => Err(format!("the content type {kind} is not taken")),
    }
}

fn exchange(book: &mut Book, headers: &HeaderMap, arguments: &Map<String, Value>) -> Result<Value, String> {
    let expected = format!("Basic {}", BASE64_STANDARD.encode(format!("{CLIENT_ID}:{CLIENT_SECRET}")));
    if headers.get("authorization").and_then(|value| value.to_str().ok()) != Some(&expected) {
        return Err("bad_client_secret".to_owned());
    }
    if !book.codes.remove(text(arguments, "code")?) {
        return Err("invalid_code".to_owned());
    }
    book.counted += 1;
    let token = format!("xoxb-{}-secret", book.counted);
    book.tokens.insert(token.clone());
    Ok(json!({
        "access_token": token,
        "token_type": "bot",
        "scope": book.scopes.unwrap_or(SCOPES),
        "bot_user_id": "U0HANDRAIL",
        "app_id": "A0HANDRAIL",
        "team": {"id": TEAM, "name": "The Stand-Ins"},
        "enterprise": null,
        "authed_user": {"id": "U0ADMIN"},
        "is_enterprise_install": false,
    }))
}

fn act(book: &mut Book, method: &str, arguments: &Map<String, Value>) -> Result<Value, String> {
    match method {
        "users.lookupByEmail" => {
            let id = book.users.get(text(arguments, "email")?).ok_or("users_not_found")?;
            Ok(json!({"user": {"id": id, "deleted": false, "is_bot": false}}))
        }
        "conversations.open" => {
            let user = text(arguments, "users")?;
            let known = book.users.values().any(|id| id == user);
            if known { Ok(json!({"channel": {"id": dm_of(user)}})) } else { Err("user_not_found".to_owned()) }
        }
        "chat.postMessage" => {
            let channel = text(arguments, "channel")?.to_owned();
            let user = book.users.values().find(|id| dm_of(id) == channel).ok_or("channel_not_found")?.clone();
            let (text, blocks) = (text(arguments, "text")?.to_owned(), checked(arguments)?);
            book.counted += 1;
            let ts = format!("1790000000.{:06}", book.counted);
            let answer = json!({"channel": channel, "ts": ts});
            book.messages.push(SlackMessage { channel, ts, user, text, blocks, edits: 0 });
            Ok(answer)
        }
        "chat.update" => {
            let (channel, ts) = (text(arguments, "channel")?, text(arguments, "ts")?);
            let (text, blocks) = (text(arguments, "text")?.to_owned(), checked(arguments)?);
            let found = book.messages.iter_mut().find(|message| message.channel == channel && message.ts == ts);
            let message = found.ok_or("message_not_found")?;
            (message.text, message.blocks, message.edits) = (text, blocks, message.edits + 1);
            Ok(json!({"channel": channel, "ts": ts}))
        }
        "views.open" => {
            if !book.triggers.remove(text(arguments, "trigger_id")?) {
                return Err("expired_trigger_id".to_owned());
            }
            let view = arguments.get("view").ok_or("the view is missing")?;
            check_view(view)?;
            book.views.push(view.clone());
            Ok(json!({"view": view}))
        }
        _ => Err("unknown_method".to_owned()),
    }
}

fn checked(arguments: &Map<String, Value>) -> Result<Value, String> {
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

/// One channel for each user.
fn dm_of(user: &str) -> String {
    user.replacen('U', "D", 1)
}
