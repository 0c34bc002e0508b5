use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes as Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::IntoResponse;
use handrail_domain::outbound::AddressPolicy;
use handrail_domain::text::EmailAddress;
use serde_json::{Value, json};

use super::client::FORM_CONTENT_TYPE;
use super::*;

type ReceivedCalls = Arc<Mutex<Vec<(String, String, String, String)>>>;

/// Fake Slack that gives one fixed response, and the list of calls that it received.
async fn fake_slack(
    status: u16,
    headers: &'static [(&'static str, &'static str)],
    body: Value,
) -> (Slack, ReceivedCalls) {
    let calls = ReceivedCalls::default();
    let respond = move |State(calls): State<ReceivedCalls>, uri: Uri, headers_in: HeaderMap, body_in: Body| async move {
        let header = |name: &str| headers_in.get(name).and_then(|v| v.to_str().ok()).unwrap_or_default().to_owned();
        let body_in = String::from_utf8_lossy(&body_in).into_owned();
        calls.lock().unwrap().push((uri.path().to_owned(), header("authorization"), header("content-type"), body_in));
        let mut response = (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response();
        for (name, value) in headers {
            response.headers_mut().insert(*name, value.parse().unwrap());
        }
        response
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let api_url = format!("http://{}/api", listener.local_addr().unwrap());
    let app = Router::new().fallback(respond).with_state(Arc::clone(&calls));
    tokio::spawn(async move { axum::serve(listener, app).await });
    (Slack::new(&api_url, AddressPolicy::AllowLoopback, Duration::from_secs(5)), calls)
}

fn token() -> BotToken {
    BotToken::new("xoxb-secret")
}

#[tokio::test]
async fn call_sends_method_and_token() {
    let (slack, calls) = fake_slack(200, &[], json!({"ok": true, "user": {"id": "U1"}})).await;
    let ann = EmailAddress::parse("ann+x@example.com").unwrap();
    assert_eq!(slack.user_by_email(&token(), &ann).await, Ok("U1".to_owned()));
    let call = calls.lock().unwrap().remove(0);
    let expected = ("/api/users.lookupByEmail", "Bearer xoxb-secret", FORM_CONTENT_TYPE, "email=ann%2Bx%40example.com");
    assert_eq!((&*call.0, &*call.1, &*call.2, &*call.3), expected);
}

#[tokio::test]
async fn deleted_users_and_bots_are_not_found() {
    for user in [json!({"id": "U1", "deleted": true}), json!({"id": "U1", "is_bot": true})] {
        let (slack, _) = fake_slack(200, &[], json!({"ok": true, "user": user})).await;
        let found = slack.user_by_email(&token(), &EmailAddress::parse("ann@example.com").unwrap()).await;
        assert_eq!(found.unwrap_err().refusal_code(), Some("users_not_found"));
    }
}

#[tokio::test]
async fn refusals_rate_limits_and_outages_differ() {
    let method = "conversations.open";
    let limited = |retry_after_s| SlackFault::RateLimited { method, retry_after_s };
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
        let (slack, _) = fake_slack(status, headers, body.clone()).await;
        let fault = slack.open_dm(&token(), "U1").await.unwrap_err();
        match expected {
            Some(expected) => assert_eq!(fault, expected, "{status} {body}"),
            None => assert!(matches!(fault, SlackFault::Unavailable { .. }), "{status} {body}: {fault}"),
        }
        assert!(!fault.to_string().contains("xoxb"), "{fault}");
    }
}

#[tokio::test]
async fn oversized_response_is_unavailable() {
    let (slack, _) = fake_slack(200, &[], json!({"ok": true, "channel": {"id": "x".repeat(300_000)}})).await;
    assert!(matches!(slack.open_dm(&token(), "U1").await, Err(SlackFault::Unavailable { .. })));
}

#[tokio::test]
async fn oauth_code_is_exchanged_for_an_install() {
    let granted = json!({
        "ok": true, "access_token": "xoxb-new", "scope": "chat:write,users:read", "bot_user_id": "B1",
        "team": {"id": "T1", "name": "Acme"}, "authed_user": {"id": "U9"},
    });
    let (slack, calls) = fake_slack(200, &[], granted.clone()).await;
    let install = slack.oauth_access("id", "secret", "c&de").await.unwrap();
    assert_eq!((&*install.team, &*install.bot_user, install.token.expose()), ("T1", "B1", "xoxb-new"));
    assert_eq!(install.scopes, ["chat:write", "users:read"]);
    assert!(!format!("{install:?}").contains("xoxb-new"));
    let call = calls.lock().unwrap().remove(0);
    assert_eq!((&*call.1, &*call.3), ("Basic aWQ6c2VjcmV0", "code=c%26de"));

    for (change, code) in
        [(json!({"team": null}), "no_workspace"), (json!({"expires_in": 43200}), "token_rotation_is_on")]
    {
        let mut granted = granted.clone();
        granted.as_object_mut().unwrap().extend(change.as_object().unwrap().clone());
        let (slack, _) = fake_slack(200, &[], granted).await;
        assert_eq!(slack.oauth_access("id", "secret", "code").await.unwrap_err().refusal_code(), Some(code));
    }
}
