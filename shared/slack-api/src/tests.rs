use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes as Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use handrail_domain::text::EmailAddress;
use serde_json::json;

use super::*;

type Seen = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// A Slack that says one thing, whatever it is asked.
async fn saying(status: u16, headers: &'static [(&'static str, &'static str)], body: Value) -> (Slack, Seen) {
    let seen = Seen::default();
    let answer = move |State(seen): State<Seen>, uri: Uri, headers_in: HeaderMap, sent: Body| async move {
        let header = |name: &str| headers_in.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let sent = String::from_utf8_lossy(&sent).into_owned();
        seen.lock().unwrap().push((uri.path().to_owned(), header("authorization"), header("content-type"), sent));
        let mut response = (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api = format!("http://{}/api", listener.local_addr().unwrap());
    let app = Router::new().fallback(answer).with_state(Arc::clone(&seen));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Slack::new(&api, Reach::LoopbackToo, Duration::from_secs(5)), seen)
}

fn token() -> BotToken {
    BotToken::new("xoxb-secret")
}

#[tokio::test]
async fn a_call_names_its_method_and_shows_the_token() {
    let (slack, seen) = saying(200, &[], json!({"ok": true, "user": {"id": "U1"}})).await;
    let ann = EmailAddress::parse("ann+x@example.com").unwrap();
    assert_eq!(slack.user_of(&token(), &ann).await, Ok("U1".to_owned()));
    let seen = seen.lock().unwrap().remove(0);
    let expected = ("/api/users.lookupByEmail", "Bearer xoxb-secret", FORM, "email=ann%2Bx%40example.com");
    assert_eq!((&*seen.0, &*seen.1, &*seen.2, &*seen.3), expected);
}

#[tokio::test]
async fn who_left_the_workspace_and_a_bot_are_nobody() {
    for user in [json!({"id": "U1", "deleted": true}), json!({"id": "U1", "is_bot": true})] {
        let (slack, _) = saying(200, &[], json!({"ok": true, "user": user})).await;
        let found = slack.user_of(&token(), &EmailAddress::parse("ann@example.com").unwrap()).await;
        assert_eq!(found.unwrap_err().refusal(), Some("users_not_found"));
    }
}

#[tokio::test]
async fn refusals_limits_and_troubles_are_told_apart() {
    let method = "conversations.open";
    let limited = |retry_after_s| SlackFault::Limited { method, retry_after_s };
    let refused = |error: &str| SlackFault::Refused { method, error: error.to_owned() };
    for (status, headers, body, expected) in [
        (200, &[][..], json!({"ok": false, "error": "token_revoked"}), Some(refused("token_revoked"))),
        (200, &[], json!({"ok": false, "error": "a <b>\n\u{202e}"}), Some(refused("ab"))),
        (200, &[], json!({"ok": false}), Some(refused("unknown_error"))),
        (404, &[], json!({}), Some(refused("http_404"))),
        (429, &[("retry-after", "7")][..], json!({}), Some(limited(7))),
        (429, &[("retry-after", "999999")], json!({}), Some(limited(600))),
        (200, &[], json!({"ok": false, "error": "ratelimited"}), Some(limited(30))),
        (500, &[], json!({}), None),
        (200, &[], json!({"ok": false, "error": "internal_error"}), None),
        (200, &[], json!({"ok": true, "channel": 5}), None),
        (302, &[("location", "http://127.0.0.1:1/")], json!({"ok": true}), Some(refused("http_302"))),
    ] {
        let (slack, _) = saying(status, headers, body.clone()).await;
        let fault = slack.dm_with(&token(), "U1").await.unwrap_err();
        match expected {
            Some(expected) => assert_eq!(fault, expected, "{status} {body}"),
            None => assert!(matches!(fault, SlackFault::Later { .. }), "{status} {body}: {fault}"),
        }
        assert!(!fault.to_string().contains("xoxb"), "{fault}");
    }
}

#[tokio::test]
async fn an_answer_that_never_ends_is_given_up() {
    let (slack, _) = saying(200, &[], json!({"ok": true, "channel": {"id": "x".repeat(300_000)}})).await;
    assert!(matches!(slack.dm_with(&token(), "U1").await, Err(SlackFault::Later { .. })));
}

#[tokio::test]
async fn a_code_is_exchanged_under_the_apps_name() {
    let granted = json!({
        "ok": true, "access_token": "xoxb-new", "scope": "chat:write,users:read", "bot_user_id": "B1",
        "team": {"id": "T1", "name": "Acme"}, "authed_user": {"id": "U9"},
    });
    let (slack, seen) = saying(200, &[], granted.clone()).await;
    let install = slack.oauth_access("id", "secret", "c&de").await.unwrap();
    assert_eq!((&*install.team, &*install.bot_user, install.token.expose()), ("T1", "B1", "xoxb-new"));
    assert_eq!(install.scopes, ["chat:write", "users:read"]);
    assert!(!format!("{install:?}").contains("xoxb-new"));
    let seen = seen.lock().unwrap().remove(0);
    assert_eq!((&*seen.1, &*seen.3), ("Basic aWQ6c2VjcmV0", "code=c%26de"));

    for (change, why) in
        [(json!({"team": null}), "no_workspace"), (json!({"expires_in": 43200}), "token_rotation_is_on")]
    {
        let mut granted = granted.clone();
        granted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (slack, _) = saying(200, &[], granted).await;
        assert_eq!(slack.oauth_access("id", "secret", "code").await.unwrap_err().refusal(), Some(why));
    }
}
