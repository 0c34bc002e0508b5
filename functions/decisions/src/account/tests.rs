//! Tests of sign-in and of the account pages through the operations' routers.

use handrail_access::session::SESSION_TTL_MS;
use handrail_domain::account::Tier;
use handrail_domain::ids::RecordId;
use handrail_domain::key_hash::hash_of_key;
use handrail_domain::login::SIGN_IN;
use handrail_domain::login::{LOGIN_TTL_MS, Login, LoginStateData, tenant};
use handrail_records::kind::Mail;
use handrail_secrets::keys::KeyPurpose;
use handrail_secrets::link::LoginLink;
use handrail_store::HeadKey;
use serde_json::{Value, json};

use super::{KIND, key_create, key_revoke, login_request, login_show, login_use, logout, show};
use crate::testing::{ADMIN, AGENT, NOON, TestApp, TestResponse, ann};

const SESSION_COOKIE: &str = "__Host-handrail-session";

/// The requested login, with its mail if there is one.
async fn requested_login(app: &TestApp) -> (RecordId, Option<Mail>) {
    let logins = app.cx.store.list::<Login>(tenant(), None, None, 10).await.unwrap().records;
    let id = logins.first().expect("a login was requested").id;
    let key = HeadKey { tenant: tenant(), id };
    (id, (KIND.mails().unwrap().build)(&app.cx, key, 1, SIGN_IN).await.unwrap())
}

/// Requests a sign-in mail and returns the path of its link.
async fn request_login_link(app: &TestApp) -> String {
    let requested = json!({"email": "You@Example.com"});
    let response = app.call(login_request::ENDPOINT, "/auth/login", "", requested).await;
    assert_eq!(response.status.as_u16(), 202, "{}", response.text);
    let mail = requested_login(app).await.1.expect("the owner gets a mail");
    let origin = app.cx.origin().unwrap();
    let line = mail.text.lines().find(|line| line.starts_with(origin)).expect("the mail has a link");
    line.trim_start_matches(origin).to_owned()
}

async fn sign_in(app: &TestApp) -> String {
    let response = app
        .send_with_headers(
            login_use::ENDPOINT,
            &request_login_link(app).await,
            &[("sec-fetch-site", "same-origin")],
            "",
        )
        .await;
    assert_eq!((response.status.as_u16(), &response.headers["location"]), (303, &"../../account".parse().unwrap()));
    let cookie = response.headers["set-cookie"].to_str().unwrap().to_owned();
    for part in [" Secure;", " HttpOnly;", " SameSite=Lax", " Path=/;"] {
        assert!(cookie.contains(part), "{part} in {cookie}");
    }
    cookie.split(';').next().unwrap().to_owned()
}

/// Posts a form from a page of the service.
async fn post_from_own_page(
    app: &TestApp,
    endpoint: handrail_web::endpoint::Endpoint,
    path: &str,
    cookie: &str,
    form: &str,
) -> TestResponse {
    app.send_with_headers(endpoint, path, &[("cookie", cookie), ("sec-fetch-site", "same-origin")], form).await
}

#[tokio::test]
async fn login_response_is_equal_for_unknown_addresses() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let known = app.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "you@example.com"})).await;
    let unknown = TestApp::new().await;
    let other = unknown.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "you@example.com"})).await;
    assert_eq!((known.status, &known.text), (other.status, &other.text));
    assert!(requested_login(&app).await.1.is_some());
    assert!(requested_login(&unknown).await.1.is_none());
    for body in [json!({}), json!({"email": "nobody"}), json!({"email": "a@b.co\r\nBcc: c@d.co"}), json!({"email": 1})]
    {
        let refused = app.call(login_request::ENDPOINT, "/auth/login", "", body).await;
        assert_eq!((refused.error(), &refused.json["field"]), ((400, "VALIDATION_ERROR"), &json!("email")));
    }
}

#[tokio::test]
async fn get_of_login_link_does_not_sign_in() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let link = request_login_link(&app).await;
    for _ in 0..3 {
        let page = app.submit_form(login_show::ENDPOINT, &link, "").await;
        assert!(page.status == 200 && page.text.contains("<form method=\"post\">"), "{}", page.text);
        assert!(!page.headers.contains_key("set-cookie"));
    }
    let (id, _) = requested_login(&app).await;
    let stored = app.cx.store.record::<Login>(tenant(), id).await.unwrap().unwrap();
    assert_eq!((stored.seq, stored.state_data), (1, LoginStateData::Requested));
}

#[tokio::test]
async fn login_link_works_once_and_session_expires() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let link = request_login_link(&app).await;
    let by_program = [("accept", "application/json")];
    let first = app.send_with_headers(login_use::ENDPOINT, &link, &by_program, "").await;
    assert_eq!(first.status, 200, "{}", first.text);
    assert_eq!(first.json["expires_at"], json!(NOON.plus_ms(SESSION_TTL_MS)));
    let token = first.json["session_token"].as_str().unwrap();
    let again = app.send_with_headers(login_use::ENDPOINT, &link, &by_program, "").await;
    assert_eq!(again.error(), (410, "LINK_USED"));
    assert_eq!(app.submit_form(login_show::ENDPOINT, &link, "").await.status, 410);
    assert_eq!(app.submit_form(login_use::ENDPOINT, &link, "").await.status, 410);

    let me = crate::auth::me::ENDPOINT;
    let response = app.call(me, "/auth/me", token, Value::Null).await;
    assert_eq!((response.status.as_u16(), &response.json["user"]["email"]), (200, &json!("you@example.com")));
    let stored = app.cx.store.session(&hash_of_key(token)).await.unwrap().unwrap();
    assert!(!serde_json::to_string(&stored).unwrap().contains(token));
    app.advance(SESSION_TTL_MS / 60_000 - 1);
    assert_eq!(app.call(me, "/auth/me", token, Value::Null).await.status, 200);
    app.advance(1);
    assert_eq!(app.call(me, "/auth/me", token, Value::Null).await.error(), (401, "INVALID_SESSION"));
}

#[tokio::test]
async fn login_link_expires_without_a_timer() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let link = request_login_link(&app).await;
    app.advance(LOGIN_TTL_MS / 60_000);
    assert_eq!(app.submit_form(login_show::ENDPOINT, &link, "").await.status, 410);
    let refused = app.send_with_headers(login_use::ENDPOINT, &link, &[("accept", "application/json")], "").await;
    assert_eq!(refused.error(), (410, "EXPIRED"));
    assert!(requested_login(&app).await.1.is_none(), "an expired login sends no mail");
}

#[tokio::test]
async fn sign_in_requires_valid_link_and_same_origin() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let link = request_login_link(&app).await;
    for header in [("sec-fetch-site", "cross-site"), ("origin", "https://evil.example"), ("origin", "null")] {
        assert_eq!(app.send_with_headers(login_use::ENDPOINT, &link, &[header], "").await.status, 403, "{header:?}");
    }
    let (id, _) = requested_login(&app).await;
    let forged = LoginLink::new(app.cx.key(KeyPurpose::SignIn).unwrap(), id, &ann()).token();
    for token in [forged.as_str(), "x"] {
        for endpoint in [login_show::ENDPOINT, login_use::ENDPOINT] {
            assert_eq!(app.submit_form(endpoint, &format!("/auth/login/{token}"), "").await.status, 404);
        }
    }
    assert_eq!(app.submit_form(login_use::ENDPOINT, &link, "").await.status, 303);
}

#[tokio::test]
async fn concurrent_sign_ins_accept_one() {
    let app = std::sync::Arc::new(TestApp::new().await);
    app.create_tenant(Tier::Enterprise).await;
    let link = request_login_link(&app).await;
    let mut sign_ins = tokio::task::JoinSet::new();
    for _ in 0..9 {
        let (app, link) = (std::sync::Arc::clone(&app), link.clone());
        sign_ins.spawn(async move { app.submit_form(login_use::ENDPOINT, &link, "").await.status.as_u16() });
    }
    let statuses = sign_ins.join_all().await;
    assert_eq!(statuses.iter().filter(|status| **status == 303).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 410).count(), 8, "{statuses:?}");
}

#[tokio::test]
async fn account_page_lists_creates_and_revokes_keys() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let cookie = sign_in(&app).await;
    app.create_decision().await;
    let page = app.send_with_headers(show::ENDPOINT, "/account", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(page.status, 200, "{}", page.text);
    for shown in ["the agent", "the admin", "1 this month", "you@example.com"] {
        assert!(page.text.contains(shown), "{shown} in {}", page.text);
    }
    assert!(!page.text.contains(&format!("{ADMIN}\"")));

    let created =
        post_from_own_page(&app, key_create::ENDPOINT, "/account/keys", &cookie, "name=%3Cb%3EMine&role=app").await;
    assert_eq!(created.status, 201, "{}", created.text);
    assert!(created.text.contains("&lt;b&gt;Mine") && !created.text.contains("<b>Mine"));
    let secret = created.text.split("ho_live_").nth(1).unwrap().split('<').next().unwrap();
    let stored = app.cx.store.key_by_hash(&hash_of_key(&format!("ho_live_{secret}"))).await.unwrap().unwrap();
    assert_eq!((stored.name.as_str(), stored.role.name()), ("<b>Mine", "app"));
    for wrong in ["name=+&role=app", "name=x&role=root", "role=app"] {
        assert_eq!(
            post_from_own_page(&app, key_create::ENDPOINT, "/account/keys", &cookie, wrong).await.status,
            400,
            "{wrong}"
        );
    }

    let revoke = format!("/account/keys/{}/revoke", stored.id);
    let revoked = post_from_own_page(&app, key_revoke::ENDPOINT, &revoke, &cookie, "").await;
    assert_eq!((revoked.status.as_u16(), &revoked.headers["location"]), (303, &"../../../account".parse().unwrap()));
    let stored = app.cx.store.find_key(stored.tenant, stored.id).await.unwrap().unwrap();
    assert!(stored.key.revoked_at.is_some());
    assert_eq!(post_from_own_page(&app, key_revoke::ENDPOINT, "/account/keys/x/revoke", &cookie, "").await.status, 404);
}

#[tokio::test]
async fn form_sent_twice_creates_one_key() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let cookie = sign_in(&app).await;
    let show_form = async || {
        let page = app.send_with_headers(show::ENDPOINT, "/account", &[("cookie", cookie.as_str())], "").await.text;
        let (_, nonce) = page.split_once("name=\"nonce\" value=\"").expect("the form has a nonce");
        nonce.split('"').next().unwrap().to_owned()
    };
    let submit =
        async |form: String| post_from_own_page(&app, key_create::ENDPOINT, "/account/keys", &cookie, &form).await;
    let count_keys = async || app.cx.store.keys(crate::testing::tenant()).await.unwrap().len();
    let (nonce, before) = (show_form().await, count_keys().await);
    let first = submit(format!("name=Refunds&role=agent&nonce={nonce}")).await;
    assert_eq!(first.status, 201, "{}", first.text);
    // Test entropy repeats, so only the time makes new ids differ from old ones.
    app.advance(1);
    let again = submit(format!("name=Refunds&role=agent&nonce={nonce}")).await;
    assert_eq!((again.status, &again.text), (first.status, &first.text));
    assert_eq!(count_keys().await, before + 1);
    let changed = submit(format!("name=Sales&role=agent&nonce={nonce}")).await;
    assert_eq!(changed.status, 201, "{}", changed.text);
    assert_ne!(changed.text, first.text);
    assert_eq!(count_keys().await, before + 2);
    for nonce in ["", &"x".repeat(65)] {
        assert_eq!(submit(format!("name=Sales&role=agent&nonce={nonce}")).await.status, 400);
    }
}

#[tokio::test]
async fn sign_out_ends_session_and_clears_cookie() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    let cookie = sign_in(&app).await;
    let forged = app.send_with_headers(logout::ENDPOINT, "/auth/logout", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(forged.status, 403);
    let signed_out = post_from_own_page(&app, logout::ENDPOINT, "/auth/logout", &cookie, "").await;
    assert_eq!(signed_out.status, 303);
    assert!(
        signed_out.headers["set-cookie"]
            .to_str()
            .unwrap()
            .starts_with(&format!("{SESSION_COOKIE}=; Path=/; Max-Age=0;"))
    );
    let page = app.send_with_headers(show::ENDPOINT, "/account", &[("cookie", cookie.as_str())], "").await;
    assert_eq!(page.status, 401);
    // A session token works like the cookie, and a repeat changes nothing.
    for _ in 0..2 {
        let token = cookie.trim_start_matches(&format!("{SESSION_COOKIE}="));
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("accept", "application/json")];
        let signed_out = app.send_with_headers(logout::ENDPOINT, "/auth/logout", &headers, "").await;
        assert_eq!((signed_out.status.as_u16(), signed_out.json), (200, json!({"signed_in": false})));
    }
}

#[tokio::test]
async fn api_key_cannot_open_account_pages() {
    let app = TestApp::new().await;
    app.create_tenant(Tier::Enterprise).await;
    for key in [AGENT, ADMIN] {
        let bearer = format!("Bearer {key}");
        let cookie = format!("{SESSION_COOKIE}={key}");
        for header in [("authorization", bearer.as_str()), ("cookie", cookie.as_str())] {
            let headers = [header, ("sec-fetch-site", "same-origin")];
            assert_eq!(app.send_with_headers(show::ENDPOINT, "/account", &headers, "").await.status, 401);
            assert_eq!(
                app.send_with_headers(key_create::ENDPOINT, "/account/keys", &headers, "name=x").await.status,
                401
            );
        }
    }
}

#[tokio::test]
async fn login_requests_are_limited_per_client() {
    let app = TestApp::new().await;
    for _ in 0..10 {
        let requested = app.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "a@example.com"})).await;
        assert_eq!(requested.status, 202);
    }
    // The client's rate limit is used up, so another mailbox is refused too.
    for email in ["A@example.com", "b@example.com"] {
        let refused = app.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": email})).await;
        assert_eq!(refused.error(), (429, "RATE_LIMIT"));
        assert!(refused.headers.contains_key("retry-after"));
    }
    app.advance(1);
    let requested = app.call(login_request::ENDPOINT, "/auth/login", "", json!({"email": "b@example.com"})).await;
    assert_eq!(requested.status, 202);
}
